"""Faults that the sources of a plugin show without running."""

import json
import sys
import tempfile
import unittest
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from unittest import mock

from guardhouse_sdk.build import verify
from guardhouse_sdk.build.plugin import Plugin
from guardhouse_sdk.build.refused import Refused

CHECK = "def check(ctx):\n    return True\n"
WITH_SETTINGS = "def check(ctx, settings):\n    return True\n"
SCHEMA = "settings.schema.json"


def write(folder: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def faults(files: dict[str, str], packages: dict[str, str] | None = None) -> list[str]:
    """The faults of a project. The packages are those of its environment."""
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/project", files)
        installed = f"{folder}/lib/site-packages"
        write(installed, packages or {})
        others = [path for path in sys.path if Path(path).name != "site-packages"]
        with mock.patch.object(sys, "path", [*others, installed]):
            try:
                verify.verify(Plugin.read(Path(folder, "project")))
            except Refused as refused:
                return str(refused).split("\nerror: ")
    return []


class Signatures(unittest.TestCase):
    def test_valid_functions_have_no_fault(self) -> None:
        for text in (
            CHECK,
            "def check(request, /):\n    return True\n",
            "def check(ctx, settings=None):\n    return True\n",
            "def check(*arguments, **named):\n    return True\n",
            "def check(ctx, *, flag=False):\n    return True\n",
            "@decorated\ndef check(a, b, c):\n    return True\n",
            "def check(ctx):\n    def inner():\n        yield 1\n    return list(inner()) == [1]\n",
            f"{CHECK}def missing_scopes(ctx):\n    return []\n",
        ):
            self.assertEqual(faults({"check.py": text}), [], text)
        for text in (WITH_SETTINGS, "def check(ctx, settings, more=1):\n    return True\n", "def check(*both):\n    return True\n"):
            self.assertEqual(faults({"check.py": text, SCHEMA: "{}"}), [], text)

    def test_other_functions_are_named_with_their_line(self) -> None:
        only = "must take the context only, because there is no settings.schema.json: `def check(ctx)`"
        both = "must take the context and the settings, because there is a settings.schema.json"
        for text, schema, fault in (
            (f"\n{WITH_SETTINGS}", None, f"check.py:2: `check` {only}"),
            ("def check():\n    return True\n", None, f"check.py:1: `check` {only}"),
            ("def check(ctx, *, flag):\n    return True\n", None, f"check.py:1: `check` {only}"),
            (CHECK, "{}", f"check.py:1: `check` {both}: `def check(ctx, settings)`"),
            (f"async {CHECK}", None, "check.py:1: `check` must return its answer: write `def check` without `async`"),
            ("def check(ctx):\n    yield True\n", None, "check.py:1: `check` must return its answer: `yield`"),
            (f"{CHECK}def missing_scopes(ctx, s):\n    return []\n", None, "check.py:3: `missing_scopes` must take"),
            (f"{CHECK}def validate(s):\n    pass\n", None, "check.py:3: `validate` is never called"),
            (f"{WITH_SETTINGS}def validate(a, b):\n    pass\n", "{}", "check.py:3: `validate` must take the settings only"),
        ):
            files = {"check.py": text} | ({SCHEMA: schema} if schema else {})
            found = faults(files)
            self.assertEqual(len(found), 1, found)
            self.assertIn(fault, found[0])


class Modules(unittest.TestCase):
    def test_modules_that_exist_or_may_exist_have_no_fault(self) -> None:
        for statement in (
            "import os.path, json, dataclasses, _strptime, annotationlib",
            "from guardhouse_sdk import log, raw_token",
            "import guardhouse_sdk.testing",
            "import rules.limits",
            "from rules import limits, anything",
            "from . import rules",
            "import shapely.other",
            "import single",
            "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere",
            "def f():\n    import nowhere",
            "import fallback",
        ):
            packages = {
                "shapely/__init__.py": "",
                "single.py": "import os",
                "fallback/__init__.py": "try:\n    from ._fast import a\nexcept ImportError:\n    from .slow import a",
                "fallback/slow.py": "a = 1",
                f"fallback/_fast{EXTENSION_SUFFIXES[0]}": "",
            }
            project = {"check.py": f"{statement}\n{CHECK}", "rules/limits.py": ""}
            self.assertEqual(faults(project, packages), [], statement)

    def test_other_modules_are_named_with_the_file_and_line_that_imports_them(self) -> None:
        binary = f"numpy/core/_umath{EXTENSION_SUFFIXES[0]}"
        packages = {"numpy/__init__.py": "from . import core", "numpy/core/__init__.py": "from . import _umath", binary: ""}
        for statement, fault in (
            ("import nowhere.at.all", "check.py:1: module `nowhere` does not exist: "),
            ("import json\nfrom nowhere import a", "check.py:2: module `nowhere` does not exist: "),
            ("class A:\n    import nowhere", "check.py:2: module `nowhere` does not exist: "),
            ("import fcntl", "check.py:1: module `fcntl` does not exist in the interpreter of a plugin"),
            ("from rules import x\nimport rules.more", "check.py:2: module `rules.more` does not exist in this project"),
            ("from rules.more import x", "check.py:1: module `rules.more` does not exist in this project"),
            ("import guardhouse_sdk.nothing", "check.py:1: module `guardhouse_sdk.nothing` does not exist in this version"),
            ("import rules.bad", "rules/bad.py:3: module `nowhere` does not exist: "),
            ("import numpy", f"check.py:1: module `numpy` needs `{binary}`, which is compiled for this machine"),
            ("import numpy.core as n", f"check.py:1: module `numpy` needs `{binary}`"),
        ):
            project = {"check.py": f"{statement}\n{CHECK}", "rules/bad.py": "\n\nimport nowhere\n"}
            found = faults(project, packages)
            self.assertEqual(len(found), 1, found)
            self.assertTrue(found[0].startswith(fault), found[0])

    def test_a_module_is_named_once(self) -> None:
        self.assertEqual(len(faults({"check.py": f"import nowhere\nimport nowhere\n{CHECK}"})), 1)


SETTINGS = """\
from dataclasses import dataclass, field
from typing import Literal, Optional
from types_of_rules import Rule

@dataclass(frozen=True)
class Settings:
{fields}

def check(ctx, settings: Settings):
    return True
"""
RULE = "from dataclasses import dataclass\n@dataclass\nclass Rule:\n    name: str\n    most: int = 5\n"


def contradictions(fields: list[str], schema: object) -> list[str]:
    text = SETTINGS.format(fields="\n".join(f"    {line}" for line in fields or ["pass"]))
    return faults({"check.py": text, "types_of_rules.py": RULE, SCHEMA: json.dumps(schema)})


class SettingsType(unittest.TestCase):
    def test_types_that_fit_or_may_fit_have_no_fault(self) -> None:
        rule = {"type": "object", "properties": {"name": {"type": "string"}, "most": {"type": "integer"}}}
        for fields, properties in (
            (["a: str", "b: int = 1"], {"a": {"type": "string"}, "b": {"type": "number"}}),
            (["a: list[str]"], {"a": {"type": "array", "items": {"type": "string"}}}),
            (["a: tuple[int, ...] = ()"], {"a": {"type": "array"}}),
            (["a: Optional[float] = None"], {"a": {"type": ["number", "null"]}}),
            (["a: 'str | None' = None"], {"a": {"type": "string"}}),
            (["a: Literal['x', 'y']"], {"a": {"enum": ["x", "y"]}}),
            (["a: Literal['x', 'y']"], {"a": {"type": "string"}}),
            (["a: Somewhere"], {"a": {"type": "string"}}),
            (["a: Rule", "b: list[Rule] = field(default_factory=list)"], {"a": rule, "b": {"type": "array", "items": rule}}),
            (["a: dict[str, Rule]"], {"a": {"type": "object", "additionalProperties": rule}}),
            (["type_: str = field(default='', metadata={'json': 'type'})"], {"type": {"type": "string"}}),
            (["a: str", "cached: int = field(init=False, default=1)"], {"a": {"type": "string"}}),
            (["a: str"], {"a": {"type": "string"}, "old": False}),
            (["a: str"], {"a": {}}),
        ):
            schema = {"type": "object", "properties": properties, "additionalProperties": False}
            self.assertEqual(contradictions(fields, schema), [], fields)

    def test_a_schema_that_is_composed_is_not_compared(self) -> None:
        for schema in ({}, {"type": "object"}, {"properties": {"b": {}}, "allOf": [{}]}, {"properties": {"b": {}}, "$ref": "#"}):
            self.assertEqual(contradictions(["a: str"], schema), [], schema)

    def test_contradictions_are_named_with_the_line(self) -> None:
        def closed(properties: dict[str, object], required: list[str] | None = None) -> dict[str, object]:
            return {"properties": properties, "additionalProperties": False, "required": required or []}

        text = {"type": "string"}
        for fields, schema, fault in (
            (["a: str"], closed({"a": text, "b": text}), "check.py:6: `Settings` has no member `b`, and settings.schema.json has `/b`"),
            (["a: str"], closed({"a": text}, ["c"]), "check.py:6: `Settings` has no member `c`"),
            (["a: str", "b: int"], closed({"a": text}), "check.py:8: `b` must be set, and settings.schema.json does not allow `/b`"),
            (["a: int"], closed({"a": text}), "check.py:7: `a` is `int`, and settings.schema.json has `/a` as `string`"),
            (["a: list[str]"], closed({"a": text}), "check.py:7: `a` is `list[str]`, and settings.schema.json has `/a` as `string`"),
            (["a: str | None"], closed({"a": {"type": ["array", "object"]}}), "has `/a` as `array` or `object`"),
            (["a: Rule"], closed({"a": text}), "check.py:7: `a` is `Rule`"),
            (
                ["a: Rule | None"],
                closed({"a": closed({"name": {"type": "integer"}, "most": {}})}),
                "types_of_rules.py:4: `name` is `str`, and settings.schema.json has `/a/name` as `integer`",
            ),
            (
                ["a: list[Rule]"],
                closed({"a": {"items": closed({"name": text, "most": {}, "least": {}})}}),
                "types_of_rules.py:3: `Rule` has no member `least`, and settings.schema.json has `/a/*/least`",
            ),
        ):
            found = contradictions(fields, schema)
            self.assertEqual(len(found), 1, found)
            self.assertIn(fault, found[0])


if __name__ == "__main__":
    unittest.main()
