"""Memoized decisions of one request, so that a check evaluates equal contexts once."""

from __future__ import annotations

import time
import weakref
from typing import Any

from guardhouse_checks._configured import ConfiguredCheck
from guardhouse_checks._context import Request
from guardhouse_checks._native import Report


class Memory:
    """The decisions of one request. It is freed with the request."""

    def __init__(self) -> None:
        self.now = int(time.time())
        """The time of the request, fixed so that repeated evaluations have equal contexts."""
        self.reports: dict[tuple[ConfiguredCheck, Request], Report] = {}
        self.logged: set[str] = set()
        """The ids of the decisions whose faults are already logged."""
        self.met_tick = False
        """Whether the event loop has spent a tick on a check of this request. It spends no second one."""

    @staticmethod
    def of(request: Any) -> Memory:
        """The memory of a request, which is looked up by the object's identity and not by its value."""
        key = id(request)
        known = _memories.get(key)
        if known is not None and known[0]() is request:
            return known[1]
        memory = Memory()
        # The entry is removed before another object can have the same `id()`.
        _memories[key] = (weakref.ref(request, lambda _: _memories.pop(key, None)), memory)
        return memory


_memories: dict[int, tuple[weakref.ref[Any], Memory]] = {}
