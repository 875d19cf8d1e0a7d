from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .._records import AccessToken, Component


class Record(Protocol):
    """The context as the bindings build it."""

    token: AccessToken | None
    component: Component
    action: str
    now: int


@dataclass(frozen=True, slots=True)
class Host:
    """What the bindings import. It is also where a context finds the rest of the request."""

    claim: Callable[[str], str | None]
    detail: Callable[[str], str | None]
    argument: Callable[[str], str | None]
    attribute: Callable[[str], str | None]
    raw_token: Callable[[], str | None]
    log: Callable[[Any, str, str], None]
    levels: Sequence[Any]
    err: Callable[[Any], Exception]
    denial: Callable[[str], Any]


def no_raw_token() -> str | None:
    """Stands for the import that a plugin does not have."""
    raise RuntimeError("name `guardhouse_sdk.raw_token` in an import statement, so that the build sees it")
