"""Allows the components and actions that match a pattern of one of the caller's roles."""

from dataclasses import dataclass, field
from typing import cast

from guardhouse_sdk import AuthContext, AuthorizationError


@dataclass(frozen=True)
class Rule:
    component: str
    action: str = "**"

    def matches(self, ctx: AuthContext) -> bool:
        kind, _, name = self.component.partition(":")
        return (
            matches(kind, ctx.component.kind)
            and matches(name, ctx.component.name)
            and matches(self.action, ctx.action)
        )


@dataclass(frozen=True)
class Role:
    allow: list[Rule] = field(default_factory=list[Rule])
    deny: list[Rule] = field(default_factory=list[Rule])


@dataclass(frozen=True)
class Settings:
    """The settings, as `settings.schema.json` describes them."""

    claim: str
    roles: dict[str, Role]


def check(ctx: AuthContext, settings: Settings) -> bool:
    names = texts(ctx.claim(settings.claim))
    if names is None:
        return False
    # `reports/**` must not match `reports/../salaries`.
    if not {".", ".."}.isdisjoint(ctx.component.name.split("/")):
        return False
    roles = {name: settings.roles[name] for name in names if name in settings.roles}
    for name, role in roles.items():
        if any(rule.matches(ctx) for rule in role.deny):
            raise AuthorizationError(f"role `{name}` must not use `{ctx.component.kind}:{ctx.component.name}`")
    return any(rule.matches(ctx) for role in roles.values() for rule in role.allow)


def texts(value: object) -> list[str] | None:
    """The value, if it is a list of strings."""
    if not isinstance(value, list):
        return None
    items = cast("list[object]", value)
    found = [item for item in items if isinstance(item, str)]
    return found if len(found) == len(items) else None


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern, which may have alternatives, matches the whole text."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return glob_matches(pattern, text)
    alternatives, _, after = rest.partition("}")
    return any(glob_matches(before + alternative + after, text) for alternative in alternatives.split(","))


def glob_matches(glob: str, text: str) -> bool:
    """Whether a pattern without alternatives matches. More stars do not make it slower."""
    at = done = 0
    # Where the last `*` and the last `**` end in the pattern, and in the text so far.
    star: tuple[int, int] | None = None
    stars: tuple[int, int] | None = None
    while True:
        if glob.startswith("**", at):
            at += 2
            star, stars = None, (at, done)
        elif glob.startswith("*", at):
            at += 1
            star = (at, done)
        elif at < len(glob) and done < len(text) and (glob[at] == text[done] or (glob[at] == "?" and text[done] != "/")):
            at, done = at + 1, done + 1
        elif at == len(glob) and done == len(text):
            return True
        elif star is not None and star[1] < len(text) and text[star[1]] != "/":
            at, done = star = (star[0], star[1] + 1)
        elif stars is not None and stars[1] < len(text):
            at, done = stars = (stars[0], stars[1] + 1)
            star = None
        else:
            return False
