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

_FRAMES = -24
_LONGEST = 8_000

# Bound while the plugin is built: an author may replace what he likes, and a fault still ends here.
_abort = os.abort


def fault(error: BaseException, code: CodeType | None) -> NoReturn:
    """Ends the call in a trap, which denies, after telling the operator why. `code` is of the author's
    function that was called: the place of an error that came of its answer."""
    try:
        streams.end_lines()
        log.log(Level.CRITICAL, _described(error, code), "exception")
    except BaseException:
        # What this one says cannot be had, but its type and its place can.
        place = "".join(traceback.format_tb(_own(error.__traceback__), limit=_FRAMES))
        text = f"{place}{type.__repr__(type(error))}, which cannot be printed"
        log.log(Level.CRITICAL, _trimmed(text), "exception")
    finally:
        _abort()


def prepare() -> None:
    """Makes tracebacks work where there are no files: the lines of the author's modules are remembered."""
    # To mark a part of a line, the line is parsed, and if that fails a file is opened.
    _patch(traceback, "_extract_caret_anchors_from_line_segment", lambda *_: None)
    _patch(traceback.StackSummary, "_should_show_carets", lambda *_: False)
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.startswith("/0/"):
            lines = linecache.getlines(file)
            # Without a time of change the entry is never held against the file.
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _patch(owner: Any, name: str, function: Callable[..., Any]) -> None:
    if not hasattr(owner, name):
        raise RuntimeError(f"this Python has no {name}")
    setattr(owner, name, function)


def _described(error: BaseException, code: CodeType | None) -> str:
    own = _own(error.__traceback__)
    lines = traceback.format_exception(type(error), error, own, limit=_FRAMES)
    if own is None and code is not None:
        lines.insert(0, f'  File "{code.co_filename}", line {code.co_firstlineno}, in {code.co_name}\n')
    return _trimmed("".join(lines).rstrip("\n"))


def _trimmed(text: str) -> str:
    """A text with the author's own names of files, and no longer than the log can take."""
    text = text.replace('File "/0/', 'File "').replace('File "/1/', 'File "')
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half} characters …\n{text[-half:]}"
    return text


def _own(place: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of the SDK that lead to the author's."""
    own = place
    while own is not None and "/guardhouse_sdk/_guest/" in own.tb_frame.f_code.co_filename:
        own = own.tb_next
    return own
