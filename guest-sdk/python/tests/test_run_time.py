"""Parts of the interpreter that a plugin has in another form."""

import importlib
import sys
import tempfile
import time
import types
import unittest
from pathlib import Path
from unittest import mock

from guardhouse_sdk._guest import captured, zones
from guardhouse_sdk._guest.locks import Lock


class Locks(unittest.TestCase):
    def test_a_free_lock_is_taken_and_released(self) -> None:
        lock = Lock()
        with lock:
            self.assertTrue(lock.locked())
        self.assertFalse(lock.locked())

    def test_a_held_lock_is_not_waited_for(self) -> None:
        lock = Lock()
        lock.acquire()
        self.assertFalse(lock.acquire(blocking=False))
        with mock.patch.object(time, "sleep") as sleep:
            self.assertFalse(lock.acquire(timeout=5))
        sleep.assert_called_once_with(5)
        with self.assertRaisesRegex(RuntimeError, "would wait for ever"):
            lock.acquire()

    def test_mistakes_are_those_of_the_interpreter(self) -> None:
        with self.assertRaises(RuntimeError):
            Lock().release()
        with self.assertRaises(ValueError):
            Lock().acquire(blocking=False, timeout=1)
        with self.assertRaises(ValueError):
            Lock().acquire(timeout=-2)


class Captured(unittest.TestCase):
    def test_a_function_that_was_imported_by_name_is_replaced(self) -> None:
        def old() -> None: ...
        def new() -> None: ...

        module = types.ModuleType("with_old")
        setattr(module, "_old", old)
        with mock.patch.dict(sys.modules, {"with_old": module}):
            captured.replace([(old, new)])
        self.assertIs(getattr(module, "_old"), new)


class Zones(unittest.TestCase):
    def test_the_zones_of_the_package_are_kept(self) -> None:
        zoneinfo = importlib.import_module("zoneinfo")
        common, paths = (importlib.import_module(f"zoneinfo.{name}") for name in ("_common", "_tzpath"))
        replaced = [(common, "load_tzdata"), (paths, "available_timezones"), (zoneinfo, "available_timezones")]
        for owner, name in replaced:
            patch = mock.patch.object(owner, name, getattr(owner, name))
            patch.start()
            self.addCleanup(patch.stop)
        with tempfile.TemporaryDirectory() as folder:
            package = Path(folder, "tzdata")
            (package / "zoneinfo" / "Europe").mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / "zones").write_text("Europe/Berlin\n", encoding="utf-8")
            (package / "zoneinfo" / "Europe" / "Berlin").write_bytes(b"TZif")
            with mock.patch.object(sys, "path", [folder, *sys.path]), mock.patch.dict(sys.modules):
                sys.modules.pop("tzdata", None)
                zones.keep()
        self.assertEqual(common.load_tzdata("Europe/Berlin").read(), b"TZif")
        self.assertEqual(zoneinfo.available_timezones(), {"Europe/Berlin"})
        with self.assertRaises(zoneinfo.ZoneInfoNotFoundError):
            common.load_tzdata("No/Where")


if __name__ == "__main__":
    unittest.main()
