"""Worker processes: each has a host of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import guardhouse_checks
import pytest
from guardhouse_checks import AccessToken, AuthContext, Component
from plugins import plugin
from ticks import ticks_during

PATIENT = guardhouse_checks.Limits(deadline="100s", configure_deadline="10s", cpu_time="100s")
ALICE = AuthContext(Component("tool", "x"), AccessToken("alice", ["read"]))
NOBODY = AuthContext(Component("tool", "x"))


def decide(check: guardhouse_checks.Check) -> tuple[int, bool, bool, bool]:
    """In a worker: a blocking decision, and one in an event loop that goes on meanwhile."""

    async def main() -> tuple[bool, int]:
        return await ticks_during(check(ALICE))

    allow, ticks = asyncio.run(main())
    return os.getpid(), allow and ticks > 0, guardhouse_checks.run_auth_checks(check, ALICE).allow, bool(
        guardhouse_checks.run_auth_checks(check, NOBODY)
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_decide_like_their_parent(method: Any) -> None:
    check = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]}, limits=PATIENT)
    # The parent's host has started, and made decisions, before there are workers.
    assert decide(check)[1:] == (True, True, False)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as workers:
        found = [future.result(120) for future in [workers.submit(decide, check) for _ in range(6)]]
    assert all(answers == (True, True, False) for _, *rest in found for answers in [tuple(rest)])
    assert os.getpid() not in {process for process, *_ in found}
    # The parent's host still runs.
    assert decide(check)[1:] == (True, True, False)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_an_endless_plugin_in_a_forked_worker_is_stopped_and_denied() -> None:
    endless = guardhouse_checks.check(plugin("loop"), limits=guardhouse_checks.Limits(deadline="200ms"))
    assert not guardhouse_checks.run_auth_checks(endless, ALICE)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as workers:
        assert workers.submit(_is_denied, endless).result(60)


def _is_denied(check: guardhouse_checks.Check) -> bool:
    return not guardhouse_checks.run_auth_checks(check, ALICE)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_enforces_the_deadline_while_it_waits() -> None:
    # The worker does not have the parent's timer threads.
    guardhouse_checks.check("builtin:require-auth")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as workers:
        assert "no-capacity" in workers.submit(_error_without_capacity).result(60)


def _error_without_capacity() -> str:
    host = guardhouse_checks.Host(guardhouse_checks.HostLimits(instances=1))
    endless = guardhouse_checks.check(plugin("loop"), host=host, limits=PATIENT)
    quick = guardhouse_checks.Limits(configure_deadline="500ms")
    threading.Thread(target=guardhouse_checks.run_auth_checks, args=(endless, ALICE), daemon=True).start()
    while True:
        # Repeat until the other thread has the only instance slot.
        try:
            guardhouse_checks.check("builtin:require-auth", host=host, limits=quick)
        except guardhouse_checks.ConfigError as error:
            return str(error)
