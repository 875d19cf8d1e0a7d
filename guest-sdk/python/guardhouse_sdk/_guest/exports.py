"""The exports of a plugin, made of the author's module."""

from __future__ import annotations

import gc
import inspect
import typing
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from .. import _json, log
from .._context import AuthContext
from .._error import AuthorizationError, message_of, plain
from .._settings import Reader, reader
from . import clock, fault, seal, streams
from .host import Host, Record

_NOTHING: Any = object()


def exports(author: ModuleType, schema: str | None, host: Host) -> tuple[type, type, type]:
    """The classes `Check`, `Settings` and `StepUp`, as the bindings want them."""
    check = _Function(author, "check", schema is not None)
    missing_scopes = _Function(author, "missing_scopes", schema is not None)
    validate = getattr(author, "validate", None)
    read = _reader(check, schema)
    settings: Any = _NOTHING
    log._write = lambda level, context, message: host.log(host.levels[level], context, message)  # pyright: ignore

    class Check:
        def check(self, record: Record) -> bool:
            try:
                try:
                    answer = check.call(record, host, settings)
                    if answer is not True and answer is not False:
                        raise TypeError(f"`check` answered {type(answer).__name__} and not bool")
                    streams.end_lines()
                    return answer
                except AuthorizationError as error:
                    message = message_of(error)
                    streams.end_lines()
            except BaseException as error:
                fault.fault(error, check.code)
            raise host.err(host.denial(message))

    class StepUp:
        def missing_scopes(self, record: Record) -> list[str]:
            try:
                answer = missing_scopes.call(record, host, settings)
                if not isinstance(answer, list):
                    raise TypeError(f"`missing_scopes` answered {type(answer).__name__} and not a list")
                scopes = [plain(scope) for scope in typing.cast("list[object]", answer)]
                streams.end_lines()
                return scopes
            except BaseException as error:
                fault.fault(error, missing_scopes.code)

    class Settings:
        def schema(self) -> str:
            return schema or ""

        def configure(self, text: str) -> None:
            nonlocal settings
            try:
                refusal = None if settings is _NOTHING else "the plugin was configured before"
                if refusal is None:
                    found = read(_json.parse(text), "")
                    refusal = _refusal(validate, found)
                    settings = found
                streams.end_lines()
            except ValueError as error:
                refusal = str(error)
            except BaseException as error:
                fault.fault(error, None)
            if refusal is not None:
                raise host.err(log._writable(refusal))  # pyright: ignore[reportPrivateUsage]

    return Check, Settings, StepUp


def finish() -> None:
    """The last thing that is done while the plugin is built."""
    fault.prepare()
    streams.install()
    seal.close()
    gc.collect()
    # What is here now stays: no collection at run time needs to look at it.
    gc.freeze()


class _Function:
    """A function of the author's, which takes the context and, in a plugin that has some, the settings."""

    __slots__ = ("_function", "_name", "_settings", "code")

    def __init__(self, author: ModuleType, name: str, settings: bool) -> None:
        self._name = name
        self._settings = settings
        self._function: Any = getattr(author, name, None)
        self.code: CodeType | None = getattr(inspect.unwrap(self._function), "__code__", None)
        if self._function is None:
            return
        if not callable(self._function):
            raise TypeError(f"`{name}` is no function")
        if inspect.iscoroutinefunction(self._function) or inspect.isgeneratorfunction(self._function):
            raise TypeError(f"`{name}` must answer at once: `async` and `yield` cannot be used")
        try:
            inspect.signature(self._function).bind(*(["ctx", "settings"] if settings else ["ctx"]))
        except TypeError:
            expected = (
                f"`{name}` must take the context and the settings, since there is a settings.schema.json"
                if settings
                else f"`{name}` must take the context and nothing else, since there is no settings.schema.json"
            )
            raise TypeError(expected) from None

    def call(self, record: Record, host: Host, settings: Any) -> Any:
        """What the author answers to one request."""
        clock.start(record.now)
        ctx = AuthContext(record.token, record.component, record.action, record.now, host)
        if not self._settings:
            return self._function(ctx)
        if settings is _NOTHING:
            raise RuntimeError("the plugin was asked before it was configured")
        return self._function(ctx, settings)

    def settings_type(self) -> Any:
        """The type of the second parameter, if it says one."""
        parameters = list(inspect.signature(self._function).parameters.values())
        hints = typing.get_type_hints(self._function)
        return hints.get(parameters[1].name, Any) if len(parameters) > 1 else Any


def _reader(check: _Function, schema: str | None) -> Reader:
    if schema is None:
        return lambda value, _: value
    return reader(check.settings_type())


def _refusal(validate: Callable[[Any], Any] | None, settings: Any) -> str | None:
    """Why the author refuses settings. He raises; one who answers instead is not misunderstood."""
    answer = None if validate is None else validate(settings)
    return None if answer is None else f"`validate` answered {answer!r}: settings are refused by raising ValueError"
