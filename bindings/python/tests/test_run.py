"""Decisions without FastMCP."""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

import guardhouse_checks
import pytest
from guardhouse_checks import AccessToken, AuthContext, Component
from guardhouse_checks._check import configured
from plugins import assemble, denies_with, fixture, plugin, reads, reads_raw_token

PATIENT = guardhouse_checks.Limits(deadline="10s")
ALICE = AuthContext(Component("tool", "search", tags={"b", "a"}), AccessToken("alice", ["read"]))


def check(source: Any, **options: Any) -> guardhouse_checks.Check:
    return guardhouse_checks.check(source, limits=PATIENT, **options)


def needs(*scopes: str) -> guardhouse_checks.Check:
    return check("builtin:require-scopes", settings={"scopes": scopes})


@pytest.fixture(params=["blocking", "async"])
def decide(request: pytest.FixtureRequest) -> Any:
    if request.param == "blocking":
        return guardhouse_checks.run_auth_checks
    return lambda *args, **options: asyncio.run(guardhouse_checks.run_auth_checks_async(*args, **options))


def test_all_must_allow_in_order(decide: Any) -> None:
    decision = decide([needs("read"), check(plugin("deny")), check(denies_with("no"))], ALICE)
    assert not decision
    assert decision.message is None
    assert decision.report.decided_by == 1
    assert [each.outcome for each in decision.report.checks] == ["allow", "denied"]


def test_an_empty_list_allows(decide: Any) -> None:
    assert decide([], ALICE)


@pytest.mark.parametrize("message", ["no", "", "two\nlines\0and a NUL", "é" * 1000])
def test_a_message_is_unchanged(decide: Any, message: str) -> None:
    decision = decide(check(denies_with(message)), ALICE)
    assert not decision and decision.message == message


def test_missing_scopes_are_named_together(decide: Any) -> None:
    decision = decide([needs("write"), needs("admin", "read")], ALICE, missing_scopes=True)
    assert decision.missing_scopes == ("admin", "write")


def test_a_fault_is_a_denial_and_one_warning(decide: Any, warnings: Any) -> None:
    decision = decide(check(plugin("unreachable"), id="broken"), ALICE)
    assert not decision and decision.message is None
    [text] = warnings.texts
    assert decision.id in text and "'broken'" in text and "trap" in text


def test_a_check_that_always_fails_is_logged_ten_times_a_second_with_the_end_of_its_output(
    decide: Any, warnings: Any
) -> None:
    text = fixture("log-lines").replace("(i32.const 13)", "(i32.const 9000)")
    made = check(assemble(text), id="always", tenant=secrets.token_hex(8))
    for _ in range(200):
        assert not decide(made, ALICE)
    # The decisions may take more than a second.
    assert 10 <= len(warnings.texts) < 200
    for text in warnings.texts:
        assert "said" not in text and "\\x00" in text and len(text) < 10_000
    for _ in range(12):
        with pytest.raises(guardhouse_checks.CheckFailed) as failure:
            asyncio.run(_alone(made))
        assert len(str(failure.value)) < 10_000


def test_only_scope_tokens_may_be_written_into_a_header(decide: Any) -> None:
    decision = decide(needs("write", "a b", "x\r\ny"), ALICE, missing_scopes=True)
    assert decision.missing_scopes == ("a b", "write", "x\r\ny")
    assert decision.scope_tokens == ("write",)


@pytest.mark.parametrize(
    "context",
    [
        AuthContext(Component("tool", "x"), AccessToken("c", "read")),
        AuthContext(Component("tool", "x", tags="ab")),
        AuthContext(Component("tool", "\ud800")),
        AuthContext(Component("tool", 7)),  # type: ignore[arg-type]
        AuthContext(Component("tool", "x" * (2 << 20))),
        AuthContext(Component("tool", "x"), AccessToken("c", expires_at=2**70)),
        None,
    ],
    ids=["scopes", "tags", "surrogate", "number", "size", "expiry", "none"],
)
def test_an_invalid_request_is_denied(decide: Any, context: Any, warnings: Any) -> None:
    decision = decide(check(plugin("allow")), context)
    assert not decision and decision.message is None
    assert len(warnings.texts) == 1 and decision.id in warnings.texts[0]


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), 2**64, {"b": {1: 1, "1": 2}}])
def test_claims_that_are_not_json_are_denied(decide: Any, value: Any) -> None:
    reads_claims = check(reads("claim", "/tenant"))
    context = AuthContext(Component("tool", "x"), AccessToken("c", claims={"tenant": value}))
    assert not decide(reads_claims, context)


def test_a_check_may_be_awaited_alone() -> None:
    assert asyncio.run(_alone(check(plugin("allow")))) is True
    assert asyncio.run(_alone(check(plugin("deny")))) is False
    with pytest.raises(guardhouse_checks.AuthorizationError, match="^no$"):
        asyncio.run(_alone(check(denies_with("no"))))
    with pytest.raises(guardhouse_checks.CheckFailed):
        asyncio.run(_alone(check(plugin("unreachable"))))


async def _alone(made: guardhouse_checks.Check) -> bool:
    return await made(ALICE)


def test_only_a_grant_shows_the_secret() -> None:
    context = AuthContext(Component("tool", "x"), AccessToken("c", raw="hunter2"))
    granted = guardhouse_checks.check(reads_raw_token(), grants=["raw-token"], limits=PATIENT)
    assert guardhouse_checks.run_auth_checks(granted, context).message == "hunter2"
    assert b"hunter2" not in configured(check(plugin("allow"))).context_json(context)
    assert "hunter2" not in repr(context)


def test_every_decision_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "guardhouse_checks.decision"):
        decision = guardhouse_checks.run_auth_checks([check(plugin("deny"), id="no")], ALICE)
    [record] = [record for record in caplog.records if record.name == "guardhouse_checks.decision"]
    assert decision.id in record.getMessage() and "'no'" in record.getMessage()


def test_native_checks_decide_the_same() -> None:
    for source, settings in (
        ("require-auth", None),
        ("require-scopes", {"scopes": ["read"]}),
        ("require-scopes", {"scopes": ["write"]}),
        ("restrict-tag", {"tag": "a", "scopes": ["write"]}),
        ("restrict-tag", {"tag": "z", "scopes": ["write"]}),
    ):
        wasm, native = (
            guardhouse_checks.run_auth_checks(made, ALICE, missing_scopes=True)
            for made in (
                check(f"builtin:{source}", settings=settings),
                guardhouse_checks.check(f"native:{source}", settings=settings),
            )
        )
        assert (wasm.allow, wasm.missing_scopes) == (native.allow, native.missing_scopes)
