"""What bounds plugins."""

from __future__ import annotations

from dataclasses import dataclass, fields


class _Given:
    """Limits, of which only those that were given count."""

    def _given(self) -> dict[str, int | float]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Limits(_Given):
    """What bounds one check. What is None has its default. Times are in seconds, sizes in bytes.

    >>> Limits(deadline=0.05, memory_bytes=16 << 20).deadline
    0.05
    """

    deadline: float | None = None
    """Wall-clock time of one evaluation, with the wait for room. Default: 0.2."""
    configure_deadline: float | None = None
    """Wall-clock time for making the check. Default: 2."""
    cpu_time: float | None = None
    """Processor time of one evaluation. Default: none."""
    fuel: int | None = None
    """Instructions of one evaluation, roughly. Default: none."""
    memory_bytes: int | None = None
    """Linear memory of one instance. Default: 64 MiB."""
    table_elements: int | None = None
    """Elements of each table. Default: 50,000."""
    core_instances: int | None = None
    """Core instances that make up one instance of the plugin. Default: 64."""
    instances: int | None = None
    """Instances of this check that live at the same time. Default: 64."""
    queue: int | None = None
    """Evaluations that wait for room; one more is a fault at once. Default: 256."""
    standby: int | None = None
    """Instances that are made ahead of requests; none is 2 for large plugins and 0 for small ones. Default: none."""
    handles: int | None = None
    """Handles that an instance may hold at once. Default: 1,000."""
    context_bytes: int | None = None
    """Text of the request that one instance may be given. Default: 1 MiB."""
    message_bytes: int | None = None
    """What reaches the caller. Default: 64 KiB."""
    log_bytes: int | None = None
    """What one evaluation may write. Default: 64 KiB."""
    host_call_bytes: int | None = None
    """What a plugin may hand to the host in one call or one answer. Default: 256 KiB."""
    settings_bytes: int | None = None
    """The settings document. Default: 1 MiB."""


@dataclass(frozen=True)
class HostLimits(_Given):
    """What bounds all plugins of one host together, and every plugin before its code is compiled. What is None has its
    default. Times are in seconds, sizes in bytes.

    >>> HostLimits(instances=64).instances
    64
    """

    instances: int | None = None
    """Instances that live at the same time. Default: 256."""
    large_instances: int | None = None
    """Instances of large plugins that live at the same time. Default: 32."""
    small_memory_bytes: int | None = None
    """A plugin is large if its memories begin with more than this. Default: 4 MiB."""
    large_resident_bytes: int | None = None
    """The memory of a large instance that is kept for the next one. Default: 32 MiB."""
    standby_checks: int | None = None
    """Checks that have instances made ahead. Default: 8."""
    queue: int | None = None
    """Evaluations that wait for room; one more is a fault at once. Default: 1,024."""
    memory_bytes: int | None = None
    """The most that `Limits.memory_bytes` may be. Default: 256 MiB."""
    table_elements: int | None = None
    """The most that `Limits.table_elements` may be. Default: 50,000."""
    core_instances: int | None = None
    """The most that `Limits.core_instances` may be. Default: 64."""
    stack_bytes: int | None = None
    """The stack of an instance. Default: 512 KiB."""
    plugin_bytes: int | None = None
    """The file of a plugin. Default: 32 MiB."""
    functions: int | None = None
    """Functions in a plugin. Default: 65,536."""
    function_bytes: int | None = None
    """The code of one function. Default: 512 KiB."""
    block_nesting: int | None = None
    """How deep blocks are nested in one function. Default: 2,000."""
    loop_nesting: int | None = None
    """How deep loops are nested in one function. Default: 64."""
    loop_locals: int | None = None
    """The locals of one function, squared, times its loops. Default: 200 million."""
    block_locals: int | None = None
    """The locals of one function, times its blocks and branches. Default: 4 million."""
    block_values: int | None = None
    """Parameters, or results, of one function or block. Default: 64."""
    types: int | None = None
    """Types in a plugin. Default: 65,536."""
    imports: int | None = None
    """Imports of a plugin; and its exports. Default: 4,096."""
    items: int | None = None
    """Globals, segments, aliases and the like of a plugin, together. Default: 250,000."""
    modules: int | None = None
    """Modules and components inside a plugin. Default: 256."""
    instantiations: int | None = None
    """Instances that one instance of a plugin is made of. Default: 1,000."""
    nesting: int | None = None
    """How deep modules, components and their types are nested. Default: 8."""
    schema_bytes: int | None = None
    """The settings schema of a plugin. Default: 64 KiB."""
    schema_nodes: int | None = None
    """The subschemas of a settings schema. Default: 10,000."""
    schema_patterns: int | None = None
    """Patterns in a settings schema. Default: 64."""
    compilers: int | None = None
    """Compilers that run at the same time, each in a process of its own. Default: 2."""
    compiler_time: float | None = None
    """Processor time, and wall-clock time, of one of them. Default: 60."""
    compiler_bytes: int | None = None
    """Address space of one of them. Default: 4 GiB."""
    code_bytes: int | None = None
    """The machine code of one plugin. Default: 256 MiB."""
    cache_bytes: int | None = None
    """The folder of the cache. Default: 4 GiB."""
    resident_plugins: int | None = None
    """Plugins whose machine code is in memory, if there is a cache. Default: 1,000."""
    resident_images: int | None = None
    """Images of configured plugins that are in memory. Default: 1,000."""
    image_bytes: int | None = None
    """One image. Default: 16 MiB."""
