"""Fixtures: a FastMCP server on a loopback port, and its log."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from tasks import Decisions

TOKENS = {
    "reader": {"client_id": "alice-laptop", "scopes": ["read"], "sub": "alice"},
    "writer": {"client_id": "bob-laptop", "scopes": ["read", "write"], "sub": "bob"},
    "admin": {"client_id": "root-laptop", "scopes": ["read", "write", "admin"]},
    "nobody": {"client_id": "eve-laptop", "scopes": []},
}


def verifier() -> StaticTokenVerifier:
    return StaticTokenVerifier(tokens=TOKENS)


@contextlib.contextmanager
def served(server: FastMCP, loop: str = "asyncio", **options: Any) -> Iterator[str]:
    """Serves on a loopback port. The value is the URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(server.http_app(**options), log_level="error", loop=loop, lifespan="on")
    http = uvicorn.Server(config)
    started = threading.Event()
    startup = http.startup

    async def start(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        started.set()

    http.startup = start  # type: ignore[method-assign]
    thread = threading.Thread(target=http.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert started.wait(30)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        http.should_exit = True
        thread.join(30)


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    with contextlib.ExitStack() as stack:
        yield lambda server, **options: stack.enter_context(served(server, **options))


class Warnings(logging.Handler):
    """The warnings of FastMCP's engine and of Guardhouse, as formatted in the operator's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    loggers = [logging.getLogger(name) for name in ("fastmcp.utilities.authorization", "guardhouse_checks")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


@pytest.fixture
def decisions() -> Iterator[Decisions]:
    """The decisions in the log."""
    handler, logger = Decisions(), logging.getLogger("guardhouse_checks.decision")
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)
