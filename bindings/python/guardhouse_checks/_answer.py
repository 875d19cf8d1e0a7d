"""Answers that must be awaited, and are neither true nor false before."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Answer(Coroutine[Any, Any, T]):
    """An answer that must be awaited. Unlike a coroutine, which is always true, it cannot be used as a truth value:
    `check(ctx) and other(ctx)` raises, instead of ignoring `check`."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:
        """What a coroutine does."""
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        """What a coroutine does."""
        return self._coroutine.throw(*error)

    def close(self) -> None:
        """What a coroutine does."""
        self._coroutine.close()

    def __bool__(self) -> NoReturn:
        # No one awaits it after this mistake.
        self._coroutine.close()
        raise TypeError(
            "an answer that must be awaited is neither true nor false: use `await` inside an `async def`, or compose "
            "checks with `guardhouse_checks.any_of`, `guardhouse_checks.all_of` and `guardhouse_checks.negate`"
        )
