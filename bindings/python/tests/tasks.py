"""A server with a guarded tool that runs as a task, and what it decided."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import guardhouse_checks
import pytest
from fastmcp import Client, FastMCP
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.utilities.tasks import TaskConfig
from guardhouse_checks import _fastmcp_call
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from versions import IS_FASTMCP_3, call_tool_as_task

PATIENT = guardhouse_checks.Limits(deadline="10s")
TASK: Any = TaskConfig(mode="optional", poll_interval=timedelta(milliseconds=20))
WAIT = 60
DENIED = "Unknown|Authorization failed|insufficient scope|must be a number of at most 100|not served over stdio"


def limited() -> guardhouse_checks.Check:
    return guardhouse_checks.check("builtin:argument-limit", settings={"argument": "/amount", "max": 100}, limits=PATIENT)


def scoped(scope: str = "read") -> guardhouse_checks.Check:
    return guardhouse_checks.check("builtin:require-scopes", settings={"scopes": [scope]}, limits=PATIENT)


class Bank:
    """A server with a guarded tool, which notes what it paid."""

    def __init__(self, check: Any, *, place: str = "auth=", middleware: bool = True, **options: Any) -> None:
        self.paid: list[int] = []
        before: list[Any] = [GuardhouseMiddleware()] if middleware else []
        behind: list[Any] = [AuthMiddleware(auth=check)] if place == "AuthMiddleware" else []
        self.server: FastMCP = FastMCP("Bank", middleware=[*before, *behind], **options)

        @self.server.tool(task=TASK, auth=check if place == "auth=" else None)
        async def pay(amount: int) -> str:
            self.paid.append(amount)
            return f"paid {amount}"

        @self.server.tool(task=TASK)
        async def free() -> str:
            return "free"


def mounted(bank: Bank, namespace: str | None, **options: Any) -> FastMCP:
    root: FastMCP = FastMCP("Root", middleware=[GuardhouseMiddleware()], **options)
    root.mount(bank.server, namespace=namespace)
    return root


class Decisions(logging.Handler):
    """The decisions in the log, except those about lists: clients list tools before they read a result."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._answers: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not _fastmcp_call.current_call().action.endswith("/list"):
            self._answers.append(record.getMessage().split(": ")[1].split(",")[0])

    def __call__(self) -> list[str]:
        """The answers since the last time."""
        answers, self._answers = self._answers, []
        return answers


async def done(client: Client[Any], tool: str, **arguments: Any) -> str:
    """The result of a tool that runs as a task."""
    task = await call_tool_as_task(client, tool, arguments)
    await task.wait(timeout=WAIT)
    return text_of(await task.result())


def text_of(result: Any) -> str:
    return str(result.content[0].text)


async def no_task(client: Client[Any], server: FastMCP, tool: str, **arguments: Any) -> None:
    """Asks for a task that must be denied before it exists."""
    with pytest.raises(Exception, match=DENIED if IS_FASTMCP_3 else "did not run as a task"):
        task = await call_tool_as_task(client, tool, arguments)
        assert task.returned_immediately
        await task.result()
    assert await tasks_of(server) == 0


async def tasks_of(server: FastMCP) -> int:
    """The number of tasks that run, or are about to."""
    docket: Any = server._docket  # type: ignore[attr-defined]
    return int((await docket.snapshot()).total_tasks)
