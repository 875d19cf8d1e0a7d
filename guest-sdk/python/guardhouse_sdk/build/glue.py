from __future__ import annotations

from pathlib import Path

from .._guest import layout
from .plugin import MODULE, Plugin

ENTRY = "guardhouse_plugin"
"""The name of the module that componentize-py starts from."""

_SDK = Path(__file__).parents[1]


def glue(plugin: Plugin) -> str:
    """The module that connects the SDK with the bindings, which exist only while the component is made."""
    return f"""\
{_start(plugin.raw_token, [f"/1/{source.file}" for source in plugin.sources])}\
import {MODULE} as author
Check, Settings, StepUp = exports(author, {plugin.schema!r}, HOST)
list(seal.modules({plugin.late_imports!r}))
end()
finish(fill)
"""


def runtime_glue(raw_token: bool, copies: str) -> str:
    """The module of a runtime without a check, which copies the files of the interpreter to the folder `copies`."""
    return f"""\
{_start(raw_token, [])}\
from guardhouse_sdk._guest.prepared import runtime
Check, Settings, StepUp = runtime(HOST, {copies!r}, fill)
end()
"""


def _start(raw_token: bool, files: list[str]) -> str:
    """Everything that precedes the first module of the author, whose files these are."""
    own = [path.relative_to(_SDK).as_posix() for path in sorted(_SDK.rglob("*.py"))]
    guest = [f"/2/guardhouse_sdk/{path}" for path in own if not path.startswith("build/")]
    raw_import = "from wit_world.imports import raw_token\n" if raw_token else ""
    function = "raw_token.get" if raw_token else "no_raw_token"
    return f"""\
{Path(layout.__file__).read_text(encoding="utf-8")}
import sys
sys.dont_write_bytecode = True
# The interpreter's modules come first, and the SDK's are behind them in memory.
import dataclasses, enum, inspect, json, random, re, threading, typing, warnings
end = compile_first({guest + files!r})
fill()
from guardhouse_sdk._guest import clock, locks, seal
clock.install()
locks.install()
seal.install()
import importlib.resources, traceback, weakref
import componentize_py_types
from wit_world.imports import logging, request, types
{raw_import}\
fill()
from guardhouse_sdk import AccessToken, Component
from guardhouse_sdk._guest.exports import exports, finish
from guardhouse_sdk._guest.host import Host, Ok, contexts, no_raw_token
from guardhouse_sdk._guest.warm import warm
HOST = Host(
    request.claim, request.detail, request.argument, request.attribute, {function},
    logging.log, list(logging.Level), componentize_py_types.Err, types.AuthorizationError,
)
# The bindings construct the classes that the check sees.
types.AccessToken = AccessToken
types.Component = Component
types.AuthContext = contexts(HOST)
componentize_py_types.Ok = Ok
warm(exports)
"""
