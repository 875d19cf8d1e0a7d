"""Authorization checks by untrusted authors, each evaluated in a WebAssembly sandbox of its own.

With FastMCP, a check can be used wherever FastMCP accepts an auth check:

    import guardhouse
    from fastmcp import FastMCP

    mcp = FastMCP("Bank")

    @mcp.tool(auth=guardhouse.check("builtin:require-scopes", settings={"scopes": ["read"]}))
    def balance() -> int:
        return 42

Without FastMCP, `run_auth_checks` evaluates a list of checks:

>>> import guardhouse
>>> checks = [guardhouse.check("builtin:require-auth")]
>>> context = guardhouse.AuthContext(guardhouse.Component("tool", "balance"))
>>> bool(guardhouse.run_auth_checks(checks, context))
False

A check that fails in any way denies: its error reaches the operator's log, and never the caller. Invalid plugins,
settings and limits raise an exception when the check is made, before any request.
"""

from guardhouse._check import AuthorizationError, Check, CheckFailed
from guardhouse._context import AccessToken, AuthContext, Component
from guardhouse._factory import check
from guardhouse._host import Host
from guardhouse._limits import HostLimits, Limits
from guardhouse._native import CheckReport, ConfigError, GuardhouseError, HostError, LoadError, Report
from guardhouse._run import Decision, run_auth_checks, run_auth_checks_async

for _error in (ConfigError, GuardhouseError, HostError, LoadError):
    _error.__module__ = __name__

__all__ = [
    "AccessToken",
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
    "check",
    "run_auth_checks",
    "run_auth_checks_async",
]
