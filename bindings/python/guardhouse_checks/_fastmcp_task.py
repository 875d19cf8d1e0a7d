"""The results of tasks. A task is decided once, before it runs. To hand out its result, FastMCP looks its component up
again, which asks the checks without the arguments of the call: the decision stands that was made before."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from types import FunctionType
from typing import Any

from guardhouse_checks._fastmcp_call import Call, Lookup, current_call, within
from guardhouse_checks._fastmcp_request import current_request
from guardhouse_checks._record import LOGGER

LookingUp = Callable[[Any], AbstractContextManager[None]]
"""The context in which a server looks up components whose tasks are decided."""

_Function = Callable[..., Awaitable[Any]]

_UNDECIDED = "the result of a task is asked for without the arguments of the task"


@contextmanager
def decided() -> Generator[None, None, None]:
    """Within it, this request looks up a component whose task is decided: no check is evaluated."""
    lookup = Lookup(current_request())
    try:
        with within(Call("", None, unknown=_UNDECIDED, lookup=lookup)):
            yield
    finally:
        lookup.is_over = True


def is_decided(ctx: Any) -> bool:
    """Whether a check is asked only because FastMCP looks up a component whose task is decided. Another request that is
    served meanwhile, such as one of a proxy to its server, is not part of it, even if it inherits the context."""
    lookup = current_call().lookup
    if lookup is None or lookup.is_over or lookup.request is not current_request():
        return False
    # FastMCP tells the tasks of one client apart by the claim `sub` alone.
    token = getattr(ctx, "token", None)
    return token is None or getattr(token, "subject", None) is None or "sub" in (token.claims or {})


def keep_decisions(looking_up: LookingUp) -> None:
    """Wraps the functions in which FastMCP looks up components whose tasks are decided. Where it has none of them,
    checks are evaluated.

    FastMCP hands out a result only to the client and subject that made the task, and does not look its component up
    before it has found the task."""
    # FastMCP 3
    _wrap("fastmcp.server.tasks.requests", "tasks_result_handler", _with_server, looking_up)
    # FastMCP 4
    _wrap("fastmcp_tasks.handlers", "_resolve_tool", _with_server, looking_up)
    # FastMCP 4, when a worker in a process of its own is about to run a task: which mounted server has the tool.
    _wrap("fastmcp_tasks.context", "_resolve_owning_server", _without_server, looking_up)


def _wrap(module: str, name: str, wrap: Callable[[_Function, LookingUp], _Function], looking_up: LookingUp) -> None:
    try:
        found = importlib.import_module(module)
    except Exception:
        LOGGER.debug("%s cannot be imported: this FastMCP has other tasks, or none", module, exc_info=True)
        return
    function = getattr(found, name, None)
    if function is None or hasattr(function, "guardhouse"):
        return
    if name == "tasks_result_handler" and isinstance(function, FunctionType) and function.__closure__ is None:
        _wrap_code(function, wrap, looking_up)
        return
    wrapped: Any = wrap(function, looking_up)
    wrapped.guardhouse = True
    setattr(found, name, wrapped)


_HANDLERS: list[_Function] = []
"""FastMCP 3's handler, wrapped."""


def _wrap_code(
    handler: FunctionType, wrap: Callable[[_Function, LookingUp], _Function], looking_up: LookingUp
) -> None:
    """A server of FastMCP 3 keeps the function itself when it is made, which may be before the middleware is: the
    function stays, and its code is replaced."""
    original = FunctionType(handler.__code__, handler.__globals__, handler.__name__, handler.__defaults__)
    original.__kwdefaults__ = handler.__kwdefaults__
    _HANDLERS.append(wrap(original, looking_up))
    handler.__code__ = _handle.__code__
    handler.guardhouse = True  # type: ignore[attr-defined] # pyright: ignore[reportFunctionMemberAccess]


async def _handle(server: Any, params: Any) -> Any:
    # The globals are those of FastMCP's module.
    from guardhouse_checks import _fastmcp_task

    return await _fastmcp_task._HANDLERS[0](server, params)  # pyright: ignore[reportPrivateUsage]


def _with_server(function: _Function, looking_up: LookingUp) -> _Function:
    @functools.wraps(function)
    async def run(server: Any, *args: Any, **options: Any) -> Any:
        with looking_up(server):
            return await function(server, *args, **options)

    return run


def _without_server(function: _Function, looking_up: LookingUp) -> _Function:
    @functools.wraps(function)
    async def run(*args: Any, **options: Any) -> Any:
        from fastmcp.server.dependencies import get_server

        try:
            server = get_server()
        except RuntimeError:
            return await function(*args, **options)
        with looking_up(server):
            return await function(*args, **options)

    return run
