"""The records of `guardhouse:auth@0.1.0`. Generated from wit/; do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified OAuth 2.0 access token says. The secret itself is never here; see `raw-token`."""

    client_id: str
    """The OAuth client that presented the token (RFC 9068 `client_id`)."""
    subject: str | None
    """Who the token speaks for (RFC 7519 `sub`); none for a client acting for itself."""
    scopes: list[str]
    """The scopes granted, compared as they are: by code point, with no order and no hierarchy."""
    expires_at: int | None
    """Seconds since the Unix epoch; none if the token never expires. Expiry was checked by whoever
    verified the token, not by the host."""
    resource_indicator: str | None
    """The resource that the token was issued for (RFC 8707)."""


@dataclass(frozen=True, slots=True)
class Component:
    """The thing being accessed. "component" is the Model Context Protocol's word, not WebAssembly's."""

    kind: str
    """ "tool", "resource", "resource-template", "prompt", or any other kind that a caller names."""
    name: str
    """The name, unique within its kind."""
    uri: str | None
    """The URI of a resource, or the URI template of a resource template."""
    version: str | None
    """The version, where the component has one."""
    tags: list[str]
    """The labels its author gave it. Labels inside `meta` are not among them."""
