"""Integration with FastMCP.

`guardhouse_checks.check` works without an import of this module. `GuardhouseMiddleware` passes the arguments of calls
to checks, and over stdio it serves nothing that a check guards.
"""

from __future__ import annotations

from guardhouse_checks._fastmcp_check import MissingScopesCheck
from guardhouse_checks._fastmcp_middleware import GuardhouseMiddleware

__all__ = ["GuardhouseMiddleware", "MissingScopesCheck"]
