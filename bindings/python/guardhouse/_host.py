"""What all plugins of a process share."""

from __future__ import annotations

import hashlib
import os
import weakref
from pathlib import Path

from guardhouse import _native
from guardhouse._limits import HostLimits
from guardhouse._per_process import PerProcess

COMMAND = Path(__file__).resolve().parent / "bin" / "guardhouse"
"""The command line, which is also the process that compiles plugins."""


class Host:
    """Runs plugins. One is enough for a process, and `check` makes one of its own if it is not given one.

    It starts when its first check is made. A child that was forked starts its own at its first request; one that was
    spawned gets a copy that does the same.

    >>> import guardhouse
    >>> host = guardhouse.Host(guardhouse.HostLimits(instances=32))
    >>> tools = guardhouse.check("builtin:require-scopes", settings={"scopes": ["tools"]}, host=host)

    Args:
        limits: What bounds all plugins together.
        cache: A folder for machine code, which must be this user's alone. A plugin that is there loads at once.
        tick: How often deadlines are looked at, in seconds: 0.001 if not given.
    """

    def __init__(
        self,
        limits: HostLimits | None = None,
        *,
        cache: str | os.PathLike[str] | None = None,
        tick: float | None = None,
    ) -> None:
        self._limits = limits or HostLimits()
        self._cache = None if cache is None else os.path.abspath(cache)
        self._tick = tick
        self._native = PerProcess(self._start)
        self._plugins: PerProcess[weakref.WeakValueDictionary[bytes, _native.Plugin]]
        self._plugins = PerProcess(weakref.WeakValueDictionary)

    @property
    def advice(self) -> list[str]:
        """What to change about this machine so that the host is fast and its limits can be used."""
        return [f"{found}: {change}" for found, change in self._native.get().advice]

    @property
    def native(self) -> _native.Host:
        """The host of this process. For this package only."""
        return self._native.get()

    @property
    def is_ready(self) -> bool:
        """Whether this process has started it. For this package only."""
        return self._native.is_made

    def load(self, component: bytes) -> _native.Plugin:
        """The plugin that a component is, compiled once for all its checks. For this package only."""
        digest = hashlib.sha256(component).digest()
        plugins = self._plugins.get()
        plugin = plugins.get(digest)
        if plugin is None:
            plugin = plugins[digest] = _native.Plugin(self.native, component)
        return plugin

    def _start(self) -> _native.Host:
        return _native.Host(self._limits._given(), COMMAND, self._cache, self._tick)  # pyright: ignore[reportPrivateUsage]

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _host, (self._limits, self._cache, self._tick)


def _host(limits: HostLimits, cache: str | None, tick: float | None) -> Host:
    return Host(limits, cache=cache, tick=tick)


DEFAULT = Host()
"""The host of checks that were given none."""


def default_host() -> Host:
    """The host of checks that were given none. It is pickled by its name."""
    return DEFAULT
