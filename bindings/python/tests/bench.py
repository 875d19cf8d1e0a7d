"""The cost of a check, alone, in a list, and within a whole request: `python tests/bench.py [--quick] [--json FILE]`.

All variants are measured in turns in one run, so that disturbances affect all of them.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import guardhouse_checks
from apart import served_apart
from conftest import verifier
from fastmcp import Client, FastMCP
from fastmcp.server.auth import AccessToken, require_scopes
from fastmcp.tools import Tool
from fastmcp.utilities.authorization import AuthContext, run_auth_checks
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from plugins import plugin

SETTINGS = {"scopes": ["read"]}
PATIENT = guardhouse_checks.Limits(deadline="5s")


OWN = "FastMCP's own `require_scopes`"
SANDBOX = "Guardhouse, `require-scopes` in a sandbox"


def checks() -> dict[str, Any]:
    return {
        OWN: require_scopes("read"),
        "Guardhouse, native `require-scopes`": guardhouse_checks.check("native:require-scopes", SETTINGS),
        SANDBOX: guardhouse_checks.check("builtin:require-scopes", SETTINGS, limits=PATIENT),
        "Guardhouse, the smallest plugin in a sandbox": guardhouse_checks.check(plugin("allow"), limits=PATIENT),
    }


async def _timed(rounds: int, works: dict[str, Callable[[], Awaitable[Any]]]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            await work()
            times[name].append(time.perf_counter() - start)
    return times


async def _warmed_up(works: dict[str, Callable[[], Awaitable[Any]]]) -> None:
    """Works until the images of frequent checks are made, in a thread of the host."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        await _timed(1, works)


async def decisions(rounds: int) -> dict[str, list[float]]:
    async def tool() -> str:
        """Searches."""
        return "found"

    component = Tool.from_function(tool, tags={"a", "b"})
    token = AccessToken(token="t", client_id="alice", scopes=["read", "write"], claims={"sub": "alice"})

    def asks(check: Any) -> Callable[[], Awaitable[Any]]:
        # A new context each time: the decision about an equal one is memoized.
        return lambda: run_auth_checks([check], AuthContext(token=token, component=component))

    works = {name: asks(check) for name, check in checks().items()}
    await _warmed_up(works)
    return await _timed(rounds, works)


LISTED = 500


async def lists(rounds: int) -> dict[str, list[float]]:
    """Lists of many tools under one check, in this process."""
    token = AccessToken(token="t", client_id="alice", scopes=["read", "write"], claims={"sub": "alice"})

    async def answer() -> str:
        return "answer"

    def listing(check: Any) -> Callable[[], Awaitable[Any]]:
        mcp: FastMCP = FastMCP("Bench", middleware=[GuardhouseMiddleware()])
        for at in range(LISTED):
            mcp.tool(answer, name=f"tool{at}", auth=check)

        async def listed() -> None:
            user = auth_context_var.set(AuthenticatedUser(token))
            try:
                assert len(await mcp.list_tools()) == LISTED
            finally:
                auth_context_var.reset(user)

        return listed

    named = checks()
    works = {name: listing(named[name]) for name in (OWN, SANDBOX)}
    await _warmed_up(works)
    return await _timed(rounds, works)


def blocking(rounds: int) -> list[float]:
    check = checks()[SANDBOX]
    token = guardhouse_checks.AccessToken("alice", ["read", "write"], subject="alice")
    context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "search", tags={"a", "b"}), token)
    times = []
    for _ in range(400 + rounds):
        start = time.perf_counter()
        guardhouse_checks.run_auth_checks(check, context)
        times.append(time.perf_counter() - start)
    return times[400:]


async def _requests(url: str, names: list[str], rounds: int) -> dict[str, list[float]]:
    async with Client(url, auth="reader") as client:

        def calls(at: int) -> Callable[[], Awaitable[Any]]:
            return lambda: client.call_tool(f"tool{at}", {})

        works = {name: calls(at) for at, name in enumerate(names)}
        await _timed(20, works)
        return await _timed(rounds, works)


def guarded() -> dict[str, Any]:
    return {"no check": None, **checks()}


def server() -> FastMCP:
    mcp: FastMCP = FastMCP("Bench", auth=verifier())

    async def answer() -> str:
        return "answer"

    for at, check in enumerate(guarded().values()):
        mcp.tool(answer, name=f"tool{at}", auth=check)
    return mcp


def requests(rounds: int) -> dict[str, list[float]]:
    # FastMCP's fastest transport, so that the share of a check is not understated.
    with served_apart(server, stateless_http=True, json_response=True) as (url, _):
        return asyncio.run(_requests(url, list(guarded()), rounds))


def _row(name: str, times: list[float], base: float) -> str:
    median, tail = statistics.median(times), _p99(times)
    return f"| {name} | {median * 1e6:,.1f} µs | {tail * 1e6:,.1f} µs | {median / base:.2f}x |"


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def main() -> None:
    rounds, calls, listings = (200, 20, 3) if "--quick" in sys.argv else (5000, 500, 50)
    found = asyncio.run(decisions(rounds))
    own = statistics.median(next(iter(found.values())))
    print("| one decision, by FastMCP's engine | p50 | p99 | FastMCP's own |\n|---|---:|---:|---:|")
    for name, times in found.items():
        print(_row(name, times, own))
    print(_row("(without FastMCP: `guardhouse_checks.run_auth_checks`, in a thread)", blocking(rounds), own))
    listed = asyncio.run(lists(listings))
    base = statistics.median(listed[OWN])
    print(f"\n| a list of {LISTED} tools | p50 | p99 | FastMCP's own |\n|---|---:|---:|---:|")
    for name, times in listed.items():
        print(_row(name, times, base))
    if "--json" in sys.argv:
        figures = {
            "fastmcp_own_p50_us": own * 1e6,
            "fastmcp_guarded_p50_us": statistics.median(found[SANDBOX]) * 1e6,
            "fastmcp_own_p99_us": _p99(found[OWN]) * 1e6,
            "fastmcp_guarded_p99_us": _p99(found[SANDBOX]) * 1e6,
            "fastmcp_list_500_own_ms": base * 1e3,
            "fastmcp_list_500_guarded_ms": statistics.median(listed[SANDBOX]) * 1e3,
        }
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(figures, indent=4) + "\n")
    whole = requests(calls)
    base = statistics.median(whole["no check"])
    print("\n| one call over HTTP, client and server | p50 | p99 | no check |\n|---|---:|---:|---:|")
    for name, times in whole.items():
        print(_row(name, times, base))


if __name__ == "__main__":
    main()
