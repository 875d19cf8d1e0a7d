"""The runtime of development builds: an interpreter with the SDK, into which the author's modules are imported later.

Its first call of `check` is not an evaluation. The build makes it, with a request whose documents are the files, and
keeps the state that it leaves. From then on, the plugin is as if componentize-py had imported the modules.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from .. import _json
from . import fault, seal
from .exports import exports, finish
from .host import Host
from .supplied import Supplied
from .traces import author_lines

_NO_CHECK = '{"description": "A runtime without a check.", "not": {}}'

# Bound at build time: see `fault`.
_abort = os.abort


def runtime(host: Host, copies: str, fill: Callable[[], None]) -> tuple[type, type, type]:
    """The classes `Check`, `Settings` and `StepUp` of a runtime without a check. The files of the interpreter's own
    folders are copied to a folder, for later builds."""
    for folder in ("/python", "/world", "/bundled"):
        _copy(folder, copies + folder)
    # The build removes the environment and the arguments from the interpreter at its end, as it does in every plugin.
    environment, arguments = dict(os.environ), list(sys.argv)
    # The bindings make one for each function.
    made: list[Any] = []

    class Runtime:
        def __init__(self) -> None:
            made.append(self)

    class Check(Runtime):
        def check(self, record: object) -> bool:
            os.environ.update(environment)
            sys.argv[:] = arguments
            missing, error, classes = _imported(host, fill)
            if missing or error:
                raise host.err(host.denial(json.dumps({"missing": missing, "error": error})))
            answering = dict(zip((Check, Settings, StepUp), classes))
            for instance in made:
                instance.__class__ = answering[type(instance)]
            return True

    class Settings(Runtime):
        def schema(self) -> str:
            return _NO_CHECK

        def configure(self, text: str) -> None:
            raise host.err("this is a runtime without a check")

    class StepUp(Runtime):
        def missing_scopes(self, record: object) -> list[str]:
            raise RuntimeError("this is a runtime without a check")

    sys.path_importer_cache.clear()
    gc.collect()
    return Check, Settings, StepUp


def _copy(folder: str, to: str) -> None:
    os.mkdir(to)
    for name in os.listdir(folder):
        source, target = f"{folder}/{name}", f"{to}/{name}"
        if os.path.isdir(source):
            _copy(source, target)
        else:
            # In small parts, because all memory that was used becomes a part of the runtime.
            with open(source, "rb", buffering=0) as read, open(target, "wb", buffering=0) as written:
                while data := read.read(4_096):
                    written.write(data)


def _imported(host: Host, fill: Callable[[], None]) -> tuple[str | None, str | None, Sequence[type]]:
    """Imports the author's modules, and connects them with the bindings. Returns the operation that the runtime could
    not do, the traceback of the error, and the classes."""
    supplied = Supplied([host.argument, host.attribute])
    plan: dict[str, Any] = _json.parse(host.attribute("/plan") or "{}")
    seal.answer_by(supplied.operation)
    sys.stdout = sys.__stdout__ = _early_stream()  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _early_stream()  # type: ignore[misc]
    sys.path[:] = plan["path"]
    sys.path_importer_cache.clear()
    error: str | None = None
    classes: tuple[type, ...] = ()
    try:
        author = __import__(plan["module"])
        classes = exports(author, plan["schema"], host)
        list(seal.modules(plan["late_imports"]))
        finish(fill)
    except BaseException:
        fault.leave_out_marks()
        error = author_lines(traceback.format_exc())
    return supplied.missing, error, classes


def _early_stream() -> io.TextIOWrapper:
    """A stream for what is printed while the modules are imported, which is dropped. A plugin that keeps it and
    writes to it later ends in a trap, like one that keeps the stream of an interpreter without a host."""
    unbuffered: Any = _Early()
    return io.TextIOWrapper(unbuffered, "utf-8", line_buffering=True, write_through=True)


class _Early(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if seal.is_closed():
            _abort()
        return len(data)
