"""The exports of a plugin, made from the author's module."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import typing
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

from .. import _json, log
from .._context import AuthContext
from .._error import AuthorizationError, message_of, plain
from .._settings import Reader, reader
from . import awaits, clock, fault, seal, streams, zones
from .host import Host

_NOTHING: Any = object()

_TAKES: dict[tuple[str, ...], str] = {
    ("ctx",): "the context only, because there is no settings.schema.json",
    ("ctx", "settings"): "the context and the settings, because there is a settings.schema.json",
    ("settings",): "the settings only",
}


def exports(author: ModuleType, schema: str | None, host: Host) -> tuple[type, type, type]:
    """The classes `Check`, `Settings` and `StepUp`, in the form that the bindings need."""
    takes: tuple[str, ...] = ("ctx",) if schema is None else ("ctx", "settings")
    check = _Function(author, "check", takes)
    missing_scopes = _Function(author, "missing_scopes", takes)
    validate = _Function(author, "validate", ("settings",))
    if validate.is_defined and schema is None:
        raise TypeError("`validate` is never called, because there is no settings.schema.json")
    read = _reader(check, schema)
    settings: Any = _NOTHING
    # A reference to the schema would be counted in each call.
    takes_settings = schema is not None
    log._write = lambda level, context, message: host.log(host.levels[level], context, message)  # pyright: ignore

    def call(function: _Function, ctx: AuthContext) -> Any:
        clock.start(ctx.now)
        if not takes_settings:
            return function(ctx)
        if settings is _NOTHING:
            raise RuntimeError("the plugin was called before it was configured")
        return function(ctx, settings)

    class Export:
        def __init__(self) -> None:
            _settle()

    class Check(Export):
        def check(self, ctx: AuthContext) -> bool:
            try:
                try:
                    answer = call(check, ctx)
                    if answer is not True and answer is not False:
                        raise TypeError(f"`check` returned {type(answer).__name__} and not bool")
                    streams.end_lines()
                    return answer
                except AuthorizationError as error:
                    message = message_of(error)
                    streams.end_lines()
            except BaseException as error:
                fault.fault(error, check.code)
            raise host.err(host.denial(message))

    class StepUp(Export):
        def missing_scopes(self, ctx: AuthContext) -> list[str]:
            try:
                answer = call(missing_scopes, ctx)
                if not isinstance(answer, list):
                    raise TypeError(f"`missing_scopes` returned {type(answer).__name__} and not a list")
                scopes = [plain(scope) for scope in typing.cast("list[object]", answer)]
                streams.end_lines()
                return scopes
            except BaseException as error:
                fault.fault(error, missing_scopes.code)

    class Settings(Export):
        def schema(self) -> str:
            return schema or ""

        def configure(self, text: str) -> None:
            nonlocal settings
            try:
                try:
                    if settings is not _NOTHING:
                        raise ValueError("the plugin is already configured")
                    found = read(_json.parse(text), "")
                    if validate.is_defined and (answer := validate(found)) is not None:
                        # The author may have meant the return value as a rejection.
                        raise ValueError(f"`validate` returned {answer!r}: raise ValueError to reject settings")
                    streams.end_lines()
                    settings = found
                    return
                except ValueError as error:
                    refusal = log._writable(str(error))  # pyright: ignore[reportPrivateUsage]
                    streams.end_lines()
            except BaseException as error:
                fault.fault(error, validate.code)
            raise host.err(refusal)

    return Check, Settings, StepUp


def _settle() -> None:
    """Called by the bindings for each instance of an export that they make, at the end of the build. Afterwards they only
    free what they have used."""


def finish(fill: Callable[[], None]) -> None:
    """The last step at build time."""
    global _settle
    fault.prepare()
    zones.keep()
    streams.install()
    seal.close()
    awaits.install()
    # The bindings would do it later, and leave holes.
    os.environ.clear()
    sys.argv.clear()

    def settle() -> None:
        fill()
        # The objects that exist now are never freed: exclude them from collections at run time.
        gc.freeze()

    settle()
    _settle = settle


class _Function:
    """One of the author's functions."""

    __slots__ = ("_function", "code", "is_defined")

    def __init__(self, author: ModuleType, name: str, takes: tuple[str, ...]) -> None:
        self._function: Any = getattr(author, name, None)
        self.code: CodeType | None = getattr(inspect.unwrap(self._function), "__code__", None)
        self.is_defined = self._function is not None
        if not self.is_defined:
            return
        if not callable(self._function):
            raise TypeError(f"`{name}` is not a function")
        if inspect.iscoroutinefunction(self._function) or inspect.isgeneratorfunction(self._function):
            raise TypeError(f"`{name}` must return its answer: `async` and `yield` cannot be used")
        try:
            inspect.signature(self._function).bind(*takes)
        except TypeError:
            raise TypeError(f"`{name}` must take {_TAKES[takes]}") from None

    def __call__(self, *arguments: Any) -> Any:
        """Calls the author's function."""
        awaits.forget()
        answer = self._function(*arguments)
        awaits.none_lost()
        return answer

    def settings_type(self) -> Any:
        """The annotated type of the second parameter, or `Any`."""
        parameters = list(inspect.signature(self._function).parameters.values())
        hints = typing.get_type_hints(self._function)
        return hints.get(parameters[1].name, Any) if len(parameters) > 1 else Any


def _reader(check: _Function, schema: str | None) -> Reader:
    if schema is None:
        return lambda value, _: value
    return reader(check.settings_type())
