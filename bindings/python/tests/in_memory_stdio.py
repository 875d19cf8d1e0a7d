"""A client of a server in memory that FastMCP takes for one over stdio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastmcp import Client, FastMCP
from fastmcp.server.context import reset_transport, set_transport
from routes import Request


@contextmanager
def over_stdio() -> Iterator[None]:
    """FastMCP's mark of stdio, which a server in memory inherits."""
    token = set_transport("stdio")
    try:
        yield
    finally:
        reset_transport(token)


async def asked(client: Client[Any], request: Request) -> str:
    how, name, *options = request
    arguments, version = (*options, None, None)[:2]
    try:
        match how:
            case "call":
                return str(await client.call_tool(name, arguments or {}, version=version))
            case "get":
                return str(await client.get_prompt(name, arguments, version=version))
            case _:
                return str(await client.read_resource(name, version=version))
    except Exception as error:
        return f"error: {error}"


async def names(client: Client[Any]) -> set[Request]:
    """All that a client finds in lists, as requests."""
    templates = [each.model_dump() for each in await client.list_resource_templates()]
    return {
        *(("call", each.name) for each in await client.list_tools()),
        *(("get", each.name) for each in await client.list_prompts()),
        *(("read", str(each.uri)) for each in await client.list_resources()),
        *(("read", each.get("uri_template") or each["uriTemplate"]) for each in templates),
    }


async def seen(mcp: FastMCP, requests: Sequence[Request]) -> tuple[list[str], set[Request]]:
    """The results of requests, and everything that is listed."""
    with over_stdio():
        async with Client(mcp) as client:
            return [await asked(client, each) for each in requests], await names(client)
