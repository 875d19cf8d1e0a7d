"""Words for the operator's log. The caller never sees them.

In a unit test they go to standard error.
"""

from __future__ import annotations

import enum
import sys


class Level(enum.IntEnum):
    """How much a message matters."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    CRITICAL = 5


def log(level: Level, message: str, context: str = "") -> None:
    """Logs `message` at `level`. `context` groups messages that belong together."""
    _write(level, _writable(context), _writable(message))


def trace(message: str) -> None:
    """Logs the flow of control, step by step."""
    log(Level.TRACE, message)


def debug(message: str) -> None:
    """Logs what helps to find a fault."""
    log(Level.DEBUG, message)


def info(message: str) -> None:
    """Logs what is worth knowing while all is well."""
    log(Level.INFO, message)


def warn(message: str) -> None:
    """Logs what may become a fault."""
    log(Level.WARN, message)


def error(message: str) -> None:
    """Logs a fault."""
    log(Level.ERROR, message)


def critical(message: str) -> None:
    """Logs a fault after which the check cannot go on."""
    log(Level.CRITICAL, message)


def _writable(text: str) -> str:
    """What UTF-8 can hold of a text."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _write(level: Level, context: str, message: str) -> None:
    """The built plugin puts the host's log in place of this."""
    print(f"{level.name.lower()} {context}: {message}", file=sys.stderr)
