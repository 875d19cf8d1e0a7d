"""The places of objects in memory, and what runs while a plugin is built."""

import importlib
import sys
import tempfile
import time
import types
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any
from unittest import mock

from guardhouse_sdk import AccessToken, AuthContext, Component, log
from guardhouse_sdk._guest import awaits, clock, fault, layout, streams
from guardhouse_sdk._guest.exports import exports
from guardhouse_sdk._guest.host import Host, Ok, contexts, no_raw_token
from guardhouse_sdk._guest.warm import warm


def state(module: types.ModuleType) -> dict[str, Any]:
    """The values of a module's names, with copies of those that can change."""
    copied = {name: list(value) for name, value in vars(module).items() if isinstance(value, list)}
    return {name: value for name, value in vars(module).items() if name != "__builtins__"} | copied


class Warm(unittest.TestCase):
    def test_nothing_stays(self) -> None:
        modules = [awaits, clock, fault, layout, log, streams, *map(importlib.import_module, NAMES)]
        before = [state(module) for module in modules]
        loaded, paths = set(sys.modules), list(sys.path)
        with mock.patch.object(fault, "_abort", side_effect=AssertionError):
            warm(exports)
        after = [state(module) for module in modules]
        for module, old, new in zip(modules, before, after):
            self.assertEqual(old.keys(), new.keys(), module)
            for name, value in old.items():
                same = value == new[name] if isinstance(value, list) else value is new[name]
                self.assertTrue(same, f"{module.__name__}.{name}")
        self.assertEqual((set(sys.modules), sys.path), (loaded, paths))

    def test_the_clocks_begin_where_they_were(self) -> None:
        with mock.patch.multiple(clock, _start=5, _elapsed=7):
            warm(exports)
            self.assertEqual((vars(clock)["_start"], vars(clock)["_elapsed"]), (5, 7))

    def test_nothing_is_written_to_the_log_or_printed(self) -> None:
        with mock.patch.object(log, "_write") as write, mock.patch.object(sys, "stdout") as out, mock.patch.object(
            sys, "stderr"
        ) as error:
            warm(exports)
        for stream in (write, out, error):
            self.assertEqual(stream.mock_calls, [])

    def test_a_plugin_that_is_made_later_has_its_own_host(self) -> None:
        author = types.ModuleType("check")
        vars(author)["check"] = lambda ctx: ctx.claim("/a") == 1
        asked: list[str] = []
        host = Host(lambda pointer: asked.append(pointer) or "1", *[lambda _: None] * 3, no_raw_token, print, range(6), OSError, str)
        warm(exports)
        with mock.patch.object(log, "_write"):
            check = exports(author, None, host)[0]()
            context = contexts(host)(None, Component("tool", "a", None, None, []), "", 3)
            self.assertIs(check.check(context), True)
        self.assertEqual(asked, ["/a"])
        self.assertGreaterEqual(time.time(), 0)


NAMES = [f"guardhouse_sdk.{name}" for name in ("_context", "_documents", "_error", "_json", "_records", "_settings")]


class Bindings(unittest.TestCase):
    def test_a_context_has_the_parts_that_the_bindings_give(self) -> None:
        token = AccessToken("app", None, ["a"], 5, None)
        component = Component("tool", "a", None, None, [])
        host = Host(*[lambda _: None] * 4, no_raw_token, print, range(6), OSError, str)
        context = contexts(host)(token, component, "tools/call", 7)
        self.assertIs(type(context), AuthContext)
        self.assertEqual(context, AuthContext(token, component, "tools/call", 7, host))

    def test_a_result_has_its_value(self) -> None:
        self.assertIs(Ok(False).value, False)


class Layout(unittest.TestCase):
    def test_filling_ends_on_any_interpreter(self) -> None:
        with mock.patch.object(layout, "_kept", []) as kept:
            layout.fill()
        self.assertLessEqual(len(kept[0]), 100_000)

    def test_a_module_is_compiled_once_and_is_the_same(self) -> None:
        text = 'def f() -> str:\n    """Says x."""\n    return "x"\n'
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "compiled_first.py")
            file.write_text(text, encoding="utf-8")
            broken = Path(folder, "broken_later.py")
            broken.write_text("def", encoding="utf-8")
            end = layout.compile_first([str(file), str(broken), f"{folder}/missing.py"])
            try:
                with mock.patch.object(sys, "path", [folder]), mock.patch.object(sys, "dont_write_bytecode", True):
                    file.write_text(text.replace('"x"', '"y"'), encoding="utf-8")
                    function = importlib.import_module("compiled_first").f
                    with self.assertRaises(SyntaxError):
                        importlib.import_module("broken_later")
            finally:
                end()
                sys.modules.pop("compiled_first", None)
        self.assertEqual((function(), function.__doc__, function.__code__.co_filename), ("x", "Says x.", str(file)))
        self.assertNotIn("source_to_code", vars(SourceFileLoader))


if __name__ == "__main__":
    unittest.main()
