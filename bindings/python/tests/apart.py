"""A FastMCP server in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import uvicorn
from fastmcp import FastMCP


@contextlib.contextmanager
def served_apart(make: Callable[[], FastMCP], **options: Any) -> Iterator[tuple[str, int]]:
    """Serves on a loopback port. The values are the URL and the process id."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, make, options), daemon=True)
    process.start()
    try:
        assert process.pid is not None and ours.poll(120)
        yield f"http://127.0.0.1:{ours.recv()}/mcp", process.pid
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, make: Callable[[], FastMCP], options: dict[str, Any]) -> None:
    app = make().http_app(**options)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    pipe.send(listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run(sockets=[listener])
