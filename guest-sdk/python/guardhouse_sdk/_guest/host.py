from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .._context import AuthContext
from .._records import AccessToken, Component


@dataclass(frozen=True, slots=True)
class Host:
    """The functions that the bindings import. Contexts read the documents of a request from it."""

    claim: Callable[[str], str | None]
    detail: Callable[[str], str | None]
    argument: Callable[[str], str | None]
    attribute: Callable[[str], str | None]
    raw_token: Callable[[], str | None]
    log: Callable[[Any, str, str], None]
    levels: Sequence[Any]
    err: Callable[[Any], Exception]
    denial: Callable[[str], Any]


class Ok:
    """The result of an export, as the bindings take it."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


def contexts(host: Host) -> Callable[[AccessToken | None, Component, str, int], AuthContext]:
    """The function from which the bindings get the context of a request."""

    def context(token: AccessToken | None, component: Component, action: str, now: int) -> AuthContext:
        return AuthContext(token, component, action, now, host)

    return context


def no_raw_token() -> str | None:
    """Replaces the import in plugins that do not have it."""
    raise RuntimeError("`guardhouse_sdk.raw_token` must be named in an import statement, so that the build finds it")
