"""The parts of a request that reach a plugin, and how often a plugin is evaluated."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import guardhouse_checks
import pytest
from conftest import verifier
from fastmcp import Client, FastMCP
from fastmcp.server.middleware import AuthMiddleware, Middleware
from guardhouse_checks._configured import ConfiguredCheck
from guardhouse_checks._fastmcp_request import current_request
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from plugins import plugin, reads, reads_raw_token

PATIENT = guardhouse_checks.Limits(deadline="10s")
ALLOW = guardhouse_checks.check("builtin:require-auth", limits=PATIENT)


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each check ran its plugin."""
    counts: Counter[str] = Counter()
    evaluate = ConfiguredCheck.evaluate

    async def counted(self: ConfiguredCheck, context: bytes, **options: Any) -> Any:
        counts[self.id] += 1
        return await evaluate(self, context, **options)

    monkeypatch.setattr(ConfiguredCheck, "evaluate", counted)
    return counts


class Requests(Middleware):
    """Counts the MCP requests that evaluate checks. A client may list the tools before it calls one."""

    def __init__(self) -> None:
        self._requests: dict[int, Any] = {}

    @property
    def count(self) -> int:
        return len(self._requests)

    async def on_request(self, context: Any, call_next: Any) -> Any:
        if (context.method or "").startswith("tools/"):
            request = current_request()
            self._requests[id(request)] = request
        return await call_next(context)


def _shown(url: str, check_use: str = "call", token: str = "reader", **arguments: Any) -> str:
    """The message of a check that denies with the part of the request that it read."""

    async def use() -> str:
        async with Client(url, auth=token) as client:
            if check_use == "call":
                await client.call_tool("pay", arguments)
            elif check_use == "read":
                await client.read_resource("data://of/alice")
            else:
                await client.get_prompt("greet", {"name": "alice"})
            return "allowed"

    try:
        return asyncio.run(use())
    except Exception as error:
        return str(error)


def _server(check: Any) -> FastMCP:
    mcp: FastMCP = FastMCP(
        "Bank", auth=verifier(), middleware=[GuardhouseMiddleware(), AuthMiddleware(auth=check)]
    )

    @mcp.tool(tags={"money"}, annotations={"destructiveHint": True}, meta={"team": "payments"})
    def pay(amount: int, to: str = "bob") -> str:
        """Pays."""
        return f"paid {amount}"

    @mcp.resource("data://of/{name}")
    def of(name: str) -> str:
        return name

    @mcp.prompt
    def greet(name: str) -> str:
        return f"hello {name}"

    return mcp


@pytest.mark.parametrize(
    ("function", "pointer", "expected"),
    [
        ("claim", "/client_id", "alice-laptop"),
        ("detail", "/description", "Pays."),
        ("detail", "/annotations", {"destructiveHint": True}),
        ("detail", "/meta/team", "payments"),
        ("detail", "/inputSchema/properties/amount/type", "integer"),
        ("argument", "", {"amount": 7}),
        ("argument", "/amount", 7),
    ],
)
def test_details_and_arguments_of_a_call_reach_the_plugin(function: str, pointer: str, expected: Any, serve: Any) -> None:
    check = guardhouse_checks.check(reads(function, pointer), limits=PATIENT)
    assert json.loads(_shown(serve(_server(check)), amount=7)) == expected


def test_the_arguments_of_a_prompt_and_the_uri_of_a_resource_reach_the_plugin(serve: Any) -> None:
    url = serve(_server(guardhouse_checks.check(reads("argument", ""), limits=PATIENT)))
    assert '{"name":"alice"}' in _shown(url, "get")
    assert '{"uri":"data://of/alice"}' in _shown(url, "read")


def test_the_secret_reaches_a_plugin_that_was_granted_it(serve: Any) -> None:
    check = guardhouse_checks.check(reads_raw_token(), grants=["raw-token"], limits=PATIENT)
    assert "reader" in _shown(serve(_server(check)), amount=1)


def _limited() -> guardhouse_checks.Check:
    settings = {"argument": "/amount", "max": 100}
    return guardhouse_checks.check("builtin:argument-limit", settings=settings, limits=PATIENT)


def test_a_plugin_limits_the_arguments_of_its_tool(serve: Any) -> None:
    mcp: FastMCP = FastMCP("Bank", auth=verifier(), middleware=[GuardhouseMiddleware()])

    @mcp.tool(auth=_limited())
    def pay(amount: int) -> str:
        return f"paid {amount}"

    url = serve(mcp)

    async def listed() -> list[str]:
        async with Client(url, auth="reader") as client:
            return [tool.name for tool in await client.list_tools()]

    assert asyncio.run(listed()) == ["pay"]
    assert _shown(url, amount=100) == "allowed"
    assert "Unknown tool" in _shown(url, amount=101)


def test_without_the_middleware_a_plugin_sees_no_arguments(serve: Any) -> None:
    mcp: FastMCP = FastMCP("Bank", auth=verifier())

    @mcp.tool(auth=_limited())
    def pay(amount: int) -> str:
        return f"paid {amount}"

    assert "Unknown tool" in _shown(serve(mcp), amount=1)


def test_the_arguments_of_a_tool_do_not_reach_the_checks_of_a_server_that_it_calls() -> None:
    """The inner call exceeds the limit, and the outer one does not."""
    inner: FastMCP = FastMCP("Inner")

    @inner.tool(name="pay", auth=_limited())
    def inner_pay(amount: int) -> str:
        return f"paid {amount}"

    outer: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])

    @outer.tool(name="pay")
    async def outer_pay(amount: int) -> str:
        try:
            return str(await inner.call_tool("pay", {"amount": amount * 1000}))
        except Exception as error:
            return f"refused: {error}"

    async def call() -> str:
        async with Client(outer) as client:
            return (await client.call_tool("pay", {"amount": 1})).data

    assert asyncio.run(call()).startswith("refused: ")


