"""Contexts for a plugin's unit tests. They run natively, without a host.

    from guardhouse_sdk import testing

    ctx = testing.tool("transfer", scopes=["pay"], arguments={"amount": 250})
    assert ctx.token is not None and ctx.token.has_scope("pay")
    assert ctx.argument("/amount") == 250

A context starts with no token, no tags, no arguments, empty details and attributes, and the time 0.
What is said of the token creates one, of the client `client` and with empty claims unless told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from ._context import AuthContext
from ._documents import Documents
from ._records import AccessToken, Component
from ._settings import reader

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


class Request(TypedDict, total=False):
    """What a test may say of a request."""

    action: str
    """What is being done."""
    now: int
    """The time, in seconds since the Unix epoch."""
    version: str
    """The component's version."""
    tags: Iterable[str]
    """The component's tags."""
    token: bool
    """Whether there is a token even if nothing else is said of it."""
    client_id: str
    """The token's client."""
    subject: str
    """The token's subject."""
    scopes: Iterable[str]
    """The token's scopes."""
    expires_at: int
    """The token's expiry, in seconds since the Unix epoch."""
    resource_indicator: str
    """The resource that the token was issued for."""
    claims: Mapping[str, Any]
    """All claims of the token."""
    raw_token: str
    """The bearer secret."""
    arguments: Any
    """All arguments of the call."""
    details: Mapping[str, Any]
    """All details of the component."""
    attributes: Mapping[str, Any]
    """All attributes of the request."""


_OF_THE_TOKEN = {"client_id", "subject", "scopes", "expires_at", "resource_indicator", "claims", "raw_token"}


def tool(name: str, **request: Unpack[Request]) -> AuthContext:
    """A call of the tool `name`: the action is `tools/call` unless told."""
    return _build("tool", name, None, "tools/call", request)


def resource(name: str, uri: str, **request: Unpack[Request]) -> AuthContext:
    """A read of the resource `name` at `uri`: the action is `resources/read` unless told."""
    return _build("resource", name, uri, "resources/read", request)


def prompt(name: str, **request: Unpack[Request]) -> AuthContext:
    """A use of the prompt `name`: the action is `prompts/get` unless told."""
    return _build("prompt", name, None, "prompts/get", request)


def component(kind: str, name: str, uri: str | None = None, **request: Unpack[Request]) -> AuthContext:
    """An access to a component of any kind: the action is empty unless told."""
    return _build(kind, name, uri, "", request)


def context(document: Mapping[str, Any]) -> AuthContext:
    """The context that a JSON document says, in the form that `guardhouse check --context` takes."""
    said: dict[str, Any] = {name: document[name] for name in ("now", "arguments", "attributes") if name in document}
    accessed = document["component"]
    said |= {name: accessed[name] for name in ("version", "tags") if accessed.get(name) is not None}
    if "detail" in accessed:
        said["details"] = accessed["detail"]
    if (token := document.get("token")) is not None:
        said |= {"raw_token" if name == "raw" else name: value for name, value in token.items() if value is not None}
    request = Request(**said)
    return _build(accessed["kind"], accessed["name"], accessed.get("uri"), document.get("action", ""), request)


def settings(target: type[T], document: Mapping[str, Any]) -> T:
    """The settings that a JSON document becomes when the host configures the plugin."""
    return reader(target)(json.loads(json.dumps(document)), "")


def _build(kind: str, name: str, uri: str | None, action: str, request: Request) -> AuthContext:
    unknown = request.keys() - Request.__annotations__.keys()
    if unknown:
        raise TypeError(f"a request has no {', '.join(sorted(unknown))}")
    token = None
    if request.get("token", not _OF_THE_TOKEN.isdisjoint(request)):
        token = AccessToken(
            request.get("client_id", "client"),
            request.get("subject"),
            list(request.get("scopes", ())),
            request.get("expires_at"),
            request.get("resource_indicator"),
        )
    source = Documents(
        claims=request.get("claims", {}) if token else None,
        details=request.get("details", {}),
        arguments=request.get("arguments"),
        attributes=request.get("attributes", {}),
        raw=request.get("raw_token"),
    )
    accessed = Component(kind, name, uri, request.get("version"), list(request.get("tags", ())))
    return AuthContext(token, accessed, request.get("action", action), request.get("now", 0), source)
