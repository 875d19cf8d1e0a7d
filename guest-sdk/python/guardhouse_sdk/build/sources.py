"""The modules of a project that its check reaches by import statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .refused import Refused


@dataclass(frozen=True)
class Source:
    """A module of the project."""

    path: Path
    file: str
    """Its path in the project."""
    name: str
    """Its full name, for example `rules.limits`."""
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports begin at."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def reached(main: str, folder: Path) -> list[Source]:
    """The module `main`, and all modules in `folder` that it imports, directly or not, also within functions. No other
    file is read."""
    found: dict[str, Source] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        path = path_of(name, folder)
        if name in found or path is None:
            continue
        file = path.relative_to(folder).as_posix()
        found[name] = source = Source(path, file, name, _parsed(path, file))
        # Importing `a.b` also runs `a`.
        waiting += [name.rpartition(".")[0], *imported(source, source.tree.body)]
    return list(found.values())


def imported(source: Source, body: list[ast.stmt]) -> Iterator[str]:
    """The names of modules in import statements. `from a import b` yields `a` and `a.b`, because `b` may be
    a module."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = base_of(source, node)
                yield base
                yield from (f"{base}.{alias.name}" if base else alias.name for alias in node.names)


def base_of(source: Source, node: ast.ImportFrom) -> str:
    """The name of the module that an import is from."""
    if not node.level:
        return node.module or ""
    package = source.package.split(".") if source.package else []
    above = package[: len(package) - (node.level - 1)]
    return ".".join([*above, *([node.module] if node.module else [])])


def path_of(name: str, folder: Path) -> Path | None:
    """The file of a module, if it is in the folder."""
    if not name or name.endswith("."):
        return None
    place = folder.joinpath(*name.split("."))
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            return path
    return None


def _parsed(path: Path, name: str) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), name)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise Refused(f"{name}:{error.lineno}: {error.msg}" + (f": {line}" if line else "")) from error
    except ValueError as error:
        raise Refused(f"{name}: {error}") from error
