"""Detection of coroutines that are never awaited. A plugin has no event loop, so their bodies never run: the
answer of a check that relies on one is invalid.
"""

from __future__ import annotations

import warnings
from types import CoroutineType
from typing import Any

_lost: list[str] = []


def install() -> None:
    """Makes the interpreter call this module instead of printing a warning."""
    if not hasattr(warnings, "_warn_unawaited_coroutine"):
        raise RuntimeError("this Python does not report coroutines that are never awaited")
    setattr(warnings, "_warn_unawaited_coroutine", _note)


def forget() -> None:
    """Called before the author's function."""
    _lost.clear()


def none_lost() -> None:
    """Called after the author's function has returned."""
    if _lost:
        raise TypeError(f"never awaited the coroutine {', '.join(_lost)}: `async` cannot be used")


def _note(coroutine: CoroutineType[Any, Any, Any]) -> None:
    code = coroutine.cr_code
    file = code.co_filename.rpartition("/")[2]
    _lost.append(f"`{coroutine.__qualname__}` ({file}:{code.co_firstlineno})")
