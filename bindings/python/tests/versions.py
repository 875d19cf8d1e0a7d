"""All differences between FastMCP 3 and 4 that the matrix of wirings meets."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from fastmcp import Client, FastMCP

IS_FASTMCP_3 = not hasattr(FastMCP, "completion")
HAS_TASKS = importlib.util.find_spec("docket" if IS_FASTMCP_3 else "fastmcp_tasks") is not None
KINDS_WITH_TASKS = ("tool", "resource", "template", "prompt") if IS_FASTMCP_3 else ("tool",)


def serve_tasks(server: FastMCP) -> None:
    """Lets a server run tasks, with a queue in memory."""
    if not IS_FASTMCP_3:
        from fastmcp_tasks import TasksExtension  # type: ignore[import-not-found]

        server.add_extension(TasksExtension(url="memory://"))


async def call_tool_as_task(client: Client[Any], name: str, arguments: Mapping[str, Any]) -> Any:
    """The task that runs a tool."""
    if IS_FASTMCP_3:
        return await client.call_tool(name, dict(arguments), task=True)
    from fastmcp_tasks import call_tool_task  # type: ignore[import-not-found]

    return await call_tool_task(client, name, dict(arguments))


async def result_for(client: Client[Any], task: Any) -> Any:
    """The result of a task, for another client than the one that made it."""
    if IS_FASTMCP_3:
        return await client.get_task_result(task.task_id)
    from fastmcp_tasks.client import ToolTask  # type: ignore[import-not-found]

    return await ToolTask(client, "tool", task.create_result).result()


def uri_of(listed: Any) -> str:
    """The URI or the URI template of a listed component; empty if it has none."""
    names = ("uri", "uriTemplate" if IS_FASTMCP_3 else "uri_template")
    return next((str(getattr(listed, name)) for name in names if hasattr(listed, name)), "")


def serves_app_tools(verb: str, place: str) -> bool:
    """Whether anybody can list or call the tools of apps. FastMCP 3 does not list them, and its `AuthMiddleware` does
    not know their hashed names."""
    return not IS_FASTMCP_3 or (verb == "call" and place == "auth=")
