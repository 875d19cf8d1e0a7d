"""`any_of`, `all_of` and `negate`: one check of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from guardhouse_checks import _native
from guardhouse_checks._check import Check, configured
from guardhouse_checks._configured import Composition, ConfiguredCheck
from guardhouse_checks._factory import public

MAX_DEPTH = 16
"""The maximum depth of composed checks inside each other, as in Guardhouse itself."""


def any_of(checks: Iterable[Check], *, id: str | None = None) -> Check:
    """A check that evaluates its members in order, and stops at the first that allows. Without members, it denies.

    If none allows and one failed, it fails; otherwise it denies with the first message that a member gave, or without
    one. A member that fails beside one that allows is logged, and decides nothing.

    >>> import guardhouse_checks
    >>> needs = lambda scope: guardhouse_checks.check("builtin:require-scopes", {"scopes": [scope]})
    >>> owner = guardhouse_checks.AccessToken("alice-laptop", ["owner"])
    >>> context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "pay"), owner)
    >>> either = guardhouse_checks.any_of([needs("admin"), needs("owner")])
    >>> bool(guardhouse_checks.run_auth_checks(either, context))
    True

    Args:
        checks: The members: checks of this package.
        id: The name under which the check is logged; by default one that is made of the names of its members.
    """
    return _composed("any_of", checks, id)


def all_of(checks: Iterable[Check], *, id: str | None = None) -> Check:
    """A check that evaluates its members in order, and stops at the first that does not allow, whose answer it gives.
    Without members, it allows.

    A list of checks does the same; this is for a member of `any_of` or `negate`.

    Args:
        checks: The members: checks of this package.
        id: The name under which the check is logged; by default one that is made of the names of its members.
    """
    return _composed("all_of", checks, id)


def negate(check: Check, *, id: str | None = None) -> Check:
    """A check that denies without a message if its member allows, and allows if its member denies without a message. A
    denial with a message, and a failure, stay as they are.

    Args:
        check: The member: a check of this package.
        id: The name under which the check is logged; by default one that is made of the name of its member.
    """
    return _composed("negate", [check], id)


def _composed(rule: Literal["any_of", "all_of", "negate"], checks: Iterable[Check], id: str | None) -> Check:
    if isinstance(checks, Check):
        raise TypeError(f"`{rule}` takes a list of checks, not one check")
    members = tuple(_member(rule, check) for check in checks)
    composition = Composition(rule, members, id)
    if composition.depth > MAX_DEPTH:
        raise _native.ConfigError(f"composed checks are inside each other more than {MAX_DEPTH} levels deep")
    return public(ConfiguredCheck(composition))


def _member(rule: str, check: Check) -> ConfiguredCheck:
    if isinstance(check, Check):  # pyright: ignore[reportUnnecessaryIsInstance]
        if type(check).__call__ is not Check.__call__:
            raise TypeError(
                f"`{rule}` asks the plugin of a check, and would not call the `__call__` of `{type(check).__name__}`"
            )
        return configured(check)
    raise TypeError(
        f"`{rule}` composes checks of `guardhouse_checks.check`, not a `{type(check).__name__}`: "
        'FastMCP\'s own checks exist as `guardhouse_checks.check("native:require-scopes", ...)` and so on'
    )
