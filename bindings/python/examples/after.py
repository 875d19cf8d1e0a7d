"""The server of `before.py` with Guardhouse's checks, which run in a sandbox."""

from pathlib import Path

import guardhouse_checks
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.middleware import AuthMiddleware

verifier = StaticTokenVerifier(
    tokens={
        "alice-token": {"client_id": "alice-laptop", "scopes": ["read"]},
        "mallory-token": {"client_id": "mallory-laptop", "scopes": ["read", "admin"]},
    }
)

require_auth = guardhouse_checks.check("builtin:require-auth")
require_read = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]})
restrict_admin = guardhouse_checks.check("builtin:restrict-tag", settings={"tag": "admin", "scopes": ["admin"]})
not_suspended = guardhouse_checks.check(
    Path(__file__).parent / "not-suspended.wasm",
    settings={"suspended": ["mallory-laptop"]},
)

mcp = FastMCP("Bank", auth=verifier, middleware=[AuthMiddleware(auth=restrict_admin)])


@mcp.tool(auth=require_auth)
def rates() -> str:
    return "3 %"


@mcp.tool(auth=[require_read, not_suspended])
def balance() -> str:
    return "42"


@mcp.tool(tags={"admin"})
def close() -> str:
    return "closed"


if __name__ == "__main__":
    mcp.run(transport="http", port=8000)
