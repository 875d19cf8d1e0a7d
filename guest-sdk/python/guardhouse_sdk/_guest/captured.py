from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any


def replace(pairs: Iterable[tuple[Any, Any]]) -> None:
    """Replaces functions in all modules that have imported them by name: `from time import monotonic`."""
    found = {id(old): new for old, new in pairs}
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            for name, value in list(vars(module).items()):
                if id(value) in found:
                    setattr(module, name, found[id(value)])
