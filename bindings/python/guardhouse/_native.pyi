from os import PathLike
from typing import Literal, final

class GuardhouseError(Exception):
    """What goes wrong before a request: see its kinds."""

class HostError(GuardhouseError):
    """The host cannot start."""

class LoadError(GuardhouseError):
    """The bytes are not a plugin that this host can run."""

class ConfigError(GuardhouseError):
    """No check can be made of the plugin: its settings, grants or limits do not fit, or it fails with them."""

@final
class Host:
    def __new__(
        cls,
        limits: dict[str, int | float],
        compiler: str | PathLike[str],
        cache: str | PathLike[str] | None,
        tick: float | None,
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
        limits: dict[str, int | float],
        grants: list[str],
        id: str | None,
        tenant: str | None,
    ) -> Check: ...
    @staticmethod
    def of_native(name: str, settings: bytes | None) -> Check: ...
    @property
    def id(self) -> str: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def names_missing_scopes(self) -> bool: ...
    @property
    def reads_request(self) -> bool: ...
    @property
    def reads_raw_token(self) -> bool: ...

@final
class CheckReport:
    """One check's part in a decision. All of it is for the operator, and none for the caller."""

    @property
    def id(self) -> str:
        """The name that the operator knows it by."""
    @property
    def tenant(self) -> str | None:
        """Whose check it is."""
    @property
    def plugin(self) -> str | None:
        """The digest of its plugin; none for a native check."""
    @property
    def settings(self) -> str | None:
        """The digest of its settings; none without settings."""
    @property
    def outcome(self) -> Literal["allow", "denied", "denied-with-message", "failed"]:
        """How it answered."""
    @property
    def cause(self) -> str | None:
        """The kind of failure, one word for alerts; none if it did not fail."""
    @property
    def detail(self) -> str | None:
        """What went wrong, in words that may quote the plugin; none if it did not fail."""
    @property
    def backtrace(self) -> str | None:
        """Where in the plugin it went wrong, if it got that far."""
    @property
    def logs(self) -> list[tuple[str, str]]:
        """What it wrote: from where, and what."""
    @property
    def elapsed(self) -> float:
        """Wall-clock time in seconds."""
    @property
    def fuel(self) -> int:
        """Instructions, roughly."""
    @property
    def memory_bytes(self) -> int:
        """The most linear memory that it had."""

@final
class Report:
    """One decision with how it came about. All of it is for the operator."""

    @property
    def id(self) -> str:
        """The key that the caller of a denial may be given."""
    @property
    def allow(self) -> bool:
        """Whether every check allowed."""
    @property
    def message(self) -> str | None:
        """The words of the check that denied, for the caller; none if it said nothing, or failed."""
    @property
    def missing_scopes(self) -> list[str]:
        """The scopes that would do, if scopes are all that is missing."""
    @property
    def checks(self) -> list[CheckReport]:
        """The checks that were called, in order."""
    @property
    def decided_by(self) -> int | None:
        """The index of the check that decided; none if all allowed."""
    @property
    def elapsed(self) -> float:
        """Wall-clock time in seconds."""

@final
class Bell:
    def __new__(cls) -> Bell: ...
    def fileno(self) -> int: ...
    def take(self) -> list[tuple[int, Report | None, str | None]]: ...

@final
class Question:
    def cancel(self) -> None: ...

def ask(
    host: Host, bell: Bell, ticket: int, checks: list[Check], context: bytes, missing_scopes: bool
) -> Question: ...
def ask_and_wait(host: Host, checks: list[Check], context: bytes, missing_scopes: bool) -> Report: ...
def builtin_component(name: str) -> bytes: ...
