"""The records of the contract, with methods for checks."""

from __future__ import annotations

from collections.abc import Iterable

from . import _types


class AccessToken(_types.AccessToken):
    __doc__ = _types.AccessToken.__doc__
    __slots__ = ()

    def has_scope(self, scope: str) -> bool:
        """Whether the token holds `scope`, compared by code point."""
        return scope in self.scopes

    def has_scopes(self, scopes: Iterable[str]) -> bool:
        """Whether the token holds all `scopes`; True if there are none."""
        return not self.missing_scopes(scopes)

    def missing_scopes(self, scopes: Iterable[str]) -> list[str]:
        """The scopes among `scopes` that the token lacks, in the order given."""
        if isinstance(scopes, str):
            raise TypeError("scopes must be a list of strings, not a string")
        held = set(self.scopes)
        return [scope for scope in scopes if scope not in held]


class Component(_types.Component):
    __doc__ = _types.Component.__doc__
    __slots__ = ()

    def has_tag(self, tag: str) -> bool:
        """Whether the component has `tag`, compared by code point."""
        return tag in self.tags
