"""FastMCP's own engines on recorded decisions, with Guardhouse's checks in place of FastMCP's own."""

from __future__ import annotations

import asyncio
import functools
import json
import os
from pathlib import Path
from typing import Any

import fastmcp.utilities.authorization as authorization
import guardhouse_checks
from guardhouse_checks import _fastmcp_check
import pytest
from fastmcp.exceptions import AuthorizationError
from fastmcp.prompts import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.auth import AccessToken
from fastmcp.tools import Tool
from plugins import REPOSITORY, denies_with, plugin

CORPUS = Path(os.environ.get("GUARDHOUSE_CORPUS", REPOSITORY / "tests" / "cases" / "fastmcp.jsonl"))
CASES = [json.loads(line) for line in CORPUS.read_text().splitlines()]
KINDS: dict[str, Any] = {"tool": Tool, "resource": Resource, "resource_template": ResourceTemplate, "prompt": Prompt}
# Long deadlines: the machine may be busy, and the corpus does not test time.
PATIENT = guardhouse_checks.Limits(deadline="10s", configure_deadline="10s")

has_missing_scopes = hasattr(authorization, "run_auth_checks_with_shortfall")


@functools.cache
def _check(rule: str) -> guardhouse_checks.Check:
    match json.loads(rule):
        case {"kind": "allow"}:
            return guardhouse_checks.check(plugin("allow"), limits=PATIENT)
        case {"kind": "deny"}:
            return guardhouse_checks.check(plugin("deny"), limits=PATIENT)
        case {"kind": "raise_other"}:
            return guardhouse_checks.check(plugin("unreachable"), limits=PATIENT)
        case {"kind": "raise_authorization_error", "message": message}:
            return guardhouse_checks.check(denies_with(message), limits=PATIENT)
        case {"kind": kind, **settings}:
            name = kind.replace("_", "-")
            return guardhouse_checks.check(f"builtin:{name}", settings=settings or None, limits=PATIENT)
    raise AssertionError(rule)


def check(rule: dict[str, Any]) -> guardhouse_checks.Check:
    return _check(json.dumps(rule))


def context(recorded: dict[str, Any]) -> authorization.AuthContext:
    component = dict(recorded["component"])
    kind = KINDS[component.pop("type")]
    component["tags"] = set(component["tags"])
    token = recorded["token"]
    return authorization.AuthContext(
        token=None if token is None else AccessToken.model_construct(**token),
        # Not validated: some names and URIs are invalid on purpose.
        component=kind.model_construct(**component),
    )


async def _answer(engine: Any, case: dict[str, Any]) -> Any:
    try:
        return await engine([check(rule) for rule in case["checks"]], context(case["context"]))
    except AuthorizationError as error:
        return {"error": str(error)}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checks that the engine called."""
    called: list[str] = []
    evaluate = _fastmcp_check.evaluate

    async def counted(check: guardhouse_checks.Check, ctx: Any) -> bool:
        called.append(check.id)
        return await evaluate(check, ctx)

    monkeypatch.setattr(_fastmcp_check, "evaluate", counted)
    return called


def test_there_are_cases() -> None:
    assert len(CASES) == 2504


def test_the_plain_engine_agrees_on_every_case(calls: list[str], warnings: Any) -> None:
    async def run() -> list[Any]:
        disagreements = []
        for case in CASES:
            calls.clear()
            warnings.texts.clear()
            answer = await _answer(authorization.run_auth_checks, case)
            found = {"allow": answer} if isinstance(answer, bool) else answer, len(calls), len(warnings.texts)
            if found != (case["expected"], case["calls"], case["warnings"]):
                disagreements.append((case["id"], found))
        return disagreements

    assert asyncio.run(run()) == []


@pytest.mark.skipif(not has_missing_scopes, reason="this FastMCP does not name missing scopes")
def test_the_engine_that_names_missing_scopes_agrees_on_every_case(calls: list[str], warnings: Any) -> None:
    async def run() -> list[Any]:
        disagreements = []
        for case in CASES:
            calls.clear()
            warnings.texts.clear()
            answer = await _answer(authorization.run_auth_checks_with_shortfall, case)
            decision, missing = ({"allow": answer[0]}, answer[1]) if isinstance(answer, tuple) else (answer, [])
            found = decision, missing, len(calls), len(warnings.texts)
            recorded = case["shortfall"]
            expected = recorded["expected"], recorded["missing"], recorded["calls"], recorded["warnings"]
            if found != expected:
                disagreements.append((case["id"], found, expected))
        return disagreements

    assert asyncio.run(run()) == []


ROLES = [json.loads(line) for line in (REPOSITORY / "tests" / "cases" / "roles.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("kind", ["builtin", "native"])
def test_roles_agree_on_every_case(kind: str, warnings: Any) -> None:
    async def answer(case: dict[str, Any]) -> bool:
        settings = {"roles": case["roles"], "claim": case["claim"]}
        options = {"limits": PATIENT} if kind == "builtin" else {}
        roles = guardhouse_checks.check(f"{kind}:require-roles", settings=settings, **options)
        claims = case["claims"]
        token = None if claims is None else AccessToken(token="t", client_id="c", scopes=[], claims=claims)
        component = Tool.model_construct(name="any", tags=set())
        return await authorization.run_auth_checks(roles, authorization.AuthContext(token=token, component=component))

    assert len(ROLES) == 238
    disagreements = [case["id"] for case in ROLES if asyncio.run(answer(case)) is not case["allow"]]
    assert disagreements == [] and warnings.texts == []
