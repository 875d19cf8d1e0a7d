"""The modules of the package import each other in one direction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import guardhouse_checks
import pytest

PACKAGE = "guardhouse_checks"
Imports = dict[str, set[str]]


def imports_of(folder: Path) -> Imports:
    """The imports of each module from its own package, including those inside functions."""
    modules = {_name(path): path for path in folder.glob("*.py*") if path.suffix in (".py", ".pyi")}
    return {
        name: {found for found in _imported(ast.parse(path.read_text()), set(modules)) if found != name}
        for name, path in modules.items()
    }


def _name(path: Path) -> str:
    return PACKAGE if path.stem == "__init__" else f"{PACKAGE}.{path.stem}"


def _imported(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in modules)
            case ast.ImportFrom(module=module, names=names, level=level):
                assert level == 0, "relative imports are not followed by this test"
                # `from guardhouse_checks import _native` imports the submodule, and no name that `__init__` defines.
                submodules = {f"{module}.{alias.name}" for alias in names}
                yield from submodules & modules
                if module in modules and not submodules <= modules:
                    yield module


def circle_in(imports: Imports) -> list[str]:
    """A circle of imports, from a module back to itself; empty if there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        circles = (visit(each, [*path, name]) for each in sorted(imports.get(name, ())))
        found = next((circle for circle in circles if circle), [])
        done.add(name)
        return found

    return next((circle for name in sorted(imports) if (circle := visit(name, []))), [])


def test_no_module_imports_itself_through_others() -> None:
    imports = imports_of(Path(guardhouse_checks.__file__).parent)
    assert len(imports) > 10 and f"{PACKAGE}._check" in imports
    assert " -> ".join(circle_in(imports)) == ""


def test_only_the_factory_and_the_integration_itself_know_fastmcp() -> None:
    imports = imports_of(Path(guardhouse_checks.__file__).parent)
    integration = {name for name in imports if "fastmcp" in name}
    known_by = {name for name, found in imports.items() if found & integration and name not in integration}
    assert known_by == {f"{PACKAGE}._factory"}


@pytest.mark.parametrize(
    ("sources", "circle"),
    [
        ({"a": "from guardhouse_checks.b import x", "b": "import json"}, ""),
        (
            {"a": "from guardhouse_checks.b import x", "b": "from guardhouse_checks import a"},
            "guardhouse_checks.a -> guardhouse_checks.b -> guardhouse_checks.a",
        ),
        (
            {
                "a": "def f():\n    import guardhouse_checks.b",
                "b": "from guardhouse_checks.c import x",
                "c": "import guardhouse_checks.a",
            },
            "guardhouse_checks.a -> guardhouse_checks.b -> guardhouse_checks.c -> guardhouse_checks.a",
        ),
        (
            {"__init__": "from guardhouse_checks.a import x", "a": "from guardhouse_checks import x"},
            "guardhouse_checks -> guardhouse_checks.a -> guardhouse_checks",
        ),
    ],
)
def test_a_circle_is_named(sources: dict[str, str], circle: str, tmp_path: Path) -> None:
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    assert " -> ".join(circle_in(imports_of(tmp_path))) == circle
