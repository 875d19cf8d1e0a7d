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


def to_json(context: AuthContext, *, documents: bool, raw_token: bool) -> bytes:
    """The JSON that the host reads. The documents (claims, detail, arguments, attributes) and the bearer secret are
    omitted if no check can read them."""
    component = context.component
    document: dict[str, Any] = {
        "component": {
            "kind": component.kind,
            "name": component.name,
            "uri": component.uri,
            "version": component.version,
            # Sets are unordered: sorting makes equal requests equal as JSON.
            "tags": sorted(_strings("tags", component.tags)),
        },
        "action": context.action,
        "now": int(time.time()) if context.now is None else context.now,
    }
    if documents:
        document["component"]["detail"] = dict(component.detail)
        document["attributes"] = dict(context.attributes)
        if context.arguments is not None:
            document["arguments"] = dict(context.arguments)
    if context.token is not None:
        document["token"] = _token(context.token, documents=documents, raw_token=raw_token)
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _token(token: AccessToken, *, documents: bool, raw_token: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "client_id": token.client_id,
        "subject": token.subject,
        "scopes": list(_strings("scopes", token.scopes)),
        "expires_at": token.expires_at,
        "resource_indicator": token.resource_indicator,
    }
    if documents:
        document["claims"] = dict(token.claims)
    if raw_token and token.raw is not None:
        document["raw"] = token.raw
    return document


def _strings(what: str, texts: Collection[str]) -> Collection[str]:
    """Rejects a single string, which Python would iterate letter by letter."""
    if isinstance(texts, str):
        raise TypeError(f"`{what}` must be a list of strings, not a string")
    return texts
