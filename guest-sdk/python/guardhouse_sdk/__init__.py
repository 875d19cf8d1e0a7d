"""Write Guardhouse checks in Python.

A plugin is a folder with a `check.py` that defines `check`:

    from guardhouse_sdk import AuthContext, AuthorizationError

    def check(ctx: AuthContext) -> bool:
        if ctx.token is None:
            return False
        if ctx.token.client_id == "mallory":
            raise AuthorizationError("mallory is suspended")
        return ctx.token.has_scope("read")

True allows, False denies without a message, and `AuthorizationError` denies with a message for the
caller. Every other exception or return value is a fault: it denies, the caller does not see it, and
the operator's log shows it in full.
"""

from . import log
from ._context import AuthContext
from ._error import AuthorizationError
from ._records import AccessToken, Component

__all__ = ["AccessToken", "AuthContext", "AuthorizationError", "Component", "log"]
__version__ = "0.1.0"
