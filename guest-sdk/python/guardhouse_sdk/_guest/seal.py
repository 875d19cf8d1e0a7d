"""Raises Python exceptions for operations that a plugin does not have. Without it, they would end in a
WebAssembly trap, which does not name the author's line.

At build time everything works, so that a module can read its own files when it is imported.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import random
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec
from typing import Any, NoReturn

from . import captured

# The functions of `posix` that do not call the host.
_HARMLESS = {
    "_inputhook", "_is_inputhook_installed", "_path_isdevdrive", "_path_normpath", "_path_splitroot",
    "_path_splitroot_ex", "abort", "cpu_count", "device_encoding", "fspath", "getcwd", "getcwdb",
    "get_inheritable", "getpid", "putenv", "strerror", "unsetenv", "waitstatus_to_exitcode",
}  # fmt: skip
_NET_HARMLESS = ("inet_", "hton", "ntoh", "CMSG_", "getdefaulttimeout", "setdefaulttimeout")

_sealed = False
_answer: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any] | None = None


def install() -> None:
    """Wraps the functions, before the author's module is imported."""
    import posix

    for name, function in list(vars(posix).items()):
        if isinstance(function, types.BuiltinFunctionType) and name not in _HARMLESS:
            if not name.startswith("W"):
                _replace((posix, os), name, _refused(function, _error_of(name)))
    for module in (io, sys.modules["_io"]):
        for name in ("open", "open_code"):
            setattr(module, name, _refused(getattr(module, name), _no_files))
        setattr(module, "FileIO", _refusing_class(getattr(module, "FileIO"), _no_files))
    captured.replace([(builtins.open, io.open)])
    setattr(random, "_urandom", os.urandom)


def answer_by(answer: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> None:
    """Until the end of the build, the wrapped functions are not called: `answer` gets each of them, with its
    arguments."""
    global _answer
    _answer = answer


def is_closed() -> bool:
    """Whether the build has ended."""
    return _sealed


def close() -> None:
    """Ends the build: from now on the wrapped functions raise, and no further module can be imported."""
    global _sealed
    network = sys.modules.get("_socket")
    if network is not None:
        owners = [network, *filter(None, [sys.modules.get("socket")])]
        for name, function in list(vars(network).items()):
            if isinstance(function, types.BuiltinFunctionType) and not name.startswith(_NET_HARMLESS):
                _replace(owners, name, _refused(function, _no_network))
        for owner in owners:
            setattr(owner, "socket", _refusing_class(owner.socket, _no_network))
    if (select := sys.modules.get("select")) is not None:
        for name in ("select", "poll"):
            if hasattr(select, name):
                setattr(select, name, _refused(getattr(select, name), _no_network))
    _fix_random()
    # The interpreter itself opens the file of a syntax error, and goes on without it after this exception.
    sys.addaudithook(_audit)
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, _NotBuilt]
    sys.path_importer_cache.clear()
    sys.path.clear()
    _sealed = True


class _NotBuilt:
    """Explains why a module that the author has installed cannot be imported."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        raise ModuleNotFoundError(
            f"No module named {name!r} in this plugin: a plugin has no files; import the module at the top of "
            "another one, so that it is imported at build time",
            name=name,
        )

    @staticmethod
    def invalidate_caches() -> None:
        """Does nothing: there are no caches."""


def _audit(event: str, _: tuple[object, ...]) -> None:
    if event == "open":
        _no_files()


def _no_files(*arguments: object) -> NoReturn:
    where = arguments[0] if arguments and isinstance(arguments[0], str | bytes) else None
    raise PermissionError(errno.EACCES, "a plugin has no files, processes or descriptors", where)


def _no_network(*_: object) -> NoReturn:
    raise PermissionError(errno.EACCES, "a plugin has no network")


def _no_random(*_: object) -> NoReturn:
    raise NotImplementedError("a plugin has no source of randomness")


def _exit(status: object = None) -> NoReturn:
    raise SystemExit(status)


def _error_of(name: str) -> Callable[..., NoReturn]:
    if name == "_exit":
        return _exit
    return _no_random if name in ("urandom", "getrandom") else _no_files


def _refused(function: Callable[..., Any], refuse: Callable[..., NoReturn]) -> Callable[..., Any]:
    def guarded(*arguments: Any, **named: Any) -> Any:
        if _sealed:
            return refuse(*arguments)
        return _answer(function, arguments, named) if _answer else function(*arguments, **named)

    guarded.__name__ = guarded.__qualname__ = function.__name__
    return guarded


def _refusing_class(base: type[Any], refuse: Callable[..., NoReturn]) -> type[Any]:
    def create(cls: type[Any], *arguments: Any, **named: Any) -> Any:
        if _sealed:
            return refuse(*arguments)
        return _answer(base, arguments, named) if _answer else base.__new__(cls, *arguments, **named)

    return type(base.__name__, (base,), {"__new__": create, "__slots__": (), "__doc__": base.__doc__})


def _replace(owners: Sequence[types.ModuleType], name: str, function: Callable[..., Any]) -> None:
    for owner in owners:
        if hasattr(owner, name):
            setattr(owner, name, function)


def _fix_random() -> None:
    """Makes generators without a seed raise, because they would ask the host for one. The shared generator
    starts with the same seed in every instance, independently of the numbers drawn at build time."""
    plain_new, plain_seed = random.Random.__new__, random.Random.seed

    def new(cls: type[random.Random], *seed: Any) -> random.Random:
        if cls is random.SystemRandom or (seed and seed[0] is not None):
            return plain_new(cls, *seed)
        return _no_random()

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None:
            _no_random()
        plain_seed(self, a, version)

    random.seed(0)
    random.Random.__new__ = staticmethod(new)  # type: ignore[assignment]
    random.Random.seed = seed
    setattr(random, "seed", getattr(random, "_inst").seed)


def modules(names: Sequence[str]) -> Iterator[str]:
    """Imports the modules that the author's functions import when they are called, and yields those that
    cannot be imported: these fail when the function is called."""
    for name in names:
        try:
            __import__(name)
        except ImportError:
            yield name
