"""Lists of checks, for Python without FastMCP."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from guardhouse import _listener, _native, _record
from guardhouse._check import Check, ready
from guardhouse._context import AuthContext, to_json
from guardhouse._host import Host, default_host


@dataclass(frozen=True)
class Decision:
    """The answer to one request. It is true if it is an allow."""

    allow: bool
    """Whether every check allowed."""
    id: str
    """The key to the operator's record, which the caller may be given."""
    message: str | None = None
    """The words of the check that denied, for the caller; none if it said nothing, or failed."""
    missing_scopes: tuple[str, ...] = ()
    """The scopes that would do, if scopes are all that is missing and `missing_scopes` was asked for."""
    report: _native.Report | None = field(default=None, repr=False, compare=False)
    """How it came about, for the operator; none if the checks could not even be asked."""

    def __bool__(self) -> bool:
        return self.allow is True


def run_auth_checks(
    checks: Check | Sequence[Check], context: AuthContext, *, missing_scopes: bool = False
) -> Decision:
    """Asks each check in the order given until one does not allow. All allow: allow.

    It waits for the decision without the interpreter's lock. A denial is no exception, whatever its reason: a check
    that fails denies, and so does a request that cannot be read.

    >>> import guardhouse
    >>> read = guardhouse.check("builtin:require-scopes", settings={"scopes": ["read"]})
    >>> alice = guardhouse.AccessToken("alice-laptop", ["write"])
    >>> context = guardhouse.AuthContext(guardhouse.Component("tool", "search"), alice)
    >>> decision = guardhouse.run_auth_checks([read], context, missing_scopes=True)
    >>> decision.allow, decision.missing_scopes
    (False, ('read',))
    """
    try:
        listed = _listed(checks)
        native = [check.native() for check in listed]
        text = _context(listed, context)
        return _decided(_native.ask_and_wait(_host(listed).native, native, text, missing_scopes))
    except Exception as error:
        return _failed(error)


async def run_auth_checks_async(
    checks: Check | Sequence[Check], context: AuthContext, *, missing_scopes: bool = False
) -> Decision:
    """Like `run_auth_checks`, in an event loop, which goes on meanwhile."""
    try:
        listed = _listed(checks)
        await ready(listed)
        native = [check.native() for check in listed]
        text = _context(listed, context)
        return _decided(await _listener.ask(_host(listed).native, native, text, missing_scopes=missing_scopes))
    except Exception as error:
        return _failed(error)


def _listed(checks: Check | Sequence[Check]) -> list[Check]:
    return [checks] if isinstance(checks, Check) else list(checks)


def _host(checks: list[Check]) -> Host:
    return checks[0].host if checks else default_host()


def _context(checks: list[Check], context: AuthContext) -> bytes:
    """One request for all: what a check may not read, the host keeps from it."""
    documents = any(check.reads[0] for check in checks)
    return to_json(context, documents=documents, raw_token=any(check.reads[1] for check in checks))


def _decided(report: _native.Report) -> Decision:
    _record.record(report)
    for check in _record.failed(report):
        _record.LOGGER.warning("%s", _record.fault(report, check))
    return Decision(report.allow is True, report.id, report.message, tuple(report.missing_scopes), report)


def _failed(error: Exception) -> Decision:
    decision = Decision(False, secrets.token_hex(16))
    _record.LOGGER.warning("decision %s: the checks could not be asked", decision.id, exc_info=error)
    return decision
