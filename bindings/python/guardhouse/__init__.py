"""Authorization checks that other people wrote, each in a WebAssembly sandbox that it cannot leave, outlast or learn
from.

With FastMCP, a check stands wherever an auth check may stand:

    import guardhouse
    from fastmcp import FastMCP

    mcp = FastMCP("Bank")

    @mcp.tool(auth=guardhouse.check("builtin:require-scopes", settings={"scopes": ["read"]}))
    def balance() -> int:
        return 42

Without it, `run_auth_checks` asks a list of them:

>>> import guardhouse
>>> checks = [guardhouse.check("builtin:require-auth")]
>>> context = guardhouse.AuthContext(guardhouse.Component("tool", "balance"))
>>> bool(guardhouse.run_auth_checks(checks, context))
False

A check that fails in any way denies: its error reaches the operator's log, and no caller. What can fail before a request
fails when the check is made.
"""

from guardhouse._check import AuthorizationError, Check, MaskedDenial, check
from guardhouse._context import AccessToken, AuthContext, Component
from guardhouse._host import Host
from guardhouse._limits import HostLimits, Limits
from guardhouse._native import CheckReport, GuardhouseError, HostError, LoadError, Report, ConfigError
from guardhouse._run import Decision, run_auth_checks, run_auth_checks_async

for _error in (GuardhouseError, HostError, LoadError, ConfigError):
    _error.__module__ = __name__

__all__ = [
    "AccessToken",
    "AuthContext",
    "AuthorizationError",
    "Check",
    "CheckReport",
    "Component",
    "Decision",
    "GuardhouseError",
    "Host",
    "HostError",
    "HostLimits",
    "Limits",
    "LoadError",
    "MaskedDenial",
    "Report",
    "ConfigError",
    "check",
    "run_auth_checks",
    "run_auth_checks_async",
]
