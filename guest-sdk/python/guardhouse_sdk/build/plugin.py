from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .refused import Refused
from .sources import Source, imported, reached

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
    sources: list[Source]
    """Its modules, of which the first is the check."""

    @staticmethod
    def read(folder: Path) -> Plugin:
        """Reads the sources in a folder."""
        main = folder / f"{MODULE}.py"
        if not main.is_file():
            raise Refused(f"`{main.name}` does not exist in `{folder}`")
        sources = reached(MODULE, folder)
        top = sources[0].tree
        defined = {node.name for node in top.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        if "check" not in defined:
            raise Refused(f"{main.name}: `def check(ctx)` is missing")
        names = {name for source in sources for name in imported(source, source.tree.body)}
        late = {name for source in sources for name in imported(source, list(_functions(source.tree)))}
        if names & {"datetime", "time"}:
            late.add("_strptime")
        return Plugin(
            folder,
            _schema(folder),
            "missing_scopes" in defined,
            "guardhouse_sdk.raw_token" in names,
            sorted(late - {"guardhouse_sdk"}),
            sources,
        )


def _schema(folder: Path) -> str | None:
    path = folder / "settings.schema.json"
    if not path.exists():
        return None
    try:
        # An editor may have written a byte order mark.
        schema = path.read_text(encoding="utf-8-sig")
        document = json.loads(schema)
    except json.JSONDecodeError as error:
        raise Refused(f"{path.name}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except ValueError as error:
        raise Refused(f"{path.name}: not JSON in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise Refused(f"{path.name}:1:1: a schema of settings is a JSON object: write `{{}}` to accept all settings")
    return schema


def _functions(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from node.body
