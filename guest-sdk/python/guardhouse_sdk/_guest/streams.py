"""Standard output, standard error and the `logging` module, as lines of the operator's log."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from .. import log
from ..log import Level

if TYPE_CHECKING:
    import logging

_LONGEST = 8_000


class Stream(io.TextIOBase):
    """A text stream that logs each line."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, level: Level, context: str) -> None:
        super().__init__()
        self._level = level
        self._context = context
        self._line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            log.log(self._level, line, self._context)
        if len(self._line) > _LONGEST:
            self.end_line()
        return len(text)

    def end_line(self) -> None:
        """Logs an unfinished line."""
        if self._line:
            line, self._line = self._line, ""
            log.log(self._level, line, self._context)


_stdout = Stream(Level.INFO, "stdout")
_stderr = Stream(Level.ERROR, "stderr")


def install() -> None:
    """Replaces the interpreter's streams."""
    sys.stdout = sys.__stdout__ = _stdout  # type: ignore[misc, assignment]
    sys.stderr = sys.__stderr__ = _stderr  # type: ignore[misc, assignment]
    sys.stdin = sys.__stdin__ = io.StringIO()  # type: ignore[misc, assignment]
    if (module := sys.modules.get("logging")) is not None:
        _take_over(module)


def end_lines() -> None:
    """Logs unfinished lines at the end of every call."""
    if _stdout._line or _stderr._line:  # pyright: ignore[reportPrivateUsage]
        _stdout.end_line()
        _stderr.end_line()


def _take_over(logging: Any) -> None:
    """Replaces the root logger's handlers that write to standard error by one that uses the host's levels."""

    class OperatorHandler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                text = self.format(record)
            except Exception:
                # As always in `logging`, a message that cannot be formatted is reported, and is not a fault.
                self.handleError(record)
                return
            level = Level(max(0, min(record.levelno // 10, 5)))
            log.log(level, text, "" if record.name == "root" else record.name)

    root = logging.getLogger()
    written = [handler for handler in root.handlers if type(handler) is logging.StreamHandler]
    for handler in written:
        root.removeHandler(handler)
    if written or not root.handlers:
        root.addHandler(OperatorHandler())
    logging.logProcesses = logging.logThreads = logging.logMultiprocessing = False
