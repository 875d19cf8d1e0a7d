from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .._guest.traces import author_lines
from .glue import ENTRY, glue, runtime_glue
from .plugin import Plugin
from .refused import Refused
from .rename import renamed_import

# componentize-py replaces every interface of the package `wasi` by a stub that traps. To exempt the log, it
# has another name of the same length until the component is made.
_LOG = ("wasi:logging/logging@0.1.0-draft", "host:logging/logging@0.1.0-draft")

_WORLD = "built-plugin"

NOT_INSTALLED = "componentize-py is not installed: run `.venv/bin/pip install --require-hashes -r requirements.txt`"

SDK = Path(__file__).parents[2]
"""The folder of the package `guardhouse_sdk`."""


def build(plugin: Plugin, wit: Path) -> bytes:
    """Builds the component, which contains the interpreter, the plugin and the SDK, all imported already."""
    with tempfile.TemporaryDirectory(prefix="guardhouse-") as folder:
        return _component(plugin, wit, Path(folder), glue(plugin), [plugin.folder, SDK], in_venv=True)


def build_runtime(plugin: Plugin, wit: Path, work: Path) -> tuple[bytes, Path]:
    """Builds a component that contains the interpreter and the SDK, into which the modules of this plugin and of
    others like it can be imported later. Also returns the folder with the files of the interpreter, which is in the
    empty folder `work`."""
    # It stands for the project, which has the same place in every plugin.
    (work / "nothing").mkdir()
    text = runtime_glue(plugin.raw_token, "/0/copies")
    copies = work / "glue" / "copies"
    copies.mkdir(parents=True)
    component = _component(plugin, wit, work, text, [work / "nothing", SDK], in_venv=False)
    return component, copies


def _component(plugin: Plugin, wit: Path, work: Path, text: str, folders: list[Path], *, in_venv: bool) -> bytes:
    _stage_contract(plugin, wit, work / "wit")
    (work / "glue").mkdir(exist_ok=True)
    (work / "glue" / f"{ENTRY}.py").write_text(text, encoding="utf-8")
    _componentize(work, folders, in_venv)
    return renamed_import((work / "plugin.wasm").read_bytes(), _LOG[1], _LOG[0])


def _stage_contract(plugin: Plugin, wit: Path, target: Path) -> None:
    shutil.copytree(wit, target)
    (target / f"{_WORLD}.wit").write_text(_world(plugin), encoding="utf-8")
    for path in target.rglob("*.wit"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("wasi:logging", "host:logging"), encoding="utf-8")


def _world(plugin: Plugin) -> str:
    """The world with exactly the imports and exports that the plugin uses."""
    name = "auth-check"
    if plugin.step_up:
        name = f"step-up-{name}"
    if plugin.schema is not None:
        name = f"configurable-{name}"
    raw_token = "include with-raw-token;" if plugin.raw_token else ""
    return f"package guardhouse:auth@0.1.0;\nworld {_WORLD} {{ include {name}; {raw_token} }}\n"


def _componentize(work: Path, folders: list[Path], in_venv: bool) -> None:
    command = [sys.executable, "-c", "import componentize_py; componentize_py.script()", "-q", "-d", str(work / "wit")]
    command += ["-w", _WORLD, "componentize", "--stub-wasi"]
    # The interpreter sees the folders as /0, /1 and /2. Of the project it reads what the check imports.
    for path in (work / "glue", *folders):
        command += ["-p", str(path)]
    command += [ENTRY, "-o", str(work / "plugin.wasm")]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if not in_venv:
        # It has one folder of packages, which is empty.
        (work / "venv" / "lib" / "site-packages").mkdir(parents=True)
        environment["VIRTUAL_ENV"] = str(work / "venv")
    elif sys.prefix != sys.base_prefix:
        environment["VIRTUAL_ENV"] = sys.prefix
    try:
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise Refused(f"cannot run `{sys.executable}`: {error}") from error
    if done.returncode != 0 or not (work / "plugin.wasm").exists():
        raise Refused(_why(done.stdout + done.stderr))


def _why(output: str) -> str:
    """The part of the tool's output that matters to the author: the traceback in a module of the plugin, if any."""
    if "No module named 'componentize_py'" in output:
        return NOT_INSTALLED
    lines = author_lines(output)
    return f"the plugin cannot be imported:\n{lines}" if lines else f"componentize-py failed:\n{output.strip()}"
