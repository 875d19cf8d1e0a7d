"""The time zones of the package `tzdata`, which `zoneinfo` could not read at run time, because a plugin has no files."""

from __future__ import annotations

import importlib
import io
import sys
from importlib import resources
from typing import Any


def keep() -> None:
    """Reads all zones, if the author's modules use `zoneinfo` and the project depends on `tzdata`."""
    if "zoneinfo" not in sys.modules:
        return
    try:
        folder = resources.files("tzdata")
    except ModuleNotFoundError:
        return
    # An uninstalled package may leave an empty folder.
    if not folder.joinpath("zones").is_file():
        return
    names = folder.joinpath("zones").read_text(encoding="utf-8").split()
    data = {name: folder.joinpath("zoneinfo", *name.split("/")).read_bytes() for name in names}

    def load(key: str) -> io.BytesIO:
        if key not in data:
            raise importlib.import_module("zoneinfo").ZoneInfoNotFoundError(f"No time zone found with key {key}")
        return io.BytesIO(data[key])

    # The module reads files through the first function, and lists them through the second.
    _replace("zoneinfo._common", "load_tzdata", load)
    for module in ("zoneinfo", "zoneinfo._tzpath"):
        _replace(module, "available_timezones", lambda: set(data))


def _replace(module: str, name: str, function: Any) -> None:
    owner = importlib.import_module(module)
    if not hasattr(owner, name):
        raise RuntimeError(f"{module}.{name} does not exist in this Python")
    setattr(owner, name, function)
