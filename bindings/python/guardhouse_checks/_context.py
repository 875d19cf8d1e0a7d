"""The request that a check decides about."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class AccessToken:
    """A verified OAuth 2.0 access token."""

    client_id: str
    """The OAuth client that presented the token."""
    scopes: Sequence[str] = ()
    """The scopes granted."""
    subject: str | None = None
    """The user or machine that the token was issued for."""
    expires_at: int | None = None
    """Seconds since the Unix epoch. The token's verifier has checked it; a check need not."""
    resource_indicator: str | None = None
    """The resource that the token was issued for (RFC 8707)."""
    claims: Mapping[str, Any] = field(default_factory=_nothing)
    """All claims of the token."""
    raw: str | None = field(default=None, repr=False)
    """The bearer secret. Only checks with the grant `raw-token` can read it."""

    def __post_init__(self) -> None:
        _text("client_id", self.client_id)
        _texts("scopes", self.scopes)
        _optional_text("subject", self.subject)
        object.__setattr__(self, "expires_at", _seconds("expires_at", self.expires_at))
        _optional_text("resource_indicator", self.resource_indicator)
        _mapping("claims", self.claims)
        if self.raw is not None and not isinstance(self.raw, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            # The secret must not be in the error.
            raise TypeError(f"`raw` must be a string or None, not a `{type(self.raw).__name__}`")


@dataclass(frozen=True)
class Component:
    """The component being accessed: a tool, a resource, a prompt."""

    kind: str
    """`tool`, `resource`, `resource-template`, `prompt`, or any other kind."""
    name: str
    """The name, unique within its kind."""
    uri: str | None = None
    """The URI of a resource, or the URI template of a resource template."""
    version: str | None = None
    """The version, if the component has one."""
    tags: Collection[str] = ()
    """The labels that its author gave it."""
    detail: Mapping[str, Any] = field(default_factory=_nothing)
    """Title, description, input schema, annotations, meta and anything else that is known."""

    def __post_init__(self) -> None:
        _text("kind", self.kind)
        _text("name", self.name)
        _optional_text("uri", self.uri)
        _optional_text("version", self.version)
        _texts("tags", self.tags)
        _mapping("detail", self.detail)


@dataclass(frozen=True)
class AuthContext:
    """One request: the caller's token, the component, the action, and everything else that is known of it.

    >>> AuthContext(Component("tool", "search"), AccessToken("alice-laptop", ["read"])).token.scopes
    ['read']
    """

    component: Component
    """The component being accessed."""
    token: AccessToken | None = None
    """The verified token; None if the caller did not authenticate."""
    action: str = ""
    """The action on the component, for example `tools/call`; empty if it is unknown."""
    now: int | None = None
    """Seconds since the Unix epoch, the only clock that a check has; None means this machine's clock."""
    arguments: Mapping[str, Any] | None = None
    """The arguments of the call; None if the action is not a call."""
    attributes: Mapping[str, Any] = field(default_factory=_nothing)
    """Anything else that is known, such as headers or the peer address."""

    def __post_init__(self) -> None:
        if not isinstance(self.component, Component):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`component` must be a `guardhouse_checks.Component`, not {self.component!r}")
        if self.token is not None and not isinstance(self.token, AccessToken):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`token` must be a `guardhouse_checks.AccessToken`, not a `{type(self.token).__name__}`")
        _text("action", self.action)
        object.__setattr__(self, "now", _seconds("now", self.now))
        if self.arguments is not None:
            _mapping("arguments", self.arguments)
        _mapping("attributes", self.attributes)


@dataclass(frozen=True)
class Reads:
    """The parts of a request that a check can read besides the record."""

    claims: bool
    detail: bool
    arguments: bool
    attributes: bool
    raw_token: bool

    @staticmethod
    def of(documents: Collection[str], *, raw_token: bool) -> Reads:
        """The reads of a check that imports the functions for these documents."""
        return Reads(
            claims="claim" in documents,
            detail="detail" in documents,
            arguments="argument" in documents,
            attributes="attribute" in documents,
            raw_token=raw_token,
        )

    def __or__(self, other: Reads) -> Reads:
        """The reads of two checks together."""
        return Reads(
            self.claims or other.claims,
            self.detail or other.detail,
            self.arguments or other.arguments,
            self.attributes or other.attributes,
            self.raw_token or other.raw_token,
        )


NOTHING = Reads(False, False, False, False, False)


Document = bytes | str | None
"""A document for the host: its JSON text; the reason why it has none, as a string; or None if there is no document."""


Request = tuple[Any, ...]
"""A request for the host, as `bindings/python/src/request.rs` reads it. Equal requests are equal."""


def to_native(context: AuthContext, reads: Reads) -> Request:
    """The request as the host takes it, without the documents and the secret that no check can read."""
    component, token = context.component, context.token
    detail = document(component.detail) if reads.detail else None
    parts = (
        component.kind,
        component.name,
        component.uri,
        component.version,
        # Sets are unordered: sorting makes equal requests equal.
        tuple(sorted(component.tags)),
        detail,
    )
    caller = None
    if token is not None:
        caller = (
            token.client_id,
            token.subject,
            tuple(token.scopes),
            token.expires_at,
            token.resource_indicator,
            token.raw if reads.raw_token else None,
            document(token.claims) if reads.claims else None,
        )
    return (
        context.action,
        int(time.time()) if context.now is None else context.now,
        parts,
        caller,
        document(context.arguments) if reads.arguments and context.arguments is not None else None,
        document(context.attributes) if reads.attributes else None,
    )


def document(value: Mapping[str, Any]) -> Document:
    """A document for the host. One that is not JSON is an error of the check that reads it, and of no other."""
    try:
        return json.dumps(dict(value), ensure_ascii=False, separators=(",", ":")).encode()
    except Exception as error:
        return f"it is not JSON: {type(error).__name__}: {error}"


def _text(what: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"`{what}` must be a string, not {value!r}")


def _optional_text(what: str, value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"`{what}` must be a string or None, not {value!r}")


def _texts(what: str, value: Any) -> None:
    # A string would be read letter by letter.
    if isinstance(value, str) or not isinstance(value, Collection):
        raise TypeError(f"`{what}` must be a list of strings, not {value!r}")
    for each in value:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(each, str):
            raise TypeError(f"each of `{what}` must be a string, not {each!r}")


def _mapping(what: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"`{what}` must be a mapping, not {value!r}")


def _seconds(what: str, value: Any) -> int | None:
    """Whole seconds. A float that is whole is taken."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        seconds = value
    elif isinstance(value, float):
        if not value.is_integer():
            raise ValueError(f"`{what}` must be whole seconds, not {value!r}: write `int(...)`")
        seconds = int(value)
    else:
        raise TypeError(f"`{what}` must be whole seconds, not {value!r}")
    if seconds is not None and not -(2**63) <= seconds < 2**63:
        raise ValueError(f"`{what}` must be an integer of 64 bits, not {value!r}")
    return seconds
