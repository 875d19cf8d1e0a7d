"""Coroutines that nobody awaits. In a plugin nothing does, so what they were to do is not done: a check that
left a part of its decision to one must not be believed.
"""

from __future__ import annotations

import warnings
from types import CoroutineType
from typing import Any

_lost: list[str] = []


def install() -> None:
    """Has the interpreter tell this module, where it would have printed a warning."""
    if not hasattr(warnings, "_warn_unawaited_coroutine"):
        raise RuntimeError("this Python does not tell of coroutines that nobody awaits")
    setattr(warnings, "_warn_unawaited_coroutine", _note)


def forget() -> None:
    """Called before the author's function is."""
    _lost.clear()


def none_lost() -> None:
    """Called when it has answered."""
    if _lost:
        raise TypeError(f"nobody awaited the coroutine {', '.join(_lost)}: `async` cannot be used")


def _note(coroutine: CoroutineType[Any, Any, Any]) -> None:
    code = coroutine.cr_code
    file = code.co_filename.rpartition("/")[2]
    _lost.append(f"`{coroutine.__qualname__}` ({file}:{code.co_firstlineno})")
