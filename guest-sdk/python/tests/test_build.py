"""Reading the sources of a plugin, and renaming an import."""

import tempfile
import unittest
from pathlib import Path

from guardhouse_sdk.build.plugin import Plugin
from guardhouse_sdk.build.refused import Refused
from guardhouse_sdk.build.rename import renamed_import

CHECK = "def check(ctx):\n    return True\n"


def plugin(files: dict[str, str]) -> Plugin:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Plugin.read(Path(folder))


class Reading(unittest.TestCase):
    def test_the_smallest_plugin(self) -> None:
        found = plugin({"check.py": CHECK})
        self.assertEqual((found.schema, found.step_up, found.raw_token, found.late_imports), (None, False, False, []))

    def test_a_schema_makes_settings(self) -> None:
        self.assertEqual(plugin({"check.py": CHECK, "settings.schema.json": "{}"}).schema, "{}")
        self.assertEqual(plugin({"check.py": CHECK, "settings.schema.json": "\ufeff{}"}).schema, "{}")

    def test_a_function_names_missing_scopes(self) -> None:
        self.assertTrue(plugin({"check.py": CHECK + "def missing_scopes(ctx):\n    return []\n"}).step_up)

    def test_an_import_needs_the_bearer_secret(self) -> None:
        for line in (
            "import guardhouse_sdk.raw_token",
            "from guardhouse_sdk import log, raw_token as secret",
            "from guardhouse_sdk.raw_token import get",
        ):
            self.assertTrue(plugin({"check.py": f"{line}\n{CHECK}"}).raw_token, line)
        rules = {"check.py": f"import rules.a\n{CHECK}", "rules/a.py": "from guardhouse_sdk import raw_token"}
        self.assertTrue(plugin(rules).raw_token)
        self.assertFalse(plugin({"check.py": CHECK, "rules/a.py": "from guardhouse_sdk import raw_token"}).raw_token)

    def test_imports_inside_functions_are_found(self) -> None:
        source = "import time\ndef check(ctx):\n    import html.parser\n    return True\n"
        self.assertEqual(plugin({"check.py": source}).late_imports, ["_strptime", "html.parser"])

    def test_files_that_the_check_does_not_reach_are_not_read(self) -> None:
        old = 'print "x"'
        files = {name: old for name in ("venv/lib/site.py", "scripts/old.py", "build/__init__.py", "tests/a.py", "b.py")}
        self.assertEqual(plugin({"check.py": CHECK, **files}).late_imports, [])

    def test_packages_of_any_name_are_reached_by_every_kind_of_import(self) -> None:
        late = "def f():\n    import html.parser\n"
        for statement, path in (
            ("import build", "build/__init__.py"),
            ("import tests.a.b", "tests/a/b.py"),
            ("from vendor import a", "vendor/a.py"),
            ("from vendor.a import f", "vendor/a/__init__.py"),
            ("def g():\n    import test_a", "test_a.py"),
            ("if True:\n    import a", "a.py"),
        ):
            found = plugin({"check.py": f"{statement}\n{CHECK}", path: late})
            self.assertIn("html.parser", found.late_imports, statement)

    def test_relative_imports_are_followed(self) -> None:
        late = "def f():\n    import html.parser\n"
        for statement in ("from . import other", "from .other import f", "from .. import base", "from ..base import f"):
            files = {
                "check.py": f"import rules.inner.limits\n{CHECK}",
                "rules/__init__.py": "",
                "rules/inner/limits.py": statement,
                "rules/inner/other.py": late,
                "rules/base.py": late,
            }
            self.assertIn("html.parser", plugin(files).late_imports, statement)

    def test_mistakes_are_named_by_file_and_line(self) -> None:
        for files, refusal in (
            ({}, "`check.py` does not exist"),
            ({"check.py": "x = 1"}, "check.py: `def check(ctx)` is missing"),
            ({"check.py": f"{CHECK}x = = 1"}, "check.py:3: invalid syntax: x = = 1"),
            ({"check.py": f"{CHECK}from rules import a", "rules/a.py": "("}, "rules/a.py:1: '(' was never closed: ("),
            ({"check.py": CHECK, "settings.schema.json": "{\n \"a\" 1}"}, "settings.schema.json:2:6: not JSON: "),
            ({"check.py": CHECK, "settings.schema.json": "[]"}, "settings.schema.json:1:1: a schema"),
        ):
            with self.assertRaises(Refused) as caught:
                plugin(files)
            self.assertIn(refusal, str(caught.exception))


class Renaming(unittest.TestCase):
    def test_only_an_import_is_renamed(self) -> None:
        preamble = b"\0asm\x0d\0\1\0"
        component = preamble + b"\x00\x05\x04host" + b"\x0a\x07\x01\x00\x04host"
        renamed = preamble + b"\x00\x05\x04host" + b"\x0a\x07\x01\x00\x04wasi"
        self.assertEqual(renamed_import(component, "host", "wasi"), renamed)
        self.assertEqual(renamed_import(preamble, "host", "wasi"), preamble)
