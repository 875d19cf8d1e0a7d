"""A FastMCP server and its clients: what can be listed, called, read and got, for each outcome of a check."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import fastmcp.utilities.authorization as authorization
import guardhouse_checks
import pytest
from conftest import verifier
from fastmcp import Client, FastMCP
from fastmcp.server.auth import AccessToken, require_scopes
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.tools import Tool
from guardhouse_checks._configured import ConfiguredCheck
from mcp.types import PromptReference, ResourceTemplateReference
from plugins import denies_with, plugin, reads

ANY = {"name": "name", "value": "a"}
MESSAGE = "this tool is closed until Monday"
QUICK = guardhouse_checks.Limits(deadline="100ms")
PATIENT = guardhouse_checks.Limits(deadline="10s")

ENDINGS: dict[str, Callable[[], guardhouse_checks.Check]] = {
    "allow": lambda: guardhouse_checks.check(plugin("allow"), limits=PATIENT, id="allow"),
    "deny": lambda: guardhouse_checks.check(plugin("deny"), limits=PATIENT, id="deny"),
    "message": lambda: guardhouse_checks.check(denies_with(MESSAGE), limits=PATIENT, id="message"),
    "trap": lambda: guardhouse_checks.check(plugin("unreachable"), limits=PATIENT, id="trap"),
    "loop": lambda: guardhouse_checks.check(plugin("loop"), limits=QUICK, id="loop"),
    "bomb": lambda: guardhouse_checks.check(plugin("memory-trap"), limits=PATIENT, id="bomb"),
}
CAUSES = {"trap": "trap", "loop": "deadline", "bomb": "memory-limit"}

# FastMCP 3 does not serve completions.
CAN_COMPLETE = hasattr(FastMCP, "completion")
has_missing_scopes = hasattr(authorization, "run_auth_checks_with_shortfall")


def server_with(check: Any, auth: Any = None) -> FastMCP:
    """A server on which the check guards one component of each kind, and does not guard one tool."""
    mcp: FastMCP = FastMCP("Guarded", auth=auth)

    @mcp.tool
    def open_tool() -> str:
        return "open"

    @mcp.tool(auth=check)
    def tool() -> str:
        return "the tool's secret"

    @mcp.resource("data://fixed", auth=check)
    def resource() -> str:
        return "the resource's secret"

    @mcp.resource("data://of/{name}", auth=check)
    def template(name: str) -> str:
        return f"the secret of {name}"

    @mcp.prompt(auth=check)
    def prompt() -> str:
        return "the prompt's secret"

    if CAN_COMPLETE:

        @mcp.completion
        def complete(reference: Any, argument: Any, context: Any) -> list[str]:
            return [f"the secret of {reference.type}"]

    return mcp


async def seen(client: Client[Any]) -> dict[str, Any]:
    """Everything that a client sees of a server: its lists, and the result of each use."""

    async def attempt(use: Any) -> str:
        try:
            return str(await use)
        except Exception as error:
            return f"error: {error}"

    async with client:
        return {
            "tools": sorted(each.name for each in await client.list_tools()),
            "resources": [str(each.uri) for each in await client.list_resources()],
            "templates": [each.uri_template if hasattr(each, "uri_template") else each.uriTemplate
                          for each in await client.list_resource_templates()],
            "prompts": [each.name for each in await client.list_prompts()],
            "call": await attempt(client.call_tool("tool", {})),
            "read": await attempt(client.read_resource("data://fixed")),
            "read template": await attempt(client.read_resource("data://of/alice")),
            "get": await attempt(client.get_prompt("prompt")),
            "open": await attempt(client.call_tool("open_tool", {})),
            "complete prompt": await attempt(client.complete(PromptReference(type="ref/prompt", name="prompt"), ANY)),
            "complete template": await attempt(
                client.complete(ResourceTemplateReference(type="ref/resource", uri="data://of/{name}"), ANY)
            ),
        }


def is_open(found: dict[str, Any]) -> None:
    assert found["tools"] == ["open_tool", "tool"]
    assert found["resources"] == ["data://fixed"]
    assert found["templates"] == ["data://of/{name}"]
    assert found["prompts"] == ["prompt"]
    for use in ("call", "read", "get"):
        assert "secret" in found[use] and not found[use].startswith("error: ")
    assert "the secret of alice" in found["read template"]
    if CAN_COMPLETE:
        assert "the secret of ref/prompt" in found["complete prompt"]
        assert "the secret of ref/resource" in found["complete template"]
    assert "open" in found["open"]


def is_shut(found: dict[str, Any]) -> None:
    assert found["tools"] == ["open_tool"]
    assert found["resources"] == found["templates"] == found["prompts"] == []
    assert "secret" not in found["complete prompt"] + found["complete template"]
    for use in ("call", "read", "read template", "get"):
        assert found[use].startswith("error: ")
        assert "secret" not in found[use]
        # The caller must not learn of a fault.
        for word in ("guardhouse", "wasm", "trap", "deadline", "memory", "decision", "unexpected"):
            assert word not in found[use].lower()
    assert "open" in found["open"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("transport", ["memory", "http"])
def test_a_check_guards_every_kind_of_component(ending: str, transport: str, serve: Any, warnings: Any) -> None:
    mcp = server_with(ENDINGS[ending](), verifier() if transport == "http" else None)
    client: Client[Any] = Client(serve(mcp), auth="reader") if transport == "http" else Client(mcp)
    found = asyncio.run(seen(client))
    if ending == "allow":
        is_open(found)
    else:
        is_shut(found)
    if cause := CAUSES.get(ending):
        assert warnings.texts
        for text in warnings.texts:
            assert f"Auth check {ending} raised" in text
            assert f"check '{ending}' failed: {cause}:" in text and "CheckFailed: decision " in text
    else:
        assert warnings.texts == []


def test_a_fault_is_one_warning(warnings: Any) -> None:
    async def call() -> None:
        async with Client(server_with(ENDINGS["trap"]())) as client:
            with pytest.raises(Exception, match="Unknown tool"):
                await client.call_tool("tool", {})

    asyncio.run(call())
    assert len(warnings.texts) == 1


def test_the_caller_cannot_tell_a_fault_from_a_denial(serve: Any) -> None:
    found = [asyncio.run(seen(Client(server_with(ENDINGS[ending]())))) for ending in ("deny", "trap", "bomb", "loop")]
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("token", ["reader", "nobody"])
def test_bearer_tokens_reach_the_check(token: str, serve: Any) -> None:
    check = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]}, limits=PATIENT)
    found = asyncio.run(seen(Client(serve(server_with(check, verifier())), auth=token)))
    (is_open if token == "reader" else is_shut)(found)


def test_a_list_may_mix_checks_with_fastmcps_own(serve: Any) -> None:
    tools = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["write"]}, limits=PATIENT)
    url = serve(server_with([require_scopes("read"), tools], verifier()))
    is_shut(asyncio.run(seen(Client(url, auth="reader"))))
    is_open(asyncio.run(seen(Client(url, auth="writer"))))


def _call(url: str, token: str, tool: str = "tool", **arguments: Any) -> str:
    async def call() -> str:
        try:
            async with Client(url, auth=token) as client:
                return str((await client.call_tool(tool, arguments)).data)
        except Exception as error:
            return f"error: {error}"

    return asyncio.run(call())


def test_auth_middleware_shows_the_callers_message(serve: Any) -> None:
    mcp: FastMCP = FastMCP("Guarded", auth=verifier(), middleware=[AuthMiddleware(auth=ENDINGS["message"]())])

    @mcp.tool
    def tool() -> str:
        return "secret"

    assert MESSAGE in _call(serve(mcp), "reader")


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
def test_auth_middleware_names_the_scopes_of_all_of_them(serve: Any) -> None:
    def needs(*scopes: str) -> guardhouse_checks.Check:
        return guardhouse_checks.check("builtin:require-scopes", settings={"scopes": scopes}, limits=PATIENT)

    restricted = guardhouse_checks.check(
        "builtin:restrict-tag", settings={"tag": "danger", "scopes": ["root"]}, limits=PATIENT
    )
    middleware = [AuthMiddleware(auth=[needs("read", "write"), needs("admin")]), AuthMiddleware(auth=restricted)]
    mcp: FastMCP = FastMCP("Guarded", auth=verifier(), middleware=middleware)

    @mcp.tool(tags={"danger"})
    def tool() -> str:
        return "secret"

    url = serve(mcp)
    assert "insufficient scope (required: admin, root, write)" in _call(url, "reader")
    # Scopes of later middleware are named as well, although they were not reached.
    assert "insufficient scope (required: root)" in _call(url, "admin")


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
def test_missing_scopes_never_block_an_event_loop() -> None:
    check: Any = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["write"]}, limits=PATIENT)
    token = AccessToken(token="t", client_id="c", scopes=["read"])
    context = authorization.AuthContext(token=token, component=Tool.from_function(lambda: "x", name="tool"))

    async def unasked() -> set[str]:
        return check.missing_scopes(context)

    async def asked() -> set[str]:
        assert await check(context) is False
        return check.missing_scopes(context)

    # It is asked for at most one tick.
    assert set(asyncio.run(unasked())) <= {"write"}
    assert asyncio.run(asked()) == {"write"}
    other = authorization.AuthContext(token=token, component=context.component)
    assert check.missing_scopes(other) == {"write"}


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
def test_a_denial_for_another_reason_keeps_the_scopes_secret(serve: Any) -> None:
    needs = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["admin"]}, limits=PATIENT)
    mcp: FastMCP = FastMCP(
        "Guarded", auth=verifier(), middleware=[AuthMiddleware(auth=[needs, ENDINGS["deny"]()])]
    )

    @mcp.tool
    def tool() -> str:
        return "secret"

    assert "admin" not in _call(serve(mcp), "reader")


@pytest.mark.parametrize("claims", [{"odd": object()}, {"odd": float("nan")}, {"odd": "x" * (2 << 20)}, {"odd": 2**70}])
def test_a_request_that_is_not_json_is_a_masked_denial(claims: dict[str, Any], warnings: Any) -> None:
    check = guardhouse_checks.check(reads("claim", "/tenant"), limits=PATIENT, id="curious")
    token = AccessToken.model_construct(token="t", client_id="c", scopes=[], claims=claims)
    component = Tool.from_function(lambda: "x", name="tool")
    context = authorization.AuthContext(token=token, component=component)
    assert asyncio.run(authorization.run_auth_checks(check, context)) is False
    [text] = warnings.texts
    assert "CheckFailed: decision " in text and "check 'curious' failed: " in text
    assert "unreadable-document" in text or "`Limits::context_bytes`" in text


def test_a_panic_of_the_host_is_a_masked_denial(monkeypatch: pytest.MonkeyPatch, warnings: Any) -> None:
    class Panic(BaseException):
        pass

    async def panics(*_: Any, **__: Any) -> Any:
        raise Panic

    check = ENDINGS["allow"]()
    monkeypatch.setattr(ConfiguredCheck, "evaluate", panics)
    context = authorization.AuthContext(token=None, component=Tool.from_function(lambda: "x", name="tool"))
    assert asyncio.run(authorization.run_auth_checks(check, context)) is False
    assert len(warnings.texts) == 1


def test_a_copy_of_a_component_keeps_its_check() -> None:
    tool = Tool.from_function(lambda: "x", name="tool", auth=ENDINGS["allow"]())
    assert tool.model_copy(deep=True).auth is tool.auth
