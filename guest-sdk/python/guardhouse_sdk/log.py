"""Messages for the operator's log. The caller never sees them.

In a unit test they are written to standard error.
"""

from __future__ import annotations

import enum
import sys


class Level(enum.IntEnum):
    """The severity of a message."""

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
    """Logs a step of the control flow."""
    log(Level.TRACE, message)


def debug(message: str) -> None:
    """Logs a detail that helps to find errors."""
    log(Level.DEBUG, message)


def info(message: str) -> None:
    """Logs a normal event."""
    log(Level.INFO, message)


def warn(message: str) -> None:
    """Logs a condition that may lead to an error."""
    log(Level.WARN, message)


def error(message: str) -> None:
    """Logs an error."""
    log(Level.ERROR, message)


def critical(message: str) -> None:
    """Logs an error after which the check cannot continue."""
    log(Level.CRITICAL, message)


def _writable(text: str) -> str:
    """The text, with backslash escapes for characters that UTF-8 cannot encode."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _write(level: Level, context: str, message: str) -> None:
    """Writes a message. Inside a plugin, the host's log replaces this function."""
    print(f"{level.name.lower()} {context}: {message}", file=sys.stderr)
