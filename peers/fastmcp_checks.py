"""Measures what the decision costs in FastMCP itself, with its own checks."""

import argparse
import asyncio
import json
import math
from pathlib import Path
from time import perf_counter_ns

from fastmcp.server.auth import AccessToken, AuthContext, require_scopes, run_auth_checks
from fastmcp.tools import Tool

ALONE = 5_000
"""The nanoseconds above which an operation is timed alone."""
BATCH = 20_000
"""The nanoseconds of a batch of shorter operations."""


def auth_context(document: dict, without: str | None = None) -> AuthContext:
    """The context of the document, optionally with a token that lacks one scope."""
    token = document["token"]
    component = document["component"]
    access_token = AccessToken(
        token="token",
        client_id=token["client_id"],
        subject=token["subject"],
        scopes=[scope for scope in token["scopes"] if scope != without],
        expires_at=token["expires_at"],
        resource=token["resource_indicator"],
        claims=token["claims"],
    )

    def get_invoice() -> None:
        """The tool of the request."""

    tool = Tool.from_function(get_invoice, name=component["name"], tags=set(component["tags"]))
    return AuthContext(token=access_token, component=tool)


async def time_of(count: int, checks: list, context: AuthContext) -> int:
    """Times `count` decisions, in nanoseconds."""
    start = perf_counter_ns()
    for _ in range(count):
        await run_auth_checks(checks, context)
    return perf_counter_ns() - start


async def measure(milliseconds: int) -> list[float]:
    """Times decisions until `milliseconds` have passed. The samples are in µs per decision; there is at least one."""
    document = json.loads(Path(__file__).with_name("context.json").read_text(encoding="utf-8"))
    checks = [require_scopes("read", "scope-17")]
    allowed = auth_context(document)
    if not await run_auth_checks(checks, allowed):
        raise SystemExit("FastMCP denies what it should allow")
    if await run_auth_checks(checks, auth_context(document, without="scope-17")):
        raise SystemExit("FastMCP allows what it should deny")

    # Warm up, and measure the average time of a decision.
    count, elapsed = 0, 0
    while count == 0 or elapsed < milliseconds * 1_000_000 // 4:
        elapsed += await time_of(100, checks, allowed)
        count += 100
    one = elapsed / count
    batch = 1 if one > ALONE else math.ceil(BATCH / one)

    samples = []
    end = perf_counter_ns() + milliseconds * 1_000_000
    while not samples or perf_counter_ns() < end:
        elapsed = await time_of(batch, checks, allowed)
        samples.append(round(elapsed / batch / 1_000, 3))
    return samples


def main() -> None:
    """Measures and prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--milliseconds", type=int, default=200, help="how long to measure (default 200)")
    samples = asyncio.run(measure(parser.parse_args().milliseconds))
    print(json.dumps({"name": "fastmcp_python", "unit": "µs", "samples": samples}, ensure_ascii=False))


if __name__ == "__main__":
    main()
