"""Worker processes: each has a host of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import guardhouse
import pytest
from guardhouse import AccessToken, AuthContext, Component
from plugins import plugin
from ticks import ticks_during

PATIENT = guardhouse.Limits(deadline="10s", configure_deadline="10s")
ALICE = AuthContext(Component("tool", "x"), AccessToken("alice", ["read"]))
NOBODY = AuthContext(Component("tool", "x"))


def decide(check: guardhouse.Check) -> tuple[int, bool, bool, bool]:
    """In a worker: a blocking decision, and one in an event loop that goes on meanwhile."""

    async def main() -> tuple[bool, int]:
        return await ticks_during(check(ALICE))

    allow, ticks = asyncio.run(main())
    return os.getpid(), allow and ticks > 0, guardhouse.run_auth_checks(check, ALICE).allow, bool(
        guardhouse.run_auth_checks(check, NOBODY)
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_workers_decide_like_their_parent(method: Any) -> None:
    check = guardhouse.check("builtin:require-scopes", settings={"scopes": ["read"]}, limits=PATIENT)
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
    endless = guardhouse.check(plugin("loop"), limits=guardhouse.Limits(deadline="200ms"))
    assert not guardhouse.run_auth_checks(endless, ALICE)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as workers:
        assert workers.submit(_is_denied, endless).result(60)


def _is_denied(check: guardhouse.Check) -> bool:
    return not guardhouse.run_auth_checks(check, ALICE)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_enforces_the_deadline_while_it_waits() -> None:
    # The worker does not have the parent's timer threads.
    guardhouse.check("builtin:require-auth")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as workers:
        assert "no-capacity" in workers.submit(_error_without_capacity).result(60)


def _error_without_capacity() -> str:
    host = guardhouse.Host(guardhouse.HostLimits(instances=1))
    endless = guardhouse.check(plugin("loop"), host=host, limits=guardhouse.Limits(deadline="100s"))
    threading.Thread(target=guardhouse.run_auth_checks, args=(endless, ALICE), daemon=True).start()
    while True:
        # Repeat until the other thread has the only instance slot.
        try:
            guardhouse.check("builtin:require-auth", host=host, limits=guardhouse.Limits(configure_deadline="500ms"))
        except guardhouse.ConfigError as error:
            return str(error)
