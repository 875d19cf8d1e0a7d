"""Plugins from the WebAssembly text fixtures of Guardhouse's own tests."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import wasmtime

REPOSITORY = Path(__file__).resolve().parents[3]
_FIXTURES = REPOSITORY / "tests" / "fixtures"


@functools.cache
def plugin(name: str, **blanks: str) -> bytes:
    """The component of a fixture, with its blanks filled in."""
    text = fixture(name)
    for blank, value in blanks.items():
        text = text.replace(f"(@{blank})", value)
    return assemble(text)


def fixture(name: str) -> str:
    """The text of a fixture."""
    text = (_FIXTURES / f"{name}.wat").read_text()
    return re.sub(r'\(@include "([^"]+)"\)', lambda found: _included(found[1]), text)


def assemble(text: str) -> bytes:
    """The component that a text describes."""
    return bytes(wasmtime.wat2wasm(text))


def denies_with(message: str) -> bytes:
    """The component that denies with a message."""
    encoded = message.encode()
    literal = '"' + "".join(f"\\{byte:02x}" for byte in encoded) + '"'
    return plugin("message", message=literal, length=str(len(encoded)))


def _included(name: str) -> str:
    return (_FIXTURES / "include" / f"{name}.wat").read_text().strip()


def reads(function: str, pointer: str) -> bytes:
    """The component that denies with the value that it reads from a request, and allows if there is none."""
    interface = "guardhouse:auth/request@0.1.0"
    length = str(len(pointer))
    return plugin("claim", interface=interface, function=function, pointer=pointer, length=length, times="1")


def reads_raw_token() -> bytes:
    """The component that denies with the bearer secret."""
    return plugin("raw-token", interface="guardhouse:auth/raw-token@0.1.0")
