"""Contexts for a plugin's unit tests. They run natively, without a host.

    from guardhouse_sdk import testing

    ctx = testing.tool("transfer", scopes=["pay"], arguments={"amount": 250})
    assert ctx.token is not None and ctx.token.has_scope("pay")
    assert ctx.argument("/amount") == 250

By default a context has no token, no tags, no arguments, empty details and attributes, and the time 0.
Any property of a token creates one. By default its client is `client`, and its claims are empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, cast

from ._context import AuthContext
from ._documents import Documents
from ._records import AccessToken, Component
from ._settings import reader

if TYPE_CHECKING:
    from typing_extensions import Unpack

T = TypeVar("T")


class Request(TypedDict, total=False):
    """The properties of a request that a test can set."""

    action: str
    """The action on the component."""
    now: int
    """The time, in seconds since the Unix epoch."""
    version: str
    """The component's version."""
    tags: Iterable[str]
    """The component's tags."""
    token: bool
    """Whether there is a token even if none of its properties is set."""
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
    claims: dict[str, Any]
    """All claims of the token."""
    raw_token: str
    """The bearer secret."""
    arguments: Any
    """All arguments of the call."""
    details: dict[str, Any]
    """All details of the component."""
    attributes: dict[str, Any]
    """All attributes of the request."""


# The members of a context in JSON, and their names in `Request`.
_CONTEXT = {name: name for name in ("action", "now", "arguments", "attributes")} | {"component": "", "token": ""}
_COMPONENT = {"kind": "", "name": "", "uri": "", "version": "version", "tags": "tags", "detail": "details"}
_TOKEN = {
    name: name for name in ("client_id", "subject", "scopes", "expires_at", "resource_indicator", "claims")
} | {"raw": "raw_token"}


def tool(name: str, **request: Unpack[Request]) -> AuthContext:
    """A call of the tool `name`: by default, the action is `tools/call`."""
    return _build("tool", name, None, "tools/call", request)


def resource(name: str, uri: str, **request: Unpack[Request]) -> AuthContext:
    """A read of the resource `name` at `uri`: by default, the action is `resources/read`."""
    return _build("resource", name, uri, "resources/read", request)


def prompt(name: str, **request: Unpack[Request]) -> AuthContext:
    """A use of the prompt `name`: by default, the action is `prompts/get`."""
    return _build("prompt", name, None, "prompts/get", request)


def component(kind: str, name: str, uri: str | None = None, **request: Unpack[Request]) -> AuthContext:
    """An access to a component of any kind: by default, the action is empty."""
    return _build(kind, name, uri, "", request)


def context(document: Mapping[str, Any]) -> AuthContext:
    """The context from a JSON document, in the form that `guardhouse check --context` takes."""
    accessed, token = document["component"], document.get("token")
    parts: list[tuple[Mapping[str, Any], dict[str, str]]] = [(document, _CONTEXT), (accessed, _COMPONENT)]
    if token is not None:
        parts.append((token, _TOKEN))
    set_properties: dict[str, Any] = {"token": token is not None}
    for part, members in parts:
        # A misspelt member must not look like an omitted one.
        if unknown := sorted(part.keys() - members.keys()):
            raise TypeError(f"unknown member `{unknown[0]}` in a context")
        set_properties |= {members[name]: value for name, value in part.items() if members[name] and value is not None}
    return _build(accessed["kind"], accessed["name"], accessed.get("uri"), "", cast(Request, set_properties))


def settings(target: type[T], document: Mapping[str, Any]) -> T:
    """The settings from a JSON document, as when the host configures the plugin."""
    return cast(T, reader(target)(json.loads(json.dumps(document)), ""))


def _build(kind: str, name: str, uri: str | None, action: str, request: Request) -> AuthContext:
    unknown = request.keys() - Request.__annotations__.keys()
    if unknown:
        raise TypeError(f"unknown properties of a request: {', '.join(sorted(unknown))}")
    token = None
    if request.get("token", any(name in request for name in _TOKEN.values())):
        token = AccessToken(
            request.get("client_id", "client"),
            request.get("subject"),
            _texts(request.get("scopes", ())),
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
    accessed = Component(kind, name, uri, request.get("version"), _texts(request.get("tags", ())))
    return AuthContext(token, accessed, request.get("action", action), request.get("now", 0), source)


def _texts(several: Iterable[str]) -> list[str]:
    """A list. A single string is an error: Python would iterate its letters."""
    if isinstance(several, str):
        raise TypeError("scopes and tags must be lists of strings, not strings")
    return list(several)
