"""Evaluation of checks on behalf of FastMCP."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any, cast

import fastmcp.utilities.authorization as _authorization
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.middleware import AuthMiddleware

from guardhouse_checks._check import Check, CheckFailed, answer, configured
from guardhouse_checks._configured import ConfiguredCheck
from guardhouse_checks._context import Request
from guardhouse_checks._fastmcp_call import current_call
from guardhouse_checks._fastmcp_request import current_request, current_server, translate
from guardhouse_checks._fastmcp_task import is_decided
from guardhouse_checks._memory import Memory
from guardhouse_checks._native import Report
from guardhouse_checks._record import LOGGER


async def evaluate(check: Check, ctx: Any) -> bool:
    """A check's answer to FastMCP: a bool, FastMCP's `AuthorizationError`, or an exception that FastMCP logs once and
    masks."""
    if is_decided(ctx):
        return True
    try:
        memory = _memory(ctx)
        asked, request = key = _key(configured(check), ctx, memory)
        report = memory.reports.get(key)
        if report is None:
            [report] = await _ask(asked, [request], memory)
        if report.missing_scopes:
            await _evaluate_siblings(check, ctx)
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # A panic of the host is not an answer, nor is an `AuthorizationError` raised by an object among the claims.
        decision = secrets.token_hex(16)
        raise CheckFailed(f"decision {decision}: check {check.id!r} could not be evaluated: {error!r}") from error
    if report.has_faults and any(each.outcome == "failed" for each in report.checks):
        if report.id in memory.logged:
            return False
        memory.logged |= {report.id}
    return answer(report, AuthorizationError)


def _memory(ctx: Any) -> Memory:
    # Outside of a request, the call or the context shows which evaluations belong together.
    request = current_request()
    if request is not None:
        return Memory.of(request)
    call = current_call()
    return Memory.of(call if call.unknown is None else ctx)


async def ask(check: ConfiguredCheck, contexts: list[Any]) -> list[Report]:
    """Evaluates a check for several contexts of one request, together."""
    memory = _memory(contexts[0])
    keys = [_key(check, ctx, memory) for ctx in contexts]
    missing = {request: None for check, request in keys if (check, request) not in memory.reports}
    if missing:
        await _ask(check, list(missing), memory)
    return [memory.reports[key] for key in keys]


async def _ask(check: ConfiguredCheck, requests: list[Request], memory: Memory) -> list[Report]:
    # FastMCP asks for missing scopes later, in a function that cannot await.
    reports, met_tick = await check.evaluate(
        requests, missing_scopes=check.names_missing_scopes, on_the_spot=not memory.met_tick
    )
    memory.met_tick |= met_tick
    memory.reports.update(zip(((check, request) for request in requests), reports, strict=True))
    return reports


def _key(check: ConfiguredCheck, ctx: Any, memory: Memory) -> tuple[ConfiguredCheck, Request]:
    return check, translate(ctx, memory.now, check.reads)


class _Withheld:
    """The missing scopes of a check that failed, or that denies for another reason: none are named, of this
    check and of those beside it (rule U1). FastMCP unites the missing scopes of all checks with `|=`, and sorts them.
    """

    def __ror__(self, other: object) -> _Withheld:
        return self

    __or__ = __ior__ = __ror__

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _MissingScopesCheck(Check):
    """A check that names missing scopes to FastMCP."""

    async def _evaluate_foreign(self, ctx: Any) -> bool:
        return await evaluate(self, ctx)

    def missing_scopes(self, ctx: Any) -> set[str]:
        """The scopes that the check named when it evaluated this context in this request. If it has not evaluated it,
        it does so now, in an event loop for at most two ticks. If that is not enough, or it denies for another
        reason, no scopes are named, of this check and of those beside it."""
        if is_decided(ctx):
            return set()
        try:
            memory = _memory(ctx)
            check = configured(self)
            key = _key(check, ctx, memory)
            report = memory.reports.get(key)
            if report is None:
                report = check.evaluate_now(key[1], may_block=not _is_in_event_loop())
                if report is not None:
                    memory.reports[key] = report
        except Exception:
            # The caller has a denial already, or does not decide by the scopes: name none.
            LOGGER.warning("check %r could not be asked for missing scopes", self.id, exc_info=True)
            return cast("set[str]", _Withheld())
        if report is None or not (report.allow or report.missing_scopes):
            return cast("set[str]", _Withheld())
        return set(report.missing_scopes)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_Base: Any = getattr(_authorization, "_ScopeAwareCheck", None)

# FastMCP asks only subclasses of a class of its own for missing scopes. Early versions of FastMCP 3.4 do not have it.
MissingScopesCheck: type[Check] = (
    _MissingScopesCheck if _Base is None else type("MissingScopesCheck", (_MissingScopesCheck, _Base), {})
)


async def _evaluate_siblings(check: Check, ctx: Any) -> None:
    """Evaluates the checks of the other `AuthMiddleware`s. FastMCP names the scopes that later ones require as well,
    but does not evaluate these first."""
    middleware = [each for each in getattr(current_server(), "middleware", ()) if isinstance(each, AuthMiddleware)]
    siblings = [sibling for each in middleware for sibling in checks_of(each)]
    if not any(check is sibling for sibling in siblings):
        return
    for sibling in siblings:
        if isinstance(sibling, Check) and sibling.names_missing_scopes:
            await ask(configured(sibling), [ctx])


def checks_of(guarded: Any) -> list[Any]:
    """The checks of a component or of an `AuthMiddleware`."""
    auth: Any = guarded.auth
    if auth is None:
        return []
    return auth if isinstance(auth, list) else [auth]  # pyright: ignore[reportUnknownVariableType]
