"""Authorization checks by untrusted authors, each evaluated in a WebAssembly sandbox of its own.

With FastMCP, a check can be used wherever FastMCP accepts an auth check:

    import guardhouse_checks
    from fastmcp import FastMCP

    mcp = FastMCP("Bank")

    @mcp.tool(auth=guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]}))
    def balance() -> int:
        return 42

Without FastMCP, `run_auth_checks` evaluates a list of checks:

>>> import guardhouse_checks
>>> checks = [guardhouse_checks.check("builtin:require-auth")]
>>> context = guardhouse_checks.AuthContext(guardhouse_checks.Component("tool", "balance"))
>>> bool(guardhouse_checks.run_auth_checks(checks, context))
False

`any_of`, `all_of` and `negate` make one check of several.

A check that fails in any way denies: its error reaches the operator's log, and never the caller. Invalid plugins,
settings and limits raise an exception when the check is made, before any request.
"""

from guardhouse_checks._answer import Answer
from guardhouse_checks._check import AuthorizationError, Check, CheckFailed
from guardhouse_checks._compose import all_of, any_of, negate
from guardhouse_checks._context import AccessToken, AuthContext, Component
from guardhouse_checks._factory import check
from guardhouse_checks._host import Host
from guardhouse_checks._limits import HostLimits, Limits, TenantBudget
from guardhouse_checks._native import CheckReport, ConfigError, GuardhouseError, HostError, LoadError, Report
from guardhouse_checks._run import Decision, run_auth_checks, run_auth_checks_async

for _error in (ConfigError, GuardhouseError, HostError, LoadError):
    _error.__module__ = __name__

__all__ = [
    "AccessToken",
    "Answer",
    "AuthContext",
    "AuthorizationError",
    "Check",
    "CheckFailed",
    "CheckReport",
    "Component",
    "ConfigError",
    "Decision",
    "GuardhouseError",
    "Host",
    "HostError",
    "HostLimits",
    "Limits",
    "LoadError",
    "Report",
    "TenantBudget",
    "all_of",
    "any_of",
    "check",
    "negate",
    "run_auth_checks",
    "run_auth_checks_async",
]
