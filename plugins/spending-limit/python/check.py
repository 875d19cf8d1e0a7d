"""Allows tokens with every scope, up to a limit on one argument of the call."""

from dataclasses import dataclass, field

from guardhouse_sdk import AuthContext, AuthorizationError


@dataclass(frozen=True)
class Limit:
    """What a call may spend."""

    argument: str
    """The argument, as a JSON pointer."""
    max: int
    """The largest number that is allowed."""

    def check(self, ctx: AuthContext) -> None:
        amount = ctx.argument(self.argument)
        # To Python, a bool is an int.
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount > self.max:
            raise AuthorizationError(f"argument `{self.argument}` must be a number of at most {self.max}")


@dataclass(frozen=True)
class Settings:
    """What the operator wrote, as `settings.schema.json` allows it."""

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
    # A list calls nothing.
    if settings.limit is not None and not ctx.action.endswith("/list"):
        settings.limit.check(ctx)
    return True


def missing_scopes(ctx: AuthContext, settings: Settings) -> list[str]:
    """The scopes to ask for. Who defines this promises that scopes are all that `False` is about."""
    if ctx.token is None:
        return []
    return list(dict.fromkeys(ctx.token.missing_scopes(settings.scopes)))
