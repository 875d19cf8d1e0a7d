"""The ways in which a component of a server reaches a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastmcp import FastMCP
from fastmcp.apps.app import FastMCPApp
from fastmcp.server import create_proxy
from fastmcp.server.providers.addressing import hashed_backend_name
from fastmcp.server.transforms import Namespace, ToolTransform
from fastmcp.tools import Tool
from fastmcp.tools.tool_transform import ToolTransformConfig
from guarded import KINDS, PLACES, VERSIONS, Plan
from versions import HAS_TASKS, KINDS_WITH_TASKS, serve_tasks

NO_TASKS = "the extra `tasks` of FastMCP is not installed"


@dataclass(frozen=True)
class Wiring:
    """A way in which components reach a client, and the names that they have there."""

    make: Callable[[Plan], FastMCP]
    namespaces: tuple[str, ...] = ("",)
    tools: Callable[[str], list[str]] | None = None
    """The names of a tool, if they are not its own in each namespace."""
    kinds: tuple[str, ...] = KINDS
    places: tuple[str, ...] = PLACES[:2]
    is_inner: bool = False
    """Whether another server has the components than the one that clients connect to."""
    outermost: str = ""
    """The namespace of the server that clients connect to."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    caches: bool = False
    """Whether the server keeps what it listed to a caller."""
    skipped: str | None = None
    """The reason that the installed FastMCP cannot run it."""

    def names(self, kind: str, name: str) -> list[str]:
        """The names, or URIs, by which a client uses a component."""
        if name == "beside":
            return [_named(kind, self.outermost, name)]
        if kind == "tool" and self.tools is not None:
            return self.tools(name)
        return [_named(kind, namespace, name) for namespace in self.namespaces]


def _named(kind: str, namespace: str, name: str) -> str:
    if kind == "template":
        return f"{_named('resource', namespace, name)}/alice"
    if kind == "resource":
        return f"data://{namespace}/{name}" if namespace else f"data://{name}"
    return f"{namespace.replace('/', '_')}_{name}" if namespace else name


def _plain(plan: Plan) -> FastMCP:
    server: FastMCP = FastMCP("Root", **plan.options(root=True, inner=True))
    if plan.has_tasks:
        serve_tasks(server)
    return plan.beside(plan.fill(server))


def _mounted(*namespaces: str | None) -> Callable[[Plan], FastMCP]:
    def make(plan: Plan) -> FastMCP:
        inner = plan.fill(FastMCP("Inner", **plan.options(inner=True)))
        root: FastMCP = FastMCP("Root", **plan.options(root=True))
        for namespace in namespaces:
            root.mount(inner, namespace=namespace)
        return plan.beside(root)

    return make


def _nested(plan: Plan) -> FastMCP:
    inner = plan.fill(FastMCP("Inner", **plan.options(inner=True)))
    middle: FastMCP = FastMCP("Middle", **plan.options())
    middle.mount(inner, namespace="b")
    root: FastMCP = FastMCP("Root", **plan.options(root=True))
    root.mount(middle, namespace="a")
    return plan.beside(root)


def _proxied(plan: Plan) -> FastMCP:
    inner = plan.fill(FastMCP("Inner", **plan.options(inner=True)))
    return plan.beside(create_proxy(inner, name="Root", **plan.options(root=True)))


def _app(plan: Plan) -> FastMCP:
    server: FastMCP = FastMCP("Root", **plan.options(root=True, inner=True))
    server.add_provider(plan.fill(FastMCPApp("App")))
    return plan.beside(server)


def _mounted_app(plan: Plan) -> FastMCP:
    inner: FastMCP = FastMCP("Inner", **plan.options(inner=True))
    inner.add_provider(plan.fill(FastMCPApp("App")))
    root: FastMCP = FastMCP("Root", **plan.options(root=True))
    root.mount(inner, namespace="a")
    return plan.beside(root)


def _renames(plan: Plan) -> ToolTransform:
    return ToolTransform({name: ToolTransformConfig(name=f"{name}_renamed") for name in [*plan.checks, "open"]})


def _transformed(plan: Plan) -> FastMCP:
    server: FastMCP = plan.fill(FastMCP("Root", **plan.options(root=True, inner=True)))
    plan.beside(server)
    server.add_transform(_renames(plan))
    server.add_transform(Namespace("t"))
    return server


def _renamed_mount(plan: Plan) -> FastMCP:
    inner = plan.fill(FastMCP("Inner", **plan.options(inner=True)))
    inner.add_transform(_renames(plan))
    root: FastMCP = FastMCP("Root", **plan.options(root=True))
    root.mount(inner, namespace="a")
    return plan.beside(root)


def _copied(plan: Plan) -> FastMCP:
    """Tools that are made of other tools, which the server does not have itself."""
    source: FastMCP = FastMCP("Source")
    plan.fill(source)
    server: FastMCP = FastMCP("Root", **plan.options(root=True, inner=True))
    for tool in source.local_provider._components.values():
        if isinstance(tool, Tool):
            server.add_tool(Tool.from_tool(tool, name=f"{tool.name}_copied"))
    return plan.beside(server)


def _hashed(*names: str) -> Callable[[str], list[str]]:
    return lambda name: [hashed_backend_name("App", name), *(each.format(name) for each in names)]


WIRINGS = {
    "plain": Wiring(_plain),
    "mounted": Wiring(_mounted(None), places=PLACES, is_inner=True),
    "mounted, namespace": Wiring(_mounted("a"), ("a",), places=PLACES, is_inner=True),
    "mounted twice": Wiring(_mounted("a", "b"), ("a", "b"), is_inner=True),
    "mounted, nested": Wiring(_nested, ("a/b",), is_inner=True),
    "proxied": Wiring(_proxied, places=PLACES, caches=True, is_inner=True),
    "app tool": Wiring(_app, tools=_hashed("{}"), kinds=("tool",)),
    "app tool, mounted": Wiring(_mounted_app, tools=_hashed("a_{}"), kinds=("tool",), is_inner=True),
    "transformed": Wiring(_transformed, ("t",), tools=lambda name: [f"t_{name}_renamed"], outermost="t"),
    "transformed, mounted": Wiring(_renamed_mount, ("a",), tools=lambda name: [f"a_{name}_renamed"], is_inner=True),
    "Tool.from_tool": Wiring(_copied, tools=lambda name: [f"{name}_copied"], kinds=("tool",)),
    "versioned": Wiring(_plain, plan={"versions": VERSIONS, "guarded_versions": VERSIONS}),
    "versioned, one guarded": Wiring(
        _plain, places=("auth=",), plan={"versions": VERSIONS, "guarded_versions": ("2.0",)}
    ),
    "task": Wiring(
        _plain,
        kinds=KINDS_WITH_TASKS,
        plan={"has_tasks": True},
        skipped=None if HAS_TASKS else NO_TASKS,
    ),
}


def build(wiring: str, place: str, checks: Mapping[str, Any], *, middleware: str = "none", auth: Any = None) -> FastMCP:
    """The server that clients connect to."""
    made = WIRINGS[wiring]
    return made.make(Plan(place, checks, middleware, auth, **made.plan))
