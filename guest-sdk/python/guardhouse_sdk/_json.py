from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_scan: Callable[[str, int], tuple[Any, int]] = getattr(json.JSONDecoder(), "scan_once")


def parse(text: str) -> Any:
    """Like `json.loads`, but without the search for white space around the document, which the host
    does not send."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return json.loads(text)
    return value if end == len(text) else json.loads(text)
