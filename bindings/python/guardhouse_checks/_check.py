"""The public class of checks. It knows nothing of FastMCP."""

from __future__ import annotations

from typing import Any

from guardhouse_checks import _native, _record
from guardhouse_checks._answer import Answer
from guardhouse_checks._configured import Composition, ConfiguredCheck, Definition
from guardhouse_checks._context import AuthContext, to_native
from guardhouse_checks._host import Host


class AuthorizationError(Exception):
    """A check denied with a message. The message reaches the caller unchanged."""


class CheckFailed(Exception):
    """A check failed, which denies. The text is for the operator: no caller may see it."""


class Check:
    """A check, made by `guardhouse_checks.check`, `any_of`, `all_of` or `negate`.

    FastMCP accepts it wherever it accepts an auth check. Without FastMCP, it can be awaited with a
    `guardhouse_checks.AuthContext`; `guardhouse_checks.run_auth_checks` is more convenient.
    """

    def __init__(self, configured: ConfiguredCheck) -> None:
        self._configured = configured
        # FastMCP's log names a check that failed by this attribute.
        self.__name__ = configured.id

    @property
    def id(self) -> str:
        """The name under which the check is logged."""
        return self._configured.id

    @property
    def digest(self) -> str | None:
        """The digest of its plugin; None for a native check and a composed one."""
        return self._configured.digest

    @property
    def names_missing_scopes(self) -> bool:
        """Whether missing scopes are its only reason to deny without a message, and it can name them."""
        return self._configured.names_missing_scopes

    @property
    def host(self) -> Host:
        """The host that it runs on."""
        return self._configured.host

    def __call__(self, ctx: Any) -> Answer[bool]:
        """Whether the request is allowed, once it is awaited. Before, it is neither true nor false: `bool()` raises a
        `TypeError`.

        Raises:
            AuthorizationError: The check denied with a message. With FastMCP's context, it is FastMCP's own class.
            CheckFailed: The check failed, which denies too.
        """
        return Answer(self._evaluate(ctx) if isinstance(ctx, AuthContext) else self._evaluate_foreign(ctx))

    async def _evaluate(self, ctx: AuthContext) -> bool:
        request = to_native(ctx, self._configured.reads)
        [report], _ = await self._configured.evaluate([request], missing_scopes=False)
        return answer(report, AuthorizationError)

    async def _evaluate_foreign(self, ctx: Any) -> bool:
        """Whether a request is allowed that a server framework describes in a class of its own."""
        raise TypeError(f"a check takes a `guardhouse_checks.AuthContext`, not a `{type(ctx).__name__}`")

    def __deepcopy__(self, memo: dict[int, Any]) -> Check:
        """Checks are immutable: a deep copy of a component shares its check."""
        return self

    def __reduce__(self) -> tuple[object, tuple[type[Check], Definition | Composition]]:
        return _unpickled, (type(self), self._configured.definition)

    def __repr__(self) -> str:
        return f"<guardhouse check {self.id!r}>"


def configured(check: Check) -> ConfiguredCheck:
    """The check behind a public one, for the modules of this package."""
    return check._configured  # pyright: ignore[reportPrivateUsage]


def answer(report: _native.Report, error: type[Exception]) -> bool:
    """The decision of one check in the form that FastMCP expects: a bool, or an exception.

    Everything but an allow is a denial, and only the check's own message becomes an `error`.
    """
    if report.has_faults:
        for check in report.checks:
            if check.outcome == "failed":
                raise CheckFailed(_record.fault(report, _record.failed_leaf(check)))
    if report.message is not None:
        raise error(report.message)
    return report.allow is True


def _unpickled(kind: type[Check], definition: Definition | Composition) -> Check:
    return kind(ConfiguredCheck(definition))
