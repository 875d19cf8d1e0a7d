"""A list of components is one batch: the checks are asked about all components before FastMCP asks about each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import fastmcp.utilities.authorization as _authorization
from fastmcp.server.dependencies import get_access_token
from fastmcp.server.middleware import AuthMiddleware

from guardhouse_checks._check import Check, configured
from guardhouse_checks._fastmcp_check import ask, checks_of
from guardhouse_checks._record import LOGGER

_MIN_COMPONENTS = 4
"""The number of components from which a batch is faster."""

_LISTS = {
    "tools/list": "list_tools",
    "resources/list": "list_resources",
    "resources/templates/list": "list_resource_templates",
    "prompts/list": "list_prompts",
}


async def ask_ahead(server: Any, method: str) -> None:
    """Asks the checks of a server about its own components. The answers are memoized, so FastMCP gets them when it asks.
    What fails here is asked again then, one by one."""
    try:
        # A transformation makes other components of them, and a mounted or a proxied server lists its own.
        if server.transforms or method not in _LISTS:
            return
        components: Sequence[Any] = await getattr(server.local_provider, _LISTS[method])()
        if len(components) < _MIN_COMPONENTS:
            return
        token = get_access_token()
        # Middleware that is further inside filters first.
        inside_first = [each for each in reversed(server.middleware) if isinstance(each, AuthMiddleware)]
        everywhere = [check for each in inside_first for check in checks_of(each)]
        left = [
            (_authorization.AuthContext(token=token, component=each), iter((*checks_of(each), *everywhere)))
            for each in components
        ]
        while left:
            left = await _ask_next(left)
    except Exception:
        LOGGER.debug("the checks of a list are asked one by one", exc_info=True)


_Left = list[tuple[Any, Iterator[Any]]]
"""Contexts, each with the checks that it was not asked about yet."""


async def _ask_next(left: _Left) -> _Left:
    """Asks the next check of each context, those of one check together. Returns the contexts for which FastMCP would go
    on: a check that denies is the last one, and what comes after another check than Guardhouse's is not known."""
    asked: dict[int, tuple[Check, _Left]] = {}
    for entry in left:
        check = next(entry[1], None)
        if isinstance(check, Check):
            asked.setdefault(id(check), (check, []))[1].append(entry)
    allowed: _Left = []
    for check, entries in asked.values():
        if len(entries) >= _MIN_COMPONENTS:
            reports = await ask(configured(check), [context for context, _ in entries])
            allowed += [entry for entry, report in zip(entries, reports, strict=True) if report.allow]
    return allowed
