"""A pytest plugin for FastMCP's own tests. It replaces `require_scopes` and `restrict_tag` by Guardhouse's checks.

    pytest -p substitute tests/server/auth/test_authorization.py
"""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import fastmcp.server.auth as auth
import fastmcp.utilities.authorization as authorization
import guardhouse_checks
from fastmcp.tools import Tool
from guardhouse_checks._check import configured
from guardhouse_checks.fastmcp import MissingScopesCheck

PATIENT = guardhouse_checks.Limits(deadline="10s", configure_deadline="10s")


class Substitute(MissingScopesCheck):  # type: ignore[misc, valid-type]
    """FastMCP's tests also call its checks outside of event loops, where these return a bool."""

    def __call__(self, ctx: Any) -> Any:
        answer = super().__call__(_real(ctx))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(answer)
        return answer

    def missing_scopes(self, ctx: Any) -> set[str]:
        return super().missing_scopes(_real(ctx))


def _real(ctx: Any) -> Any:
    """Replaces a mock by a component of a kind: Guardhouse's checks need one."""
    if isinstance(ctx.component, Mock):
        tags = ctx.component.tags
        ctx.component = Tool.model_construct(name="mock", tags=tags if isinstance(tags, set) else set())
    return ctx


def _check(name: str, settings: dict[str, Any]) -> Any:
    made = guardhouse_checks.check(f"builtin:{name}", settings, limits=PATIENT)
    return Substitute(configured(made))


def require_scopes(*scopes: str) -> Any:
    return _check("require-scopes", {"scopes": list(scopes)})


def restrict_tag(tag: str, *, scopes: list[str]) -> Any:
    return _check("restrict-tag", {"tag": tag, "scopes": list(scopes)})


for module in (auth, authorization):
    module.require_scopes = require_scopes
    module.restrict_tag = restrict_tag
