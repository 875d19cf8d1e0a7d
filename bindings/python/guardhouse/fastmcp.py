"""FastMCP: what its checks are told, how they answer there, and a middleware.

`guardhouse.check` needs nothing of this module. Import `GuardhouseMiddleware` from it to pass call arguments on, and to
serve nothing over stdio that a check guards.
"""

from __future__ import annotations

from guardhouse._fastmcp_check import ScopeAwareCheck, evaluate
from guardhouse._fastmcp_middleware import GuardhouseMiddleware

__all__ = ["GuardhouseMiddleware", "ScopeAwareCheck", "evaluate"]
