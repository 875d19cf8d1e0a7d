"""A check is asked about the call that it guards: mounted, renamed, called by a tool, beside other checks."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import secrets
import uuid
from typing import Any

import fastmcp.utilities.authorization as authorization
import guardhouse_checks
import pytest
from conftest import verifier
from fastmcp import Client, FastMCP
from fastmcp.server.auth import AccessToken, require_scopes
from fastmcp.server.middleware import AuthMiddleware
from fastmcp.server.transforms import Namespace, ToolTransform
from fastmcp.tools import Tool
from fastmcp.tools.tool_transform import ArgTransformConfig, ToolTransformConfig
from guardhouse_checks.fastmcp import GuardhouseMiddleware
from plugins import plugin, reads

PATIENT = guardhouse_checks.Limits(deadline="10s")
has_missing_scopes = hasattr(authorization, "run_auth_checks_with_shortfall")


def limited(most: int = 100) -> guardhouse_checks.Check:
    settings = {"argument": "/amount", "max": most}
    tenant = secrets.token_hex(8)
    return guardhouse_checks.check("builtin:argument-limit", settings=settings, limits=PATIENT, tenant=tenant)


def bank(*, middleware: bool = True, name: str = "Bank") -> FastMCP:
    mcp: FastMCP = FastMCP(name, middleware=[GuardhouseMiddleware()] if middleware else [])

    @mcp.tool(auth=limited())
    def pay(amount: int) -> str:
        return f"paid {amount}"

    return mcp


def call(server: FastMCP, tool: str, **arguments: Any) -> str:
    """The answer of a tool, or `denied`."""

    async def run() -> str:
        async with Client(server) as client:
            return str((await client.call_tool(tool, arguments)).data)

    try:
        return asyncio.run(run())
    except Exception as error:
        assert "Unknown tool" in str(error) or "Authorization failed" in str(error), error
        return "denied"


def listed(server: FastMCP) -> list[str]:
    async def run() -> list[str]:
        async with Client(server) as client:
            return [tool.name for tool in await client.list_tools()]

    return asyncio.run(run())


def outer(*, namespace: str | None = None) -> FastMCP:
    mcp: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
    mcp.mount(bank(), namespace=namespace)
    return mcp


def twice() -> FastMCP:
    mcp: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
    inner = bank()
    mcp.mount(inner, namespace="a")
    mcp.mount(inner, namespace="b")
    return mcp


def nested() -> FastMCP:
    mcp: FastMCP = FastMCP("Outermost", middleware=[GuardhouseMiddleware()])
    mcp.mount(outer(namespace="a"), namespace="b")
    return mcp


def renamed() -> FastMCP:
    mcp = bank()
    mcp.add_transform(ToolTransform({"pay": ToolTransformConfig(name="send")}))
    return mcp


def namespaced() -> FastMCP:
    mcp = bank()
    mcp.add_transform(Namespace("a"))
    return mcp


WIRINGS = [
    (bank, "pay"),
    (outer, "pay"),
    (lambda: outer(namespace="a"), "a_pay"),
    (twice, "b_pay"),
    (nested, "b_a_pay"),
    (renamed, "send"),
    (namespaced, "a_pay"),
]


@pytest.mark.parametrize(("make", "name"), WIRINGS)
def test_the_arguments_of_a_call_reach_the_check_in_every_wiring(make: Any, name: str, warnings: Any) -> None:
    server = make()
    assert call(server, name, amount=100) == "paid 100"
    assert call(server, name, amount=101) == "denied"
    assert warnings.texts == []


def test_arguments_that_a_transformation_renames_are_a_fault_of_the_check_that_reads_them(warnings: Any) -> None:
    mcp = bank()
    renames = ToolTransformConfig(name="send", arguments={"amount": ArgTransformConfig(name="sum")})
    mcp.add_transform(ToolTransform({"pay": renames}))
    assert call(mcp, "send", sum=1) == "denied"
    assert any("they are not those of this tool" in text for text in warnings.texts)


def test_an_argument_that_a_transformation_hides_is_a_fault_too() -> None:
    mcp: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware()])
    forbids = guardhouse_checks.check(reads("argument", "/amount"), limits=PATIENT)

    @mcp.tool(auth=forbids)
    def pay(amount: int = 1) -> str:
        return f"paid {amount}"

    assert call(mcp, "pay") == "paid 1"
    hides = ToolTransformConfig(name="send", arguments={"amount": ArgTransformConfig(hide=True, default=50_000)})
    mcp.add_transform(ToolTransform({"pay": hides}))
    assert call(mcp, "send") == "denied"


def test_a_tool_that_calls_itself_is_not_judged_by_its_own_call(warnings: Any) -> None:
    mcp: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware()])
    paid: list[int] = []

    @mcp.tool(auth=limited())
    async def pay(amount: int) -> str:
        paid.append(amount)
        if amount < 1_000:
            await mcp.call_tool("pay", {"amount": 50_000}, run_middleware=False)
        return "paid"

    @mcp.tool
    async def through_middleware(amount: int) -> str:
        return str((await mcp.call_tool("pay", {"amount": amount})).structured_content)

    async def run(tool: str, amount: int) -> None:
        async with Client(mcp) as client:
            await client.call_tool(tool, {"amount": amount})

    with pytest.raises(Exception, match="Unknown tool"):
        asyncio.run(run("pay", 1))
    assert paid == [1]
    assert any("a call that a component makes" in text for text in warnings.texts)
    with pytest.raises(Exception, match="Unknown tool"):
        asyncio.run(run("through_middleware", 50_000))
    assert paid == [1]


def test_without_the_middleware_the_log_names_the_missing_line(warnings: Any) -> None:
    mcp = bank(middleware=False)
    assert call(mcp, "pay", amount=1) == "denied"
    line = "`FastMCP(..., middleware=[GuardhouseMiddleware()])`"
    assert warnings.texts and all(line in text for text in warnings.texts)


def test_a_list_has_no_arguments(warnings: Any) -> None:
    check = guardhouse_checks.check(reads("argument", "/amount"), limits=PATIENT)
    mcp: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware()])
    mcp.add_tool(Tool.from_function(lambda: "x", name="tool", auth=check))
    outermost: FastMCP = FastMCP("Outer", middleware=[GuardhouseMiddleware()])
    outermost.mount(mcp)
    assert listed(mcp) == listed(outermost) == ["tool"]
    assert warnings.texts == []


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
def test_a_check_that_fails_keeps_the_scopes_of_other_checks_secret() -> None:
    failing = guardhouse_checks.check(plugin("step-up", check="unreachable", missing="unreachable"), limits=PATIENT)
    assert failing.names_missing_scopes
    token = AccessToken(token="t", client_id="c", scopes=[])
    context = authorization.AuthContext(token=token, component=Tool.from_function(lambda: "x", name="tool"))
    for checks in ([failing, require_scopes("write")], [require_scopes("write"), failing]):
        answer = authorization.run_auth_checks_with_shortfall(checks, context)  # type: ignore[attr-defined]
        assert asyncio.run(answer) == (False, [])


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
@pytest.mark.parametrize("ours_first", [True, False])
def test_scopes_of_several_middlewares_are_named_together(ours_first: bool, serve: Any) -> None:
    ours = guardhouse_checks.check("native:require-scopes", settings={"scopes": ["admin"]})
    middleware = [AuthMiddleware(auth=require_scopes("write")), AuthMiddleware(auth=ours)]
    mcp: FastMCP = FastMCP(
        "Guarded", auth=verifier(), middleware=middleware[::-1] if ours_first else middleware
    )
    mcp.add_tool(Tool.from_function(lambda: "x", name="tool"))

    async def run() -> None:
        async with Client(serve(mcp), auth="reader") as client:
            for _ in range(20):
                with pytest.raises(Exception, match="insufficient scope") as denied:
                    await client.call_tool("tool", {})
        assert "(required: admin, write)" in str(denied.value)

    asyncio.run(run())


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


WIRE = {
    "date": (datetime.date(2026, 1, 1), "2026-01-01"),
    "time": (datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), "2026-01-01T00:00:00Z"),
    "set": ({"a"}, ["a"]),
    "enum": (Color.RED, "red"),
    "uuid": (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "decimal": (decimal.Decimal("1.50"), "1.50"),
    "model": (AccessToken(token="t", client_id="c", scopes=["a"]), None),
    "dataclass": (Point(1), {"x": 1}),
    "path": (pathlib.Path("/srv"), "/srv"),
    "none": (None, None),
}


@pytest.mark.parametrize("name", WIRE)
@pytest.mark.parametrize("function", ["claim", "detail"])
def test_values_arrive_as_on_the_wire(function: str, name: str) -> None:
    value, expected = WIRE[name]
    pointer = f"/meta/{name}" if function == "detail" else f"/{name}"
    tool = Tool.from_function(lambda: "x", name="tool", meta={name: value} if function == "detail" else None)
    claims = {name: value} if function == "claim" else {}
    token = AccessToken.model_construct(token="t", client_id="c", scopes=[], claims=claims)
    context = authorization.AuthContext(token=token, component=tool)
    check = guardhouse_checks.check(reads(function, pointer), limits=PATIENT)
    try:
        asyncio.run(authorization.run_auth_checks(check, context))
        found = "nothing"
    except Exception as error:
        found = json.loads(str(error))
    assert found == expected if name != "model" else found["client_id"] == "c"


@pytest.mark.parametrize("odd", [1e21, 2**64, "nan", "deep", "large"])
def test_arguments_of_any_kind_deny_only_checks_that_read_them(odd: Any) -> None:
    def value() -> Any:
        if odd == "deep":
            made: Any = 0
            for _ in range(130):
                made = [made]
            return made
        return "x" * 1_060_000 if odd == "large" else odd

    mcp: FastMCP = FastMCP("Bank", middleware=[GuardhouseMiddleware()])
    reader = guardhouse_checks.check(reads("argument", "/other"), limits=PATIENT)
    for name, check in (("claims", guardhouse_checks.check(reads("claim", "/team"), limits=PATIENT)), ("reader", reader)):
        mcp.add_tool(Tool.from_function(_ignores, name=name, auth=check))
    assert call(mcp, "claims", value=value()) == "ignored"
    assert call(mcp, "reader", value=value()) == ("ignored" if odd == "nan" else "denied")


def _answers() -> str:
    return "x"


def _ignores(value: Any) -> str:
    return "ignored"


def test_headers_client_and_meta_are_attributes(serve: Any) -> None:
    def shown(pointer: str, **options: Any) -> str:
        check = guardhouse_checks.check(reads("attribute", pointer), limits=PATIENT)
        middleware = [GuardhouseMiddleware(**options), AuthMiddleware(auth=check)]
        mcp: FastMCP = FastMCP("Guarded", auth=verifier(), middleware=middleware)
        mcp.add_tool(Tool.from_function(_answers, name="tool"))

        async def run() -> str:
            from fastmcp.client.transports import StreamableHttpTransport

            transport = StreamableHttpTransport(serve(mcp), headers={"X-Team": "blue"}, auth="reader")
            async with Client(transport) as client:
                return str((await client.call_tool("tool", {}, meta={"trace": 7})).data)

        try:
            return asyncio.run(run())
        except Exception as error:
            return str(error)

    assert '"blue"' in shown("/http/headers/x-team", headers=["X-Team"])
    assert shown("/http/headers/x-team") == "x"
    assert shown("/http/headers/authorization", headers=["x-team"]) == "x"
    assert '"POST"' in shown("/http/method")
    assert "127.0.0.1" in shown("/peer/address")
    assert "7" in shown("/mcp/meta/trace")
    assert '"' in shown("/mcp/client/name")
    assert "20" in shown("/mcp/protocol_version")
    for name in ("Authorization", "cookie", "Proxy-Authorization"):
        with pytest.raises(ValueError, match="they are secrets"):
            GuardhouseMiddleware(headers=[name])
