"""Which checks are asked in the thread of an event loop, and what they may cost it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import guardhouse_checks
import pytest
from fastmcp.server.auth import AccessToken as FastMCPToken
from fastmcp.tools import Tool
from fastmcp.utilities.authorization import AuthContext as FastMCPContext
from fastmcp.utilities.authorization import run_auth_checks
from guardhouse_checks import AccessToken, AuthContext, Component, _native
from guardhouse_checks._check import configured
from guardhouse_checks._fastmcp_check import ask
from plugins import plugin
from ticks import ticks_during

PATIENT = guardhouse_checks.Limits(deadline="10s", cpu_time="10s")
BRIEF = guardhouse_checks.Limits(deadline="10s", cpu_time="300ms")
# So long that no other thread delays a fast answer by half of it.
TICK = 0.1


@pytest.fixture
def host() -> guardhouse_checks.Host:
    return guardhouse_checks.Host(tick=f"{int(TICK * 1000)}ms")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where checks were asked: `loop`, `tick` (in the loop until a tick, then in a thread) or `thread`."""
    places: list[str] = []
    begin = _native.begin

    def recorded(*arguments: Any) -> Any:
        found = begin(*arguments)
        places.append("loop" if isinstance(found, list) else "tick" if found.met_tick else "thread")
        return found

    monkeypatch.setattr(_native, "begin", recorded)
    return places


def endless_for_readers(host: guardhouse_checks.Host) -> guardhouse_checks.Check:
    """Denies at once, and computes forever for tokens with the scope `read`."""
    needs = guardhouse_checks.check("native:require-scopes", settings={"scopes": ["read"]})
    endless = guardhouse_checks.check(plugin("loop"), limits=BRIEF, host=host)
    return guardhouse_checks.all_of([needs, endless])


def context(*scopes: str) -> AuthContext:
    return AuthContext(Component("tool", "pay"), AccessToken("alice", scopes))


async def is_failed(check: guardhouse_checks.Check) -> bool:
    with pytest.raises(guardhouse_checks.CheckFailed, match="cpu-time"):
        await check(context("read"))
    return True


def test_a_check_is_asked_on_the_loop_after_sixteen_fast_answers(
    asked: list[str], host: guardhouse_checks.Host
) -> None:
    check = guardhouse_checks.check(plugin("allow"), limits=PATIENT, host=host)

    async def main() -> None:
        for _ in range(20):
            assert await check(context())

    asyncio.run(main())
    assert asked == ["thread"] * 16 + ["loop"] * 4


def test_a_check_that_was_never_fast_is_not_asked_on_the_loop(asked: list[str], host: guardhouse_checks.Host) -> None:
    check = guardhouse_checks.check(plugin("loop"), limits=BRIEF, host=host)

    async def main() -> None:
        for _ in range(2):
            assert await is_failed(check)

    asyncio.run(main())
    assert asked == ["thread"] * 2


def test_an_endless_check_takes_less_than_two_ticks_of_the_loop(asked: list[str], host: guardhouse_checks.Host) -> None:
    check = endless_for_readers(host)

    async def main() -> tuple[float, int]:
        for _ in range(17):
            assert not await check(context())
        before = time.thread_time()
        deciding = asyncio.create_task(is_failed(check))
        # The turn of another coroutine, which the endless check delays.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        spent = time.thread_time() - before
        _, turns = await ticks_during(deciding)
        return spent, turns

    spent, turns = asyncio.run(main())
    assert asked == ["thread"] * 16 + ["loop", "tick"]
    assert spent < 2 * TICK
    # From then on, it runs in a thread.
    assert turns > 100


def test_a_check_that_met_a_tick_is_not_asked_on_the_loop_for_a_second(
    asked: list[str], host: guardhouse_checks.Host
) -> None:
    check = endless_for_readers(host)
    other = guardhouse_checks.check(plugin("allow"), limits=PATIENT, host=host)

    async def main() -> float:
        for _ in range(17):
            assert not await check(context())
            assert await other(context())
        start = time.monotonic()
        assert await is_failed(check)
        asked.clear()
        # Another check is not concerned.
        assert await other(context())
        assert asked == ["loop"]
        while asked[-1] != "loop" or len(asked) < 16:
            assert not await check(context())
            assert time.monotonic() < start + 30
        return time.monotonic() - start

    assert asyncio.run(main()) >= 1
    assert asked.count("tick") == 0


def test_a_request_spends_one_tick_of_the_loop(asked: list[str], host: guardhouse_checks.Host) -> None:
    endless = endless_for_readers(host)
    quick = guardhouse_checks.check(plugin("allow"), limits=PATIENT, host=host)
    component = Tool.from_function(lambda: "paid", name="pay")

    def request(*scopes: str) -> FastMCPContext:
        token = FastMCPToken(token="t", client_id="alice", scopes=list(scopes))
        return FastMCPContext(token=token, component=component)

    async def main() -> None:
        for _ in range(17):
            assert not await run_auth_checks([endless], request())
            assert await run_auth_checks([quick], request())
        asked.clear()
        ctx = request("read")
        assert not await run_auth_checks([endless], ctx)
        assert await run_auth_checks([quick], ctx)
        assert await run_auth_checks([quick], request())

    asyncio.run(main())
    assert asked == ["tick", "thread", "loop"]


def test_a_long_batch_is_not_asked_on_the_loop(asked: list[str]) -> None:
    check = guardhouse_checks.check("builtin:require-auth", limits=PATIENT)
    components = [Tool.from_function(lambda: "paid", name=f"pay{at}") for at in range(500)]

    async def main() -> None:
        for _ in range(100):
            await run_auth_checks([check], FastMCPContext(token=None, component=components[0]))
        asked.clear()
        reports = await ask(configured(check), [FastMCPContext(token=None, component=each) for each in components[1:]])
        assert [report.allow for report in reports] == [False] * 499

    asyncio.run(main())
    assert asked == ["thread"]


def test_the_decisions_of_a_batch_are_in_the_order_of_its_requests() -> None:
    check = guardhouse_checks.check("builtin:restrict-tag", settings={"tag": "odd", "scopes": ["read"]}, limits=PATIENT)
    components = [Tool.from_function(lambda: "x", name=f"t{at}", tags={"odd"} if at % 2 else set()) for at in range(201)]

    async def main() -> list[bool]:
        reports = await ask(configured(check), [FastMCPContext(token=None, component=each) for each in components])
        return [report.allow for report in reports]

    assert asyncio.run(main()) == [at % 2 == 0 for at in range(201)]


def test_many_checks_that_are_fast_alone_are_not_asked_on_the_loop_together(asked: list[str]) -> None:
    check = guardhouse_checks.check("builtin:require-auth", limits=PATIENT)

    async def main() -> None:
        for _ in range(50):
            await guardhouse_checks.run_auth_checks_async([check], context())
        asked.clear()
        assert (await guardhouse_checks.run_auth_checks_async([check], context())).allow
        assert (await guardhouse_checks.run_auth_checks_async([check] * 500, context())).allow

    asyncio.run(main())
    assert asked == ["loop", "thread"]
