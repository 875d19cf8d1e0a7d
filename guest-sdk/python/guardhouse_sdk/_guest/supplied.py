"""The files of a development build. Its runtime was made earlier, in a component that cannot read files. While the
author's modules are imported into it, the functions of `posix` and `io` answer from a copy of the folders that
componentize-py shows to an interpreter.

An operation that the copy cannot answer is noted, and the plugin is then built without a prepared runtime: the
interpreter never sees anything else than it would see there.
"""

from __future__ import annotations

import binascii
import errno
import io
import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from .. import _json

Read = Callable[[str], "str | None"]
"""Returns the JSON value under a JSON pointer."""

_FOLDER = None
_ABSENT = False
# The types of files, and permission for everybody to read, as `stat.st_mode` has them.
_MODE_FOLDER, _MODE_FILE = 0o040755, 0o100644


class Supplied:
    """A copy of folders. Each of the documents that it is made of has the members `tree`, with an object for each
    folder, and `content`, with the bytes of each file in Base64. The value of a name in a folder is the size of a
    file, null for a folder, and false for something that exists and is not in the copy."""

    def __init__(self, documents: list[Read]) -> None:
        self._documents = documents
        self._tree: dict[str, dict[str, Any]] = {"/": {}}
        for read in documents:
            for folder, entries in _json.parse(read("/tree") or "{}").items():
                self._tree.setdefault(folder, {}).update(entries)
        for folder in self._tree:
            top = folder.split("/")[1]
            if top:
                self._tree["/"][top] = _FOLDER
        self.missing: str | None = None
        """The first operation that could not be answered."""

    def operation(self, function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Answers in the place of a function of `posix` or `io`."""
        name = function.__name__
        answer = getattr(self, f"_{name}", None)
        path = arguments[0] if arguments else None
        if isinstance(path, os.PathLike):
            path = os.fspath(path)
        if answer is None or not isinstance(path, str):
            self._refuse(f"`{name}`")
        return answer(path, *arguments[1:], **named)

    def _refuse(self, operation: str) -> NoReturn:
        self.missing = self.missing or operation
        raise PermissionError(errno.EACCES, f"a prepared runtime has no {operation}")

    def _entry(self, path: str) -> Any:
        """The entry of a path: a size, or `_FOLDER`."""
        whole = os.path.normpath(path if path.startswith("/") else f"/{path}")
        if whole in self._tree:
            return _FOLDER
        folder, _, name = whole.rpartition("/")
        entry = self._tree.get(folder or "/", {}).get(name, ...)
        if entry is ...:
            self._check_above(folder, path)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if entry is _ABSENT:
            self._refuse(f"file `{path}`")
        return entry

    def _check_above(self, folder: str, path: str) -> None:
        """Refuses a path in a folder that exists and is not in the copy, and one through a file."""
        while folder and folder not in self._tree:
            above, _, name = folder.rpartition("/")
            entry = self._tree.get(above or "/", {}).get(name, ...)
            if entry is _ABSENT:
                self._refuse(f"file `{path}`")
            if entry is not ...:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            folder = above

    def _bytes(self, path: str) -> bytes:
        if self._entry(path) is _FOLDER:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        whole = os.path.normpath(path if path.startswith("/") else f"/{path}")
        escaped = whole.replace("~", "~0").replace("/", "~1")
        # Later documents come first, as in the tree.
        for read in reversed(self._documents):
            if (text := read(f"/content/{escaped}")) is not None:
                return binascii.a2b_base64(text[1:-1])
        self._refuse(f"file `{path}`")

    def _stat(self, path: str, *, dir_fd: object = None, follow_symlinks: bool = True) -> os.stat_result:
        entry = self._entry(path)
        mode, size = (_MODE_FOLDER, 0) if entry is _FOLDER else (_MODE_FILE, entry)
        return os.stat_result((mode, 0, 0, 1, 0, 0, size, 0, 0, 0))

    def _lstat(self, path: str, *, dir_fd: object = None) -> os.stat_result:
        return self._stat(path)

    def _access(self, path: str, mode: int, **_: object) -> bool:
        try:
            self._entry(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return not mode & os.W_OK

    def _readlink(self, path: str, **_: object) -> NoReturn:
        self._entry(path)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)

    def _listdir(self, path: str = ".") -> list[str]:
        if self._entry(path) is not _FOLDER:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return list(self._tree[os.path.normpath(path if path.startswith("/") else f"/{path}")])

    def _scandir(self, path: str = ".") -> _Scan:
        return _Scan(_Entry(self, path, name) for name in self._listdir(path))

    def _open_code(self, path: str) -> io.BytesIO:
        return _File(self._bytes(path), path)

    def _open(
        self,
        path: str,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        **others: object,
    ) -> Any:
        if not isinstance(mode, str) or set(mode) - set("rbt") or others or buffering not in (-1, 1):
            self._refuse(f"file `{path}` in the mode {mode!r}")
        file = _File(self._bytes(path), path)
        return file if "b" in mode else io.TextIOWrapper(file, encoding, errors, newline)


class _File(io.BytesIO):
    """A file that was opened for reading."""

    mode = "rb"

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name

    def writable(self) -> bool:
        return False


class _Entry:
    """An entry of a folder, as `os.scandir` returns it."""

    def __init__(self, files: Supplied, folder: str, name: str) -> None:
        self._files = files
        self.name = name
        self.path = os.path.join(folder, name)

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.stat().st_mode == _MODE_FOLDER

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self.stat().st_mode == _MODE_FILE

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path)


class _Scan:
    """What `os.scandir` returns."""

    def __init__(self, entries: Iterator[_Entry]) -> None:
        self._entries = entries

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())
