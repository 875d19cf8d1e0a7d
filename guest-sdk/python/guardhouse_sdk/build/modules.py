"""Imports that cannot succeed in a plugin."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from .sources import Source, base_of, path_of
from .standard_library import MODULES

# The bindings, which exist only in a plugin.
_BINDINGS = ("wit_world", "componentize_py_")

_MAX_SOURCES = 300


def faults(sources: list[Source], folder: Path, sdk: Path) -> Iterator[str]:
    """The import statements that run whenever a module is imported, and name a module that does not exist. Packages are
    those of this interpreter's environment."""
    packages = [Path(path) for path in sys.path if Path(path).name == "site-packages"]
    told: set[str] = set()
    for source in sources:
        for line, name in unconditional(source):
            if name not in told and (fault := _fault(name, folder, sdk, packages)) is not None:
                told.add(name)
                yield f"{source.file}:{line}: {fault}"


def unconditional(source: Source) -> Iterator[tuple[int, str]]:
    """The modules that are imported in any case, with their lines: not those in functions, conditions and `try`."""
    waiting = list(source.tree.body)
    while waiting:
        statement = waiting.pop(0)
        if isinstance(statement, ast.Import):
            yield from ((statement.lineno, alias.name) for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield statement.lineno, base_of(source, statement)
        elif isinstance(statement, ast.With | ast.ClassDef):
            waiting += statement.body


def _fault(name: str, folder: Path, sdk: Path, packages: list[Path]) -> str | None:
    top = name.partition(".")[0]
    if not top or top in MODULES or top.startswith(_BINDINGS):
        return None
    if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
        is_found = path_of(name, folder) is not None or folder.joinpath(*name.split(".")).is_dir()
        return None if is_found else f"module `{name}` does not exist in this project"
    if top == "guardhouse_sdk":
        is_found = path_of(name, sdk) is not None
        return None if is_found else f"module `{name}` does not exist in this version of the SDK"
    if PathFinder.find_spec(top, [str(path) for path in packages]) is None:
        if top in sys.stdlib_module_names:
            return f"module `{top}` does not exist in the interpreter of a plugin, CPython 3.14 without a system"
        return (
            f"module `{top}` does not exist: it is neither in this project, nor in the standard library, nor installed in "
            f"`.venv`; install its package with `.venv/bin/pip install`, and pin it in `requirements.txt`"
        )
    if (compiled := _compiled(name, packages)) is not None:
        return f"module `{top}` needs `{compiled}`, which is compiled for this machine: a plugin can use only packages in Python"
    return None


def _compiled(name: str, packages: list[Path]) -> str | None:
    """A compiled module that is imported together with a module, in any case."""
    for folder in packages:
        waiting, seen = [name], set[str]()
        while waiting and len(seen) < _MAX_SOURCES:
            found = waiting.pop()
            above = found.rpartition(".")[0]
            if found in seen or not found:
                continue
            seen.add(found)
            waiting.append(above)
            path = path_of(found, folder)
            if path is not None:
                waiting += _imports(path, found)
            elif (extension := _extension(found, folder)) is not None:
                return extension.relative_to(folder).as_posix()
    return None


def _imports(path: Path, name: str) -> list[str]:
    try:
        source = Source(path, path.name, name, ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return []
    found = [imported for _, imported in unconditional(source)]
    # `from . import b` may import a module `b`.
    for statement in source.tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.level:
            found += [f"{base_of(source, statement)}.{alias.name}" for alias in statement.names]
    return found


def _extension(name: str, folder: Path) -> Path | None:
    place = folder.joinpath(*name.split("."))
    for suffix in EXTENSION_SUFFIXES:
        if (path := place.with_name(place.name + suffix)).is_file():
            return path
    return None
