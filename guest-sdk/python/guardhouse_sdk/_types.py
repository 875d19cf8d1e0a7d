"""The records of `guardhouse:auth@0.1.0`. Generated from wit/; do not edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A verified OAuth 2.0 access token, without the secret itself, for which see `raw-token`."""

    client_id: str
    """The OAuth client that presented the token (RFC 9068 `client_id`)."""
    subject: str | None
    """The user for whom the token speaks (RFC 7519 `sub`); none for a client that acts for itself."""
    scopes: list[str]
    """The scopes granted. Scopes are equal if their code points are; they have no order and no hierarchy."""
    expires_at: int | None
    """Seconds since the Unix epoch; none if the token never expires. The verifier of the token checks the expiry; the
    host does not."""
    resource_indicator: str | None
    """The resource that the token was issued for (RFC 8707)."""


@dataclass(frozen=True, slots=True)
class Component:
    """The thing being accessed. "Component" is the Model Context Protocol's term here, not WebAssembly's."""

    kind: str
    """ "tool", "resource", "resource-template", "prompt", or any other kind; see `docs/request.md`."""
    name: str
    """The name, unique within its kind."""
    uri: str | None
    """The URI of a resource, or the URI template of a resource template."""
    version: str | None
    """The version, if the component has one."""
    tags: list[str]
    """The labels that its author gave it. Labels inside `detail` are not among them."""
