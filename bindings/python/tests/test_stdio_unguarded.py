"""Over stdio: which components count as unguarded, and which words the middleware has for the others."""

from __future__ import annotations

import asyncio
import functools
import sys
import types
from pathlib import Path
from typing import Any

import fastmcp.server.auth
import guardhouse_checks
import pytest
from fastmcp import Client, FastMCP, FastMCPApp
from fastmcp.client.transports import ClientTransport, FastMCPTransport, PythonStdioTransport
from fastmcp.server import create_proxy
from fastmcp.server.auth import require_scopes, restrict_tag
from fastmcp.server.middleware import AuthMiddleware, Middleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.providers import Provider
from fastmcp.server.providers.addressing import hash_tool
from fastmcp.server.providers.proxy import ProxyClient
from fastmcp.tools import Tool
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from in_memory_stdio import over_stdio, seen
from indirect_routes import Renaming
from key_value.aio.stores.memory import MemoryStore
from mcp.types import PromptReference, ResourceTemplateReference
from routes import FREE, GUARD, PAY, inner, said
from test_server import CAN_COMPLETE

STOCK = require_scopes("read")


class _Callable:
    def __call__(self, ctx: Any) -> Any:
        return GUARD(ctx)


async def _asks(ctx: Any) -> bool:
    return await GUARD(ctx)


GUARDS: dict[str, Any] = {
    "check": GUARD,
    "lambda": lambda ctx: GUARD(ctx),
    "partial": functools.partial(lambda check, ctx: check(ctx), GUARD),
    "object": _Callable(),
    "function": _asks,
    "method": _Callable().__call__,
    "function in disguise": functools.wraps(STOCK)(lambda ctx: GUARD(ctx)),
    "composition": guardhouse_checks.any_of([GUARD]),
    "list": [STOCK, lambda ctx: GUARD(ctx)],
}
UNGUARDED: dict[str, Any] = {
    "require_scopes": STOCK,
    "restrict_tag": restrict_tag("a", scopes=["b"]),
    "list": [STOCK, restrict_tag("a", scopes=["b"])],
    "empty list": [],
}
if hasattr(fastmcp.server.auth, "require_roles"):
    UNGUARDED["require_roles"] = fastmcp.server.auth.require_roles("a", extract=lambda claims: claims["roles"])


@pytest.mark.parametrize("where", ["component", "middleware"])
@pytest.mark.parametrize("guard", [*GUARDS, *(f"unguarded {each}" for each in UNGUARDED)])
def test_every_check_guards_but_fastmcps_own(guard: str, where: str) -> None:
    auth = GUARDS[guard] if guard in GUARDS else UNGUARDED[guard.removeprefix("unguarded ")]
    middleware: list[Middleware] = [GuardhouseMiddleware()]
    if where == "middleware":
        middleware.append(AuthMiddleware(auth=auth))
    mcp = inner(auth if where == "component" else None, middleware=middleware)
    found, listed = asyncio.run(seen(mcp, (*PAY, *FREE)))
    if guard in GUARDS:
        assert [each for each in found if "SECRET" in each] == []
        assert not listed & set(PAY)
        assert all("OPEN" in each for each in found[4:]) == (where == "component")
    else:
        assert all("SECRET" in each for each in found[:4]) and set(PAY[:3]) <= listed


class _Broken(Provider):
    async def _get_tool(self, name: str, version: Any = None) -> Tool | None:
        raise RuntimeError("the table is gone")


class _Ambiguous(FastMCP):
    async def get_tool(self, name: str, version: Any = None) -> Tool | None:
        raise RuntimeError("ambiguous")


class _Answering(Middleware):
    """Answers by itself, whatever is asked for."""

    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        return await context.fastmcp_context.fastmcp.call_tool("free", run_middleware=False)


class _Holding(Tool):
    server: Any

    async def run(self, arguments: dict[str, Any]) -> Any:
        return await self.server.call_tool("pay")


def _holding(mcp: FastMCP) -> FastMCP:
    mcp.add_tool(_Holding(name="hold", parameters={"type": "object"}, server=inner()))
    return mcp


@pytest.mark.parametrize(
    ("mcp", "name", "message"),
    [
        (inner(), "pay", "tool 'pay' is guarded, and is not served over stdio"),
        (inner(), "none", "Unknown tool: 'none'"),
        (inner(middleware=[_Answering()]), "none", "Unknown tool: 'none'"),
        (FastMCP("Broken", providers=[_Broken()]), "pay", "Unknown tool: 'pay'"),
        (_Ambiguous("Ambiguous"), "pay", "tool 'pay' could not be resolved, and is not served over stdio"),
        (_holding(inner()), "hold", "tool 'hold' could not be resolved, and is not served over stdio"),
    ],
)
def test_an_error_claims_no_more_than_is_known(mcp: FastMCP, name: str, message: str) -> None:
    mcp.middleware.insert(0, GuardhouseMiddleware())
    with over_stdio():
        [found], _ = asyncio.run(seen(mcp, [("call", name)]))
    assert found == f"error: {message}"


@pytest.mark.parametrize("places", ["guardhouse cache", "cache guardhouse", "guardhouse renaming cache"])
def test_a_cache_that_another_process_fills_serves_nothing(places: str) -> None:
    async def both() -> tuple[list[str], set[Any]]:
        store = MemoryStore()
        async with Client(inner(lambda ctx: True, middleware=[ResponseCachingMiddleware(cache_storage=store)])) as http:
            for how, name in PAY:
                await {"call": http.call_tool, "get": http.get_prompt, "read": http.read_resource}[how](name)
            await http.list_tools()
            await http.list_resources()
            await http.list_prompts()
        middleware: dict[str, Middleware] = {
            "guardhouse": GuardhouseMiddleware(),
            "cache": ResponseCachingMiddleware(cache_storage=store),
            "renaming": Renaming(),
        }
        mcp = inner(middleware=[middleware[each] for each in places.split()])
        return await seen(mcp, (*PAY, *(FREE[:1] if "renaming" in places else ())))

    found, listed = asyncio.run(both())
    assert all(each.startswith("error: ") for each in found)
    assert not listed & set(PAY) and set(FREE[:3]) <= listed


