from __future__ import annotations

import linecache
import os
import sys
import traceback
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, NoReturn

from .. import log
from ..log import Level
from . import streams

# The project's folder, after that of the glue and before that of the SDK.
_AUTHOR = "/1/"
_FRAMES = -24
_LONGEST = 8_000

# Bound at build time: a fault ends here even if the author replaces `os.abort`.
_abort = os.abort


def fault(error: BaseException, code: CodeType | None) -> NoReturn:
    """Logs an error and ends the call in a trap, which denies. `code` belongs to the author's function that
    was called: it locates an error in the function's return value."""
    try:
        streams.end_lines()
        log.log(Level.CRITICAL, _described(error, code), "exception")
    except BaseException:
        # The message of this exception cannot be read, but its type and its place can.
        place = "".join(traceback.format_tb(_own(error.__traceback__), limit=_FRAMES))
        text = f"{place}{type.__repr__(type(error))}, which cannot be printed"
        log.log(Level.CRITICAL, _trimmed(text), "exception")
    finally:
        _abort()


def prepare() -> None:
    """Makes tracebacks work without files, by caching the lines of the author's modules."""
    leave_out_marks()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith(_AUTHOR):
            lines = linecache.getlines(file)
            # An entry without a modification time is never compared with the file.
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def leave_out_marks() -> None:
    """Makes tracebacks show lines without marks: marking a part of a line parses the line, and opens a file if that
    fails."""
    _patch(traceback, "_extract_caret_anchors_from_line_segment", lambda *_: None)
    _patch(traceback.StackSummary, "_should_show_carets", lambda *_: False)


def _patch(owner: Any, name: str, function: Callable[..., Any]) -> None:
    if not hasattr(owner, name):
        raise RuntimeError(f"{name} does not exist in this Python")
    setattr(owner, name, function)


def _described(error: BaseException, code: CodeType | None) -> str:
    own = _own(error.__traceback__)
    lines = traceback.format_exception(type(error), error, own, limit=_FRAMES)
    if own is None and code is not None:
        lines.insert(0, f'  File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}\n')
    return _trimmed("".join(lines).rstrip("\n"))


def _trimmed(text: str) -> str:
    """The text with the author's names of files, shortened to what the log can take."""
    for folder in ("/0/", _AUTHOR, "/2/"):
        text = text.replace(f'File "{folder}', 'File "')
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half} characters …\n{text[-half:]}"
    return text


def _own(place: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of the SDK that precede the author's."""
    own = place
    while own is not None and "/guardhouse_sdk/_guest/" in own.tb_frame.f_code.co_filename:
        own = own.tb_next
    return own
