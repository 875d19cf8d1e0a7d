"""The attributes of a request to a FastMCP server, in the layout of `docs/request.md`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pydantic_core
from fastmcp.server.dependencies import get_http_request

from guardhouse_checks._context import Document

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that are never passed on."""


def attributes(request: Any, headers: Collection[str]) -> Document:
    """The attributes of the current request, with these headers."""
    found: dict[str, Any] = {}
    try:
        http = get_http_request()
    except RuntimeError:
        http = None
    if http is not None:
        found["http"] = {
            "method": http.method,
            "path": http.scope["path"],
            "headers": {name: _joined(http.headers.getlist(name)) for name in headers if name in http.headers},
        }
        if http.client is not None:
            found["peer"] = {"address": http.client.host, "port": http.client.port}
    if request is not None:
        found["mcp"] = _mcp(request, None if http is None else http.headers.get("mcp-session-id"))
    return json_document(found)


def _mcp(request: Any, session_id: str | None) -> dict[str, Any]:
    parameters = getattr(request.session, "client_params", None)
    version = getattr(request, "protocol_version", None)
    found: dict[str, Any] = {}
    if parameters is not None:
        # FastMCP 4 and 3 spell the fields differently.
        client = getattr(parameters, "client_info", None) or getattr(parameters, "clientInfo", None)
        version = version or getattr(parameters, "protocolVersion", None)
        if client is not None:
            found["client"] = {"name": client.name, "version": client.version}
    if version is not None:
        found["protocol_version"] = str(version)
    if session_id is not None:
        found["session_id"] = session_id
    meta = request.meta
    if meta is not None:
        found["meta"] = meta if isinstance(meta, Mapping) else meta.model_dump(by_alias=True, exclude_none=True)
    return found


def _joined(values: list[str]) -> str:
    return ", ".join(values)


def json_document(value: Any) -> Document:
    """A document for the host, serialized as FastMCP does. One that cannot be serialized is an error of the check that
    reads it, and of no other."""
    try:
        return pydantic_core.to_json(value, by_alias=True, exclude_none=True, inf_nan_mode="constants")
    except Exception as error:
        return f"it cannot be serialized: {type(error).__name__}: {error}"
