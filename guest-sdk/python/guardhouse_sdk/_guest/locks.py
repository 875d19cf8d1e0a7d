"""Locks that never wait. A plugin has one thread, so a lock that is held stays held: waiting for it with a timeout
advances the clocks and returns False, and waiting without one raises an exception, which names the author's line.

They are installed before the author's module is imported, so that `from threading import Lock` finds them too.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
from types import TracebackType


class Lock:
    """A lock of a plugin, with the methods of `threading.Lock`."""

    __slots__ = ("__weakref__", "_is_held")

    def __init__(self) -> None:
        self._is_held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if not self._is_held:
            self._is_held = True
            return True
        if not blocking:
            return False
        if timeout == -1:
            raise RuntimeError("a plugin has one thread, so this would wait for ever")
        time.sleep(timeout)
        return False

    def release(self) -> None:
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False

    def locked(self) -> bool:
        return self._is_held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._is_held = False


def install() -> None:
    """Replaces the interpreter's locks."""
    for module in (_thread, threading):
        for name in ("allocate", "allocate_lock", "_allocate_lock", "lock", "Lock", "LockType"):
            if hasattr(module, name):
                setattr(module, name, Lock)
    # Without its C implementation, `queue` uses the locks of `threading`.
    sys.modules["_queue"] = None  # type: ignore[assignment]
