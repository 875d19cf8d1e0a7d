"""What a check is told about one request."""

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
    """What a verified OAuth 2.0 access token says."""

    client_id: str
    """The OAuth client that presented the token."""
    scopes: Sequence[str] = ()
    """The scopes granted."""
    subject: str | None = None
    """Who the token speaks for."""
    expires_at: int | None = None
    """Seconds since the Unix epoch. Whoever verified the token looked at it."""
    resource_indicator: str | None = None
    """The resource that the token was issued for (RFC 8707)."""
    claims: Mapping[str, Any] = field(default_factory=_nothing)
    """All claims of the token."""
    raw: str | None = field(default=None, repr=False)
    """The secret itself, for checks under the grant `raw-token`. No other check is told."""


@dataclass(frozen=True)
class Component:
    """The thing being accessed: a tool, a resource, a prompt."""

    kind: str
    """`tool`, `resource`, `resource-template`, `prompt`, or any other kind."""
    name: str
    """The name, unique within its kind."""
    uri: str | None = None
    """The URI of a resource, or the URI template of a resource template."""
    version: str | None = None
    """The version, where the component has one."""
    tags: Collection[str] = ()
    """The labels its author gave it."""
    detail: Mapping[str, Any] = field(default_factory=_nothing)
    """Title, description, input schema, annotations, meta and whatever else is known."""


@dataclass(frozen=True)
class AuthContext:
    """One request: who asks, what for, and all that is known of it.

    >>> AuthContext(Component("tool", "search"), AccessToken("alice-laptop", ["read"])).token.scopes
    ['read']
    """

    component: Component
    """What is being accessed."""
    token: AccessToken | None = None
    """The verified token; none if the caller did not authenticate."""
    action: str = ""
    """What is being done with it, for example `tools/call`; empty if nobody said."""
    now: int | None = None
    """Seconds since the Unix epoch, the only clock that a check has; this machine's if None."""
    arguments: Mapping[str, Any] | None = None
    """The arguments of the call; none where nothing is called."""
    attributes: Mapping[str, Any] = field(default_factory=_nothing)
    """Anything else that is known: headers, peer address."""


def to_json(context: AuthContext, *, documents: bool, raw_token: bool) -> bytes:
    """The form that the host reads: without documents (claims, detail, arguments, attributes) and without the secret
    for checks that cannot ask for them."""
    component = context.component
    document: dict[str, Any] = {
        "component": {
            "kind": component.kind,
            "name": component.name,
            "uri": component.uri,
            "version": component.version,
            # A set has no order: sorted, equal requests look equal.
            "tags": sorted(_texts("tags", component.tags)),
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
        "scopes": list(_texts("scopes", token.scopes)),
        "expires_at": token.expires_at,
        "resource_indicator": token.resource_indicator,
    }
    if documents:
        document["claims"] = dict(token.claims)
    if raw_token and token.raw is not None:
        document["raw"] = token.raw
    return document


def _texts(what: str, texts: Collection[str]) -> Collection[str]:
    """A text is a collection of its letters, which nobody means."""
    if isinstance(texts, str):
        raise TypeError(f"`{what}` must be a list of texts, and is one text")
    return texts
