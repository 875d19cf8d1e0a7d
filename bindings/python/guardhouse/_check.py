"""One configured rule: a plugin with its settings, grants and limits."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guardhouse import _listener, _native, _record
from guardhouse._context import AuthContext, to_json
from guardhouse._host import Host, default_host
from guardhouse._limits import Limits
from guardhouse._per_process import PerProcess

BUILTIN = "builtin:"
NATIVE = "native:"


class AuthorizationError(Exception):
    """A check denies with a message, which reaches the caller exactly as it stands."""


class MaskedDenial(Exception):
    """A check failed, which denies. The text is for the operator: no caller may see it."""


@dataclass(frozen=True)
class Definition:
    """What a check is made of: enough to make it again in another process."""

    source: bytes | str
    id: str | None
    settings: bytes | None
    limits: Limits
    grants: tuple[str, ...]
    tenant: str | None
    host: Host | None

    def make(self) -> _native.Check:
        """The check of this process."""
        component = self.source
        if isinstance(component, str):
            if component.startswith(NATIVE):
                return _native.Check.of_native(component.removeprefix(NATIVE), self.settings)
            component = _native.builtin_component(component.removeprefix(BUILTIN))
        return _native.Check.of_plugin(
            (self.host or default_host()).load(component),
            settings=self.settings,
            limits=self.limits._given(),  # pyright: ignore[reportPrivateUsage]
            grants=list(self.grants),
            id=self.id,
            tenant=self.tenant,
        )


class Check:
    """A check, made by `guardhouse.check`.

    FastMCP takes it wherever it takes an auth check. It may also be awaited without FastMCP, with an
    `guardhouse.AuthContext`; `guardhouse.run_auth_checks` is more comfortable.
    """

    def __init__(self, definition: Definition, made: PerProcess[_native.Check]) -> None:
        self._definition = definition
        self._native = made
        native = made.get()
        self._id = definition.id or native.digest or native.id
        self._is_scope_aware = native.names_missing_scopes
        self._reads_request = native.reads_request
        self._reads_raw_token = native.reads_raw_token
        self._digest = native.digest
        # FastMCP's log calls a check that failed by this name.
        self.__name__ = self._id

    @property
    def id(self) -> str:
        """The name that the operator knows it by."""
        return self._id

    @property
    def digest(self) -> str | None:
        """The digest of its plugin."""
        return self._digest

    @property
    def names_missing_scopes(self) -> bool:
        """Whether scopes are the only reason for which it denies without a word, and it can name them."""
        return self._is_scope_aware

    @property
    def host(self) -> Host:
        """What it runs on."""
        return self._definition.host or default_host()

    @property
    def reads(self) -> tuple[bool, bool]:
        """Whether it can ask for documents, and for the bearer secret. For this package only."""
        return self._reads_request, self._reads_raw_token

    def context_json(self, context: AuthContext) -> bytes:
        """What it is told of a request. For this package only."""
        return to_json(context, documents=self._reads_request, raw_token=self._reads_raw_token)

    def native(self) -> _native.Check:
        """The check of this process. For this package only."""
        return self._native.get()

    @property
    def is_ready(self) -> bool:
        """Whether this process has made it, and what it runs on. For this package only."""
        return self._native.is_made and self.host.is_ready

    def prepare(self) -> None:
        """Makes it in this process. For this package only."""
        _ = self.host.native
        _ = self.native()

    async def ask(self, context: bytes, *, missing_scopes: bool) -> _native.Report:
        """Asks it alone. For this package only."""
        await ready([self])
        report = await _listener.ask(self.host.native, [self.native()], context, missing_scopes=missing_scopes)
        _record.record(report)
        return report

    def ask_and_wait(self, context: bytes) -> _native.Report:
        """Asks it alone, outside of event loops. For this package only."""
        report = _native.ask_and_wait(self.host.native, [self.native()], context, True)
        _record.record(report)
        return report

    async def __call__(self, ctx: Any) -> bool:
        """Whether the request is allowed.

        Raises:
            AuthorizationError: It is denied with a message. With FastMCP's context, it is FastMCP's own.
            MaskedDenial: The check failed, which denies too.
        """
        if isinstance(ctx, AuthContext):
            return verdict(await self.ask(self.context_json(ctx), missing_scopes=False), AuthorizationError)
        from guardhouse import fastmcp

        return await fastmcp.evaluate(self, ctx)

    def __deepcopy__(self, memo: dict[int, Any]) -> Check:
        """Nothing in it changes: whoever copies a component keeps its check."""
        return self

    def __reduce__(self) -> tuple[object, tuple[Definition]]:
        return make, (self._definition,)

    def __repr__(self) -> str:
        return f"<guardhouse check {self._id!r}>"


def verdict(report: _native.Report, error: type[Exception]) -> bool:
    """The origin's shape of a decision of one check: a bool, or an exception.

    Whatever is no allow is a denial, and only the check's own message becomes an `error`.
    """
    failed = _record.failed(report)
    if failed:
        raise MaskedDenial(_record.fault(report, failed[0]))
    if report.message is not None:
        raise error(report.message)
    return report.allow is True


async def ready(checks: Iterable[Check]) -> None:
    """Makes checks of this process without holding up its event loop: a child that was forked has none."""
    for check in checks:
        if not check.is_ready:
            await asyncio.get_running_loop().run_in_executor(None, check.prepare)


def make(definition: Definition) -> Check:
    """The check, of the kind that FastMCP knows as scope-aware if it is and FastMCP is there."""
    made = PerProcess(definition.make)
    if made.get().names_missing_scopes and importlib.util.find_spec("fastmcp") is not None:
        from guardhouse import fastmcp

        return fastmcp.ScopeAwareCheck(definition, made)
    return Check(definition, made)


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
    """Makes a check of a plugin. Whatever can fail before a request fails here.

    >>> import guardhouse
    >>> read = guardhouse.check("builtin:require-scopes", settings={"scopes": ["read"]})
    >>> read.names_missing_scopes
    True
    >>> guardhouse.check("builtin:require-scopes", settings={"scopes": "read"})
    Traceback (most recent call last):
    guardhouse.ConfigError: settings do not match the plugin's schema: at `/scopes`: "read" is not of type "array"

    Args:
        plugin: The file of a component, its bytes, or `builtin:NAME` for one that ships with the package
            (`python -m guardhouse plugins` lists them). `native:NAME` is one of the origin's own checks, in Rust and
            without a sandbox.
        settings: The settings, as the plugin's schema wants them.
        limits: What bounds it.
        grants: What it may do beyond reading its request: `raw-token` lets it read the bearer secret.
        id: The name that the operator knows it by; if not given, the file's, or the digest of bytes.
        tenant: Whose check it is, for the record of decisions.
        host: What it runs on, if not the host that all such checks share.

    Raises:
        LoadError: The plugin cannot be loaded; the text says why.
        ConfigError: The settings, grants or limits do not fit, or the plugin fails with them.
        HostError: The host cannot start.
    """
    text = None
    if settings is not None:
        try:
            text = json.dumps(settings, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise _native.ConfigError(f"the settings are not JSON: {error}") from error
    if isinstance(grants, str):
        raise _native.ConfigError("`grants` must be a list of names, and is one text")
    source, name = _source(plugin)
    return make(Definition(source, id or name, text, limits or Limits(), tuple(grants), tenant, host))


def _source(plugin: str | os.PathLike[str] | bytes) -> tuple[bytes | str, str | None]:
    """The bytes of a plugin or what it is known by, and its name."""
    if isinstance(plugin, bytes):
        return plugin, None
    if isinstance(plugin, str) and plugin.startswith((BUILTIN, NATIVE)):
        return plugin, plugin
    path = Path(plugin)
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise _native.LoadError(f"cannot read the plugin: {error}") from error
