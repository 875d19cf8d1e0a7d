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


def no_raw_token() -> str | None:
    """Replaces the import in plugins that do not have it."""
    raise RuntimeError("`guardhouse_sdk.raw_token` must be named in an import statement, so that the build finds it")
