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
    """Where the rest of the request comes from: the host, or a unit test."""

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
    """One request, as a check sees it. Every check of one decision sees the same.

    The methods take a JSON pointer (RFC 6901) and fetch the rest of the request from the host; `""`
    is the whole document, and a text that neither is empty nor begins with `/` is a `ValueError`. What
    they answer is the parsed JSON (`dict`, `list`, `str`, `int`, `float`, `bool`, or None for `null`), or
    `default` if nothing is there.
    """

    token: AccessToken | None
    """The verified access token; none if the caller did not authenticate."""
    component: Component
    """What is being accessed."""
    action: str
    """What is being done, for example `tools/call` or `tools/list`."""
    now: int
    """Seconds since the Unix epoch, the same for every check of one decision."""
    _source: Source = field(repr=False, compare=False)

    @property
    def tool(self) -> Component | None:
        """What is being accessed, if it is a tool."""
        return self.component if self.component.kind == "tool" else None

    def claim(self, pointer: str, default: Any = None) -> Any:
        """A claim of the token; `default` without a token or without the claim."""
        return _parsed(self._source.claim, pointer, default)

    def detail(self, pointer: str, default: Any = None) -> Any:
        """A detail of the component: its title, description, input schema, annotations, meta and
        whatever else the enforcement point knows of it."""
        return _parsed(self._source.detail, pointer, default)

    def argument(self, pointer: str, default: Any = None) -> Any:
        """An argument of the call; `default` where nothing is called, as in a list."""
        return _parsed(self._source.argument, pointer, default)

    def attribute(self, pointer: str, default: Any = None) -> Any:
        """Anything else that the enforcement point sent: headers, peer address, AuthZEN context."""
        return _parsed(self._source.attribute, pointer, default)


def _parsed(fetch: Callable[[str], str | None], pointer: str, default: Any) -> Any:
    pointer = plain(pointer)
    if _POINTER.fullmatch(pointer) is None:
        # It would find nothing, whatever is there.
        raise ValueError(f"`{pointer}` is no JSON pointer: those begin with `/`, and have 0 or 1 after `~`")
    document = fetch(pointer)
    return default if document is None else _json.parse(document)
