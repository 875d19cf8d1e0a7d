"""Servers with something guarded, and requests that reach it. Guarded components say SECRET, others say OPEN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import guardhouse_checks
from fastmcp import FastMCP, FastMCPApp
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.server.providers import AggregateProvider, Provider
from fastmcp.server.providers.addressing import hashed_backend_name
from fastmcp.server.transforms import Namespace, ToolTransform
from fastmcp.tools import Tool
from fastmcp.tools.tool_transform import ToolTransformConfig

Request = tuple[Any, ...]
GUARD: Any = guardhouse_checks.check("builtin:require-auth")
PAY: tuple[Request, ...] = (("call", "pay"), ("get", "pay"), ("read", "data://pay"), ("read", "data://pay/1"))
FREE: tuple[Request, ...] = (("call", "free"), ("get", "free"), ("read", "data://free"), ("read", "data://free/1"))
HASHED = hashed_backend_name("App", "pay")


@dataclass(frozen=True)
class Route:
    build: Callable[[], FastMCP]
    guarded: tuple[Request, ...]
    unguarded: tuple[Request, ...]
    is_listed: bool
    """Whether lists have the name of a guarded request, because it is not the name of what is guarded."""


ROUTES: dict[str, Route] = {}


def route(
    *guarded: Request, unguarded: tuple[Request, ...] = (("call", "free"),), is_listed: bool = False
) -> Callable[[Callable[[], FastMCP]], Callable[[], FastMCP]]:
    def add(build: Callable[[], FastMCP]) -> Callable[[], FastMCP]:
        ROUTES[build.__name__] = Route(build, guarded, unguarded, is_listed)
        return build

    return add


def within(requests: tuple[Request, ...], *namespaces: str) -> tuple[Request, ...]:
    """The same requests to a server that is mounted in these namespaces."""
    for space in reversed(namespaces):
        requests = tuple(
            (how, name.replace("://", f"://{space}/") if how == "read" else f"{space}_{name}") for how, name in requests
        )
    return requests


def said(text: str) -> Any:
    def say() -> str:
        return text

    return say


def _said_of(text: str) -> Any:
    def say(of: str) -> str:
        return f"{text} {of}"

    return say


def inner(guard: Any = GUARD, **options: Any) -> FastMCP:
    """A server with one guarded and one unguarded component of each kind."""
    mcp: FastMCP = FastMCP("Inner", **options)
    for name, text, auth in (("pay", "SECRET", guard), ("free", "OPEN", None)):
        mcp.tool(said(text), name=name, auth=auth)
        mcp.prompt(said(text), name=name, auth=auth)
        mcp.resource(f"data://{name}", name=name, auth=auth)(said(text))
        mcp.resource(f"data://{name}/{{of}}", name=f"{name}-of", auth=auth)(_said_of(text))
    return mcp


def open_server(**options: Any) -> FastMCP:
    mcp: FastMCP = FastMCP("Outer", **options)
    mcp.tool(said("OPEN"), name="free")
    return mcp


@route(*PAY, unguarded=FREE)
def plain() -> FastMCP:
    return inner()


@route(("read", "data://pay/a%2Fb"), ("read", "data://pay/%31"), ("read", "DATA://pay"), unguarded=FREE)
def other_spellings_of_uris() -> FastMCP:
    mcp = inner()
    mcp.resource("DATA://pay", name="shouted", auth=GUARD)(said("SECRET"))
    return mcp


@route(("read", "data://free/pay"), unguarded=FREE)
def guarded_resource_with_an_unguarded_template() -> FastMCP:
    mcp = inner()
    mcp.resource("data://free/pay", auth=GUARD)(said("SECRET"))
    return mcp


@route(*within(PAY, "a"), unguarded=within(FREE, "a"))
def mounted_with_namespace() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    mcp.mount(inner(), namespace="a")
    return mcp


@route(
    *within(PAY, "x", "a"),
    *within(PAY, "x", "b"),
    *within(PAY, "y"),
    unguarded=(*within(FREE, "x", "a"), *within(FREE, "y")),
)
def mounted_twice_and_in_between() -> FastMCP:
    mcp, middle, child = FastMCP("Outer"), FastMCP("Middle"), inner()
    middle.mount(child, namespace="a")
    middle.mount(child, namespace="b")
    mcp.mount(middle, namespace="x")
    mcp.mount(child, namespace="y")
    return mcp


@route(("call", "a_free"), ("get", "a_free"), ("read", "data://a/free"), ("read", "data://a/free/1"))
def mounted_behind_an_auth_middleware() -> FastMCP:
    mcp, child = open_server(), FastMCP("Inner", middleware=[AuthMiddleware(auth=lambda ctx: GUARD(ctx))])
    child.tool(said("SECRET"), name="free")
    child.prompt(said("SECRET"), name="free")
    child.resource("data://free")(said("SECRET"))
    child.resource("data://free/{of}")(_said_of("SECRET"))
    mcp.mount(child, namespace="a")
    return mcp


@route(("call", "a_sub_pay"), unguarded=(("call", "a_sub_free"),))
def providers_that_wrap_providers() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    aggregate = AggregateProvider([inner().wrap_transform(Namespace("sub"))])
    mcp.add_provider(aggregate.wrap_transform(Namespace("a")))
    return mcp


class _Table(Provider):
    async def _list_tools(self) -> list[Tool]:
        guarded = Tool.from_function(said("SECRET"), name="pay", auth=GUARD)
        return [guarded, Tool.from_function(said("OPEN"), name="free")]


@route(("call", "pay"))
def custom_provider() -> FastMCP:
    return FastMCP("Outer", providers=[_Table()])


class _Secretive(_Table):
    async def _list_tools(self) -> list[Tool]:
        return [each for each in await super()._list_tools() if each.name == "free"]

    async def _get_tool(self, name: str, version: Any = None) -> Tool | None:
        return next((each for each in await _Table._list_tools(self) if each.name == name), None)


@route(("call", "pay"))
def provider_that_does_not_list() -> FastMCP:
    return FastMCP("Outer", providers=[_Secretive()])


@route(("call", HASHED))
def app_tool_by_hashed_name() -> FastMCP:
    mcp, app = open_server(), FastMCPApp("App")
    app.tool(name="pay", auth=GUARD)(said("SECRET"))
    mcp.add_provider(app)
    return mcp


@route(("call", HASHED))
def mounted_app_tool_by_hashed_name() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    mcp.mount(app_tool_by_hashed_name())
    return mcp


@route(("call", "settle"))
def renamed_tool() -> FastMCP:
    mcp = inner()
    mcp.add_transform(ToolTransform({"pay": ToolTransformConfig(name="settle")}))
    return mcp


@route(("call", "n_settle"), unguarded=(("call", "n_free"),))
def renamed_mounted_tool() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer")
    mcp.mount(inner(), tool_names={"pay": "settle"})
    mcp.add_transform(Namespace("n"))
    return mcp


@route(("call", "settle"))
def transformed_tool_without_its_check() -> FastMCP:
    mcp = open_server()
    tool = Tool.from_tool(Tool.from_function(said("SECRET"), name="pay", auth=GUARD), name="settle")
    mcp.add_tool(tool.model_copy(update={"auth": None}))
    return mcp


@route(
    ("call", "pay"),
    ("call", "pay", {}, "2"),
    ("call", "pay", {}, "v2.0"),
    unguarded=(("call", "free"), ("call", "pay", {}, "1")),
    is_listed=True,
)
def newest_version() -> FastMCP:
    mcp = open_server()
    mcp.tool(said("OPEN"), name="pay", version="1")
    mcp.tool(said("SECRET"), name="pay", version="2", auth=GUARD)
    return mcp


@route(("call", "pay", {}, "1"), unguarded=(("call", "pay", {}, "2"), ("call", "pay")))
def oldest_version() -> FastMCP:
    mcp, child = FastMCP("Outer"), FastMCP("Inner")
    child.tool(said("SECRET"), name="pay", version="1", auth=GUARD)
    child.tool(said("OPEN"), name="pay", version="2")
    mcp.mount(child)
    return mcp


@route(("call", "pay"))
def injected_tool() -> FastMCP:
    tool = Tool.from_function(said("SECRET"), name="pay", auth=GUARD)
    return open_server(middleware=[ToolInjectionMiddleware([tool])])
