"""The bearer secret.

A plugin that imports this module needs the grant `raw-token`: without it, no check can be made of the
plugin. A check that knows the secret can act as the caller anywhere: use it only if there is no other
way.
"""

from __future__ import annotations

from ._context import AuthContext


def get(ctx: AuthContext) -> str | None:
    """The token as the caller presented it; None if the caller did not authenticate, or if the
    enforcement point did not pass it on."""
    return ctx._source.raw_token()  # pyright: ignore[reportPrivateUsage]
