"""Translation of FastMCP's requests. All differences between FastMCP 3 and 4 are in this module."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from guardhouse_checks._context import AccessToken, AuthContext, Component

try:  # FastMCP 4
    from fastmcp.server.dependencies import (  # pyright: ignore
        fastmcp_request_ctx as _request_variable,  # pyright: ignore
    )
except ImportError:  # FastMCP 3
    from mcp.server.lowlevel.server import request_ctx as _request_variable  # type: ignore # pyright: ignore

_KINDS = {"tool": "tool", "resource": "resource", "template": "resource-template", "prompt": "prompt"}


@dataclass(frozen=True)
class Call:
    """The parts of a request that only the middleware sees."""

    request: Any
    server: Any
    action: str
    component: str | None
    """The name of the tool or prompt; None for requests without one, such as lists."""
    arguments: Mapping[str, Any] | None


CALL: ContextVar[Call | None] = ContextVar("guardhouse_call", default=None)


def current_request() -> Any:
    """The MCP request that this task serves; None outside of a request."""
    return _request_variable.get(None)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def current_server() -> Any:
    """The FastMCP server that serves this request; None outside of a request."""
    from fastmcp.server.dependencies import get_context

    try:
        return get_context().fastmcp
    except RuntimeError:
        return None


def translate(ctx: Any, now: int, *, documents: bool) -> AuthContext:
    """FastMCP's context as a `guardhouse_checks.AuthContext`."""
    component = _component(ctx.component, documents=documents)
    call = CALL.get()
    # A tool may call a tool of another server, or one of its own without middleware: that is not this call.
    if call is not None and not (
        call.request is current_request()
        and call.server is not None
        and call.server is current_server()
        and call.component in (None, component.name)
    ):
        call = None
    return AuthContext(
        component=component,
        token=None if ctx.token is None else _token(ctx.token),
        action="" if call is None else call.action,
        now=now,
        arguments=None if call is None else call.arguments,
    )


def _token(token: Any) -> AccessToken:
    claims: Mapping[str, Any] = token.claims or {}
    subject = getattr(token, "subject", None)
    if subject is None and isinstance(claims.get("sub"), str):
        subject = claims["sub"]
    return AccessToken(
        client_id=token.client_id,
        scopes=token.scopes,
        subject=subject,
        expires_at=token.expires_at,
        resource_indicator=token.resource,
        claims=claims,
        raw=token.token,
    )


def _component(component: Any, *, documents: bool) -> Component:
    uri = getattr(component, "uri", None) or getattr(component, "uri_template", None)
    return Component(
        kind=_KINDS[component.KEY_PREFIX],
        name=component.name,
        uri=None if uri is None else str(uri),
        version=component.version,
        tags=component.tags,
        detail=_detail(component) if documents else {},
    )


def _detail(component: Any) -> dict[str, Any]:
    """The other properties of a component, named as in MCP."""
    detail = {
        "title": component.title,
        "description": component.description,
        "meta": component.meta,
        "inputSchema": getattr(component, "parameters", None),
        "outputSchema": getattr(component, "output_schema", None),
        "mimeType": getattr(component, "mime_type", None),
        "annotations": _plain(getattr(component, "annotations", None)),
        "arguments": [_plain(argument) for argument in getattr(component, "arguments", None) or ()] or None,
    }
    return {name: value for name, value in detail.items() if value is not None}


def _plain(model: Any) -> Any:
    if model is None or isinstance(model, dict):
        return model  # pyright: ignore[reportUnknownVariableType]
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
