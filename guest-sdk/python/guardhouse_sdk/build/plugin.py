from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .refused import Refused

MODULE = "check"
"""The module that holds the check."""


@dataclass(frozen=True)
class Plugin:
    """The properties of a plugin that its sources show."""

    folder: Path
    schema: str | None
    """The schema of its settings; None if it takes none."""
    step_up: bool
    """Whether it names missing scopes."""
    raw_token: bool
    """Whether it reads the bearer secret."""
    late_imports: list[str]
    """The modules that its functions import when they are called."""

    @staticmethod
    def read(folder: Path) -> Plugin:
        """Reads the sources in a folder."""
        main = folder / f"{MODULE}.py"
        if not main.is_file():
            raise Refused(f"`{main.name}` does not exist in `{folder}`")
        top = _parsed(main, folder)
        defined = {node.name for node in top.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if "check" not in defined:
            raise Refused(f"{main.name}: `def check(ctx)` is missing")
        trees = [_parsed(path, folder) for path in _sources(folder)]
        imported = {name for tree in trees for name in _imported(tree.body)}
        late = {name for tree in trees for name in _imported(list(_functions(tree)))}
        if imported & {"datetime", "time"}:
            late.add("_strptime")
        return Plugin(
            folder,
            _schema(folder),
            "missing_scopes" in defined,
            "guardhouse_sdk.raw_token" in imported,
            sorted(late - {"guardhouse_sdk"}),
        )


def _schema(folder: Path) -> str | None:
    path = folder / "settings.schema.json"
    if not path.exists():
        return None
    try:
        # An editor may have written a byte order mark.
        schema = path.read_text(encoding="utf-8-sig")
        json.loads(schema)
    except ValueError as error:
        raise Refused(f"{path.name}: {error}") from error
    return schema


def _sources(folder: Path) -> Iterator[Path]:
    """The modules that can become part of the plugin: without tests, installed packages and build output."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "test_", "__pycache__")) or path.name in ("build", "tests", "vendor"):
            continue
        if path.is_dir():
            yield from _sources(path)
        elif path.suffix == ".py":
            yield path


def _parsed(path: Path, folder: Path) -> ast.Module:
    name = path.relative_to(folder).as_posix()
    try:
        return ast.parse(path.read_bytes(), name)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise Refused(f"{name}:{error.lineno}: {error.msg}" + (f": {line}" if line else "")) from error
    except ValueError as error:
        raise Refused(f"{name}: {error}") from error


def _functions(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.body


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """The names of modules in import statements. `from a import b` yields `a` and `a.b`, because `b` may be
    a module."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
