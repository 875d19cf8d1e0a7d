"""Whether a check guards a component of FastMCP, or the component of another server that runs in its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import IntEnum
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import ClientTransport
from fastmcp.server.auth import require_scopes
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.server.providers import Provider
from fastmcp.utilities.components import FastMCPComponent
from fastmcp.utilities.versions import VersionSpec

from guardhouse_checks._fastmcp_lookup import Kind, find, held, is_renderer, listed, shows, target
from guardhouse_checks._record import LOGGER


class Answer(IntEnum):
    """Whether something may be served over stdio. Of several answers, the highest counts."""

    OPEN = 0
    UNKNOWN = 1
    """There is no such component."""
    UNRESOLVED = 2
    """There is one, and it is not known what guards it."""
    GUARDED = 3


# The module of FastMCP's own checks.
_STOCK: dict[str, Any] = inspect.unwrap(require_scopes).__globals__

REFUSING: ContextVar[bool] = ContextVar("guardhouse_refusing", default=False)
"""Whether FastMCP's lookups hide guarded components: while a request is served over stdio."""


@contextmanager
def refusing(value: bool) -> Generator[None, None, None]:
    """Sets `REFUSING`."""
    token = REFUSING.set(value)
    try:
        yield
    finally:
        REFUSING.reset(token)


def is_open(auth: Any) -> bool:
    """Whether there are only checks of FastMCP itself. Every other callable may ask one of Guardhouse's."""
    if isinstance(auth, list):
        return all(_is_stock(check) for check in auth)  # pyright: ignore[reportUnknownVariableType]
    return auth is None or _is_stock(auth)


def _is_stock(check: Any) -> bool:
    # `functools.wraps` copies the name of a function and of its module, but not its globals.
    if inspect.isfunction(check):
        return check.__globals__ is _STOCK
    own: Any = _STOCK.get(type(check).__name__)
    return own is type(check) and own.__module__ == _STOCK["__name__"]


def guards_all(server: Any) -> bool:
    """Whether an `AuthMiddleware` of this server guards everything that it serves."""
    checks: list[Any] = [getattr(each, "auth", None) for each in server.middleware if isinstance(each, AuthMiddleware)]
    return any(auth is None or not is_open(auth) for auth in checks)


class Resolver:
    """Resolves what requests for components reach. `visit` is called with each server on the way.

    For the entries of a list, each server's own list is read only once, and no name is resolved twice.
    """

    def __init__(self, visit: Callable[[Any], None], *, of_a_list: bool = False) -> None:
        self._visit = visit
        self._of_a_list = of_a_list
        self._lists: dict[tuple[int, Kind], dict[str, list[Any]]] = {}
        self._answers: dict[tuple[int, Kind, str, str], Answer] = {}

    async def resolve(self, server: Any, kind: Kind, name: str, version: VersionSpec | None) -> Answer:
        """The answer for the component that a request reaches; for an entry of a list, for all with its name and
        version. Raises if FastMCP's lookup does."""
        if not self._of_a_list:
            return await self._resolve(server, kind, name, version)
        key = (id(server), kind, name, repr(version))
        if key not in self._answers:
            self._answers[key] = await self._resolve(server, kind, name, version)
        return self._answers[key]

    async def _resolve(self, server: Any, kind: Kind, name: str, version: VersionSpec | None) -> Answer:
        self._visit(server)
        if guards_all(server):
            return Answer.GUARDED
        if kind == "resource" and is_renderer(name):
            return await self._renderer(server, name)
        if self._of_a_list or kind == "template":
            entries = (await self._listed(server, kind)).get(name, [])
            matching = [each for each in entries if version is None or version.matches(each.version)]
            answers = {await self.judge(each) for each in matching}
            if answers or kind == "template":
                return max(answers, default=Answer.UNKNOWN)
        found = await find(server, kind, name, version)
        return Answer.UNKNOWN if found is None else await self.judge(found, name if kind == "resource" else None)

    async def judge(self, component: Any, uri: str | None = None) -> Answer:
        """The answer for a component, which another one may run in place of. `uri` is the URI that a template is to
        read."""
        try:
            with refusing(False):
                return Answer.OPEN if await self._is_open(component, uri) else Answer.GUARDED
        except Exception:
            LOGGER.debug("%r cannot be resolved", component, exc_info=True)
            return Answer.UNRESOLVED

    async def _is_open(self, component: Any, uri: str | None) -> bool:
        if not is_open(component.auth):
            return False
        found = await target(component, uri)
        if found is None:
            return await self._holds_nothing_guarded(component)
        request = found.server, found.kind, found.name, found.version
        answers = {await self.resolve(*request)}
        if found.any_version and not self._of_a_list:
            answers.add(await Resolver(self._visit, of_a_list=True).resolve(*request))
        return _decided(max(answers), found)

    async def _holds_nothing_guarded(self, component: Any) -> bool:
        is_known = type(component).__module__.startswith("fastmcp.")
        for value in held(component):
            if isinstance(value, FastMCPComponent):
                if not _decided(await self.judge(value), value):
                    return False
            elif isinstance(value, (Provider, Client, ClientTransport)) and not is_known:
                raise LookupError(f"the use that a class of another author makes of {value!r} is unknown")
        return True

    async def _listed(self, server: Any, kind: Kind) -> dict[str, list[Any]]:
        key = (id(server), kind)
        if key not in self._lists:
            with refusing(False):
                self._lists[key] = await listed(server, kind)
        return self._lists[key]

    async def _renderer(self, server: Any, uri: str) -> Answer:
        tools = [each for entries in (await self._listed(server, "tool")).values() for each in entries]
        answers = {await self.judge(each) for each in tools if shows(each, uri)}
        return Answer.OPEN if Answer.OPEN in answers else max(answers, default=Answer.UNKNOWN)


def _decided(answer: Answer, of: Any) -> bool:
    """Whether the answer is `open`. Raises if there is none."""
    if answer in (Answer.UNKNOWN, Answer.UNRESOLVED):
        raise LookupError(f"{of!r} is not found, or cannot be resolved")
    return answer is Answer.OPEN
