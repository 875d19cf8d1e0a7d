"""The commands of docs/fastmcp.md, and the examples in docstrings."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from plugins import REPOSITORY

PAGE = REPOSITORY / "docs" / "fastmcp.md"
EXAMPLES = REPOSITORY / "bindings" / "python" / "examples"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
MARK = "@@ the output that the page shows:"
PORT = 8123


@pytest.mark.parametrize("module", ["", "._compose", "._context", "._factory", "._host", "._limits", "._run"])
def test_the_examples_in_docstrings_are_true(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"guardhouse_checks{module}"))
    assert found.attempted > 0 and found.failed == 0


def _script(page: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """The files and commands of the page as one script, and the output that it shows for each command."""
    lines: list[str] = []
    shown: list[tuple[str, list[str]]] = []
    for language, title, body in BLOCK.findall(page):
        if title:
            lines += [f"cat > {title} <<'END OF FILE'", body.rstrip("\n"), "END OF FILE"]
        elif language == "console":
            for line in body.splitlines():
                if not line.startswith("$ "):
                    shown[-1][1].append(line)
                    continue
                command = line.removeprefix("$ ")
                shown.append((command, []))
                lines += [f"echo '{MARK}'", command]
                if command.endswith("&"):
                    lines.append(f"until (exec 3<>/dev/tcp/127.0.0.1/{PORT}) 2>/dev/null; do sleep 0.1; done")
    return "\n".join(lines), shown


@pytest.mark.skipif("GUARDHOUSE_WHEEL" not in os.environ, reason="GUARDHOUSE_WHEEL is not set")
def test_the_page_is_true(tmp_path: Path) -> None:
    script, shown = _script(PAGE.read_text())
    assert len(shown) > 10
    # Without Rust, and without this virtual environment.
    folders = [str(Path(found).parent) for tool in ("bash", "sed", "python3") if (found := shutil.which(tool))]
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), *folders, "/usr/bin", "/bin"]),
        "HOME": str(tmp_path),
        "WHEEL": os.environ["GUARDHOUSE_WHEEL"],
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))},
    }
    script = f"trap 'kill $(jobs -p)' EXIT\nexec 2>&1\n{script}\n"
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    outputs = ran.stdout.split(f"{MARK}\n")[1:]
    assert len(outputs) == len(shown), ran.stdout
    for (command, expected), output in zip(shown, outputs, strict=True):
        for line in expected:
            assert line in output, f"{command}\n{output}"
    _the_servers_do_the_same(tmp_path)


def _the_servers_do_the_same(folder: Path) -> None:
    """Runs the examples that the page links to, with the plugin that its commands have built."""
    from conftest import served

    seen = {}
    for name in ("before", "after"):
        path = folder / f"{name}.py"
        shutil.copy(EXAMPLES / f"{name}.py", path)
        specification = importlib.util.spec_from_file_location(name, path)
        assert specification is not None and specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        with served(module.mcp) as url:
            seen[name] = {token: asyncio.run(_uses(url, token)) for token in ("alice-token", "mallory-token")}
    assert seen["before"] == seen["after"]
    assert seen["after"]["alice-token"] == {"rates": "3 %", "balance": "42", "close": "denied"}
    assert seen["after"]["mallory-token"] == {"rates": "3 %", "balance": "denied", "close": "closed"}


async def _uses(url: str, token: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with Client(url, auth=token) as client:
        for tool in ("rates", "balance", "close"):
            try:
                found[tool] = (await client.call_tool(tool, {})).data
            except Exception:
                found[tool] = "denied"
    return found
