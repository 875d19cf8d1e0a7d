"""More routes: through proxies, other middleware, and transforms and tools that call what they are told to."""

from __future__ import annotations

from typing import Any

from fastmcp import FastMCP
from fastmcp.client.transports import FastMCPTransport
from fastmcp.experimental.transforms.code_mode import CodeMode
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.server.providers.proxy import FastMCPProxy, ProxyClient
from fastmcp.server.transforms import PromptsAsTools, ResourcesAsTools, ToolTransform
from fastmcp.server.transforms.search import RegexSearchTransform
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from fastmcp.tools.tool_transform import ToolTransformConfig
from routes import FREE, GUARD, PAY, inner, open_server, route, said, within

try:  # FastMCP 4
    import httpx2 as httpx  # type: ignore[import-not-found]
except ImportError:
    import httpx

TEXTS = {"/pay": "SECRET", "/free": "OPEN"}


@route(*within(PAY, "a"), ("read", "data://a/free/pay"), unguarded=within(FREE, "a"))
def proxy_to_a_server_of_this_process() -> FastMCP:
    mcp, backend = FastMCP("Outer"), inner()
    backend.resource("data://free/pay", auth=GUARD)(said("SECRET"))
    mcp.mount(create_proxy(backend), namespace="a")
    return mcp


@route(*PAY, unguarded=FREE)
def proxy_with_a_factory() -> FastMCP:
    backend = inner()
    return FastMCPProxy(client_factory=lambda: ProxyClient(FastMCPTransport(backend)))


@route(("call", "a_pay", {}, "1"), unguarded=(("call", "a_free"),))
def proxy_to_an_older_version() -> FastMCP:
    mcp, backend = FastMCP("Outer"), open_server()
    backend.tool(said("SECRET"), name="pay", version="1", auth=GUARD)
    backend.tool(said("OPEN"), name="pay", version="2")
    mcp.mount(create_proxy(backend), namespace="a")
    return mcp




class Renaming(Middleware):
    """Asks for something else than the caller."""

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        name = "pay" if context.message.name == "free" else context.message.name
        return await call_next(context.copy(message=context.message.model_copy(update={"name": name})))


@route(("call", "free"), unguarded=(("read", "data://free"),), is_listed=True)
def middleware_that_renames() -> FastMCP:
    return inner(middleware=[Renaming()])


@route(("call", "a_free"), unguarded=(("read", "data://a/free"),), is_listed=True)
def mounted_middleware_that_renames() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    mcp.mount(inner(middleware=[Renaming()]), namespace="a")
    return mcp


@route(("call", "free"), unguarded=(), is_listed=True)
def middleware_that_renames_to_an_injected_tool() -> FastMCP:
    tool = Tool.from_function(said("SECRET"), name="pay", auth=GUARD)
    return open_server(middleware=[Renaming(), ToolInjectionMiddleware([tool])])


@route(("call", "settle"))
def renamed_tool_of_a_proxy() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    mcp.mount(create_proxy(inner()))
    mcp.add_transform(ToolTransform({"pay": ToolTransformConfig(name="settle")}))
    return mcp


@route(("call", "pay"))
def openapi_component() -> FastMCP:
    paths = {f"/{name}": {"get": {"operationId": name, "responses": {}}} for name in ("pay", "free")}
    texts = httpx.MockTransport(lambda request: httpx.Response(200, text=TEXTS[request.url.path]))
    return FastMCP.from_openapi(
        {"openapi": "3.1.0", "info": {"title": "API", "version": "1"}, "paths": paths},
        httpx.AsyncClient(transport=texts, base_url="http://api"),
        mcp_component_fn=lambda route, component: setattr(component, "auth", GUARD if route.path == "/pay" else None),
    )


@route(("call", "call_tool", {"name": "pay"}), unguarded=(("call", "call_tool", {"name": "free"}),))
def search_transform() -> FastMCP:
    mcp = inner()
    mcp.add_transform(RegexSearchTransform())
    return mcp


@route(
    ("call", "get_prompt", {"name": "pay"}),
    ("call", "read_resource", {"uri": "data://pay"}),
    unguarded=(("call", "get_prompt", {"name": "free"}), ("call", "read_resource", {"uri": "data://free"})),
)
def prompts_and_resources_as_tools() -> FastMCP:
    mcp = inner()
    mcp.add_transform(PromptsAsTools(mcp))
    mcp.add_transform(ResourcesAsTools(mcp))
    return mcp


class _Sandbox:
    async def run(self, code: str, *, inputs: Any = None, external_functions: Any = None) -> Any:
        return await external_functions["call_tool"](code, {})


@route(("call", "execute", {"code": "pay"}), unguarded=(("call", "execute", {"code": "free"}),))
def code_mode() -> FastMCP:
    mcp = inner()
    mcp.add_transform(CodeMode(sandbox_provider=_Sandbox()))
    return mcp


class _Forwarding(Tool):
    """A tool of the author's own class, which runs another."""

    others: list[Tool]

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return await self.others[0].run(arguments)


@route(("call", "settle"), unguarded=(("call", "give"),))
def tool_that_holds_another() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    for name, text, auth in (("settle", "SECRET", GUARD), ("give", "OPEN", None)):
        other = Tool.from_function(said(text), name="other", auth=auth)
        mcp.add_tool(_Forwarding(name=name, parameters={"type": "object"}, others=[other]))
    return mcp
