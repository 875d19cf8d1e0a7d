"""The places of objects in memory, which are decided while a plugin is built.

The host restores every page that a check has written, and a check writes to the objects that it uses: it counts references
to them. Importing modules leaves thousands of holes all over the memory, into which the interpreter puts new objects, so
that a check would write hundreds of pages, with a few objects on each. With the holes filled, objects that are made one
after the other lie together, behind everything that exists.

The glue contains the text of this module, because it fills holes before it imports the SDK.
"""

from __future__ import annotations

import gc
import marshal
from collections.abc import Callable, Iterable
from importlib.machinery import SourceFileLoader
from typing import Any

# It is larger than every hole.
_BEHIND = 1 << 20
# The unit of the allocator, and what it and `bytes` need beside the content.
_UNIT = 16
_HEADER = 21
# The interpreter keeps the memory of some freed objects for the next ones of the same type: of tuples, for each length.
_LONGEST = 20
_MOST = 100_000

_kept: list[list[object]] = []
"""The objects in the holes. They exist as long as the interpreter."""


def fill() -> None:
    """Makes objects until no hole is left for any size. In CPython, `id` is the address of an object."""
    gc.collect()
    # A list that grows would leave holes itself.
    made: list[object] = [None] * _MOST
    place = iter(range(_MOST))
    end = id(bytes(_BEHIND))

    def fill_with(make: Callable[..., object], *arguments: object) -> None:
        for index in place:
            made[index] = make(*arguments)
            if id(made[index]) >= end:
                made[index] = None
                break

    size = _BEHIND // 2
    while size > 16 * _UNIT:
        fill_with(bytes, size - _HEADER)
        size //= 2
    for units in range(16, 1, -1):
        fill_with(bytes, units * _UNIT - _HEADER)
    fill_with(object)
    for length in range(1, _LONGEST + 1):
        fill_with(tuple, [None] * length)
    fill_with(dict)
    fill_with(dict, ((1, 1),))
    fill_with(list)
    fill_with(list, (1,))
    fill_with(iter, ())
    fill_with(iter, [])
    fill_with(float, "0.5")
    fill_with(int, "1000")
    fill_with(getattr, _kept, "append")
    fill_with(fill_with.__get__, _kept)
    del made[next(place, _MOST) :]
    _kept.append(made)


def compile_first(files: Iterable[str]) -> Callable[[], None]:
    """Compiles modules long before they are imported: what the compiler leaves would lie between their objects. Returns a
    function that ends it."""
    compiled: dict[str, bytes] = {}
    for file in files:
        try:
            with open(file, "rb") as source:
                compiled[file] = marshal.dumps(compile(source.read(), file, "exec", dont_inherit=True))
        except (OSError, SyntaxError, ValueError):
            # The import of the module will say why.
            continue
    plain: Any = SourceFileLoader.source_to_code

    def source_to_code(self: Any, data: Any, path: Any, *others: Any, **named: Any) -> Any:
        code = compiled.get(path) if isinstance(path, str) else None
        return plain(self, data, path, *others, **named) if code is None else marshal.loads(code)

    def end() -> None:
        compiled.clear()
        if vars(SourceFileLoader).get("source_to_code") is source_to_code:
            del SourceFileLoader.source_to_code

    setattr(SourceFileLoader, "source_to_code", source_to_code)
    return end
