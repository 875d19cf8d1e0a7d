"""Translation of FastMCP's requests for the host. Most differences between FastMCP 3 and 4 are in this module."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from fastmcp.tools.tool_transform import TransformedTool

from guardhouse_checks._context import Document, Reads, Request
from guardhouse_checks._fastmcp_attributes import attributes, json_document
from guardhouse_checks._fastmcp_call import Call, current_call

try:  # FastMCP 4
    from fastmcp.server.dependencies import (  # pyright: ignore
        fastmcp_request_ctx as _request_variable,  # pyright: ignore
    )
except ImportError:  # FastMCP 3
    from mcp.server.lowlevel.server import request_ctx as _request_variable  # type: ignore # pyright: ignore

_KINDS = {"tool": "tool", "resource": "resource", "template": "resource-template", "prompt": "prompt"}
_DETAIL = (("title", "title"), ("description", "description"), ("meta", "meta"))
# A property that a kind does not have costs microseconds to ask for.
_DETAIL_OF_KIND = {
    "tool": (("inputSchema", "parameters"), ("outputSchema", "output_schema"), ("annotations", "annotations")),
    "resource": (("mimeType", "mime_type"), ("annotations", "annotations")),
    "template": (("inputSchema", "parameters"), ("mimeType", "mime_type"), ("annotations", "annotations")),
    "prompt": (("arguments", "arguments"),),
}

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


def translate(ctx: Any, now: int, reads: Reads) -> Request:
    """FastMCP's context for the host, with the documents that the check can read."""
    component, token = ctx.component, ctx.token
    call = current_call()
    return (
        call.action,
        now,
        _component(component, detail=reads.detail),
        None if token is None else _token(token, reads),
        _arguments(call, component) if reads.arguments else None,
        attributes(current_request(), call.headers) if reads.attributes else None,
    )


def _arguments(call: Call, component: Any) -> Document:
    """The arguments of the call that the check is asked in; or the reason why they are not known."""
    if call.unknown is not None or call.arguments is None:
        return call.unknown
    if component.KEY_PREFIX == "tool" and not _are_its_own(call.arguments, component):
        return "they are not those of this tool: it is transformed, or they are incomplete"
    return json_document(call.arguments)


def _are_its_own(arguments: Mapping[str, Any], tool: Any) -> bool:
    """Whether the arguments are those of this tool, and not of one that it was transformed to, or from."""
    if isinstance(tool, TransformedTool) and tool.transform_args:
        return False
    schema: Mapping[str, Any] = tool.parameters
    known = schema.get("properties", {})
    return all(name in arguments for name in schema.get("required", ())) and (
        bool(schema.get("additionalProperties")) or all(name in known for name in arguments)
    )


def _token(token: Any, reads: Reads) -> tuple[Any, ...]:
    claims: Mapping[str, Any] = token.claims or {}
    subject = token.subject if _has_subject(type(token)) else None  # pyright: ignore[reportUnknownArgumentType]
    if subject is None and isinstance(claims.get("sub"), str):
        subject = claims["sub"]
    return (
        token.client_id,
        subject,
        tuple(token.scopes),
        token.expires_at,
        token.resource,
        token.token if reads.raw_token else None,
        json_document(claims) if reads.claims else None,
    )


@functools.cache
def _has_subject(token: type[Any]) -> bool:
    # FastMCP 3 has no such field, and asking an instance for it costs microseconds.
    return "subject" in token.model_fields


def _component(component: Any, *, detail: bool) -> tuple[Any, ...]:
    prefix = component.KEY_PREFIX
    uri = None
    if prefix == "resource":
        uri = str(component.uri)
    elif prefix == "template":
        uri = str(component.uri_template)
    return (
        _KINDS[prefix],
        component.name,
        uri,
        component.version,
        tuple(sorted(component.tags)),
        _detail(component, prefix) if detail else None,
    )


def _detail(component: Any, prefix: str) -> Document:
    """The other properties of a component, named as in MCP."""
    found = {name: getattr(component, attribute) for name, attribute in (*_DETAIL, *_DETAIL_OF_KIND[prefix])}
    if not found.get("arguments", True):
        del found["arguments"]
    return json_document({name: value for name, value in found.items() if value is not None})
