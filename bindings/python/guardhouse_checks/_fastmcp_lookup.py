"""FastMCP's own lookup of components. What differs between FastMCP 3 and 4 in it is in this module only."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import fastmcp.resources.template as _template
from fastmcp import FastMCP
from fastmcp.client.transports import FastMCPTransport, SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.client.transports.config import MCPConfigTransport
from fastmcp.server.context import Context
from fastmcp.server.providers import fastmcp_provider as _mounted
from fastmcp.server.providers import proxy as _proxy
from fastmcp.utilities.versions import VersionSpec

_addressing: Any = importlib.import_module("fastmcp.server.providers.addressing")
# Early versions of FastMCP 3.4 do not have it.
_identity: Any = getattr(_addressing, "tool_identity", None)
_expand: Any = _template.expand_uri_template
# FastMCP 4
_forward: Any = getattr(_template, "forward_uri", None)

Kind = Literal["tool", "resource", "template", "prompt"]

_LISTS: dict[Kind, str] = {
    "tool": "list_tools",
    "resource": "list_resources",
    "template": "list_resource_templates",
    "prompt": "list_prompts",
}
_MOUNTED: tuple[tuple[type, Kind, str], ...] = (
    (_mounted.FastMCPProviderTool, "tool", "_original_name"),
    (_mounted.FastMCPProviderResource, "resource", "_original_uri"),
    (_mounted.FastMCPProviderResourceTemplate, "template", "_original_uri_template"),
    (_mounted.FastMCPProviderPrompt, "prompt", "_original_name"),
)
_PROXIES: tuple[tuple[type, Kind, str], ...] = (
    (_proxy.ProxyTool, "tool", "_backend_name"),
    (_proxy.ProxyResource, "resource", "_backend_uri"),
    (_proxy.ProxyTemplate, "template", "_backend_uri_template"),
    (_proxy.ProxyPrompt, "prompt", "_backend_name"),
)
# Servers behind these transports run in another process, or set a transport of their own.
_REMOTE = (StdioTransport, StreamableHttpTransport, SSETransport, MCPConfigTransport)


class Target(NamedTuple):
    """The component of another server that runs in place of one."""

    server: Any
    kind: Kind
    name: str
    version: VersionSpec | None
    any_version: bool = False


def listed_name(component: Any) -> str:
    """The name under which a component is listed and requested."""
    uri = getattr(component, "uri", None) or getattr(component, "uri_template", None)
    return component.name if uri is None else str(uri)


def exact_version(component: Any) -> VersionSpec | None:
    """The version of a component, as FastMCP requests it."""
    return VersionSpec(eq=component.version) if component.version else None


def requested_version(message: Any) -> VersionSpec | None:
    """The version that a request asks for. Raises if it cannot be read."""
    meta: Any = getattr(message, "meta", None)
    if hasattr(meta, "model_dump"):  # FastMCP 3
        meta = meta.model_dump()
    version: Any = meta and meta.get("fastmcp") and meta["fastmcp"].get("version")
    return VersionSpec(eq=version) if isinstance(version, str) else VersionSpec(**version) if version else None


async def find(server: Any, kind: Kind, name: str, version: VersionSpec | None) -> Any:
    """The component that a call of this tool or prompt, or a read of this URI, reaches; None if there is none."""
    async with Context(fastmcp=server):
        if kind == "tool":
            found = await server.get_tool(name, version)
            hashed = _addressing.parse_hashed_backend_name(name) if found is None else None
            return found if hashed is None else await server.get_tool_by_hash(*hashed)
        if kind == "prompt":
            return await server.get_prompt(name, version)
        found = await server.get_resource(name, version)
        return await server.get_resource_template(name, version) if found is None else found


async def listed(server: Any, kind: Kind) -> dict[str, list[Any]]:
    """All that a server lists of a kind, by name."""
    async with Context(fastmcp=server):
        components = await getattr(server, _LISTS[kind])(run_middleware=False)
    index: dict[str, list[Any]] = {}
    for each in components:
        index.setdefault(listed_name(each), []).append(each)
    return index


def is_renderer(uri: str) -> bool:
    """Whether FastMCP may make the resource itself, for the tools of an app."""
    return uri.startswith("ui://prefab/renderer/") or _addressing.parse_hashed_resource_uri(uri) is not None


def shows(tool: Any, uri: str) -> bool:
    """Whether a listed tool is shown by the renderer with this URI."""
    ui: Any = tool.meta and tool.meta.get("ui")
    if hasattr(ui, "get") and ui.get("resourceUri") == uri:
        return True
    identity = _addressing.parse_hashed_resource_uri(uri)
    own = (_identity and _identity(tool)) or _addressing.hash_tool("", tool.name)
    return identity is not None and own == identity


async def target(component: Any, uri: str | None) -> Target | None:
    """The component of another server of this process that runs in place of this one; None if there is none.

    `uri` is the URI that a template is to read. Raises if the server is unknown.
    """
    for cls, kind, attribute in _MOUNTED:
        if isinstance(component, cls):
            found = Target(component._server, kind, getattr(component, attribute), exact_version(component))
            return _reading(found, component, uri)
    for cls, kind, attribute in _PROXIES:
        if isinstance(component, cls):
            server = await _backend(component)
            name = str(getattr(component, attribute) or listed_name(component))
            # A proxy passes on the version that the caller asks for.
            found = Target(server, kind, name, None, any_version=True)
            return None if server is None else _reading(found, component, uri)
    return None


def _reading(found: Target, template: Any, uri: str | None) -> Target:
    if found.kind != "template" or uri is None:
        return found
    parameters = template.matches(uri)
    if parameters is None:
        raise ValueError(f"{template.uri_template!r} does not match {uri!r}")
    expanded = _forward(found.name, parameters, uri) if _forward else _expand(found.name, parameters)
    return found._replace(kind="resource", name=expanded)


async def _backend(component: Any) -> Any:
    client = component._client_factory()
    if inspect.isawaitable(client):
        client = await client
    transport: Any = client.transport
    while isinstance(transport, MCPConfigTransport) and hasattr(transport, "transport"):
        transport = transport.transport
    if isinstance(transport, FastMCPTransport):
        # The components of the MCP SDK's own servers have no checks.
        return transport.server if isinstance(transport.server, FastMCP) else None  # pyright: ignore
    if not isinstance(transport, _REMOTE):
        raise LookupError(f"a proxy leads to an unknown server, through {transport!r}")
    return None


def held(component: Any) -> Iterator[Any]:
    """The values of the attributes of a component, and their elements."""
    groups: list[dict[str, Any] | None] = [
        component.__dict__,
        component.__pydantic_extra__,
        component.__pydantic_private__,
    ]
    for group in groups:
        value: Any
        for value in (group or {}).values():
            yield value
            yield from value.values() if isinstance(value, dict) else ()
            yield from value if isinstance(value, (list, tuple, set, frozenset)) else ()
