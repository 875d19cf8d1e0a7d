"""The operator's log, through `logging`.

| logger | level | what is logged |
|---|---|---|
| `guardhouse_checks` | WARNING | each check that failed, once |
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
    """Logs a decision. Faults are logged separately, by `fault`."""
    if _DECISIONS.isEnabledFor(logging.INFO):
        decided = "all" if report.decided_by is None else repr(report.checks[report.decided_by].id)
        outcome = "allow" if report.allow else "deny"
        fuel = sum(check.fuel for check in report.checks)
        _DECISIONS.info(
            "decision %s: %s, decided by %s, checks %r, plugins %r, settings %r, fuel %d, %.6f s",
            report.id,
            outcome,
            decided,
            [check.id for check in report.checks],
            [check.plugin for check in report.checks],
            [check.settings for check in report.checks],
            fuel,
            report.elapsed,
        )
    if _PLUGINS.isEnabledFor(logging.DEBUG):
        for check in report.checks:
            for source, text in check.logs:
                # Quoted, so that a plugin's text cannot pass for a log line of Guardhouse.
                _PLUGINS.debug("decision %s: check %r wrote to %s: %r", report.id, check.id, source, text)


def failed(report: Report) -> list[CheckReport]:
    """The checks that failed."""
    return [check for check in report.checks if check.outcome == "failed"]


def fault(report: Report, check: CheckReport) -> str:
    """One line for the operator's log with all that is known of a failed check. No caller may see it."""
    parts = [f"decision {report.id}: check {check.id!r} failed: {check.cause}: {check.detail!r}"]
    if check.plugin is not None:
        parts.append(f"plugin {check.plugin}")
    if check.backtrace is not None:
        parts.append(f"backtrace {check.backtrace!r}")
    if check.logs:
        parts.append(f"wrote {check.logs!r}")
    parts.append(f"fuel {check.fuel}, memory {check.memory_bytes}, {check.elapsed:.6f} s")
    return "; ".join(parts)
