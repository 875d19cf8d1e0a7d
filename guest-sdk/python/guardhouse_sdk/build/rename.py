"""Renames one import of a component. It reads only the sections of the binary format."""

from __future__ import annotations

_PREAMBLE = 8
_IMPORTS = 10


def renamed_import(component: bytes, old: str, new: str) -> bytes:
    """The component with the import `old` renamed to `new`, which must be equally long. A component without
    this import is unchanged."""
    before, after = old.encode(), new.encode()
    if len(before) != len(after):
        raise ValueError("the two names must be equally long")
    parts = [component[:_PREAMBLE]]
    at = _PREAMBLE
    while at < len(component):
        size, body = _number(component, at + 1)
        end = body + size
        section = component[at:end]
        parts.append(section.replace(before, after) if component[at] == _IMPORTS else section)
        at = end
    return b"".join(parts)


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
