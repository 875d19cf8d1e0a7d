"""The records of the contract, with what a check asks of them."""

from __future__ import annotations

from collections.abc import Iterable

from . import _types


class AccessToken(_types.AccessToken):
    __doc__ = _types.AccessToken.__doc__
    __slots__ = ()

    def has_scope(self, scope: str) -> bool:
        """Whether the token holds `scope`, compared as it is: by code point."""
        return scope in self.scopes

    def has_scopes(self, scopes: Iterable[str]) -> bool:
        """Whether the token holds each of `scopes`. It always holds each of none."""
        return not self.missing_scopes(scopes)

    def missing_scopes(self, scopes: Iterable[str]) -> list[str]:
        """Those of `scopes` that the token lacks, in the order given."""
        if isinstance(scopes, str):
            raise TypeError("several scopes are asked for as a list, not as one text")
        held = set(self.scopes)
        return [scope for scope in scopes if scope not in held]


class Component(_types.Component):
    __doc__ = _types.Component.__doc__
    __slots__ = ()

    def has_tag(self, tag: str) -> bool:
        """Whether the component carries `tag`, compared as it is: by code point."""
        return tag in self.tags
