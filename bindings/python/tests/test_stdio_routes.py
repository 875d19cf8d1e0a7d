"""Over stdio, the middleware refuses what is guarded, whatever name or route leads to it."""

from __future__ import annotations

import asyncio

import indirect_routes
import pytest
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from in_memory_stdio import seen
from routes import ROUTES

assert indirect_routes, "it adds to the routes"


@pytest.mark.parametrize("name", ROUTES)
def test_without_the_middleware_every_route_is_open(name: str) -> None:
    route = ROUTES[name]
    found, _ = asyncio.run(seen(route.build(), route.guarded + route.unguarded))
    for request, answer in zip(route.guarded, found, strict=False):
        assert "SECRET" in answer and not answer.startswith("error: "), (request, answer)
    for request, answer in zip(route.unguarded, found[len(route.guarded) :], strict=True):
        assert "OPEN" in answer, (request, answer)


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("name", ROUTES)
def test_the_middleware_refuses_every_route(name: str, place: str) -> None:
    route = ROUTES[name]
    mcp = route.build()
    mcp.middleware.insert(0 if place == "first" else len(mcp.middleware), GuardhouseMiddleware())
    found, listed = asyncio.run(seen(mcp, route.guarded + route.unguarded))
    for request, answer in zip(route.guarded, found, strict=False):
        assert answer.startswith("error: ") and "SECRET" not in answer, (request, answer)
    for request, answer in zip(route.unguarded, found[len(route.guarded) :], strict=True):
        assert "OPEN" in answer and not answer.startswith("error: "), (request, answer)
    if not route.is_listed:
        assert not listed & {each for each in route.guarded if len(each) == 2}
