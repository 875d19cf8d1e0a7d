from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def replace(pairs: Iterable[tuple[Any, Any]]) -> None:
    """Replaces functions in all modules that have imported them by name: `from time import monotonic`."""
    found = {id(old): new for old, new in pairs}
    for module in list(sys.modules.values()):
        names: dict[str, Any] = getattr(module, "__dict__", {})
        for name, value in list(names.items()):
            if id(value) in found:
                names[name] = found[id(value)]
