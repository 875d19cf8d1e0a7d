"""Sessions with the servers of the wirings, over each transport: all that a client sees."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from conftest import TOKENS, verifier
from fastmcp import Client, FastMCP
from fastmcp.client.transports import FastMCPTransport, StdioTransport
from fastmcp.server.auth import AccessToken
from guarded import LIMITS, OWN, guardhouse
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.applications import Starlette
from starlette.routing import Mount
from versions import call_tool_as_task, uri_of
from wirings import WIRINGS, Wiring, build

BEARERS = ("reader", "nobody", None)
"""A caller with the scope, a caller without it, and a caller without a token."""

Seen = dict[tuple[str, ...], Any]
"""The answers to `("list", kind)`, `("call", kind, component)`, and for checks that read arguments
`("call", kind, component, "allowed")` and `("call", kind, component, "denied")`."""


async def seen(client: Client[Any], wiring: Wiring, names: Collection[str]) -> Seen:
    """The lists of a server, and the answers to each use of the named components."""
    answers: Seen = {}

    async def see(kind: str) -> None:
        answers["list", kind] = await _listed(client, kind)
        for name in names:
            limit = LIMITS.get(name)
            if limit is None:
                answers["call", kind, name] = await _used(client, wiring, kind, name, {})
            elif kind in limit.kinds:
                for word in ("allowed", "denied"):
                    arguments = getattr(limit, word)
                    answers["call", kind, name, word] = await _used(client, wiring, kind, name, arguments)

    kinds = {kind for name in names for kind in (LIMITS[name].kinds if name in LIMITS else wiring.kinds)}
    async with client:
        await asyncio.gather(*(see(kind) for kind in wiring.kinds if kind in kinds))
    return answers


async def _listed(client: Client[Any], kind: str) -> list[tuple[str, str]] | str:
    try:
        match kind:
            case "tool":
                found: list[Any] = await client.list_tools()
            case "resource":
                found = await client.list_resources()
            case "template":
                found = await client.list_resource_templates()
            case _:
                found = await client.list_prompts()
    except Exception as error:
        return _text(error)
    return sorted((f"{each.name} {uri_of(each)}".strip(), each.description) for each in found)


async def _used(client: Client[Any], wiring: Wiring, kind: str, name: str, arguments: Mapping[str, Any]) -> list[str]:
    versions = (None, *wiring.plan.get("versions", ())[:1])
    ways = (False, True) if wiring.plan.get("has_tasks") else (False,)
    return [
        await _answer(client, kind, each, arguments, version, as_task)
        for each in wiring.names(kind, name)
        for version in versions
        for as_task in ways
    ]


async def _answer(
    client: Any, kind: str, name: str, arguments: Mapping[str, Any], version: str | None, as_task: bool
) -> str:
    options: dict[str, Any] = {} if version is None else {"version": version}
    try:
        if kind == "tool" and as_task:
            result: Any = await call_tool_as_task(client, name, arguments)
        elif kind == "tool":
            result = await client.call_tool(name, dict(arguments), **options)
        else:
            # Only FastMCP 3 runs prompts and resources as tasks.
            options |= {"task": True} if as_task else {}
            result = await (
                client.get_prompt(name, dict(arguments), **options)
                if kind == "prompt"
                else client.read_resource(name, **options)
            )
        if as_task:
            result = await result.result()
    except Exception as error:
        return _text(error)
    match kind:
        case "tool":
            return "".join(each.text for each in result.content)
        case "prompt":
            return result.messages[0].content.text
        case _:
            return (result if isinstance(result, list) else result.contents)[0].text


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


VARIANTS = (("own", "none"), ("guardhouse", "none"), ("guardhouse", "all"))
"""The servers of a cell: with FastMCP's own checks or with Guardhouse's, and which of them have the middleware."""

Case = tuple[str, str, tuple[str, ...], "str | None"]
"""A session: the two of its variant, the guarded components of the server, and the bearer."""


async def compared(wiring: str, place: str) -> dict[str, dict[Case, Seen]]:
    """All that each caller sees of each variant of a server, by transport."""
    checks = {"own": OWN, "guardhouse": guardhouse()}
    cases = _cases(place)
    servers: dict[Case, FastMCP] = {}
    for case in cases:
        origin, middleware, group, _ = case
        guards = {name: checks[origin][name] for name in group}
        # The callers share a server, unless it keeps the list of the last one, as a proxy does.
        first = (*case[:3], "reader")
        if first not in servers or WIRINGS[wiring].caches:
            servers[case] = build(wiring, place, guards, middleware=middleware, auth=verifier())
        else:
            servers[case] = servers[first]
    # All servers with tasks share one queue, so only one of them may run at a time.
    at_once = 1 if WIRINGS[wiring].plan.get("has_tasks") else len(cases)
    found: dict[str, dict[Case, Seen]] = {"memory": {}, "http": {}}
    for batch in _batches(cases, at_once):
        clients = {case: Client(servers[case]) for case in batch}
        found["memory"] |= await _all_seen(clients, wiring)
    # HTTP costs more, and this one refuses callers without a token.
    cases = [case for case in cases if case[:2] != ("guardhouse", "none") and case[-1] is not None]
    for batch in _batches(cases, at_once):
        async with _listening([servers[case] for case in batch]) as urls:
            clients = {case: Client(url, auth=case[-1], verify=False) for case, url in zip(batch, urls, strict=True)}
            found["http"] |= await _all_seen(clients, wiring)
    return found


def _batches(cases: list[Case], size: int) -> list[list[Case]]:
    return [cases[at : at + size] for at in range(0, len(cases), size)]


def _cases(place: str) -> list[Case]:
    # An `AuthMiddleware` guards a whole server, so each check needs one of its own.
    groups = [tuple(OWN)] if place == "auth=" else [(name,) for name in OWN]
    return [
        (origin, middleware, group, bearer)
        for origin, middleware in VARIANTS
        for group in groups
        if (origin, middleware) != ("guardhouse", "none") or "scope" in group
        for bearer in BEARERS
        if bearer == "reader" or "scope" in group
    ]


async def _all_seen(clients: Mapping[Case, Client[Any]], wiring: str) -> dict[Case, Seen]:
    answers = await asyncio.gather(*(_seen_in(case, client, WIRINGS[wiring]) for case, client in clients.items()))
    return dict(zip(clients, answers, strict=True))


async def _seen_in(case: Case, client: Client[Any], wiring: Wiring) -> Seen:
    origin, middleware, group, bearer = case
    if bearer != "reader":
        names = ["scope"]
    else:
        names = [name for name in group if origin == "own" or middleware == "all" or name not in LIMITS]
        names += ["open", "beside"] if "scope" in group else []
    with _bearer(bearer if isinstance(client.transport, FastMCPTransport) else None):
        return await seen(client, wiring, names)


@contextlib.asynccontextmanager
async def _listening(servers: list[FastMCP]) -> AsyncIterator[list[str]]:
    """Serves several servers on one port, in this event loop. The value is the URL of each."""
    apps = {id(server): server.http_app(path="/mcp", json_response=True, stateless_http=True) for server in servers}
    async with contextlib.AsyncExitStack() as stack:
        for app in apps.values():
            await stack.enter_async_context(app.lifespan(app))
        combined = Starlette(routes=[Mount(f"/{key}", app) for key, app in apps.items()])
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            # Clients may connect before the server accepts.
            listener.listen()
            port = listener.getsockname()[1]
            http = uvicorn.Server(uvicorn.Config(combined, log_level="error", lifespan="off"))
            serving = asyncio.create_task(http.serve(sockets=[listener]))
            try:
                yield [f"http://127.0.0.1:{port}/{id(server)}/mcp" for server in servers]
            finally:
                http.should_exit = True
                await serving


@contextlib.contextmanager
def _bearer(name: str | None) -> Iterator[None]:
    """The token of the sessions in memory that start inside."""
    user = None
    if name is not None:
        claims = dict(TOKENS[name])
        token = AccessToken(token=name, client_id=claims["client_id"], scopes=claims["scopes"], claims=claims)
        user = AuthenticatedUser(token)
    reset = auth_context_var.set(user)
    try:
        yield
    finally:
        auth_context_var.reset(reset)


@contextlib.contextmanager
def stdio_servers() -> Iterator[Path]:
    """A process that serves the wirings over stdio. The value is the path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        environment = {**os.environ, "FASTMCP_LOG_LEVEL": "CRITICAL"}
        command = [sys.executable, _SCRIPT, str(path)]
        with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None and process.stdout.readline() == b"ready\n"
                yield path
            finally:
                process.kill()


_SCRIPT = str(Path(__file__).with_name("stdio_fork.py"))


async def seen_over_stdio(path: Path, wiring: str, place: str, middleware: str) -> Seen:
    """What a client sees over stdio of a server with Guardhouse's checks."""
    names = [*(OWN if place == "auth=" else ["scope"]), "open", "beside"]
    arguments = ["-I", "-S", _SCRIPT, str(path), wiring, place, middleware]
    client = Client(StdioTransport(sys.executable, arguments), timeout=60)
    return await seen(client, WIRINGS[wiring], names)
