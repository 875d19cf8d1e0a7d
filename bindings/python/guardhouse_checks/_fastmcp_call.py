"""The call that a check is asked in. FastMCP does not pass the arguments of a call to checks, so the middleware does."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fastmcp.prompts import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.tools import Tool

NO_MIDDLEWARE = (
    "no `GuardhouseMiddleware` has passed this call on: add it to the server that has the component, "
    "`FastMCP(..., middleware=[GuardhouseMiddleware()])`, before every `AuthMiddleware`"
)
_INSIDE = (
    "the check is asked about a call that a component makes, which no `GuardhouseMiddleware` has passed on: call with "
    "`run_middleware=True`, and add the middleware to the server that is called"
)


@dataclass(eq=False)
class Lookup:
    """FastMCP's lookup of a component whose task is decided."""

    request: Any
    """The MCP request for the result of the task; None in a worker."""
    is_over: bool = False
    """Whether it is over. What began meanwhile, such as a session with another server, may still have it."""


@dataclass(frozen=True)
class Call:
    """The parts of a request that only the middleware sees."""

    action: str
    arguments: Mapping[str, Any] | None
    """None for a request without a call, such as a list."""
    headers: frozenset[str] = frozenset()
    """The headers that checks may read."""
    unknown: str | None = None
    """The reason why action and arguments are not known."""
    lookup: Lookup | None = None
    """The lookup that this is instead of a call."""


_CALL: ContextVar[Call] = ContextVar("guardhouse_call")
_OUTSIDE = Call("", None, unknown=NO_MIDDLEWARE)


def current_call() -> Call:
    """The call that a check is asked in."""
    return _CALL.get(_OUTSIDE)


@contextmanager
def within(call: Call) -> Generator[None, None, None]:
    """Within it, checks are asked about this call, until a component runs."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


async def pass_on(call: Call, call_next: Callable[[Any], Awaitable[Any]], context: Any) -> Any:
    """Runs the rest of a request, in which checks are asked about this call, until a component runs."""
    with within(call):
        return await call_next(context)


def end_calls_in_components() -> None:
    """Has every component run outside of the call that it serves: a check that is asked meanwhile is asked about another
    call. FastMCP has no hook between the checks of a component and its code, so this wraps the four methods through
    which it runs components of every kind. Those that pass a call on to a mounted server have methods of their own."""
    methods: tuple[tuple[Any, str], ...] = (
        (Tool, "_run"),
        (Resource, "_read"),
        (ResourceTemplate, "_read"),
        (Prompt, "_render"),
    )
    for kind, name in methods:
        method = getattr(kind, name)
        if not hasattr(method, "guardhouse"):
            setattr(kind, name, _outside_of_calls(method))


def _outside_of_calls(method: Callable[..., Awaitable[Any]]) -> Any:
    @functools.wraps(method)
    async def run(*args: Any, **options: Any) -> Any:
        call = current_call()
        with within(Call("", None, headers=call.headers, unknown=call.unknown or _INSIDE)):
            return await method(*args, **options)

    run.guardhouse = True  # type: ignore[attr-defined]
    return run
