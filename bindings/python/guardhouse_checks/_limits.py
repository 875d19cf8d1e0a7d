"""The limits of a check and of a host."""

import json
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, TypeAlias, get_args

Duration: TypeAlias = str | timedelta
"""A whole number with a unit (`ns`, `us`, `ms`, `s`, `min`, `h`), such as `"200ms"`, or a `timedelta`."""

Size: TypeAlias = str | int
"""A whole number with a unit (`B`, `KiB`, `MiB`, `GiB`), such as `"64MiB"`, or a number of bytes."""


class _Limits:
    """The fields that are not None replace their defaults."""

    def __post_init__(self) -> None:
        _ = given(self)


@dataclass(frozen=True)
class Limits(_Limits):
    """The limits of one check. A field that is None has its default.

    >>> Limits(deadline="50ms", memory_bytes="16MiB").deadline
    '50ms'
    """

    deadline: Duration | None = None
    """Wall-clock time of one evaluation, including the wait for an instance slot. Default: 10 s."""
    configure_deadline: Duration | None = None
    """Wall-clock time for making the check. Default: 30 s."""
    configure_cpu_time: Duration | None = None
    """Processor time for configuring one instance ahead of requests, and for validating the settings. Default: 2 s."""
    cpu_time: Duration | None = None
    """Processor time of one evaluation. Default: 200 ms."""
    fuel: int | None = None
    """Instructions of one evaluation, roughly. Default: none."""
    memory_bytes: Size | None = None
    """Linear memory of one instance. Default: 64 MiB."""
    table_elements: int | None = None
    """Elements of each table. Default: 50,000."""
    core_instances: int | None = None
    """Core instances that one instance of the plugin consists of. Default: 64."""
    instances: int | None = None
    """Instances of this check that exist at the same time; None means a quarter of those of its pool. Default: none."""
    queue: int | None = None
    """Evaluations that wait for an instance slot; one more fails immediately. Default: 1,024."""
    standby: int | None = None
    """Instances that are made ahead of requests; None means 2 for large plugins while the check has no image, and
    otherwise 0. Default: none."""
    handles: int | None = None
    """Handles that an instance may hold at the same time. Default: 1,000."""
    context_bytes: Size | None = None
    """Text of the request that one instance may receive. Default: 1 MiB."""
    message_bytes: Size | None = None
    """The message of a denial, or the missing scopes, that the caller receives. Default: 64 KiB."""
    log_bytes: Size | None = None
    """Text that one evaluation may log. Default: 64 KiB."""
    host_call_bytes: Size | None = None
    """Data that a plugin may pass to the host in one call or one answer. Default: 256 KiB."""
    settings_bytes: Size | None = None
    """The settings document. Default: 1 MiB."""


@dataclass(frozen=True)
class HostLimits(_Limits):
    """The limits of all plugins of one host together, and of every plugin before its code is compiled. A field that is
    None has its default.

    >>> HostLimits(instances=64).instances
    64
    """

    instances: int | None = None
    """Instances that exist at the same time. Default: 256."""
    large_instances: int | None = None
    """Instances of large plugins that exist at the same time. Default: 32."""
    small_memory_bytes: Size | None = None
    """A plugin is large if its memories are initially larger than this. Default: 4 MiB."""
    large_resident_bytes: Size | None = None
    """The memory of a large instance that is kept for the next one. Default: 32 MiB."""
    standby_checks: int | None = None
    """Checks that have instances made ahead of requests. Default: 8."""
    queue: int | None = None
    """Evaluations that wait for an instance slot; one more fails immediately. Default: 4,096."""
    turns: int | None = None
    """Plugins that run at the same time, each on a thread; tenants share them. Without it as many as the machine has
    processors. Default: None."""
    tenant_queue: int | None = None
    """Evaluations of one tenant that wait for their first turn; one more fails immediately. Default: 64."""
    turn_queue: int | None = None
    """Evaluations of all tenants that wait for their first turn; with one more, the newest fails of the tenant that has
    the most by weight. Default: 4,096."""
    queue_time: Duration | None = None
    """The time that an evaluation waits for an instance slot and its first turn, after which it fails. Without it, until
    its deadline. Default: None."""
    memory_bytes: Size | None = None
    """The maximum of `Limits.memory_bytes`. Default: 256 MiB."""
    table_elements: int | None = None
    """The maximum of `Limits.table_elements`. Default: 50,000."""
    core_instances: int | None = None
    """The maximum of `Limits.core_instances`. Default: 64."""
    stack_bytes: Size | None = None
    """The stack of an instance. Default: 512 KiB."""
    plugin_bytes: Size | None = None
    """The file of a plugin. Default: 32 MiB."""
    functions: int | None = None
    """Functions in a plugin. Default: 65,536."""
    function_bytes: Size | None = None
    """The code of one function. Default: 512 KiB."""
    block_nesting: int | None = None
    """Nesting depth of blocks in one function. Default: 2,000."""
    loop_nesting: int | None = None
    """Nesting depth of loops in one function. Default: 64."""
    loop_locals: int | None = None
    """The locals of one function, squared, times its loops. Default: 200 million."""
    block_locals: int | None = None
    """The locals of one function, times its blocks and branches. Default: 4 million."""
    block_values: int | None = None
    """Parameters, or results, of one function or block. Default: 64."""
    types: int | None = None
    """Types in a plugin. Default: 65,536."""
    imports: int | None = None
    """Imports of a plugin, and likewise its exports. Default: 4,096."""
    items: int | None = None
    """Globals, segments, aliases and similar items of a plugin, together. Default: 250,000."""
    modules: int | None = None
    """Modules and components inside a plugin. Default: 256."""
    instantiations: int | None = None
    """Instances that one instance of a plugin consists of. Default: 1,000."""
    nesting: int | None = None
    """Nesting depth of modules, components and their types. Default: 8."""
    schema_bytes: Size | None = None
    """The settings schema of a plugin. Default: 64 KiB."""
    schema_nodes: int | None = None
    """The subschemas of a settings schema. Default: 10,000."""
    schema_patterns: int | None = None
    """Patterns in a settings schema. Default: 64."""
    compilers: int | None = None
    """Compilers that run at the same time, each in a process of its own. Default: 2."""
    compiler_time: Duration | None = None
    """Processor time, and likewise wall-clock time, of one compiler. Default: 60 s."""
    compiler_bytes: Size | None = None
    """Address space of one compiler. Default: 4 GiB."""
    code_bytes: Size | None = None
    """The machine code of one plugin. Default: 256 MiB."""
    cache_bytes: Size | None = None
    """The folder of the cache. Default: 4 GiB."""
    resident_plugins: int | None = None
    """Plugins whose machine code is in memory, if there is a cache. Default: 1,000."""
    resident_images: int | None = None
    """Images of configured plugins that are in memory. Default: 1,000."""
    tenants: int | None = None
    """Tenants with a budget. Default: 100,000."""
    image_bytes: Size | None = None
    """The size of one image. Default: 16 MiB."""


