"""The host: the parts that all plugins of a process share."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Mapping
from pathlib import Path

from guardhouse_checks import _native
from guardhouse_checks._limits import Duration, HostLimits, TenantBudget, duration_text, limits_json
from guardhouse_checks._per_process import PerProcess

COMMAND = Path(__file__).resolve().parent / "bin" / "guardhouse"
"""The command line, which is also the process that compiles plugins."""


class Host:
    """Runs plugins. One host per process is enough, and `check` makes one unless it is given a host.

    A host starts when its first check is made. A forked child starts its own at its first request; a spawned child
    receives a copy that does the same.

    >>> import guardhouse_checks
    >>> host = guardhouse_checks.Host(guardhouse_checks.HostLimits(instances=32))
    >>> tools = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["tools"]}, host=host)

    Args:
        limits: The limits of all plugins together.
        cache: A folder for machine code, which only this user may be able to write. A plugin in the cache loads
            without being compiled.
        tick: The interval at which deadlines are checked, such as `"2ms"`; by default `"1ms"`.
        budgets: What the checks of each tenant may use together; a tenant without an entry has no bound.
    """

    def __init__(
        self,
        limits: HostLimits | None = None,
        *,
        cache: str | os.PathLike[str] | None = None,
        tick: Duration | None = None,
        budgets: Mapping[str, TenantBudget] | None = None,
    ) -> None:
        self._limits = limits or HostLimits()
        self._cache = None if cache is None else os.path.abspath(cache)
        self._tick = None if tick is None else duration_text("tick", tick)
        self._budgets = dict(budgets or {})
        self._native = PerProcess(self._start)
        self._plugins: PerProcess[weakref.WeakValueDictionary[bytes, _native.Plugin]]
        self._plugins = PerProcess(weakref.WeakValueDictionary)

    @property
    def advice(self) -> list[str]:
        """Changes to this machine that make the host faster, or that its limits need to take effect."""
        return [f"{found}: {change}" for found, change in self._native.get().advice]

    def _start(self) -> _native.Host:
        budgets = [(tenant, limits_json(budget)) for tenant, budget in self._budgets.items()]
        return _native.Host(limits_json(self._limits), COMMAND, self._cache, self._tick, budgets)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _host, (self._limits, self._cache, self._tick, self._budgets)


def _host(limits: HostLimits, cache: str | None, tick: str | None, budgets: Mapping[str, TenantBudget]) -> Host:
    return Host(limits, cache=cache, tick=tick, budgets=budgets)


DEFAULT = Host()
"""The host of checks that were not given one."""


def default_host() -> Host:
    """The host of checks that were not given one."""
    return DEFAULT


def native_host(host: Host) -> _native.Host:
    """The native host of this process, started if it is not running yet."""
    return host._native.get()  # pyright: ignore[reportPrivateUsage]


def is_started(host: Host) -> bool:
    """Whether this process has started the host."""
    return host._native.made is not None  # pyright: ignore[reportPrivateUsage]


def load_plugin(host: Host, component: bytes) -> _native.Plugin:
    """The plugin of a component, compiled once for all its checks."""
    digest = hashlib.sha256(component).digest()
    plugins = host._plugins.get()  # pyright: ignore[reportPrivateUsage]
    plugin = plugins.get(digest)
    if plugin is None:
        plugin = plugins[digest] = _native.Plugin(native_host(host), component)
    return plugin
