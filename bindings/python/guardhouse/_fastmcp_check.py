"""How a check answers FastMCP."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import fastmcp.utilities.authorization as _authorization
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.middleware import AuthMiddleware

from guardhouse._check import Check, MaskedDenial, verdict
from guardhouse._fastmcp_request import current_request, current_server, translate
from guardhouse._memory import Memory
from guardhouse._native import Report
from guardhouse._record import LOGGER


async def evaluate(check: Check, ctx: Any) -> bool:
    """A check's answer to FastMCP: a bool, FastMCP's `AuthorizationError`, or an exception that FastMCP logs once and
    masks."""
    try:
        memory = _memory(ctx)
        report = await _report(check, ctx, memory)
        if report.missing_scopes:
            await _ask_siblings(check, ctx, memory)
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # Not even a panic of ours, or an `AuthorizationError` of something that was asked for a claim, is an answer.
        raise MaskedDenial(f"decision {secrets.token_hex(16)}: check {check.id!r} could not be asked: {error!r}") from error
    if report.id in memory.told:
        return False
    if any(asked.outcome == "failed" for asked in report.checks):
        memory.told.add(report.id)
    return verdict(report, AuthorizationError)


def _memory(ctx: Any) -> Memory:
    # Outside of a request, a context is all that belongs together.
    request = current_request()
    return Memory.of(ctx if request is None else request)


def _key(check: Check, ctx: Any, memory: Memory) -> tuple[Check, bytes]:
    documents, _ = check.reads
    return check, check.context_json(translate(ctx, memory.now, documents=documents))


async def _report(check: Check, ctx: Any, memory: Memory) -> Report:
    key = _key(check, ctx, memory)
    report = memory.reports.get(key)
    if report is None:
        # FastMCP asks for missing scopes afterwards, where nothing can be awaited.
        report = await check.ask(key[1], missing_scopes=check.names_missing_scopes)
        memory.reports[key] = report
    return report


class _Shortfall:
    """What makes a check scope-aware for FastMCP."""

    def missing_scopes(self: Any, ctx: Any) -> set[str]:
        """The scopes that it named when it was asked about this context in this request. If it was not, it is asked
        now, but not in an event loop, which that would hold up."""
        try:
            memory = _memory(ctx)
            key = _key(self, ctx, memory)
            report = memory.reports.get(key)
            if report is None and not _is_in_event_loop():
                report = memory.reports[key] = self.ask_and_wait(key[1])
        except Exception:
            # Whoever asks this has a denial already, or decides nothing by it: nothing is said of scopes.
            LOGGER.warning("check %r could not be asked for missing scopes", self.id, exc_info=True)
            return set()
        return set() if report is None else set(report.missing_scopes)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_Base: Any = getattr(_authorization, "_ScopeAwareCheck", None)

# FastMCP 3.4 has the shortfall engine only in its later versions.
ScopeAwareCheck: type[Check] = Check if _Base is None else type("ScopeAwareCheck", (Check, _Shortfall, _Base), {})


async def _ask_siblings(check: Check, ctx: Any, memory: Memory) -> None:
    """FastMCP names the scopes that later `AuthMiddleware`s need as well, without asking these first: so they are asked
    here."""
    lists: list[list[Any]] = []
    for each in getattr(current_server(), "middleware", ()):
        if isinstance(each, AuthMiddleware):
            auth: Any = each.auth  # pyright: ignore[reportUnknownMemberType]
            lists.append(auth if isinstance(auth, list) else [auth])  # pyright: ignore[reportUnknownArgumentType]
    if not any(check is each for checks in lists for each in checks):
        return
    for checks in lists:
        for sibling in checks:
            if isinstance(sibling, Check) and sibling.names_missing_scopes:
                await _report(sibling, ctx, memory)
