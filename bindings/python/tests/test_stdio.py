"""Over stdio, FastMCP does not evaluate checks. The middleware refuses to serve guarded components there."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import PythonStdioTransport
from in_memory_stdio import asked
from routes import HASHED, PAY, within
from test_server import CAN_COMPLETE, is_open, is_shut, seen

SERVER = """
import sys
sys.path[:0] = {path!r}
import guardhouse_checks
from fastmcp import FastMCP
from fastmcp.server.middleware import AuthMiddleware
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from test_server import server_with

check = guardhouse_checks.check("builtin:require-auth")
mcp = server_with(None if {everything} else check)
{middleware}
if {mounted}:
    outer = FastMCP("Outer", middleware=mcp.middleware)
    outer.mount(mcp)
    mcp.middleware = []
    mcp = outer
mcp.run(show_banner=False)
"""


def _seen(folder: Path, *middleware: str, everything: bool = False, mounted: bool = False) -> dict[str, Any]:
    script = folder / "server.py"
    lines = "\n".join(f"mcp.add_middleware({each})" for each in middleware)
    script.write_text(
        SERVER.format(path=sys.path, everything=everything, mounted=mounted, middleware=lines)
    )
    environment = {**os.environ, "FASTMCP_LOG_LEVEL": "CRITICAL"}
    transport = PythonStdioTransport(script, python_cmd=sys.executable, env=environment)
    return asyncio.run(seen(Client(transport, timeout=60)))


def test_without_the_middleware_everything_is_open(tmp_path: Path) -> None:
    is_open(_seen(tmp_path))


def test_allow_leaves_everything_open(tmp_path: Path) -> None:
    is_open(_seen(tmp_path, 'GuardhouseMiddleware(stdio="allow")'))


@pytest.mark.parametrize("mounted", [False, True])
def test_refuse_serves_nothing_that_is_guarded(tmp_path: Path, mounted: bool) -> None:
    found = _seen(tmp_path, "GuardhouseMiddleware()", mounted=mounted)
    for use in ("call", "read", "read template", "get"):
        assert "is guarded, and is not served over stdio" in found[use] or "Internal error" in found[use]
        found[use] = "error: refused"
    # The outer server does not pass completions on to a mounted one.
    if CAN_COMPLETE and not mounted:
        assert found["complete prompt"] == found["complete template"] == "values=[] total=None has_more=None"
    is_shut(found)


def test_refuse_serves_nothing_behind_an_auth_middleware(tmp_path: Path) -> None:
    found = _seen(tmp_path, "GuardhouseMiddleware()", "AuthMiddleware(auth=check)", everything=True)
    assert found["tools"] == found["resources"] == found["templates"] == found["prompts"] == []
    for use in ("call", "read", "read template", "get", "open"):
        assert found[use].startswith("error: ")
    assert "secret" not in found["complete prompt"] + found["complete template"]


HIDDEN = """
import sys
sys.path[:0] = {path!r}
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from routes import GUARD, app_tool_by_hashed_name, inner

mcp = app_tool_by_hashed_name()
mcp.mount(inner(lambda ctx: GUARD(ctx)), namespace="a")
mcp.add_middleware(GuardhouseMiddleware(stdio={stdio!r}))
mcp.run(show_banner=False)
"""


@pytest.mark.parametrize("stdio", ["allow", "refuse"])
def test_neither_a_hashed_name_nor_a_callable_hides_a_check(tmp_path: Path, stdio: str) -> None:
    script = tmp_path / "server.py"
    script.write_text(HIDDEN.format(path=sys.path, stdio=stdio))
    environment = {**os.environ, "FASTMCP_LOG_LEVEL": "CRITICAL"}
    transport = PythonStdioTransport(script, python_cmd=sys.executable, env=environment)
    requests = [("call", HASHED), *within(PAY, "a")]

    async def found() -> list[str]:
        async with Client(transport, timeout=60) as client:
            return [await asked(client, each) for each in [*requests, ("call", "free"), ("call", "a_free")]]

    *guarded, free, mounted = asyncio.run(found())
    assert "OPEN" in free and "OPEN" in mounted
    for each in guarded:
        assert ("SECRET" in each) == (stdio == "allow")
        assert each.startswith("error: ") == (stdio == "refuse")
