"""The bearer secret itself.

A plugin that imports this module asks for the grant `raw-token`, without which no operator can use
it. A check that has the secret can act as the caller anywhere: use it only if nothing else will do.
"""

from __future__ import annotations

from ._context import AuthContext


def get(ctx: AuthContext) -> str | None:
    """The token as it was presented; none if the caller did not authenticate, or if the enforcement
    point did not pass it on."""
    return ctx._source.raw_token()  # pyright: ignore[reportPrivateUsage]
