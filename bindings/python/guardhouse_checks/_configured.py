"""A configured check as the package uses it: what `guardhouse_checks.Check` wraps. It knows nothing of FastMCP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from guardhouse_checks import _completions, _native, _record
from guardhouse_checks._context import AuthContext, to_json
from guardhouse_checks._host import Host, default_host, is_started, load_plugin, native_host
from guardhouse_checks._limits import Limits, limits_json
from guardhouse_checks._per_process import PerProcess

BUILTIN = "builtin:"
NATIVE = "native:"


@dataclass(frozen=True)
class Definition:
    """The inputs of a check, which are enough to make it again in another process."""

    source: bytes | str
    id: str | None
    settings: bytes | None
    limits: Limits
    grants: tuple[str, ...]
    tenant: str | None
    host: Host | None

    def make(self) -> _native.Check:
        """Makes the check of this process."""
        component = self.source
        if isinstance(component, str):
            if component.startswith(NATIVE):
                return _native.Check.of_native(component.removeprefix(NATIVE), self.settings)
            component = _native.builtin_component(component.removeprefix(BUILTIN))
        return _native.Check.of_plugin(
            load_plugin(self.host or default_host(), component),
            settings=self.settings,
            limits=limits_json(self.limits),
            grants=list(self.grants),
            id=self.id,
            tenant=self.tenant,
        )


class Reads(NamedTuple):
    """The parts of a request that a check can read besides the record that every check is given."""

    documents: bool
    """Claims, details, arguments and attributes."""
    raw_token: bool
    """The bearer secret."""


class ConfiguredCheck:
    """A plugin with its settings, grants and limits. Each process makes its own from the definition."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._native = PerProcess(definition.make)
        native = self._native.get()
        self.id = definition.id or native.digest or native.id
        self.digest = native.digest
        self.names_missing_scopes = native.names_missing_scopes
        self.reads = Reads(native.reads_request, native.reads_raw_token)

    @property
    def host(self) -> Host:
        """The host that it runs on."""
        return self.definition.host or default_host()

    @property
    def native(self) -> _native.Check:
        """The check of this process."""
        return self._native.get()

    @property
    def is_ready(self) -> bool:
        """Whether this process has made the check and the host that it runs on."""
        return self._native.is_made and is_started(self.host)

    def prepare(self) -> None:
        """Makes the check and its host in this process."""
        native_host(self.host)
        self._native.get()

    def context_json(self, context: AuthContext) -> bytes:
        """The parts of a request that this check can read, as the host reads them."""
        return to_json(context, documents=self.reads.documents, raw_token=self.reads.raw_token)

    async def evaluate(self, context: bytes, *, missing_scopes: bool) -> _native.Report:
        """The decision of this check alone. The event loop goes on meanwhile."""
        await prepare_all([self])
        host = native_host(self.host)
        report = await _completions.evaluate(host, [self.native], context, missing_scopes=missing_scopes)
        _record.record(report)
        return report

    def evaluate_blocking(self, context: bytes) -> _native.Report:
        """The decision of this check alone, with missing scopes, outside of event loops."""
        report = _native.evaluate_blocking(native_host(self.host), [self.native], context, True)
        _record.record(report)
        return report


async def prepare_all(checks: Iterable[ConfiguredCheck]) -> None:
    """Makes the checks that this process lacks, in a thread, so that the event loop goes on. A forked child lacks all
    of them."""
    for check in checks:
        if not check.is_ready:
            await asyncio.get_running_loop().run_in_executor(None, check.prepare)
