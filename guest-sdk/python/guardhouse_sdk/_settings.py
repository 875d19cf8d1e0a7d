"""Conversion of settings from JSON to the author's types.

A reader is made when the plugin is built, and used once in every instance.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

Reader = Callable[[Any, str], Any]
"""Converts a JSON value. The string is its JSON pointer, for errors."""

_SCALARS: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, bool)),
    str: ("a string", lambda value: isinstance(value, str)),
    type(None): ("null", lambda value: value is None),
    dict: ("an object", lambda value: isinstance(value, dict)),
    list: ("an array", lambda value: isinstance(value, list)),
}
_ARRAYS: dict[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    Sequence: list,
    Iterable: list,
    set: set,
    Set: frozenset,
    frozenset: frozenset,
    tuple: tuple,
}


def reader(hint: Any) -> Reader:
    """The reader of a type: a dataclass, `list[T]`, `dict[str, T]`, `T | None`, `Literal`, an enum,
    `bool`, `int`, `float`, `str`, or `Any`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return lambda value, _: value
    if dataclasses.is_dataclass(hint):
        return _members(cast("type[Any]", hint))
    if origin is Union or origin is types.UnionType:
        return _first(hint, [reader(argument) for argument in arguments])
    if origin is Literal:
        return _one_of({(type(value), value): value for value in arguments})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of({(type(member.value), member.value): member for member in hint})
    if origin in _ARRAYS and (origin is not tuple or arguments[1:] == (...,)):
        return _array(_ARRAYS[origin], reader(arguments[0]))
    if origin in (dict, Mapping) and arguments[0] is str:
        return _mapping(reader(arguments[1]))
    if hint is int:
        return _integer
    if hint is float:
        return _number
    if hint in _SCALARS:
        return _scalar(*_SCALARS[hint])
    raise TypeError(f"settings cannot be of type {hint}")


_DATACLASSES: dict[type[Any], Reader] = {}
"""The readers of dataclasses."""


def _members(target: type[Any]) -> Reader:
    if target not in _DATACLASSES:
        # A dataclass may contain itself.
        _DATACLASSES[target] = lambda value, where: _DATACLASSES[target](value, where)
        _DATACLASSES[target] = _object(target)
    return _DATACLASSES[target]


def _object(target: type[Any]) -> Reader:
    hints = get_type_hints(target)
    fields = [
        (field.metadata.get("json", field.name), field.name, reader(hints[field.name]), _required(field))
        for field in dataclasses.fields(target)
        if field.init
    ]
    known = {member for member, *_ in fields}

    def read(value: Any, where: str) -> Any:
        _expect(isinstance(value, dict), "an object", where)
        # The check would ignore it: a misspelt setting must not look like an omitted one.
        if unknown := sorted(value.keys() - known):
            raise ValueError(f"setting `{where}/{unknown[0]}` is unknown")
        found: dict[str, Any] = {}
        for member, name, read_member, required in fields:
            if member in value:
                found[name] = read_member(value[member], f"{where}/{member}")
            elif required:
                raise ValueError(f"setting `{where}/{member}` is missing")
        return target(**found)

    return read


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _first(hint: Any, readers: list[Reader]) -> Reader:
    def read(value: Any, where: str) -> Any:
        refused: list[ValueError] = []
        for read_one in readers:
            try:
                return read_one(value, where)
            except ValueError as error:
                refused.append(error)
        # The error of the alternative that matched deepest is the most precise.
        raise max(refused, key=lambda error: str(error).partition("` ")[0].count("/"))

    return read


def _one_of(values: dict[tuple[type, Any], Any]) -> Reader:
    def read(value: Any, where: str) -> Any:
        key = (type(value), value) if isinstance(value, str | int | float | None) else None
        _expect(key in values, "one of " + ", ".join(repr(one) for _, one in values), where)
        return values[cast("tuple[type, Any]", key)]

    return read


def _array(make: Callable[[Iterable[Any]], Any], read_item: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        _expect(isinstance(value, list), "an array", where)
        return make([read_item(item, f"{where}/{index}") for index, item in enumerate(value)])

    return read


def _mapping(read_item: Reader) -> Reader:
    def read(value: Any, where: str) -> Any:
        _expect(isinstance(value, dict), "an object", where)
        return {name: read_item(item, f"{where}/{name}") for name, item in value.items()}

    return read


def _scalar(name: str, fits: Callable[[Any], bool]) -> Reader:
    def read(value: Any, where: str) -> Any:
        _expect(fits(value), name, where)
        return value

    return read


def _integer(value: Any, where: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    _expect(whole and not isinstance(value, bool), "an integer", where)
    return int(value)


def _number(value: Any, where: str) -> float:
    _expect(isinstance(value, int | float) and not isinstance(value, bool), "a number", where)
    return float(value)


def _expect(fits: bool, name: str, where: str) -> None:
    if not fits:
        raise ValueError(f"setting `{where}` must be {name}")
