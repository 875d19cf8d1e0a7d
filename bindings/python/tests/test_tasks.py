"""A task is decided once, before it runs: its result is handed out without another decision."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import guardhouse_checks
import pytest
from conftest import verifier
from fastmcp import Client, FastMCP
from fastmcp.server.middleware import AuthMiddleware
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from plugins import reads
from tasks import (
    DENIED,
    PATIENT,
    TASK,
    WAIT,
    Bank,
    Decisions,
    done,
    limited,
    mounted,
    no_task,
    scoped,
    tasks_of,
    text_of,
)
from versions import HAS_TASKS, IS_FASTMCP_3, serve_tasks
from wirings import NO_TASKS

pytestmark = pytest.mark.skipif(not HAS_TASKS, reason=NO_TASKS)

WIRINGS: dict[str, tuple[str, Callable[..., tuple[FastMCP, Bank]]]] = {}


def wiring(name: str, tool: str) -> Callable[[Any], Any]:
    def add(make: Any) -> Any:
        WIRINGS[name] = tool, make
        return make

    return add


@wiring("auth=", "pay")
def _plain(check: Any, **options: Any) -> tuple[FastMCP, Bank]:
    bank = Bank(check, **options)
    return bank.server, bank


@wiring("AuthMiddleware", "pay")
def _behind(check: Any, **options: Any) -> tuple[FastMCP, Bank]:
    bank = Bank(check, place="AuthMiddleware", **options)
    return bank.server, bank


@wiring("mounted", "pay")
def _mounted(check: Any, **options: Any) -> tuple[FastMCP, Bank]:
    bank = Bank(check)
    return mounted(bank, None, **options), bank


@wiring("mounted, namespace", "a_pay")
def _namespace(check: Any, **options: Any) -> tuple[FastMCP, Bank]:
    bank = Bank(check)
    return mounted(bank, "a", **options), bank


Connect = Callable[..., Any]


@pytest.fixture(params=["memory", "http"])
def connect(request: pytest.FixtureRequest, serve: Any) -> Connect:
    """A client of a server with tasks."""

    @asynccontextmanager
    async def connected(server: FastMCP) -> AsyncIterator[Client[Any]]:
        serve_tasks(server)
        client = Client(server if request.param == "memory" else serve(server))
        async with client:
            yield client

    return connected


@pytest.mark.parametrize("name", WIRINGS)
def test_a_forbidden_task_is_denied_before_it_exists(name: str, connect: Connect, decisions: Decisions) -> None:
    tool, make = WIRINGS[name]
    server, bank = make(limited())

    async def run() -> None:
        async with connect(server) as client:
            await no_task(client, server, tool, amount=101)

    asyncio.run(run())
    assert bank.paid == []
    assert decisions() == ["deny"]


@pytest.mark.parametrize("name", WIRINGS)
def test_an_allowed_task_is_decided_once(name: str, connect: Connect, decisions: Decisions, warnings: Any) -> None:
    tool, make = WIRINGS[name]
    server, bank = make(limited())

    async def run() -> None:
        async with connect(server) as client:
            assert await done(client, tool, amount=100) == "paid 100"

    asyncio.run(run())
    assert bank.paid == [100]
    assert decisions() == ["allow"]
    assert warnings.texts == []


@pytest.mark.parametrize("name", WIRINGS)
def test_a_check_without_arguments_decides_once_too(name: str, serve: Any, decisions: Decisions) -> None:
    tool, make = WIRINGS[name]
    server, bank = make(scoped(), auth=verifier())
    serve_tasks(server)

    async def run() -> None:
        url = serve(server)
        async with Client(url, auth="nobody") as client:
            await no_task(client, server, tool, amount=1)
        assert bank.paid == [] and decisions() == ["deny"]
        async with Client(url, auth="reader") as client:
            assert await done(client, tool, amount=1) == "paid 1"

    asyncio.run(run())
    assert bank.paid == [1]
    assert decisions() == ["allow"]


def test_a_call_that_is_not_a_task_is_decided_as_ever(connect: Connect, decisions: Decisions) -> None:
    bank = Bank(limited())

    async def run() -> None:
        async with connect(bank.server) as client:
            with pytest.raises(Exception, match=DENIED):
                await client.call_tool("pay", {"amount": 101})
            assert decisions() == ["deny"]
            assert await done(client, "pay", amount=100) == "paid 100"
            assert decisions() == ["allow"]
            # Nothing is left of the result's lookup.
            with pytest.raises(Exception, match=DENIED):
                await client.call_tool("pay", {"amount": 102})
            assert text_of(await client.call_tool("pay", {"amount": 99})) == "paid 99"
            assert decisions() == ["deny", "allow"]

    asyncio.run(run())
    assert bank.paid == [100, 99]


@pytest.mark.skipif(not IS_FASTMCP_3, reason="FastMCP 4 runs only tools as tasks")
@pytest.mark.parametrize("place", ["auth=", "AuthMiddleware"])
@pytest.mark.parametrize("kind", ["resource", "template", "prompt"])
def test_resources_and_prompts_are_decided_once(
    kind: str, place: str, connect: Connect, decisions: Decisions, warnings: Any
) -> None:
    argument = "/over" if kind == "prompt" else "/uri"
    ran: list[str] = []

    def make(pointer: str) -> FastMCP:
        check = guardhouse_checks.check(reads("argument", pointer), limits=PATIENT)
        behind: list[Any] = [AuthMiddleware(auth=check)] if place == "AuthMiddleware" else []
        server: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware(), *behind])
        options: dict[str, Any] = {"task": TASK, "auth": check if place == "auth=" else None}

        @server.prompt(**options)
        async def prompt(over: str = "") -> str:
            ran.append("prompt")
            return "done"

        @server.resource("data://resource", **options)
        async def resource() -> str:
            ran.append("resource")
            return "done"

        @server.resource("data://template/{name}", **options)
        async def template(name: str) -> str:
            ran.append("template")
            return "done"

        return server

    async def use(client: Client[Any]) -> str:
        options: dict[str, Any] = {"task": True}
        uris = {"resource": "data://resource", "template": "data://template/a"}
        if kind == "prompt":
            task: Any = await client.get_prompt("prompt", {"over": "x"}, **options)
        else:
            task = await client.read_resource(uris[kind], **options)
        await task.wait(timeout=WAIT)
        found = await task.result()
        return str(found.messages[0].content.text if kind == "prompt" else found[0].text)

    async def run() -> None:
        async with connect(forbids := make(argument)) as client:
            with pytest.raises(Exception):  # noqa: B017
                await use(client)
            assert await tasks_of(forbids) == 0
        assert ran == [] and decisions() == ["deny"]
        async with connect(make("/other")) as client:
            assert await use(client) == "done"

    asyncio.run(run())
    assert ran == [kind] and decisions() == ["allow"]
    assert warnings.texts == []
