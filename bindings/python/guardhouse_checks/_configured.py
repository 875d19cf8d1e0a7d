"""A configured check as the package uses it: what `guardhouse_checks.Check` wraps. It knows nothing of FastMCP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar, Literal

from guardhouse_checks import _completions, _native, _record
from guardhouse_checks._context import Reads, Request
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
                return _native.Check.of_native(component.removeprefix(NATIVE), self.settings, self.id)
            component = _native.builtin_component(component.removeprefix(BUILTIN))
        return _native.Check.of_plugin(
            load_plugin(self.host or default_host(), component),
            settings=self.settings,
            limits=limits_json(self.limits),
            grants=list(self.grants),
            id=self.id,
            tenant=self.tenant,
        )


    depth: ClassVar[int] = 0
    """The depth of composed checks inside it."""


@dataclass(frozen=True)
class Composition:
    """The rule and the members of a composed check, which are enough to make it again in another process."""

    rule: Literal["any_of", "all_of", "negate"]
    members: tuple[ConfiguredCheck, ...]
    id: str | None

    def make(self) -> _native.Check:
        """Makes the check of this process."""
        return _native.Check.of_members(self.rule, [member.native for member in self.members], self.id)

    @property
    def host(self) -> Host | None:
        """The host that it runs on: that of its first member."""
        return self.members[0].host if self.members else None

    @property
    def depth(self) -> int:
        """The depth of composed checks inside each other."""
        return 1 + max((member.definition.depth for member in self.members), default=0)


class ConfiguredCheck:
    """A plugin with its settings, grants and limits, or a composed check. Each process makes its own from the
    definition."""

    def __init__(self, definition: Definition | Composition) -> None:
        self.definition = definition
        self._native = PerProcess(definition.make)
        self._ready = PerProcess(self._make_ready)
        native = self._native.get()
        self.id = definition.id or native.digest or native.id
        self.digest = native.digest
        self.names_missing_scopes = native.names_missing_scopes
        self.reads = Reads.of(native.documents, raw_token=native.reads_raw_token)

    def __reduce__(self) -> tuple[type[ConfiguredCheck], tuple[Definition | Composition]]:
        return type(self), (self.definition,)

    @property
    def host(self) -> Host:
        """The host that it runs on."""
        return self.definition.host or default_host()

    @property
    def native(self) -> _native.Check:
        """The check of this process."""
        return self._native.get()

    def _make_ready(self) -> tuple[_native.Host, _native.Check]:
        return native_host(self.host), self._native.get()

    async def ready(self) -> tuple[_native.Host, _native.Check]:
        """The host and the check of this process. If it lacks them, as a forked child does, they are made in a thread, so
        that the event loop goes on."""
        return self._ready.made or await asyncio.get_running_loop().run_in_executor(None, self._ready.get)

    async def evaluate(
        self, requests: list[Request], *, missing_scopes: bool, on_the_spot: bool = True
    ) -> tuple[list[_native.Report], bool]:
        """The decisions of this check alone, one for each request, and whether the event loop spent a tick on them.

        A check that was fast lately is asked in this thread, which lets other Python code run meanwhile, for at most two
        ticks. Everything else runs in threads of the host, and the event loop goes on meanwhile."""
        host, check = self._ready.made or await self.ready()
        begun = _native.begin(host, [check], requests, missing_scopes, on_the_spot)
        if isinstance(begun, list):
            reports, met_tick = begun, False
        else:
            reports, met_tick = await _completions.finish(host, begun), begun.met_tick
        for report in reports:
            _recorded(report)
        return reports, met_tick

    def evaluate_now(self, request: Request, *, may_block: bool) -> _native.Report | None:
        """The decision of this check alone, with missing scopes, outside of coroutines. None if it is not made in
        time, and the caller must not block."""
        if not may_block and (self._native.made is None or not is_started(self.host)):
            return None
        host, check = self._ready.get()
        evaluate = _native.evaluate_blocking if may_block else _native.evaluate_on_the_spot
        report = evaluate(host, [check], request, True)
        if report is not None:
            _recorded(report)
        return report


def _recorded(report: _native.Report) -> None:
    """Logs a decision, but not the fault that decides it: who asks for the answer gets this one as an exception."""
    _record.record(report)
    if report.has_faults:
        _record.record_faults(report, decisive=False)
