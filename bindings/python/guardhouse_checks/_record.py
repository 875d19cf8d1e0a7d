"""The operator's log, through `logging`.

| logger | level | what is logged |
|---|---|---|
| `guardhouse_checks` | WARNING | each check that failed, at most ten times in a second |
| `guardhouse_checks.decision` | INFO | each decision |
| `guardhouse_checks.plugin` | DEBUG | each line that a plugin wrote |
"""

from __future__ import annotations

import logging

from guardhouse_checks._native import CheckReport, Report

LOGGER = logging.getLogger("guardhouse_checks")
_DECISIONS = logging.getLogger("guardhouse_checks.decision")
_PLUGINS = logging.getLogger("guardhouse_checks.plugin")


def record(report: Report) -> None:
    """Logs a decision. Faults are logged separately, by `record_faults`."""
    if _DECISIONS.isEnabledFor(logging.INFO):
        decided = "all" if report.decided_by is None else repr(report.checks[report.decided_by].id)
        outcome = "allow" if report.allow else "deny"
        fuel = sum(check.fuel for check in report.checks)
        leaves = [leaf for check in report.checks for leaf in _leaves(check)]
        _DECISIONS.info(
            "decision %s: %s, decided by %s, checks %r, plugins %r, settings %r, fuel %d, %.6f s",
            report.id,
            outcome,
            decided,
            [check.id for check in report.checks],
            [leaf.plugin for leaf in leaves],
            [leaf.settings for leaf in leaves],
            fuel,
            report.elapsed,
        )
    if _PLUGINS.isEnabledFor(logging.DEBUG):
        for check in report.checks:
            for leaf in _leaves(check):
                for source, text in leaf.logs:
                    # Quoted, so that a plugin's text cannot pass for a log line of Guardhouse.
                    _PLUGINS.debug("decision %s: check %r wrote to %s: %r", report.id, leaf.id, source, text)


def record_faults(report: Report, *, decisive: bool = True) -> None:
    """Logs each check that failed, once: of a composed check, the members. A fault that decides is left out if the
    caller raises it, with `decisive=False`."""
    for check in report.checks:
        if check.outcome != "failed" and not check.members:
            continue
        decides = failed_leaf(check) if check.outcome == "failed" else None
        for leaf in _leaves(check):
            if leaf.warnings_left_out is not None and (decisive or leaf is not decides):
                LOGGER.warning("%s%s", fault(report, leaf), "" if leaf is decides else "; it decides nothing")


def failed_leaf(check: CheckReport) -> CheckReport:
    """The check that failed: of a composed check, the first member that did."""
    return next((failed_leaf(member) for member in check.members if member.outcome == "failed"), check)


def _leaves(check: CheckReport) -> list[CheckReport]:
    """The checks that are not composed: the members of a composed check, or the check itself."""
    return [leaf for member in check.members for leaf in _leaves(member)] if check.members else [check]


def fault(report: Report, check: CheckReport) -> str:
    """One line for the operator's log with all that is known of a failed check. No caller may see it. Of a check that
    fails more than ten times in a second, it is short."""
    parts = [f"decision {report.id}: check {check.id!r} failed: {check.cause}: {check.detail!r}"]
    if check.warnings_left_out is None:
        return f"{parts[0]}; the rest is left out, because the check failed ten times in the last second"
    if check.plugin is not None:
        parts.append(f"plugin {check.plugin}")
    if check.backtrace is not None:
        parts.append(f"backtrace {check.backtrace!r}")
    if check.last_lines:
        parts.append(f"wrote {check.last_lines!r}")
    parts.append(f"fuel {check.fuel}, memory {check.memory_bytes}, {check.elapsed:.6f} s")
    if check.warnings_left_out:
        parts.append(f"{check.warnings_left_out} warnings about it were left out before")
    return "; ".join(parts)
