"""Tracebacks of errors while a plugin is built."""

from __future__ import annotations


def author_lines(output: str) -> str | None:
    """The last traceback in an output, from the first line of the plugin on."""
    _, found, rest = output.rpartition("Traceback (most recent call last):\n")
    if not found:
        return None
    lines = rest.partition("\n\nCaused by:")[0].rstrip().splitlines()
    own = [index for index, line in enumerate(lines) if line.startswith('  File "/1/')]
    messages = [index for index, line in enumerate(lines) if not line.startswith(" ")]
    shown = "\n".join(lines[(own or messages or [0])[0] :])
    return shown.replace('File "/1/', 'File "').replace('File "/2/', 'File "')
