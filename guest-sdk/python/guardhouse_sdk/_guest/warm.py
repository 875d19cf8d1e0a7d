"""Runs of the SDK's own code while a plugin is built.

The interpreter counts the runs of each instruction, and replaces those that run often by faster ones. A check would begin
with code that has never run, and write the counts. Nothing here calls the author's code, whose modules are not imported
yet, and nothing stays: neither a time, nor a line of the log, nor a part of the requests.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .. import log
from .._context import AuthContext
from .._error import AuthorizationError
from .._records import AccessToken, Component
from . import clock
from .host import Host, Ok, contexts, no_raw_token

_RUNS = 20
_SETTINGS = '{"scopes": ["a"], "limit": {"max": 1}}'

Exports = Callable[[ModuleType, "str | None", Host], "tuple[type, type, type]"]


class _Err(Exception):
    """Stands for the class of the bindings."""


def warm(exports: Exports) -> None:
    """Calls the exports of checks that use what the SDK has."""
    write = log._write  # pyright: ignore[reportPrivateUsage]
    times: tuple[int, int] = clock._start, clock._elapsed  # pyright: ignore
    try:
        for schema in (None, "{}"):
            host = _host()
            check, settings, step_up = (export() for export in exports(_author(), schema, host))
            if schema is not None:
                settings.configure(_SETTINGS)
            for _ in range(_RUNS):
                _call(check, step_up, host)
    finally:
        log._write = write  # pyright: ignore
        clock._start, clock._elapsed = times  # pyright: ignore


def _call(check: Any, step_up: Any, host: Host) -> None:
    for client in ("client", "denied"):
        # The bindings make the parts of a request and the result.
        token = AccessToken(client, "subject", ["a", "b", "c"], 1, None)
        ctx = contexts(host)(token, Component("tool", "name", None, None, ["a"]), "tools/call", 1)
        try:
            Ok(check.check(ctx))
        except _Err:
            continue
        Ok(step_up.missing_scopes(ctx))


def _author() -> ModuleType:
    """Stands for the author's module."""
    author = ModuleType("check")

    def check(ctx: AuthContext, settings: object = None) -> bool:
        token = ctx.token
        if token is None or not token.has_scopes(["a", "b"]) or not token.has_scope("a") or ctx.tool is None:
            return False
        if token.client_id == "denied":
            raise AuthorizationError("denied")
        found = [ctx.claim("/a"), ctx.detail("/a"), ctx.argument("/a"), ctx.attribute("/a", 1)]
        return ctx.component.has_tag("a") and found == [1, 1, 1, 1]

    def missing_scopes(ctx: AuthContext, settings: object = None) -> list[str]:
        return [] if ctx.token is None else ctx.token.missing_scopes(["a", "d"])

    vars(author).update(check=check, missing_scopes=missing_scopes)
    return author


def _host() -> Host:
    def read(_: str) -> str | None:
        return "1"

    def write(level: object, context: str, message: str) -> None:
        raise RuntimeError("nothing is logged")

    return Host(read, read, read, read, no_raw_token, write, range(6), _Err, str)
