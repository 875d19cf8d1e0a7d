"""The decision of a task stands in the lookup of its component for the result, and nowhere else."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import guardhouse_checks
import pytest
from conftest import verifier
from fastmcp import Client, Context, FastMCP
from fastmcp.server.providers import Provider
from fastmcp.tools import Tool
from fastmcp.utilities.authorization import AuthContext
from guardhouse_checks import _fastmcp_task
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from in_memory_stdio import over_stdio
from tasks import DENIED, TASK, WAIT, Bank, Decisions, done, limited, mounted, no_task, scoped
from versions import HAS_TASKS, IS_FASTMCP_3, call_tool_as_task, result_for, serve_tasks
from wirings import NO_TASKS

needs_tasks = pytest.mark.skipif(not HAS_TASKS, reason=NO_TASKS)


async def _answer(check: guardhouse_checks.Check) -> Any:
    """The answer to FastMCP about a caller without a token; the class of an exception."""
    tool = Tool.from_function(lambda: "x", name="tool")
    try:
        return await check(AuthContext(token=None, component=tool))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("made", [limited, scoped])
def test_the_decision_ends_with_the_lookup(made: Any, decisions: Decisions) -> None:
    check = made()
    expected = False if made is scoped else "CheckFailed"

    async def run() -> None:
        assert await _answer(check) == expected
        decisions()
        with _fastmcp_task.decided():
            assert await _answer(check) is True
            if check.names_missing_scopes:
                assert check.missing_scopes(None) == set()
            assert decisions() == []
            # A session that began meanwhile keeps a copy of the context.
            copied = contextvars.copy_context()
        assert await _answer(check) == expected
        assert await copied.run(asyncio.ensure_future, _answer(check)) == expected

    asyncio.run(run())


def test_a_component_that_runs_is_outside_of_the_lookup() -> None:
    GuardhouseMiddleware()
    answers: list[Any] = []

    async def body() -> str:
        answers.append(await _answer(scoped()))
        return "x"

    async def run() -> None:
        with _fastmcp_task.decided():
            await Tool.from_function(body, name="tool")._run({})

    asyncio.run(run())
    assert answers == [False]


def test_a_function_that_is_not_there_is_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.ModuleType("fastmcp_with_other_tasks")
    monkeypatch.setitem(sys.modules, other.__name__, other)
    for module in (other.__name__, "fastmcp_without_tasks"):
        _fastmcp_task._wrap(module, "_resolve_tool", _fastmcp_task._with_server, None)  # type: ignore[arg-type]
    assert not hasattr(other, "_resolve_tool")


class _Asks(Provider):
    """A provider that looks each tool up on another server, as a proxy does."""

    def __init__(self, server: FastMCP) -> None:
        super().__init__()
        self._server = server
        self.found: list[list[str]] = []

    async def _list_tools(self) -> Sequence[Tool]:
        async with Client(self._server) as client:
            self.found.append([each.name for each in await client.list_tools()])
        return []


@needs_tasks
def test_a_server_that_is_asked_meanwhile_decides_itself() -> None:
    other: FastMCP = FastMCP("Other")
    other.add_tool(Tool.from_function(lambda: "x", name="guarded", auth=scoped()))
    other.add_tool(Tool.from_function(lambda: "x", name="unguarded"))
    bank = Bank(limited())
    provider = _Asks(other)
    bank.server.add_provider(provider)
    serve_tasks(bank.server)

    async def run() -> int:
        async with Client(bank.server) as client:
            task = await call_tool_as_task(client, "pay", {"amount": 1})
            await task.wait(timeout=WAIT)
            before = len(provider.found)
            await task.result()
            return before

    before = asyncio.run(run())
    assert len(provider.found) > before
    assert all(found == ["unguarded"] for found in provider.found)


@needs_tasks
@pytest.mark.parametrize("through_middleware", [True, False])
def test_what_a_task_calls_is_decided_by_its_own_arguments(through_middleware: bool, decisions: Decisions) -> None:
    bank = Bank(limited())
    seen: list[str] = []

    @bank.server.tool(task=TASK, auth=limited())
    async def both(amount: int) -> str:
        for each in (101, amount):
            try:
                await bank.server.call_tool("pay", {"amount": each}, run_middleware=through_middleware)
                seen.append("paid")
            except Exception as error:
                seen.append(str(error))
        return "done"

    serve_tasks(bank.server)

    async def run() -> None:
        async with Client(bank.server) as client:
            assert await done(client, "both", amount=100) == "done"

    asyncio.run(run())
    # A call that no middleware passed on has no arguments that are known, which denies.
    assert seen == (["Unknown tool: 'pay'", "paid"] if through_middleware else ["Unknown tool: 'pay'"] * 2)
    assert bank.paid == ([100] if through_middleware else [])
    assert decisions()[:2] == ["allow", "deny"]


@needs_tasks
def test_another_client_gets_no_result(serve: Any, decisions: Decisions) -> None:
    bank = Bank(limited(), auth=verifier())
    serve_tasks(bank.server)

    async def run() -> None:
        url = serve(bank.server)
        async with Client(url, auth="reader") as reader, Client(url, auth="writer") as writer:
            task = await call_tool_as_task(reader, "pay", {"amount": 1})
            await task.wait(timeout=WAIT)
            with pytest.raises(Exception, match="not found"):
                await result_for(writer, task)
            await task.result()
        async with Client(url, auth="reader") as again:
            assert "paid 1" in str(await result_for(again, task))

    asyncio.run(run())
    assert decisions() == ["allow"]


@needs_tasks
@pytest.mark.parametrize("is_mounted", [False, True])
def test_over_stdio_no_guarded_tool_is_a_task(is_mounted: bool, decisions: Decisions) -> None:
    bank = Bank(limited())
    server = mounted(bank, None) if is_mounted else bank.server
    serve_tasks(server)

    async def run() -> None:
        async with Client(server) as client:
            task = await call_tool_as_task(client, "pay", {"amount": 1})
            await task.wait(timeout=WAIT)
            with over_stdio():
                stdio = Client(server)
                async with stdio:
                    await no_task(stdio, server, "pay", amount=1)
                    with pytest.raises(Exception, match="Component not found"):
                        await result_for(stdio, task)
                    assert await done(stdio, "free") == "free"
            assert "paid 1" in str(await task.result())

    asyncio.run(run())
    assert bank.paid == [1]
    assert decisions() == ["allow"]


@needs_tasks
def test_without_the_middleware_a_result_is_decided_again(decisions: Decisions, serve: Any, warnings: Any) -> None:
    GuardhouseMiddleware()
    plain = Bank(scoped(), middleware=False, auth=verifier())
    reads = Bank(limited(), middleware=False)
    for each in (plain, reads):
        serve_tasks(each.server)

    async def run() -> None:
        async with Client(serve(plain.server), auth="reader") as client:
            task = await call_tool_as_task(client, "pay", {"amount": 1})
            await task.wait(timeout=WAIT)
            decisions()
            await result_for(client, task)
            assert decisions()[-1:] == ["allow"]
        async with Client(reads.server) as client:
            await no_task(client, reads.server, "pay", amount=1)

    asyncio.run(run())
    assert reads.paid == []
    assert any("GuardhouseMiddleware()" in text for text in warnings.texts)


LATER = """
import asyncio, sys
sys.path[:0] = {path!r}
from fastmcp import Client, Context, FastMCP
early = FastMCP("Early")
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from tasks import Bank, done, limited
from versions import serve_tasks