def test_a_tool_that_calls_itself_is_checked_with_the_arguments_of_each_call() -> None:
    server: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware()])

    @server.tool(auth=_limited())
    async def pay(amount: int) -> str:
        if amount >= 10:
            return f"paid {amount}"
        try:
            return str(await server.call_tool("pay", {"amount": amount * 1000}))
        except Exception as error:
            return f"refused: {error}"

    async def call() -> list[str]:
        async with Client(server) as client:
            return [(await client.call_tool("pay", {"amount": amount})).data for amount in (1, 50)]

    assert [text.split()[0] for text in asyncio.run(call())] == ["refused:", "paid"]


def test_one_request_evaluates_a_check_once(serve: Any, evaluations: Counter[str]) -> None:
    calls = []
    original = guardhouse_checks.Check.__call__

    async def counted(self: guardhouse_checks.Check, ctx: Any) -> bool:
        calls.append(self.id)
        return await original(self, ctx)

    requests = Requests()
    mcp: FastMCP = FastMCP("Bank", auth=verifier(), middleware=[requests, AuthMiddleware(auth=ALLOW)])

    @mcp.tool(auth=ALLOW)
    def pay(amount: int) -> str:
        return f"paid {amount}"

    url = serve(mcp)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guardhouse_checks.Check, "__call__", counted)

        async def call() -> None:
            async with Client(url, auth="reader") as client:
                for _ in range(5):
                    await client.call_tool("pay", {"amount": 1})
                    # The client also lists the tools, at times of its choosing.
                    assert evaluations[ALLOW.id] == requests.count

        asyncio.run(call())
    # FastMCP called the check more often than the plugin was evaluated.
    assert requests.count >= 5 and len(calls) >= 2 * requests.count


def test_no_request_reuses_the_decision_of_another(serve: Any, evaluations: Counter[str]) -> None:
    """Requests whose tokens look equal to the plugin are still separate requests."""
    requests = Requests()
    mcp: FastMCP = FastMCP("Bank", auth=verifier(), middleware=[requests])

    @mcp.tool(auth=ALLOW)
    def pay(amount: int) -> str:
        return f"paid {amount}"

    url = serve(mcp)

    async def call() -> None:
        async with Client(url, auth="reader") as one, Client(url, auth="reader") as other:
            await asyncio.gather(*(client.call_tool("pay", {"amount": 1}) for client in [one, other] * 10))

    asyncio.run(call())
    assert evaluations[ALLOW.id] == requests.count >= 20


def test_requests_of_a_tool_have_a_memory_of_their_own(evaluations: Counter[str]) -> None:
    """A client that a tool opens to another server in this process inherits the context of the tool's request."""
    counter = guardhouse_checks.check(plugin("allow"), id="inner", limits=PATIENT)
    requests = Requests()
    inner: FastMCP = FastMCP("Inner", middleware=[requests])

    @inner.tool(auth=counter)
    def ping() -> str:
        return "pong"

    outer: FastMCP = FastMCP("Outer")

    @outer.tool
    async def relay() -> str:
        async with Client(inner) as client:
            for _ in range(3):
                await client.call_tool("ping", {})
            return "done"

    async def call() -> str:
        async with Client(outer) as client:
            return (await client.call_tool("relay", {})).data

    assert asyncio.run(call()) == "done"
    assert evaluations["inner"] == requests.count >= 3


def test_the_memory_of_a_request_is_freed(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import weakref

    from guardhouse_checks import _fastmcp_check

    mcp: FastMCP = FastMCP("Bank", auth=verifier())
    memories: weakref.WeakSet[Any] = weakref.WeakSet()
    made: list[int] = []

    class Recorded(_fastmcp_check.Memory):
        def __init__(self) -> None:
            super().__init__()
            memories.add(self)
            made.append(1)

    monkeypatch.setattr("guardhouse_checks._memory.Memory", Recorded)

    @mcp.tool(auth=ALLOW)
    def pay(amount: int) -> str:
        return f"paid {amount}"

    url = serve(mcp)
    for _ in range(5):
        assert _shown(url, amount=1) == "allowed"
    gc.collect()
    # Each request has one, and those of the last requests may be in use.
    assert len(made) >= 5
    assert len(memories) <= 2


def test_a_list_is_one_batch(evaluations: Counter[str], serve: Any) -> None:
    needs = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]}, limits=PATIENT, id="own")
    everywhere = guardhouse_checks.check("builtin:require-auth", limits=PATIENT, id="everywhere")
    other = guardhouse_checks.check(plugin("deny"), limits=PATIENT, id="other")
    middleware = [GuardhouseMiddleware(), AuthMiddleware(auth=everywhere)]
    mcp: FastMCP = FastMCP("Many", auth=verifier(), middleware=middleware)
    for at in range(50):
        mcp.tool(lambda: "x", name=f"tool{at}", auth=needs if at % 2 else [needs, other])
    url = serve(mcp)

    async def listed() -> list[str]:
        async with Client(url, auth="reader") as client:
            return [tool.name for tool in await client.list_tools()]

    assert asyncio.run(listed()) == [f"tool{at}" for at in range(50) if at % 2]
    # A client may list twice.
    assert set(evaluations) == {"own", "everywhere", "other"}
    assert all(count <= 2 for count in evaluations.values()), evaluations
