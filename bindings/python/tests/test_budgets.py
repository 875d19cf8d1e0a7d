"""The budgets of tenants."""

from __future__ import annotations

import asyncio
import pickle
import time
from datetime import timedelta
from typing import Any

import guardhouse_checks
import pytest
from guardhouse_checks import AuthContext, Component, Host, TenantBudget
from plugins import plugin

PATIENT = guardhouse_checks.Limits(deadline="10s")
CONTEXT = AuthContext(Component("tool", "x"))


def check(host: Host, tenant: str) -> guardhouse_checks.Check:
    return guardhouse_checks.check(plugin("allow"), limits=PATIENT, host=host, tenant=tenant)


def decisions(made: guardhouse_checks.Check, count: int) -> list[guardhouse_checks.Decision]:
    return [guardhouse_checks.run_auth_checks(made, CONTEXT) for _ in range(count)]


def test_a_tenant_over_its_budget_is_denied_and_others_are_not() -> None:
    host = Host(budgets={"greedy": TenantBudget(evaluations_per_second=1, evaluation_burst=3)})
    start = time.monotonic()
    found = decisions(check(host, "greedy"), 20)
    # One more each second, on a slow machine.
    possible = 3 + int(time.monotonic() - start)
    assert 3 <= sum(decision.allow for decision in found) <= possible
    denied = [decision for decision in found if not decision.allow]
    assert all(decision.message is None for decision in denied)
    assert {decision.report.checks[0].cause for decision in denied if decision.report} == {"over-budget"}
    assert all(decision.allow for decision in decisions(check(host, "good"), 20))


def test_a_check_that_is_awaited_fails_with_the_cause() -> None:
    host = Host(budgets={"acme": TenantBudget(cpu_time_per_second=timedelta(0))})
    made = check(host, "acme")

    async def main() -> None:
        for _ in range(40):
            with pytest.raises(guardhouse_checks.CheckFailed, match="over-budget"):
                await made(CONTEXT)

    asyncio.run(main())


def test_a_check_beyond_the_budget_is_an_error() -> None:
    host = Host(budgets={"acme": TenantBudget(checks=1)})
    first = check(host, "acme")
    with pytest.raises(guardhouse_checks.ConfigError, match="budget of 1 checks"):
        check(host, "acme")
    assert all(decision.allow for decision in decisions(first, 3))
    assert all(decision.allow for decision in decisions(check(host, "other"), 3))


def test_a_copy_of_a_host_in_another_process_has_its_budgets() -> None:
    host = Host(budgets={"acme": TenantBudget(cpu_time_per_second="0ms")})
    copy: Host = pickle.loads(pickle.dumps(host))
    assert not decisions(check(copy, "acme"), 1)[0].allow


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"evaluations_per_second": 0}, 'budget of tenant "acme": limit `evaluations_per_second`'),
        ({"cpu_time_burst": "5"}, 'budget of tenant "acme": limit `cpu_time_burst`'),
        ({"memory_bytes": "5"}, 'budget of tenant "acme": limit `memory_bytes`'),
    ],
)
def test_a_wrong_budget_is_an_error_that_names_tenant_and_field(fields: dict[str, Any], error: str) -> None:
    with pytest.raises(guardhouse_checks.HostError, match=error):
        check(Host(budgets={"acme": TenantBudget(**fields)}), "acme")


def test_a_budget_of_a_wrong_type_is_an_error_where_it_is_made() -> None:
    with pytest.raises(TypeError, match="`evaluations_per_second` must be a whole number"):
        TenantBudget(evaluations_per_second="5")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
