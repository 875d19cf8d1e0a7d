"""Verifies what the sources of a plugin show without running."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from . import modules, settings_type, signatures
from .plugin import Plugin
from .refused import Refused

_SDK = Path(__file__).parents[2]
_MOST = 20


def verify(plugin: Plugin) -> None:
    """Raises an exception that names every fault by its file and line, and how to mend it."""
    found = [
        *signatures.faults(plugin.sources[0], plugin.schema is not None),
        *islice(modules.faults(plugin.sources, plugin.folder, _SDK), _MOST),
    ]
    if plugin.schema is not None:
        found += islice(settings_type.faults(plugin.sources, json.loads(plugin.schema)), _MOST)
    if found:
        raise Refused("\nerror: ".join(found))
