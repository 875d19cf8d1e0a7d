"""Faults of the functions that a plugin exports, which its source shows without running."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .sources import Source

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_TAKES = {
    ("ctx",): "the context only, because there is no settings.schema.json",
    ("ctx", "settings"): "the context and the settings, because there is a settings.schema.json",
    ("settings",): "the settings only",
}


def definitions(source: Source) -> dict[str, Definition]:
    """The functions of a module, by their name."""
    return {node.name: node for node in source.tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def faults(source: Source, has_settings: bool) -> Iterator[str]:
    """The faults of the functions in the module of the check, each with its line."""
    defined = definitions(source)
    takes = ("ctx", "settings") if has_settings else ("ctx",)
    for name, arguments in (("check", takes), ("missing_scopes", takes), ("validate", ("settings",))):
        node = defined.get(name)
        if node is None:
            continue
        where = f"{source.file}:{node.lineno}: "
        if name == "validate" and not has_settings:
            yield f"{where}`validate` is never called, because there is no settings.schema.json"
        # A decorator may change everything that follows.
        if node.decorator_list:
            continue
        if isinstance(node, ast.AsyncFunctionDef):
            yield f"{where}`{name}` must return its answer: write `def {name}` without `async`"
        elif _yields(node):
            yield f"{where}`{name}` must return its answer: `yield` cannot be used"
        if not _accepts(node.args, len(arguments)):
            example = f"def {name}({', '.join(arguments)})"
            yield f"{where}`{name}` must take {_TAKES[arguments]}: `{example}`"


def _accepts(parameters: ast.arguments, count: int) -> bool:
    """Whether a call with this number of arguments is valid."""
    positional = len(parameters.posonlyargs) + len(parameters.args)
    if count < positional - len(parameters.defaults) or any(default is None for default in parameters.kw_defaults):
        return False
    return count <= positional or parameters.vararg is not None


def _yields(node: ast.AST) -> bool:
    """Whether a function is a generator."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef) and _yields(child):
            return True
    return False
