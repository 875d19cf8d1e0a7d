"""FastMCP's own checks: they run in the server's own interpreter."""

from fastmcp import FastMCP
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.auth import AuthContext, require_scopes, restrict_tag
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.middleware import AuthMiddleware

verifier = StaticTokenVerifier(
    tokens={
        "alice-token": {"client_id": "alice-laptop", "scopes": ["read"]},
        "mallory-token": {"client_id": "mallory-laptop", "scopes": ["read", "admin"]},
    }
)


def require_auth(ctx: AuthContext) -> bool:
    return ctx.token is not None


def not_suspended(ctx: AuthContext) -> bool:
    if ctx.token is None:
        return False
    if ctx.token.client_id in ["mallory-laptop"]:
        raise AuthorizationError(f"client `{ctx.token.client_id}` is suspended")
    return True


mcp = FastMCP(
    "Bank",
    auth=verifier,
    middleware=[AuthMiddleware(auth=restrict_tag("admin", scopes=["admin"]))],
)


@mcp.tool(auth=require_auth)
def rates() -> str:
    return "3 %"


@mcp.tool(auth=[require_scopes("read"), not_suspended])
def balance() -> str:
    return "42"


@mcp.tool(tags={"admin"})
def close() -> str:
    return "closed"


if __name__ == "__main__":
    mcp.run(transport="http", port=8000)
