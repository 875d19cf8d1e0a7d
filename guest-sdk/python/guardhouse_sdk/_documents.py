"""The documents of a request in a unit test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True)
class Documents:
    """Answers like the host: with JSON text, or None if the pointer finds nothing."""

    claims: Any
    details: Any
    arguments: Any
    attributes: Any
    raw: str | None

    def claim(self, pointer: str) -> str | None:
        return _at(self.claims, pointer)

    def detail(self, pointer: str) -> str | None:
        return _at(self.details, pointer)

    def argument(self, pointer: str) -> str | None:
        return _at(self.arguments, pointer)

    def attribute(self, pointer: str) -> str | None:
        return _at(self.attributes, pointer)

    def raw_token(self) -> str | None:
        return self.raw


def _at(document: Any, pointer: str) -> str | None:
    """The JSON text at a pointer (RFC 6901)."""
    if document is None:
        return None
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and name in found:
            found = cast("dict[str, Any]", found)[name]
        elif isinstance(found, list | tuple) and _is_index(name, len(cast("list[Any]", found))):
            found = cast("list[Any]", found)[int(name)]
        else:
            return None
    return json.dumps(found, allow_nan=False)


def _is_index(name: str, length: int) -> bool:
    return name.isascii() and name.isdigit() and name == str(int(name)) and int(name) < length
