"""What one request remembers, so that a check answers the same question once."""

from __future__ import annotations

import time
import weakref
from typing import Any

from guardhouse._check import Check
from guardhouse._native import Report


class Memory:
    """The answers of one request. It is gone with the request."""

    def __init__(self) -> None:
        self.now = int(time.time())
        """The time of the request: one that asks twice asks the same."""
        self.reports: dict[tuple[Check, bytes], Report] = {}
        self.told: set[str] = set()
        """The decisions whose faults the log has."""

    @staticmethod
    def of(request: Any) -> Memory:
        """The memory of a request, known by the object that it is, and not by what it holds."""
        key = id(request)
        known = _memories.get(key)
        if known is not None and known[0]() is request:
            return known[1]
        memory = Memory()
        # The entry goes before the number can be another object's.
        _memories[key] = (weakref.ref(request, lambda _: _memories.pop(key, None)), memory)
        return memory


_memories: dict[int, tuple[weakref.ref[Any], Memory]] = {}
