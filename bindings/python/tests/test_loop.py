"""Event loops: no check blocks one."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import guardhouse_checks
import pytest
import uvloop
from conftest import verifier
from fastmcp import Client
from guardhouse_checks import AuthContext, Component
from plugins import plugin
from test_server import is_open, seen, server_with
from ticks import ticks_during

PATIENT = guardhouse_checks.Limits(deadline="10s")
CONTEXT = AuthContext(Component("tool", "x"))

LOOPS: dict[str, Any] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Any:
    def run_in(main: Any) -> Any:
        loop = LOOPS[request.param]()
        try:
            return loop.run_until_complete(main)
        finally:
            loop.close()

    return run_in


def test_an_endless_plugin_does_not_block_the_loop(run: Any) -> None:
    endless = guardhouse_checks.check(plugin("loop"), limits=guardhouse_checks.Limits(deadline="500ms", cpu_time="10s"))
    quick = guardhouse_checks.check(plugin("allow"), limits=PATIENT)

    async def main() -> tuple[int, list[bool]]:
        answered: list[bool] = []

        async def endlessly() -> None:
            with pytest.raises(guardhouse_checks.CheckFailed, match="deadline"):
                await endless(CONTEXT)

        async def others() -> None:
            while True:
                answered.append(await quick(CONTEXT))

        asking = asyncio.create_task(others())
        _, ticks = await ticks_during(endlessly())
        asking.cancel()
        return ticks, answered

    ticks, answered = run(main())
    # A blocked loop would count only a few.
    assert ticks > 200
    assert len(answered) > 20 and all(answered)


def test_many_endless_plugins_do_not_block_the_loop(run: Any) -> None:
    endless = guardhouse_checks.check(plugin("loop"), limits=guardhouse_checks.Limits(deadline="500ms", cpu_time="10s"))
    quick = guardhouse_checks.check(plugin("allow"), limits=PATIENT)

    async def main() -> None:
        asking = [asyncio.create_task(endless(CONTEXT)) for _ in range(16)]
        for _ in range(10):
            await asyncio.sleep(0)
        # There are more endless plugins than threads.
        assert await quick(CONTEXT)
        assert not any(each.done() for each in asking)
        ends = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(end, guardhouse_checks.CheckFailed) for end in ends)

    run(main())


def test_a_cancelled_evaluation_frees_its_instance(run: Any) -> None:
    host = guardhouse_checks.Host(guardhouse_checks.HostLimits(instances=1))
    endless = guardhouse_checks.check(plugin("loop"), limits=guardhouse_checks.Limits(deadline="1min", cpu_time="1min"), host=host)
    quick = guardhouse_checks.check(plugin("allow"), limits=PATIENT, host=host)

    async def main() -> bool:
        asking = asyncio.create_task(endless(CONTEXT))
        while not await _is_busy(asking):
            pass
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        # The host has one instance slot, and it is free again.
        return await quick(CONTEXT)

    assert run(main()) is True


async def _is_busy(task: asyncio.Task[Any]) -> bool:
    await asyncio.sleep(0)
    return not task.done()


def test_loops_in_threads_share_checks() -> None:
    check = guardhouse_checks.check(plugin("allow"), limits=PATIENT)

    async def main() -> bool:
        return all(await asyncio.gather(*(check(CONTEXT) for _ in range(50))))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: asyncio.run(main()), range(16)))
        assert all(threads.map(lambda _: guardhouse_checks.run_auth_checks(check, CONTEXT).allow, range(200)))


def test_a_loop_leaks_no_files() -> None:
    check = guardhouse_checks.check(plugin("allow"), limits=PATIENT)

    def files() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    async def main() -> bool:
        return await check(CONTEXT)

    asyncio.run(main())
    before = files()
    for _ in range(20):
        assert asyncio.run(main())
    assert files() <= before


def test_a_blocking_decision_releases_the_interpreters_lock() -> None:
    endless = guardhouse_checks.check(plugin("loop"), limits=guardhouse_checks.Limits(deadline="500ms", cpu_time="10s"))
    thread = threading.Thread(target=guardhouse_checks.run_auth_checks, args=(endless, CONTEXT))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    assert turns > 1000


def test_a_server_on_uvloop(serve: Any) -> None:
    check = guardhouse_checks.check("builtin:require-auth", limits=PATIENT)
    is_open(asyncio.run(seen(Client(serve(server_with(check, verifier()), loop="uvloop"), auth="reader"))))
