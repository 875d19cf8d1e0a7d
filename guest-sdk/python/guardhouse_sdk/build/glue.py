from __future__ import annotations

from .plugin import MODULE, Plugin

ENTRY = "guardhouse_plugin"
"""The name of the module that componentize-py starts from."""

_START = """\
import sys
sys.dont_write_bytecode = True
from guardhouse_sdk._guest import clock, locks, seal
clock.install()
locks.install()
seal.install()
"""


def glue(plugin: Plugin) -> str:
    """The module that connects the SDK with the bindings, which exist only while the component is made."""
    return f"""\
{_START}import {MODULE} as author
{_bindings(plugin.raw_token)}from guardhouse_sdk._guest.exports import exports, finish
Check, Settings, StepUp = exports(author, {plugin.schema!r}, HOST)
list(seal.modules({plugin.late_imports!r}))
finish()
"""


def runtime_glue(raw_token: bool, copies: str) -> str:
    """The module of a runtime without a check, which copies the files of the interpreter to the folder `copies`."""
    return f"""\
{_START}{_bindings(raw_token)}from guardhouse_sdk._guest.prepared import runtime
Check, Settings, StepUp = runtime(HOST, {copies!r})
"""


def _bindings(raw_token: bool) -> str:
    raw_import = "from wit_world.imports import raw_token\n" if raw_token else ""
    function = "raw_token.get" if raw_token else "no_raw_token"
    return f"""\
from componentize_py_types import Err
from guardhouse_sdk import AccessToken, Component
from guardhouse_sdk._guest.host import Host, no_raw_token
from wit_world.imports import logging, request, types
{raw_import}\
# The bindings construct the classes that the check sees.
types.AccessToken = AccessToken
types.Component = Component
HOST = Host(
    request.claim, request.detail, request.argument, request.attribute, {function},
    logging.log, list(logging.Level), Err, types.AuthorizationError,
)
"""
