"""Allows tokens with every scope, up to a limit on one argument of the call."""

from dataclasses import dataclass, field

from guardhouse_sdk import AuthContext, AuthorizationError


@dataclass(frozen=True)
class Limit:
    """A limit on an argument of the call."""

    argument: str
    """The argument, as a JSON pointer."""
    max: int
    """The maximum."""

    def check(self, ctx: AuthContext) -> None:
        amount = ctx.argument(self.argument)
        # In Python, bool is a subclass of int.
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount > self.max:
            raise AuthorizationError(f"argument `{self.argument}` must be a number of at most {self.max}")


@dataclass(frozen=True)
class Settings:
    """The settings, as `settings.schema.json` describes them."""

    scopes: list[str]
    suspended: list[str] = field(default_factory=list[str])
    limit: Limit | None = None


def check(ctx: AuthContext, settings: Settings) -> bool:
    if ctx.token is None:
        return False
    if ctx.token.client_id in settings.suspended:
        raise AuthorizationError(f"client `{ctx.token.client_id}` is suspended")
    if not ctx.token.has_scopes(settings.scopes):
        return False
    # A list has no arguments to limit.
    if settings.limit is not None and not ctx.action.endswith("/list"):
        settings.limit.check(ctx)
    return True


def missing_scopes(ctx: AuthContext, settings: Settings) -> list[str]:
    """The missing scopes. A plugin that defines this promises that they are its only reason to return False."""
    if ctx.token is None:
        return []
    return list(dict.fromkeys(ctx.token.missing_scopes(settings.scopes)))