bank = Bank(limited(), middleware=False)
bank.server.add_middleware(GuardhouseMiddleware())
GuardhouseMiddleware()
early.add_middleware(GuardhouseMiddleware())
early.mount(bank.server)
serve_tasks(early)

async def main():
    async with Client(early) as client:
        print(await done(client, "pay", amount=100))

asyncio.run(main())
"""


@needs_tasks
def test_the_middleware_may_be_added_to_a_server_that_is_there(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(LATER.format(path=sys.path))
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "paid 100\n", ran.stderr


@needs_tasks
@pytest.mark.skipif(IS_FASTMCP_3, reason="FastMCP 3 looks no component up in a worker")
def test_a_worker_in_another_process_does_not_decide(monkeypatch: pytest.MonkeyPatch, decisions: Decisions) -> None:
    from fastmcp_tasks import context  # type: ignore[import-not-found]

    # Another process does not know which server the task was made on.
    monkeypatch.setattr(context, "get_task_server", lambda task: None)
    bank = Bank(limited())
    ran_on: list[str] = []

    @bank.server.tool(task=TASK, auth=limited())
    async def where(amount: int, ctx: Context) -> str:
        ran_on.append(ctx.fastmcp.name)
        return "done"

    root = mounted(bank, None)
    serve_tasks(root)

    async def run() -> None:
        async with Client(root) as client:
            assert await done(client, "where", amount=1) == "done"

    asyncio.run(run())
    assert ran_on == ["Bank"]
    assert decisions() == ["allow"]


@pytest.mark.parametrize(
    ("subject", "claims", "stands"),
    [("alice", {}, False), ("alice", {"sub": "alice"}, True), (None, {}, True)],
)
def test_the_decision_stands_only_for_tokens_that_fastmcp_tells_apart(
    subject: str | None, claims: dict[str, str], stands: bool
) -> None:
    token = types.SimpleNamespace(subject=subject, claims=claims)
    with _fastmcp_task.decided():
        assert _fastmcp_task.is_decided(types.SimpleNamespace(token=token)) is stands
    assert not _fastmcp_task.is_decided(types.SimpleNamespace(token=token))
