from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import _json
from ._error import plain
from ._records import AccessToken, Component

# RFC 6901 section 3.
_POINTER = re.compile("(?:/(?:[^/~]|~[01])*)*")


class Source(Protocol):
    """The source of the documents of a request: the host, or a unit test."""

    @property
    def claim(self) -> Callable[[str], str | None]: ...
    @property
    def detail(self) -> Callable[[str], str | None]: ...
    @property
    def argument(self) -> Callable[[str], str | None]: ...
    @property
    def attribute(self) -> Callable[[str], str | None]: ...
    @property
    def raw_token(self) -> Callable[[], str | None]: ...


@dataclass(frozen=True, slots=True)
class AuthContext:
    """One request, as a check sees it. It is the same for every check of one decision.

    The methods take a JSON pointer (RFC 6901) and fetch a part of the request from the host; `""` is
    the whole document. A string that is not empty and does not begin with `/` raises `ValueError`. The
    methods return parsed JSON (`dict`, `list`, `str`, `int`, `float`, `bool`, or None for `null`), or
    `default` if the pointer finds nothing.
    """

    token: AccessToken | None
    """The verified access token; None if the caller did not authenticate."""
    component: Component
    """The component being accessed."""
    action: str
    """The action on the component, for example `tools/call` or `tools/list`."""
    now: int
    """Seconds since the Unix epoch, the same for every check of one decision."""
    _source: Source = field(repr=False, compare=False)

    @property
    def tool(self) -> Component | None:
        """The component being accessed, if it is a tool."""
        return self.component if self.component.kind == "tool" else None

    def claim(self, pointer: str, default: Any = None) -> Any:
        """A claim of the token; `default` without a token or without the claim."""
        return _parsed(self._source.claim, pointer, default)

    def detail(self, pointer: str, default: Any = None) -> Any:
        """A detail of the component: its title, description, input schema, annotations, meta and
        anything else that the enforcement point knows of it."""
        return _parsed(self._source.detail, pointer, default)

    def argument(self, pointer: str, default: Any = None) -> Any:
        """An argument of the call; `default` if the action is not a call, for example a list."""
        return _parsed(self._source.argument, pointer, default)

    def attribute(self, pointer: str, default: Any = None) -> Any:
        """An attribute of the request that the enforcement point sent: a header, the peer address, AuthZEN context."""
        return _parsed(self._source.attribute, pointer, default)


def _parsed(fetch: Callable[[str], str | None], pointer: str, default: Any) -> Any:
    pointer = plain(pointer)
    if _POINTER.fullmatch(pointer) is None:
        raise ValueError(f"`{pointer}` is not a JSON pointer: it must begin with `/`, with 0 or 1 after each `~`")
    document = fetch(pointer)
    return default if document is None else _json.parse(document)
