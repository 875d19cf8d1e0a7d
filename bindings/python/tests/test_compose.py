"""Composed checks, without FastMCP and as checks of FastMCP."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import fastmcp.utilities.authorization as authorization
import guardhouse_checks
import pytest
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.auth import AccessToken
from fastmcp.tools import Tool
from guardhouse_checks import Check, all_of, any_of, negate
from guardhouse_checks._check import configured
from plugins import REPOSITORY, denies_with, plugin, reads, reads_raw_token

PATIENT = guardhouse_checks.Limits(deadline="10s")
COMPONENT = guardhouse_checks.Component("tool", "any")
CONTEXT = guardhouse_checks.AuthContext(COMPONENT, guardhouse_checks.AccessToken("alice", ["held"]))
# The table that Guardhouse's own tests read too.
TABLE = [json.loads(line) for line in (REPOSITORY / "tests" / "cases" / "composition.jsonl").read_text().splitlines()]

has_missing_scopes = hasattr(authorization, "run_auth_checks_with_shortfall")


def check(source: Any, **options: Any) -> Check:
    return guardhouse_checks.check(source, limits=PATIENT, **options)


def member(index: int, kind: str, tenant: str | None = None) -> Check:
    sources: dict[str, Callable[[], bytes]] = {
        "allow": lambda: plugin("allow"),
        "denied": lambda: plugin("deny"),
        "message": lambda: denies_with(f"message {index}"),
        "failed": lambda: plugin("unreachable"),
    }
    return check(sources[kind](), id=f"member {index}", tenant=tenant)


KINDS = ("allow", "denied", "message", "failed")
MEMBERS = {(index, kind): member(index, kind) for index in range(3) for kind in KINDS}


def composed(row: dict[str, Any], test: str) -> Check:
    # The failures of a check are logged ten times in a second, and each row must be logged.
    members = [member(index, kind, f"{test} {json.dumps(row)}") for index, kind in enumerate(row["members"])]
    return {"any_of": any_of, "all_of": all_of, "negate": lambda members: negate(*members)}[row["rule"]](members)


def scopes(*names: str) -> Check:
    return check("builtin:require-scopes", settings={"scopes": names})


def foreign(scopes: list[str]) -> authorization.AuthContext:
    token = AccessToken(token="t", client_id="alice", scopes=scopes)
    return authorization.AuthContext(token=token, component=Tool.model_construct(name="any", tags=set()))


def test_every_combination_has_the_outcome_of_the_table(warnings: Any) -> None:
    assert len(TABLE) == 174
    for row in TABLE:
        warnings.texts.clear()
        decision = guardhouse_checks.run_auth_checks(composed(row, "alone"), CONTEXT)
        assert decision.report is not None
        [report] = decision.report.checks
        assert (report.outcome, len(report.members)) == (row["outcome"], row["asked"]), row
        assert decision.allow is (row["outcome"] == "allow"), row
        assert decision.message == (None if row["message"] is None else f"message {row['message']}"), row
        # One warning for each member that failed.
        failed = [index for index in range(row["asked"]) if row["members"][index] == "failed"]
        assert all(f"'member {index}'" in text for index, text in zip(failed, warnings.texts, strict=True)), row


def test_every_combination_is_the_answer_of_fastmcps_engine(warnings: Any) -> None:
    async def answer(row: dict[str, Any]) -> Any:
        try:
            return await authorization.run_auth_checks([composed(row, "in FastMCP")], foreign(["held"]))
        except AuthorizationError as error:
            return str(error)

    async def run() -> None:
        for row in TABLE:
            warnings.texts.clear()
            expected = row["outcome"] == "allow" if row["message"] is None else f"message {row['message']}"
            assert await answer(row) == expected, row
            assert len(warnings.texts) == row["members"][: row["asked"]].count("failed"), row

    asyncio.run(run())


def test_a_composed_check_may_be_awaited_alone() -> None:
    async def alone(made: Check) -> bool:
        return await made(CONTEXT)

    assert asyncio.run(alone(negate(MEMBERS[0, "denied"]))) is True
    assert asyncio.run(alone(any_of([MEMBERS[0, "failed"], MEMBERS[1, "allow"]]))) is True
    with pytest.raises(guardhouse_checks.AuthorizationError, match="^message 0$"):
        asyncio.run(alone(negate(MEMBERS[0, "message"])))
    with pytest.raises(guardhouse_checks.CheckFailed, match="'member 1' failed: trap"):
        asyncio.run(alone(any_of([MEMBERS[0, "denied"], MEMBERS[1, "failed"]])))


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (lambda: any_of([scopes("b", "a", "held")]), ["a", "b"]),
        (lambda: all_of([scopes("held"), scopes("a")]), ["a"]),
        (lambda: all_of([scopes("a"), scopes("b")]), ["a"]),
        (lambda: any_of([scopes("a"), scopes("b")]), []),
        (lambda: any_of([scopes("a"), MEMBERS[0, "denied"]]), []),
        (lambda: all_of([scopes("a"), MEMBERS[0, "allow"]]), []),
        (lambda: negate(scopes("held")), []),
    ],
)
def test_scopes_are_named_if_one_member_denied_and_all_could_name_theirs(made: Any, named: list[str]) -> None:
    composition = made()
    assert composition.names_missing_scopes is bool(named)
    decision = guardhouse_checks.run_auth_checks(composition, CONTEXT, missing_scopes=True)
    assert (decision.allow, list(decision.missing_scopes)) == (False, named)
    if has_missing_scopes:
        ctx = foreign(["held"])
        assert asyncio.run(authorization.run_auth_checks_with_shortfall([composition], ctx)) == (False, named)


def test_a_composed_check_reads_what_its_members_read() -> None:
    claims = guardhouse_checks.AccessToken("alice", claims={"team": "blue"}, raw="hunter2")
    context = guardhouse_checks.AuthContext(COMPONENT, claims)
    team = any_of([MEMBERS[0, "denied"], check(reads("claim", "/team"))])
    decision = guardhouse_checks.run_auth_checks(team, context)
    assert decision.message == '"blue"'
    granted = check(reads_raw_token(), grants=["raw-token"])
    assert guardhouse_checks.run_auth_checks(all_of([MEMBERS[0, "allow"], granted]), context).message == "hunter2"


def test_a_composed_check_has_a_name_and_no_digest() -> None:
    made = any_of([MEMBERS[0, "allow"], negate(check("builtin:require-auth"))])
    assert made.id == "any_of(member 0, negate(builtin:require-auth))"
    assert made.digest is None
    assert any_of([], id="nobody").id == "nobody"
    report = guardhouse_checks.run_auth_checks(any_of([], id="nobody"), CONTEXT).report
    assert report is not None and report.checks[0].id == "nobody"


def test_a_pickled_copy_is_the_same_composed_check() -> None:
    for made in (all_of([negate(MEMBERS[0, "denied"]), MEMBERS[1, "allow"]], id="both"), all_of([scopes("held")])):
        copy = pickle.loads(pickle.dumps(made))
        assert (type(copy), copy.id) == (type(made), made.id)
        assert guardhouse_checks.run_auth_checks(copy, CONTEXT)


def test_members_are_checks_of_this_package() -> None:
    for rule in (any_of, all_of, lambda members: negate(members[0])):
        for other in (lambda ctx: True, authorization.require_scopes("a"), True, None):
            with pytest.raises(TypeError, match="composes checks of `guardhouse_checks.check`, not a"):
                rule([other])
    class Inverted(type(MEMBERS[0, "allow"])):  # type: ignore[misc]
        def __call__(self, ctx: Any) -> Any:
            return not ctx

    with pytest.raises(TypeError, match="would not call the `__call__` of `Inverted`"):
        any_of([MEMBERS[0, "allow"], Inverted(configured(MEMBERS[0, "allow"]))])
    with pytest.raises(TypeError, match="takes a list of checks, not one check"):
        any_of(MEMBERS[0, "allow"])  # type: ignore[arg-type]


def test_composed_checks_cannot_be_nested_without_a_bound() -> None:
    made = MEMBERS[0, "allow"]
    for _ in range(16):
        made = all_of([made])
    assert guardhouse_checks.run_auth_checks(made, CONTEXT)
    with pytest.raises(guardhouse_checks.ConfigError, match="more than 16 levels deep"):
        negate(made)


@pytest.mark.parametrize(
    "careless",
    [
        lambda guard, other: lambda ctx: guard(ctx) and other(ctx),
        lambda guard, other: lambda ctx: guard(ctx) or other(ctx),
        lambda guard, other: lambda ctx: not guard(ctx),
        lambda guard, other: lambda ctx: bool(guard(ctx)),
        lambda guard, other: lambda ctx: True if guard(ctx) else other(ctx),
        lambda guard, other: lambda ctx: all([guard(ctx), other(ctx)]),
        lambda guard, other: lambda ctx: any(each(ctx) for each in (guard, other)),
    ],
    ids=["and", "or", "not", "bool", "if", "all", "any"],
)
def test_an_answer_that_is_not_awaited_is_no_allow(careless: Any, warnings: Any) -> None:
    guard, other = MEMBERS[0, "denied"], MEMBERS[1, "allow"]
    for first in (guard, any_of([guard]), scopes("a")):
        composed = careless(first, other)
        with pytest.raises(TypeError, match="`await`.*any_of.*all_of.*negate"):
            composed(CONTEXT)
        assert asyncio.run(authorization.run_auth_checks([composed], foreign([]))) is False
        assert "TypeError" in warnings.texts[-1]


def test_an_awaited_answer_can_be_combined() -> None:
    async def both(ctx: Any) -> bool:
        return await MEMBERS[0, "allow"](ctx) and not await MEMBERS[1, "denied"](ctx)

    assert asyncio.run(authorization.run_auth_checks([both], foreign([]))) is True


def test_an_answer_is_what_asyncio_takes_for_a_coroutine() -> None:
    async def run() -> list[Any]:
        made = MEMBERS[0, "allow"]
        waiting: list[Awaitable[Any]] = [asyncio.create_task(made(CONTEXT)), asyncio.wait_for(made(CONTEXT), 10)]
        answers = await asyncio.gather(*waiting, made(CONTEXT))
        return [answers, await guardhouse_checks.run_auth_checks_async(made, CONTEXT)]

    answers, decision = asyncio.run(run())
    assert answers == [True, True, True] and decision.allow


def test_a_decision_that_is_not_awaited_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        assert not guardhouse_checks.run_auth_checks_async(MEMBERS[0, "denied"], CONTEXT)


@pytest.mark.filterwarnings("error")
def test_an_answer_that_was_used_as_a_truth_value_is_not_reported_as_never_awaited() -> None:
    with pytest.raises(TypeError):
        bool(MEMBERS[0, "allow"](CONTEXT))
