"""Decisions without FastMCP."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
from typing import Any

import guardhouse_checks
import pytest
from guardhouse_checks import AccessToken, AuthContext, Component
from guardhouse_checks._check import configured
from guardhouse_checks._context import to_native
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
        AuthContext(Component("tool", "\ud800")),
        AuthContext(Component("tool", "x" * (2 << 20))),
        None,
    ],
    ids=["surrogate", "size", "none"],
)
def test_an_invalid_request_is_denied(decide: Any, context: Any, warnings: Any) -> None:
    decision = decide(check(plugin("allow")), context)
    assert not decision and decision.message is None
    assert len(warnings.texts) == 1 and decision.id in warnings.texts[0]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: AccessToken("c", "read"), "`scopes` must be a list of strings, not 'read'"),
        (lambda: AccessToken("c", None), "`scopes` must be a list of strings, not None"),
        (lambda: AccessToken("c", ["a", 7]), "each of `scopes` must be a string, not 7"),
        (lambda: AccessToken(None), "`client_id` must be a string, not None"),
        (lambda: AccessToken("c", claims=[]), "`claims` must be a mapping"),
        (lambda: AccessToken("c", raw=b"hunter2"), "`raw` must be a string or None, not a `bytes`"),
        (lambda: AccessToken("c", expires_at=2**70), "`expires_at` must be an integer of 64 bits"),
        (lambda: AccessToken("c", expires_at=1.5), "`expires_at` must be whole seconds, not 1.5"),
        (lambda: AccessToken("c", expires_at=float("inf")), "`expires_at` must be whole seconds"),
        (lambda: AccessToken("c", expires_at=True), "`expires_at` must be whole seconds, not True"),
        (lambda: Component("tool", "x", tags="ab"), "`tags` must be a list of strings, not 'ab'"),
        (lambda: Component("tool", 7), "`name` must be a string, not 7"),
        (lambda: Component("tool", "x", version=2), "`version` must be a string or None, not 2"),
        (lambda: AuthContext("tool"), "`component` must be a `guardhouse_checks.Component`"),
        (lambda: AuthContext(Component("tool", "x"), "secret"), "`token` must be a `guardhouse_checks.AccessToken`"),
        (lambda: AuthContext(Component("tool", "x"), now=0.5), "`now` must be whole seconds, not 0.5"),
        (lambda: AuthContext(Component("tool", "x"), arguments=[1]), "`arguments` must be a mapping"),
        (lambda: AuthContext(Component("tool", "x"), attributes=None), "`attributes` must be a mapping"),
    ],
)
def test_a_wrong_type_is_an_error_where_the_request_is_made(make: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        make()
    assert error in str(raised.value) and "hunter2" not in str(raised.value) and "secret" not in str(raised.value)


def test_a_whole_float_is_a_number_of_seconds() -> None:
    context = AuthContext(Component("tool", "x"), AccessToken("c", expires_at=1e9), now=3.0)
    assert context.token is not None
    assert (context.token.expires_at, context.now) == (1_000_000_000, 3)


ODD = [float("nan"), {1, 2}, object(), 2**64, 1e21, {"b": {1: 1, "1": 2}}, "\ud800", "x" * (2 << 20)]


@pytest.mark.parametrize("value", [*ODD, functools.reduce(lambda inner, _: [inner], range(5_000), 0)], ids=range(9))
def test_a_document_that_is_not_json_denies_only_the_check_that_reads_it(
    decide: Any, value: Any, warnings: Any
) -> None:
    context = AuthContext(
        Component("tool", "x"), AccessToken("c", claims={"team": "blue"}), arguments={"value": value}
    )
    assert decide(check(plugin("allow")), context)
    assert decide(check(reads("claim", "/team")), context).message == '"blue"'
    assert warnings.texts == []
    assert not decide(check(reads("argument", "/other"), id="reader", tenant=secrets.token_hex(8)), context)
    [text] = warnings.texts
    assert "unreadable-document" in text or "context-limit" in text and "`Limits::context_bytes`" in text


def test_a_large_document_is_read_with_a_large_limit() -> None:
    context = AuthContext(Component("tool", "x"), arguments={"text": "x" * (2 << 20), "amount": 7})
    for limit, message in (("3MiB", "7"), ("1MiB", None)):
        made = guardhouse_checks.check(
            reads("argument", "/amount"), limits=guardhouse_checks.Limits(deadline="10s", context_bytes=limit)
        )
        assert guardhouse_checks.run_auth_checks(made, context).message == message


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
    assert "hunter2" not in str(to_native(context, configured(check(plugin("allow"))).reads))
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
