"""Many requests from many clients at once: `python tests/load.py [--plugin FILE] [REQUESTS] [CLIENTS]`.

They go to good and hostile plugins; or to one plugin with default limits, which takes the settings of `require-scopes` and
is in a language that is slow, such as Python. The server runs in a process of its own. It must answer every request correctly, and its memory, open files and threads
must not grow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import os
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import guardhouse_checks
from apart import served_apart
from conftest import verifier
from fastmcp import Client, FastMCP
from plugins import denies_with, plugin

QUICK = guardhouse_checks.Limits(deadline="100ms")
PATIENT = guardhouse_checks.Limits(deadline="5s")
ALLOWED = {"open", "scoped", "tagged"}
CHECKS: dict[str, Any] = {
    "scoped": lambda: guardhouse_checks.check("builtin:require-scopes", {"scopes": ["read"]}, limits=PATIENT),
    "tagged": lambda: guardhouse_checks.check(
        "builtin:restrict-tag", {"tag": "secret", "scopes": ["admin"]}, limits=PATIENT
    ),
    "admin": lambda: guardhouse_checks.check("builtin:require-scopes", {"scopes": ["admin"]}, limits=PATIENT),
    "no": lambda: guardhouse_checks.check(plugin("deny"), limits=PATIENT),
    "message": lambda: guardhouse_checks.check(denies_with("closed"), limits=PATIENT),
    "trap": lambda: guardhouse_checks.check(plugin("unreachable"), limits=PATIENT),
    "bomb": lambda: guardhouse_checks.check(plugin("memory-trap"), limits=PATIENT),
    "loop": lambda: guardhouse_checks.check(plugin("loop"), limits=QUICK),
}
# One in a hundred requests never ends, and takes 0.1 s of a processor.
MIX = (["scoped"] * 40 + ["tagged"] * 20 + ["open"] * 5 + ["admin"] * 12 + ["no"] * 8 + ["message"] * 6
       + ["trap"] * 5 + ["bomb"] * 3 + ["loop"])


@dataclass
class Size:
    """The resources of a process."""

    resident: int
    files: int
    threads: int

    @staticmethod
    def of(process: int) -> Size:
        with open(f"/proc/{process}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        files = len(os.listdir(f"/proc/{process}/fd"))
        return Size(int(fields["VmRSS"].split()[0]) << 10, files, int(fields["Threads"]))


def server(path: str | None = None) -> FastMCP:
    mcp: FastMCP = FastMCP("Load", auth=verifier())

    async def answer() -> str:
        return "answer"

    mcp.tool(answer, name="open")
    if path is not None:
        mcp.tool(answer, name="scoped", auth=guardhouse_checks.check(path, {"scopes": ["read"]}))
        return mcp
    for name, make in CHECKS.items():
        mcp.tool(answer, name=name, auth=make())
    return mcp


@dataclass
class Result:
    """The result of a load test."""

    requests: int
    wrong: list[str]
    seconds: float
    latencies: dict[str, list[float]]
    before: Size
    after: Size

    def percentile(self, share: float, *names: str) -> float:
        """The latency in milliseconds, of the named tools or of all."""
        times = sorted(each for name, known in self.latencies.items() if not names or name in names for each in known)
        return times[min(len(times) - 1, int(len(times) * share))] * 1000


async def _load(url: str, process: int, requests: int, clients: int, mix: list[str]) -> Result:
    wrong: list[str] = []
    latencies: dict[str, list[float]] = defaultdict(list)
    numbers = iter(range(requests))

    async def one(client: Client[Any]) -> None:
        for number in numbers:
            # A stride coprime to the length of the mix visits all of it, in a mixed order.
            name = mix[number * 37 % len(mix)]
            start = time.perf_counter()
            try:
                found = str((await client.call_tool(name, {})).data)
            except Exception as error:
                found = str(error)
            latencies[name].append(time.perf_counter() - start)
            expected = "answer" if name in ALLOWED else f"Unknown tool: '{name}'"
            if found != expected:
                wrong.append(f"{name}: {found}")

    async with contextlib.AsyncExitStack() as stack:
        made = [await stack.enter_async_context(Client(url, auth="reader")) for _ in range(clients)]
        # Make everything that is made once before the first count.
        await asyncio.gather(*(_warm_up(client, mix) for client in made))
        before = Size.of(process)
        start = time.perf_counter()
        await asyncio.gather(*(one(client) for client in made))
        seconds = time.perf_counter() - start
        return Result(requests, wrong, seconds, latencies, before, Size.of(process))


async def _warm_up(client: Client[Any], mix: list[str]) -> None:
    for name in sorted(set(mix)):
        with contextlib.suppress(Exception):
            await client.call_tool(name, {})


def run(requests: int, clients: int, path: str | None = None) -> Result:
    """Starts a server and sends it the requests."""
    # Logging each fault through FastMCP would take most of the time.
    os.environ["FASTMCP_LOG_LEVEL"] = "ERROR"
    with served_apart(functools.partial(server, path), stateless_http=True) as (url, process):
        return asyncio.run(_load(url, process, requests, clients, MIX if path is None else ["scoped"]))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin", metavar="FILE")
    parser.add_argument("requests", type=int, nargs="?", default=10_000)
    parser.add_argument("clients", type=int, nargs="?", default=50)
    options = parser.parse_args()
    result = run(options.requests, options.clients, options.plugin)
    good = sorted(ALLOWED)
    print(f"{result.requests:,} requests of {options.clients} clients in {result.seconds:.1f} s, {len(result.wrong)} wrong")
    print("| tools | p50 | p99 | max |\n|---|---:|---:|---:|")
    kinds = [("allowed", good), ("endless", ["loop"]), ("all", [])] if options.plugin is None else [("allowed", good)]
    for title, names in kinds:
        times = " | ".join(f"{result.percentile(share, *names):.1f} ms" for share in (0.5, 0.99, 1))
        print(f"| {title} | {times} |")
    print("| server | before | after |\n|---|---:|---:|")
    print(f"| resident | {result.before.resident >> 20} MiB | {result.after.resident >> 20} MiB |")
    print(f"| open files | {result.before.files} | {result.after.files} |")
    print(f"| threads | {result.before.threads} | {result.after.threads} |")
    for line in result.wrong[:5]:
        print(line)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
