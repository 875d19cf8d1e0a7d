from __future__ import annotations

from .plugin import MODULE, Plugin

ENTRY = "guardhouse_plugin"
"""The name of the module that componentize-py starts from."""


def glue(plugin: Plugin) -> str:
    """The module that connects the SDK with the bindings, which exist only while the component is made."""
    raw_import = "from wit_world.imports import raw_token\n" if plugin.raw_token else ""
    raw_token = "raw_token.get" if plugin.raw_token else "no_raw_token"
    return f"""\
import sys
sys.dont_write_bytecode = True
from guardhouse_sdk._guest import clock, locks, seal
clock.install()
locks.install()
seal.install()
import {MODULE} as author
from componentize_py_types import Err
from guardhouse_sdk import AccessToken, Component
from guardhouse_sdk._guest.exports import exports, finish
from guardhouse_sdk._guest.host import Host, no_raw_token
from wit_world.imports import logging, request, types
{raw_import}
# The bindings construct the classes that the check sees.
types.AccessToken = AccessToken
types.Component = Component
Check, Settings, StepUp = exports(author, {plugin.schema!r}, Host(
    request.claim, request.detail, request.argument, request.attribute, {raw_token},
    logging.log, list(logging.Level), Err, types.AuthorizationError,
))
list(seal.modules({plugin.late_imports!r}))
finish()
"""
