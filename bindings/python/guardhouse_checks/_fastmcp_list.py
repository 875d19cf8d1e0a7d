"""A list of components is one batch: the checks are asked about all components before FastMCP asks about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import fastmcp.utilities.authorization as _authorization
from fastmcp.server.dependencies import get_access_token
from fastmcp.server.middleware import AuthMiddleware

from guardhouse_checks._check import Check, configured
from guardhouse_checks._fastmcp_check import ask
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
        everywhere = [check for each in server.middleware if isinstance(each, AuthMiddleware) for check in _checks(each)]
        asked: dict[int, tuple[Check, list[Any]]] = {}
        for component in components:
            context = _authorization.AuthContext(token=token, component=component)
            for check in (*_checks(component), *everywhere):
                asked.setdefault(id(check), (check, []))[1].append(context)
        for check, contexts in asked.values():
            if len(contexts) >= _MIN_COMPONENTS:
                await ask(configured(check), contexts)
    except Exception:
        LOGGER.debug("the checks of a list are asked one by one", exc_info=True)


def _checks(guarded: Any) -> Iterable[Check]:
    auth: Any = guarded.auth
    return [check for check in (auth if isinstance(auth, list) else [auth]) if isinstance(check, Check)]  # pyright: ignore[reportUnknownVariableType]
