"""`guardhouse_checks.check`: makes checks, of the class that FastMCP expects."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from guardhouse_checks import _native
from guardhouse_checks._check import Check
from guardhouse_checks._configured import BUILTIN, NATIVE, ConfiguredCheck, Definition
from guardhouse_checks._host import Host
from guardhouse_checks._limits import Limits


def check(
    plugin: str | os.PathLike[str] | bytes,
    settings: Mapping[str, Any] | None = None,
    *,
    limits: Limits | None = None,
    grants: Iterable[str] = (),
    id: str | None = None,
    tenant: str | None = None,
    host: Host | None = None,
) -> Check:
    """Makes a check of a plugin. Everything that can fail before a request fails here.

    >>> import guardhouse_checks
    >>> read = guardhouse_checks.check("builtin:require-scopes", settings={"scopes": ["read"]})
    >>> read.names_missing_scopes
    True
    >>> guardhouse_checks.check("builtin:require-scopes", settings={"scopes": 5})
    Traceback (most recent call last):
    guardhouse_checks.ConfigError: settings do not match the plugin's schema: at `/scopes`: 5 is not of type "array"

    Args:
        plugin: The path of a component, its bytes, or `builtin:NAME` for a plugin that is part of the package
            (the command `guardhouse plugins` lists them). `native:NAME` is one of FastMCP's own checks, rewritten in
            Rust, without a sandbox, and so without limits, grants and a tenant.
        settings: The settings, which are validated against the plugin's schema.
        limits: The limits of this check.
        grants: The capabilities of this check beyond reading its request: `raw-token` lets it read the bearer secret.
        id: The name under which the check is logged; by default the file's name, or the digest of bytes.
        tenant: The tenant that the check belongs to, for the record of decisions.
        host: The host that it runs on; by default the one that all checks without a host share.

    Raises:
        LoadError: The plugin cannot be loaded; the text says why.
        ConfigError: The settings, grants or limits are invalid, or the plugin fails with them.
        HostError: The host cannot start.
    """
    source, name = _source(plugin)
    grants = _names(grants)
    if isinstance(source, str) and source.startswith(NATIVE):
        _refuse_for_native(source, limits=limits, grants=grants, tenant=tenant)
    if id == "":
        raise _native.ConfigError("`id` must not be empty")
    text = None
    if settings is not None:
        try:
            text = json.dumps(settings, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise _native.ConfigError(f"the settings are not JSON: {error}") from error
    return public(ConfiguredCheck(Definition(source, id or name, text, limits or Limits(), grants, tenant, host)))


class LazyFastMCPCheck(Check):
    """A check that accepts FastMCP's contexts too, and imports FastMCP only when it is given one."""

    async def _evaluate_foreign(self, ctx: Any) -> bool:
        from guardhouse_checks import _fastmcp_check

        return await _fastmcp_check.evaluate(self, ctx)


def public(configured: ConfiguredCheck) -> Check:
    """The public check, of a class that FastMCP knows: it asks only `MissingScopesCheck` for missing scopes."""
    if configured.names_missing_scopes and importlib.util.find_spec("fastmcp") is not None:
        from guardhouse_checks.fastmcp import MissingScopesCheck

        return MissingScopesCheck(configured)
    return LazyFastMCPCheck(configured)


def _names(grants: Iterable[str]) -> tuple[str, ...]:
    if isinstance(grants, str):
        raise _native.ConfigError("`grants` must be a list of names, not a string")
    return tuple(grants)


def _refuse_for_native(source: str, **options: Any) -> None:
    """A native check has no sandbox that these options could apply to."""
    for name, value in options.items():
        if value not in (None, ()):
            builtin = BUILTIN + source.removeprefix(NATIVE)
            raise _native.ConfigError(f"`{name}` cannot apply to `{source}`, which has no sandbox: use `{builtin}`")


def _source(plugin: str | os.PathLike[str] | bytes) -> tuple[bytes | str, str | None]:
    """The bytes of a plugin, or its name with a prefix; and the default id of its checks."""
    if isinstance(plugin, bytes):
        return plugin, None
    if isinstance(plugin, str) and plugin.startswith((BUILTIN, NATIVE)):
        return plugin, plugin
    path = Path(plugin)
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise _native.LoadError(f"cannot read the plugin: {error}") from error
