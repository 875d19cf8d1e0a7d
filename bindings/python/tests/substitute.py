"""A pytest plugin for FastMCP's own tests: Guardhouse's checks stand in for `require_scopes` and `restrict_tag`.

    pytest -p substitute tests/server/auth/test_authorization.py
"""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import fastmcp.server.auth as auth
import fastmcp.utilities.authorization as authorization
import guardhouse
from fastmcp.tools import Tool
from guardhouse.fastmcp import ScopeAwareCheck

PATIENT = guardhouse.Limits(deadline=10, configure_deadline=10)


class Substitute(ScopeAwareCheck):  # type: ignore[misc, valid-type]
    """FastMCP's tests also ask its checks outside of any event loop, where they answer at once."""

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
    """A component of no kind is nothing that a check of ours is asked about."""
    if isinstance(ctx.component, Mock):
        tags = ctx.component.tags
        ctx.component = Tool.model_construct(name="mock", tags=tags if isinstance(tags, set) else set())
    return ctx


def _check(name: str, settings: dict[str, Any]) -> Any:
    made = guardhouse.check(f"builtin:{name}", settings, limits=PATIENT)
    return Substitute(made._definition, made._native)


def require_scopes(*scopes: str) -> Any:
    return _check("require-scopes", {"scopes": list(scopes)})


def restrict_tag(tag: str, *, scopes: list[str]) -> Any:
    return _check("restrict-tag", {"tag": tag, "scopes": list(scopes)})


for module in (auth, authorization):
    module.require_scopes = require_scopes
    module.restrict_tag = restrict_tag