@dataclass(frozen=True)
class TenantBudget(_Limits):
    """What the checks of a tenant may use together in one process. An evaluation of a tenant that has spent its
    budget fails at once, with the cause `over-budget`, and takes nothing from others. None means no bound unless the
    field says so.

    >>> TenantBudget(evaluations_per_second=100).evaluations_per_second
    100
    """

    evaluations_per_second: int | None = None
    """Evaluations per second, at least 1."""
    evaluation_burst: int | None = None
    """Evaluations that are possible at once after a pause; None means those of one second."""
    cpu_time_per_second: Duration | None = None
    """Processor time per second. What an evaluation uses beyond it is paid back before the next one."""
    cpu_time_burst: Duration | None = None
    """Processor time that can be used at once after a pause; None means that of one second."""
    compile_time_per_hour: Duration | None = None
    """Processor time of compiling images of its checks, per hour. Plugins belong to no tenant."""
    queue: int | None = None
    """Evaluations that wait for an instance slot or their first turn; one more fails immediately. None means
    `HostLimits.tenant_queue` for those that wait for their first turn."""
    queue_time: Duration | None = None
    """The time that an evaluation waits for an instance slot and its first turn, after which it fails; None means
    `HostLimits.queue_time`."""
    checks: int | None = None
    """Checks that exist at the same time."""
    settings_bytes: Size | None = None
    """The settings of those checks together."""
    instances: int | None = None
    """Live instances in each pool, at least 1; None means a quarter of the pool."""
    memory_bytes: Size | None = None
    """The memory of all live instances together."""
    resident_bytes: Size | None = None
    """The images of its checks that are in memory. Beyond it, its own least recently used ones are evicted."""


def limits_json(limits: _Limits) -> bytes:
    """The limits as the native half reads them."""
    return json.dumps(given(limits)).encode()


def given(limits: _Limits) -> dict[str, str | int]:
    """The limits that are not None, as JSON: durations and sizes as text, counts as numbers.

    >>> given(Limits(deadline=timedelta(seconds=2), memory_bytes=64, instances=4))
    {'deadline': '2000000us', 'memory_bytes': '64B', 'instances': 4}
    """
    texts: dict[str, str | int] = {}
    for field in fields(limits):  # type: ignore[arg-type]
        value = getattr(limits, field.name)
        if value is not None:
            texts[field.name] = _json(field.name, value, get_args(field.type))
    return texts


def duration_text(name: str, value: Any) -> str:
    """The text of a duration; `name` is for the error."""
    if isinstance(value, timedelta):
        return f"{value // timedelta(microseconds=1)}us"
    if isinstance(value, str):
        return value
    raise TypeError(f"`{name}` must be a duration such as \"200ms\" or a `timedelta`, not {value!r}")


def _json(name: str, value: Any, accepted: tuple[type, ...]) -> str | int:
    if timedelta in accepted:
        return duration_text(name, value)
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if str not in accepted:
        if is_int:
            return value
        raise TypeError(f"`{name}` must be a whole number, not {value!r}")
    if isinstance(value, str):
        return value
    if is_int:
        return f"{value}B"
    raise TypeError(f"`{name}` must be a size such as \"64MiB\" or a whole number of bytes, not {value!r}")
