from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .glue import ENTRY, glue
from .plugin import Plugin
from .refused import Refused
from .rename import renamed_import

# componentize-py replaces every interface of the package `wasi` by a stub that traps. To exempt the log, it
# has another name of the same length until the component is made.
_LOG = ("wasi:logging/logging@0.1.0-draft", "host:logging/logging@0.1.0-draft")

_WORLD = "built-plugin"


def build(plugin: Plugin, wit: Path) -> bytes:
    """Builds the component, which contains the interpreter, the plugin and the SDK, all imported already."""
    with tempfile.TemporaryDirectory(prefix="guardhouse-") as folder:
        work = Path(folder)
        _stage_contract(plugin, wit, work / "wit")
        (work / "glue").mkdir()
        (work / "glue" / f"{ENTRY}.py").write_text(glue(plugin), encoding="utf-8")
        _componentize(plugin, work)
        component = (work / "plugin.wasm").read_bytes()
    return renamed_import(component, _LOG[1], _LOG[0])


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


def _componentize(plugin: Plugin, work: Path) -> None:
    sdk = Path(__file__).parents[2]
    command = [sys.executable, "-c", "import componentize_py; componentize_py.script()", "-q", "-d", str(work / "wit")]
    command += ["-w", _WORLD, "componentize", "--stub-wasi"]
    # The interpreter sees the folders as /0, /1 and /2. Of the project it reads what the check imports.
    for path in (work / "glue", plugin.folder, sdk):
        command += ["-p", str(path)]
    command += [ENTRY, "-o", str(work / "plugin.wasm")]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if sys.prefix != sys.base_prefix:
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
        return "componentize-py is not installed: run `.venv/bin/pip install --require-hashes -r requirements.txt`"
    _, found, rest = output.rpartition("Traceback (most recent call last):\n")
    if not found:
        return f"componentize-py failed:\n{output.strip()}"
    lines = rest.partition("\n\nCaused by:")[0].rstrip().splitlines()
    own = [index for index, line in enumerate(lines) if line.startswith('  File "/1/')]
    messages = [index for index, line in enumerate(lines) if not line.startswith(" ")]
    shown = "\n".join(lines[(own or messages or [0])[0] :])
    return "the plugin cannot be imported:\n" + shown.replace('File "/1/', 'File "').replace('File "/2/', 'File "')
