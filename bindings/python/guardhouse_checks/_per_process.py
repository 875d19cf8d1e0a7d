"""Values that each process makes for itself."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value with threads, made at its first use. A forked child makes its own."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None
        self._lock = threading.Lock()
        _all.add(self)

    @property
    def made(self) -> T | None:
        """The value of this process; None if it does not exist yet."""
        made = self._made
        return made[1] if made is not None and made[0] == os.getpid() else None

    def get(self) -> T:
        """The value of this process, made if it does not exist yet."""
        made = self._made
        if made is not None and made[0] == os.getpid():
            return made[1]
        with self._lock:
            made = self._made
            if made is None or made[0] != os.getpid():
                made = self._made = (os.getpid(), self._make())
            return made[1]

    def after_fork(self) -> None:
        """Replaces the lock: the thread that held it does not exist in the child."""
        self._lock = threading.Lock()


_all: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    for each in _all:
        each.after_fork()


os.register_at_fork(after_in_child=_after_fork)
