"""Python's clocks, which behave like the host's: they start at the context's `now` and advance by a
microsecond at every reading. `sleep` returns immediately and advances them.

They are installed before the author's module is imported, so that `from time import time` finds them too.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Callable
from typing import Any

from . import captured

_STEP = 1_000

_start = 0
_elapsed = 0


def start(now: int) -> None:
    """Sets the clocks for a call. Before the first call they start at the epoch."""
    global _start, _elapsed
    _start = now * 1_000_000_000
    _elapsed = 0


def install() -> None:
    """Replaces the clocks of `time` and, through it, of `datetime`."""
    before = dict(vars(time))
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        read = _wall if name == "time" else _since
        setattr(time, f"{name}_ns", read)
        setattr(time, name, _seconds(read))
    time.sleep = _sleep
    time.clock_gettime_ns = _clock_gettime_ns
    time.get_clock_info = _clock_info
    time.clock_getres = lambda clk_id, /: _STEP / 1e9
    time.clock_gettime = lambda clk_id, /: _clock_gettime_ns(clk_id) / 1e9
    for name in ("gmtime", "localtime", "ctime"):
        setattr(time, name, _from_seconds(getattr(time, name)))
    time.asctime = _from_tuple(time.asctime, 0)
    time.strftime = _from_tuple(time.strftime, 1)
    now = vars(time)
    captured.replace((old, now[name]) for name, old in before.items() if now[name] is not old)
    # Without its C implementation, `datetime` uses `time`. That of `zoneinfo` needs that of `datetime`.
    for name in ("_datetime", "_zoneinfo"):
        sys.modules[name] = None  # type: ignore[assignment]


def _wall() -> int:
    return _start + _since()


def _since() -> int:
    global _elapsed
    passed = _elapsed
    _elapsed += _STEP
    return passed


def _seconds(read: Callable[[], int]) -> Callable[[], float]:
    return lambda: read() / 1e9


def _clock_info(name: str, /) -> types.SimpleNamespace:
    if name not in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        raise ValueError("unknown clock")
    return types.SimpleNamespace(
        implementation="guardhouse", monotonic=name != "time", adjustable=False, resolution=_STEP / 1e9
    )


def _sleep(seconds: float, /) -> None:
    global _elapsed
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _elapsed += int(seconds * 1e9)


def _clock_gettime_ns(clk_id: int, /) -> int:
    return _wall() if clk_id == time.CLOCK_REALTIME else _since()


def _from_seconds(convert: Callable[..., Any]) -> Callable[..., Any]:
    def converted(seconds: float | None = None, /) -> Any:
        return convert(time.time() if seconds is None else seconds)

    return converted


def _from_tuple(convert: Callable[..., Any], before: int) -> Callable[..., Any]:
    def converted(*arguments: Any) -> Any:
        return convert(*arguments) if len(arguments) > before else convert(*arguments, time.localtime())

    return converted
