"""Decisions of several checks, for Python without FastMCP."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from guardhouse_checks import _completions, _native, _record
from guardhouse_checks._answer import Answer
from guardhouse_checks._check import Check, configured
from guardhouse_checks._configured import ConfiguredCheck
from guardhouse_checks._context import NOTHING, AuthContext, Request, to_native
from guardhouse_checks._host import Host, default_host, native_host


@dataclass(frozen=True)
class Decision:
    """The decision about one request. It is truthy if it allows."""

    allow: bool
    """Whether every check allowed."""
    id: str
    """The key to the operator's record. The caller may see it."""
    message: str | None = None
    """The message of the check that denied, for the caller; None if it denied without one, or failed."""
    missing_scopes: tuple[str, ...] = ()
    """The scopes that the caller lacks, if `missing_scopes=True` was given and nothing else is missing. A scope that
    stands in the settings of a check may contain any character."""
    scope_tokens: tuple[str, ...] = ()
    """The missing scopes that are scope tokens (RFC 6749 section 3.3): only they may be written into a header."""
    report: _native.Report | None = field(default=None, repr=False, compare=False)
    """The record of the decision, for the operator; None if no check could be evaluated."""

    def __bool__(self) -> bool:
        return self.allow is True


def run_auth_checks(
    checks: Check | Sequence[Check], context: AuthContext, *, missing_scopes: bool = False
) -> Decision:
    """Evaluates the checks in the order given, until one does not allow. If all allow, the decision is an allow.

    The call blocks, without holding the interpreter's lock. It raises no exception for a denial of any kind: a check
    that fails denies, and so does an invalid request.

    >>> import guardhouse_checks
    >>> read = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]})
    >>> alice = guardhouse_checks.AccessToken("alice-laptop", ["write"])
    >>> context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "search"), alice)
    >>> decision = guardhouse_checks.run_auth_checks([read], context, missing_scopes=True)
    >>> decision.allow, decision.missing_scopes
    (False, ('read',))
    """
    try:
        listed = _listed(checks)
        native = [check.native for check in listed]
        host = native_host(_host(listed))
        report = _native.evaluate_blocking(host, native, _request(listed, context), missing_scopes)
        return _decided(report)
    except Exception as error:
        return _failed(error)


def run_auth_checks_async(
    checks: Check | Sequence[Check], context: AuthContext, *, missing_scopes: bool = False
) -> Answer[Decision]:
    """Like `run_auth_checks`, but awaitable: the event loop goes on meanwhile. Before it is awaited, it is neither true
    nor false: `bool()` raises a `TypeError`."""
    return Answer(_decide(checks, context, missing_scopes=missing_scopes))


async def _decide(checks: Check | Sequence[Check], context: AuthContext, *, missing_scopes: bool) -> Decision:
    try:
        listed = _listed(checks)
        native = [(await check.ready())[1] for check in listed]
        host, request = native_host(_host(listed)), _request(listed, context)
        begun = _native.begin(host, native, [request], missing_scopes, True)
        [report] = begun if isinstance(begun, list) else await _completions.finish(host, begun)
        return _decided(report)
    except Exception as error:
        return _failed(error)


def _listed(checks: Check | Sequence[Check]) -> list[ConfiguredCheck]:
    return [configured(check) for check in ([checks] if isinstance(checks, Check) else checks)]


def _host(checks: list[ConfiguredCheck]) -> Host:
    return checks[0].host if checks else default_host()


def _request(checks: list[ConfiguredCheck], context: AuthContext) -> Request:
    """The request for all checks. The host keeps from each check the parts that it may not read."""
    if not isinstance(context, AuthContext):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"the context must be a `guardhouse_checks.AuthContext`, not a `{type(context).__name__}`")
    reads = NOTHING
    for check in checks:
        reads |= check.reads
    return to_native(context, reads)


def _decided(report: _native.Report) -> Decision:
    _record.record(report)
    _record.record_faults(report)
    return Decision(
        report.allow is True,
        report.id,
        report.message,
        tuple(report.missing_scopes),
        tuple(report.scope_tokens),
        report,
    )


def _failed(error: Exception) -> Decision:
    decision = Decision(False, secrets.token_hex(16))
    _record.LOGGER.warning("decision %s: the checks could not be evaluated", decision.id, exc_info=error)
    return decision
