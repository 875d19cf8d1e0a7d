from os import PathLike
from typing import Any, Literal, final

class GuardhouseError(Exception):
    """An error before any request. The subclasses name its kinds."""

class HostError(GuardhouseError):
    """The host cannot start."""

class LoadError(GuardhouseError):
    """The plugin cannot be read, or is not one that this host can run."""

class ConfigError(GuardhouseError):
    """The settings, grants or limits of a check are invalid, or the plugin fails with them."""

@final
class Host:
    def __new__(
        cls,
        limits: bytes,
        compiler: str | PathLike[str],
        cache: str | PathLike[str] | None,
        tick: str | None,
        budgets: list[tuple[str, bytes]],
    ) -> Host: ...
    @property
    def advice(self) -> list[tuple[str, str]]: ...

@final
class Plugin:
    def __new__(cls, host: Host, component: bytes) -> Plugin: ...

@final
class Check:
    @staticmethod
    def of_plugin(
        plugin: Plugin,
        *,
        settings: bytes | None,
        limits: bytes,
        grants: list[str],
        id: str | None,
        tenant: str | None,
    ) -> Check: ...
    @staticmethod
    def of_native(name: str, settings: bytes | None, id: str | None) -> Check: ...
    @staticmethod
    def of_members(
        rule: Literal["any_of", "all_of", "negate"], members: list[Check], id: str | None
    ) -> Check: ...
    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def names_missing_scopes(self) -> bool: ...
    @property
    def documents(self) -> list[str]: ...
    @property
    def reads_raw_token(self) -> bool: ...

@final
class CheckReport:
    """One check's part in a decision. It is for the operator: no caller may see it."""

    @property
    def id(self) -> str:
        """The name under which the check is logged."""
    @property
    def tenant(self) -> str | None:
        """The tenant that the check belongs to."""
    @property
    def plugin(self) -> str | None:
        """The digest of its plugin; None for a native check."""
    @property
    def settings(self) -> str | None:
        """The digest of its settings; None if it has none."""
    @property
    def outcome(self) -> Literal["allow", "denied", "denied-with-message", "failed"]:
        """Its answer."""
    @property
    def cause(self) -> str | None:
        """The kind of failure as one word, for alerts; None if it did not fail."""
    @property
    def detail(self) -> str | None:
        """A description of the failure, which may quote the plugin; None if it did not fail."""
    @property
    def backtrace(self) -> str | None:
        """The backtrace of a failure inside the plugin; None for all others."""
    @property
    def logs(self) -> list[tuple[str, str]]:
        """The lines that it logged: source and text."""
    @property
    def last_lines(self) -> list[tuple[str, str]]:
        """The end of what it logged before it failed, at most 4 KiB; empty if it did not fail."""
    @property
    def warnings_left_out(self) -> int | None:
        """The number of warnings about the check that were left out since the last one; None if one about this failure
        is to be left out too, because the check fails more than ten times in a second, and if it did not fail."""
    @property
    def elapsed(self) -> float:
        """Wall-clock time in seconds."""
    @property
    def fuel(self) -> int:
        """Instructions executed, roughly."""
    @property
    def memory_bytes(self) -> int:
        """Its largest linear memory."""
    @property
    def members(self) -> list[CheckReport]:
        """The evaluations of the members of a composed check, in order; empty for every other check."""

@final
class Report:
    """The record of one decision. It is for the operator."""

    @property
    def id(self) -> str:
        """The key to this record. The caller may see it."""
    @property
    def allow(self) -> bool:
        """Whether every check allowed."""
    @property
    def message(self) -> str | None:
        """The message of the check that denied, for the caller; None if it denied without one, or failed."""
    @property
    def missing_scopes(self) -> list[str]:
        """The scopes that the caller lacks, if nothing else is missing."""
    @property
    def scope_tokens(self) -> list[str]:
        """The missing scopes that are scope tokens (RFC 6749 section 3.3), which may be written into a header."""
    @property
    def has_faults(self) -> bool:
        """Whether a check failed, or a member of a composed one, whether it decides or not."""
    @property
    def checks(self) -> list[CheckReport]:
        """The checks that were evaluated, in order."""
    @property
    def decided_by(self) -> int | None:
        """The index of the check that decided; None if all allowed."""
    @property
    def elapsed(self) -> float:
        """Wall-clock time in seconds."""

@final
class CompletionQueue:
    def __new__(cls) -> CompletionQueue: ...
    def fileno(self) -> int: ...
    def take(self) -> list[tuple[int, list[Report] | None, str | None]]: ...

@final
class PendingEvaluation:
    @property
    def met_tick(self) -> bool: ...
    def go_on(self, host: Host, queue: CompletionQueue, key: int) -> None: ...
    def cancel(self) -> None: ...

def begin(
    host: Host,
    checks: list[Check],
    requests: list[tuple[Any, ...]],
    name_missing_scopes: bool,
    on_the_spot: bool,
) -> list[Report] | PendingEvaluation: ...
def evaluate_on_the_spot(
    host: Host, checks: list[Check], request: tuple[Any, ...], name_missing_scopes: bool
) -> Report | None: ...
def evaluate_blocking(
    host: Host, checks: list[Check], request: tuple[Any, ...], name_missing_scopes: bool
) -> Report: ...
def builtin_component(name: str) -> bytes: ...
