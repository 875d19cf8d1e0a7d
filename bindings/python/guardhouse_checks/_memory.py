"""Memoized decisions of one request, so that a check evaluates equal contexts once."""

from __future__ import annotations

import time
from typing import Any

from guardhouse_checks._configured import ConfiguredCheck
from guardhouse_checks._context import Request
from guardhouse_checks._native import Report


class Memory:
    """The decisions of one request. It is freed with the request."""

    __slots__ = ("__weakref__", "logged", "met_tick", "now", "reports")

    def __init__(self) -> None:
        self.now = int(time.time())
        """The time of the request, fixed so that repeated evaluations have equal contexts."""
        self.reports: dict[tuple[ConfiguredCheck, Request], Report] = {}
        self.logged: frozenset[str] = frozenset()
        """The ids of the decisions whose faults are already logged."""
        self.met_tick = False
        """Whether the event loop has spent a tick on a check of this request. It spends no second one."""

    @staticmethod
    def of(request: Any) -> Memory:
        """The memory of a request, a call or a context, which keeps it as an attribute that it does not know of."""
        attributes: dict[str, Any] = request.__dict__
        memory = attributes.get(_ATTRIBUTE)
        if memory is None:
            memory = attributes[_ATTRIBUTE] = Memory()
        return memory


_ATTRIBUTE = "_guardhouse_memory"