@pytest.mark.skipif(not CAN_COMPLETE, reason="this FastMCP does not serve completions")
@pytest.mark.parametrize("namespace", ["", "a"])
def test_nothing_guarded_is_completed(namespace: str) -> None:
    async def completed() -> dict[str, list[str]]:
        mcp = inner(middleware=[GuardhouseMiddleware()])
        if namespace:
            mcp = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
            mcp.mount(inner(), namespace=namespace)

        @mcp.completion
        def complete(reference: Any, argument: Any, context: Any) -> list[str]:
            return ["VALUE"]

        prompt, uri = (f"{namespace}_", f"data://{namespace}/") if namespace else ("", "data://")
        references: dict[str, Any] = {
            name: PromptReference(type="ref/prompt", name=f"{prompt}{name}") for name in ("pay", "free")
        }
        for name in ("pay/{of}", "pay/1", "free/{of}", "free/1"):
            references[name] = ResourceTemplateReference(type="ref/resource", uri=f"{uri}{name}")
        with over_stdio():
            async with Client(mcp) as client:
                return {
                    name: (await client.complete(each, {"name": "of", "value": "a"})).values
                    for name, each in references.items()
                }

    found = asyncio.run(completed())
    assert {name for name, values in found.items() if values} == {"free", "free/{of}", "free/1"}


def test_a_proxy_to_another_process_is_served(tmp_path: Path) -> None:
    script = tmp_path / "backend.py"
    script.write_text("from fastmcp import FastMCP\nmcp = FastMCP('B')\nmcp.tool(lambda: 'OPEN', name='free')\n"
                      "mcp.run(show_banner=False)\n")  # fmt: skip
    transport = PythonStdioTransport(script, python_cmd=sys.executable, env={"FASTMCP_LOG_LEVEL": "CRITICAL"})
    mcp: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
    mcp.mount(create_proxy(ProxyClient(transport)), namespace="a")
    [found], listed = asyncio.run(seen(mcp, [("call", "a_free")]))
    assert "OPEN" in found and listed == {("call", "a_free")}


class _Odd(ClientTransport):
    """Leads to a server that no attribute shows."""

    def __init__(self, mcp: FastMCP) -> None:
        self._other = FastMCPTransport(mcp)

    def connect_session(self, **options: Any) -> Any:
        return self._other.connect_session(**options)


def test_a_proxy_through_an_unknown_transport_is_refused() -> None:
    mcp: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
    mcp.mount(create_proxy(ProxyClient(_Odd(inner()))), namespace="a")
    [found], listed = asyncio.run(seen(mcp, [("call", "a_free")]))
    assert found == "error: tool 'a_free' could not be resolved, and is not served over stdio" and not listed


@pytest.mark.parametrize("is_mounted", [False, True])
def test_a_renderer_is_served_with_its_tool(is_mounted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    mcp, app = FastMCP("Inner"), FastMCPApp("App")
    for name, auth in (("pay", GUARD), ("free", None)):
        # In FastMCP 4, tools with equal settings share a renderer.
        ui = {"csp": {"connectDomains": [f"https://{name}"]}, "visibility": ["app", "model"]}
        meta = {"ui": {"resourceUri": "ui://prefab/renderer.html", **ui}}
        app.add_tool(Tool.from_function(said(name), name=name, auth=auth, meta=meta))
    mcp.add_provider(app)
    if is_mounted:
        child, mcp = mcp, FastMCP("Outer")
        mcp.mount(child)
    _install_prefab(monkeypatch)
    _, before = asyncio.run(seen(mcp, []))
    uris = {each for each in before if each[0] == "read"}
    assert len(uris) == 2
    old = [f"ui://prefab/tool/{hash_tool('App', each)}/renderer.html" for each in ("pay", "free")]
    mcp.add_middleware(GuardhouseMiddleware())
    requests = [("read", old[0]), ("read", old[1]), *sorted(uris)]
    found, after = asyncio.run(seen(mcp, requests))
    assert found[0].startswith("error: ") and "RENDERER" in found[1]
    assert len(after & uris) == 1
    served = {each for each, answer in zip(requests[2:], found[2:], strict=True) if "RENDERER" in answer}
    assert served == after & uris


def _install_prefab(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, members in (
        ("prefab_ui", {"__version__": "1"}),
        ("prefab_ui.renderer", {"get_renderer_csp": lambda **_: {}, "get_renderer_html": lambda **_: "RENDERER"}),
    ):
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


class _Counted(Provider):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.lists = 0
        self._tools = [Tool.from_function(said("OPEN"), name=f"tool{each}", auth=None if each % 2 else GUARD)
                       for each in range(size)]  # fmt: skip

    async def _list_tools(self) -> list[Tool]:
        self.lists += 1
        return self._tools


def test_a_list_costs_the_same_lookups_however_long_it_is() -> None:
    async def lists(size: int) -> int:
        provider = _Counted(size)
        mcp, middle = FastMCP("Outer", middleware=[GuardhouseMiddleware()]), FastMCP("Middle")
        middle.mount(FastMCP("Inner", providers=[provider]))
        mcp.mount(middle)
        with over_stdio():
            async with Client(mcp) as client:
                assert len(await client.list_tools()) == size // 2
        return provider.lists

    assert asyncio.run(lists(4)) == asyncio.run(lists(40)) < 10
