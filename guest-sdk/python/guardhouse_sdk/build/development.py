"""What a development build adds to a prepared runtime: the files of the project and of its packages."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .component import NOT_INSTALLED, SDK
from .plugin import MODULE, Plugin
from .refused import Refused

_IMPORTED = re.compile(rb"^\s*(?:from|import)\s+([A-Za-z_]\w*)", re.MULTILINE)

# Folders of tools. What a module reads in one of them is not in the copy, and the plugin is then built without it.
_OF_TOOLS = {"build", "dist", "node_modules", "third_party", "venv"}
# The interpreter writes it, and reads nothing there that its sources do not say.
_COMPILED = "__pycache__"
_EXTENSIONS = (".cpython-314-wasm32-wasi.so", ".abi3.so")
_METADATA = {"METADATA", "entry_points.txt", "top_level.txt"}

_MAX_FILE_BYTES = 1 << 20
_MAX_BYTES = 8 << 20
_MAX_FILES = 4_000


def plan(plugin: Plugin) -> dict[str, Any]:
    """The name of the runtime that the plugin needs, and the documents that it gets; or why it cannot have one."""
    packages = sorted(Path(sys.prefix, "lib").glob("python*/site-packages"))
    if sys.prefix == sys.base_prefix or len(packages) != 1:
        return {"unsupported": "the packages are not in one virtual environment"}
    if (found := _linked(plugin.folder, packages[0])) is not None:
        return {"unsupported": f"`{found}` is linked into the interpreter"}
    copy = Copy()
    copy.tree["/0"] = {}
    copy.add("/1", plugin.folder)
    copy.add("/2", SDK, only={"guardhouse_sdk"})
    copy.add("/3", packages[0], only=set())
    copy.add_packages("/3", packages[0])
    details = {
        "path": ["/python", "/world", "/0", "/1", "/2", "/3", "/bundled"],
        "module": MODULE,
        "schema": plugin.schema,
        "late_imports": plugin.late_imports,
    }
    return {"runtime": _runtime(plugin), "attributes": {"plan": details, "tree": copy.tree, "content": copy.content}}


def _runtime(plugin: Plugin) -> str:
    """A name for everything that makes the runtime what it is."""
    digest = hashlib.sha256()
    for path in sorted((SDK / "guardhouse_sdk").rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SDK).as_posix()} {len(content)}\n".encode() + content)
    try:
        tool = importlib.metadata.distribution("componentize-py")
    except importlib.metadata.PackageNotFoundError as error:
        raise Refused(NOT_INSTALLED) from error
    # It has the digests of the files of the tool.
    digest.update((tool.read_text("RECORD") or "").encode())
    world = (plugin.schema is not None, plugin.step_up, plugin.raw_token)
    return f"python {tool.version} {world} {digest.hexdigest()}"


def _linked(*folders: Path) -> Path | None:
    """A file that componentize-py makes a part of the interpreter, or of its bindings."""
    for top in folders:
        for folder, _, names in os.walk(top):
            for name in names:
                path = Path(folder, name)
                if name == "componentize-py.toml" or name.endswith(_EXTENSIONS) and _is_webassembly(path):
                    return path
    return None


def _is_webassembly(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\0asm"


class Copy:
    """The document for `guardhouse_sdk._guest.supplied`."""

    def __init__(self, most_files: int = _MAX_FILES, most_bytes: int = _MAX_BYTES) -> None:
        self._files = most_files
        self._entries = 4 * most_files
        self._bytes = most_bytes
        self.tree: dict[str, dict[str, Any]] = {}
        self.content: dict[str, str] = {}
        self._imported: set[str] = set()

    def add(self, mount: str, folder: Path, only: Iterable[str] | None = None) -> None:
        """Adds a folder under another name. Of its entries, only some are copied, or all that belong to no tool."""
        entries = self.tree.setdefault(mount, {})
        for path in sorted(folder.iterdir()):
            name = path.name
            if name == _COMPILED:
                continue
            is_copied = name in only if only is not None else not name.startswith(".") and name not in _OF_TOOLS
            entries[name] = self._add(f"{mount}/{name}", path) if is_copied else False

    def add_packages(self, mount: str, folder: Path) -> None:
        """Adds the packages that the modules of the copy import, and those that these import."""
        entries = self.tree[mount]
        for path in folder.glob("*.dist-info"):
            self.add(f"{mount}/{path.name}", path, only=_METADATA)
            entries[path.name] = None
        while names := {name for name in self._imported if entries.get(name) is False or f"{name}.py" in entries}:
            self._imported -= names
            for name in names:
                for file in (name, f"{name}.py"):
                    if entries.get(file) is False:
                        entries[file] = self._add(f"{mount}/{file}", folder / file)

    def _add(self, name: str, path: Path) -> Any:
        """The entry of a path, which is False if it is not copied."""
        self._entries -= 1
        if path.is_dir():
            # A link may lead to a folder around it.
            if path.is_symlink() or self._entries < 0:
                return False
            self.add(name, path, only=_Everything())
            return None
        size = path.stat().st_size if path.is_file() else None
        if size is None or size > min(self._bytes, _MAX_FILE_BYTES) or not self._files:
            return False
        data = path.read_bytes()
        self._bytes -= len(data)
        self._files -= 1
        self.content[name] = base64.b64encode(data).decode()
        if path.suffix == ".py":
            self._imported |= {found.decode() for found in _IMPORTED.findall(data)}
            if b"zoneinfo" in data:
                self._imported.add("tzdata")
        return len(data)


class _Everything(set[str]):
    def __contains__(self, _: object) -> bool:
        return True


# A test whether the system can wait, which a runtime without a system would not survive. Its result is that of a real
# interpreter, so that the same classes are defined.
_CHANGED = {"/python/selectors.py": (b"selector_obj.poll(0)", b"pass")}


def library(folder: Path) -> dict[str, Any]:
    """The document with the files of the interpreter. Each entry of the folder is one at the root."""
    copy = Copy(most_files=1 << 16, most_bytes=1 << 30)
    for path in folder.iterdir():
        copy.add(f"/{path.name}", path, only=_Everything())
    for name, (before, after) in _CHANGED.items():
        changed = base64.b64decode(copy.content[name]).replace(before, after)
        folder_name, _, file = name.rpartition("/")
        copy.content[name], copy.tree[folder_name][file] = base64.b64encode(changed).decode(), len(changed)
    return {"tree": copy.tree, "content": copy.content}
