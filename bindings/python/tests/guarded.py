"""Components with a check in some place: FastMCP's own checks, and Guardhouse's counterparts of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import guardhouse_checks
from fastmcp import FastMCP
from fastmcp.apps.app import FastMCPApp
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.auth import require_scopes
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.utilities.tasks import TaskConfig
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from plugins import denies_with, plugin, reads
from versions import KINDS_WITH_TASKS

KINDS = ("tool", "resource", "template", "prompt")
PLACES = ("auth=", "AuthMiddleware", "outer AuthMiddleware")

PATIENT = guardhouse_checks.Limits(deadline="10s")
MESSAGE = "closed until Monday"
VERSIONS = ("1.0", "2.0")

GUARDED = ": a guarded secret"
FREE = ": free for everybody"


@dataclass(frozen=True)
class Limit:
    """A check that reads the arguments of a call: those that it allows, those that it denies, and its message."""

    kinds: tuple[str, ...]
    allowed: Mapping[str, Any]
    denied: Mapping[str, Any]
    message: str


# A prompt's arguments are texts, which `argument-limit` denies. The check `over` forbids an argument, so it also shows
# a call whose arguments are unknown: that one is allowed.
LIMITS = {
    "limit": Limit(("tool",), {"amount": 100}, {"amount": 101}, "argument `/amount` must be a number of at most 100"),
    "over": Limit(("tool", "prompt"), {"amount": "100"}, {"amount": "101", "over": "101"}, '"101"'),
}


def _raises(error: Exception) -> Callable[[Any], bool]:
    def check(ctx: Any) -> bool:
        raise error

    return check


OWN: dict[str, Any] = {
    "scope": require_scopes("read"),
    "message": _raises(AuthorizationError(MESSAGE)),
    "fault": _raises(RuntimeError("the check is broken")),
    **{name: _raises(AuthorizationError(limit.message)) for name, limit in LIMITS.items()},
}


def needs_scope() -> guardhouse_checks.Check:
    """The counterpart of `require_scopes("read")`."""
    return guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]}, limits=PATIENT)


@functools.cache
def guardhouse() -> Mapping[str, Any]:
    """The counterparts of FastMCP's checks."""
    at_most_100 = {"argument": "/amount", "max": 100}
    return {
        "scope": needs_scope(),
        "message": guardhouse_checks.check(denies_with(MESSAGE), limits=PATIENT, id="message"),
        "fault": guardhouse_checks.check(plugin("unreachable"), limits=PATIENT, id="fault"),
        "limit": guardhouse_checks.check("builtin:argument-limit", settings=at_most_100, limits=PATIENT),
        "over": guardhouse_checks.check(reads("argument", "/over"), limits=PATIENT, id="over"),
    }


@dataclass(frozen=True)
class Plan:
    """The checks of a server, by the name of the component that they guard, and their place."""

    place: str
    checks: Mapping[str, Any]
    middleware: str = "none"
    """The servers that have a `GuardhouseMiddleware`: `none`, the `root`, or `all`."""
    auth: Any = None
    versions: tuple[str | None, ...] = (None,)
    guarded_versions: tuple[str | None, ...] = (None,)
    has_tasks: bool = False

    def options(self, *, root: bool = False, inner: bool = False) -> dict[str, Any]:
        """The options of a server that has the components (`inner`), that clients connect to (`root`), or both."""
        middleware: list[Any] = []
        if self.middleware == "all" or (root and self.middleware == "root"):
            middleware.append(GuardhouseMiddleware())
        if (self.place == "AuthMiddleware" and inner) or (self.place == "outer AuthMiddleware" and root):
            middleware.append(AuthMiddleware(auth=list(self.checks.values())))
        return {"middleware": middleware, "auth": self.auth if root else None}

    def fill(self, server: Any) -> Any:
        """Adds the guarded components, and those that only an `AuthMiddleware` guards."""
        for name, check in self.checks.items():
            self._add(server, name, check if self.place == "auth=" else None, is_guarded=True)
        if self.place == "auth=":
            self._add(server, "open", None, is_guarded=False)
        return server

    def beside(self, root: FastMCP) -> FastMCP:
        """Adds components that nothing guards, unless the whole server is guarded."""
        if not any(isinstance(each, AuthMiddleware) for each in root.middleware):
            self._add(root, "beside", None, is_guarded=False)
        return root

    def _add(self, server: Any, name: str, check: Any, *, is_guarded: bool) -> None:
        for version in self.versions:
            has_check = is_guarded and version in self.guarded_versions
            add(server, name, check if has_check else None, has_check, version, self.has_tasks)


def add(server: Any, name: str, check: Any, is_guarded: bool, version: str | None, has_tasks: bool) -> None:
    """Adds a component of each kind. Its result and its description say whether it is guarded."""
    text = f"{name}{GUARDED if is_guarded else FREE} {version or ''}".strip()
    options: dict[str, Any] = {"name": name, "auth": check, "description": text}
    tasks: dict[str, Any] = {}
    if has_tasks:
        tasks = {"task": TaskConfig(mode="optional", poll_interval=timedelta(milliseconds=20))}

    async def tool(amount: Any = 0, over: str = "") -> str:
        return text

    async def resource() -> str:
        return text

    async def template(name: str) -> str:
        return text

    async def prompt(amount: str = "0", over: str = "") -> str:
        return text

    if isinstance(server, FastMCPApp):
        server.tool(**options)(tool)
        return
    options["version"] = version
    for kind, decorate, function in (
        ("tool", server.tool, tool),
        ("resource", functools.partial(server.resource, f"data://{name}"), resource),
        ("template", functools.partial(server.resource, f"data://{name}/{{name}}"), template),
        ("prompt", server.prompt, prompt),
    ):
        decorate(**options, **(tasks if kind in KINDS_WITH_TASKS else {}))(function)
