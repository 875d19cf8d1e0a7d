"""Builds the package from its source, for `pip install` of the source distribution or of a clone.

The wheel consists of two programs of the workspace: the command `guardhouse`, which cargo installs into the Python
package, and the native module, which is maturin's work, as is everything else.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

PYTHON = Path(__file__).resolve().parents[1]
COMMAND = PYTHON / "guardhouse_checks" / "bin" / "guardhouse"


def get_requires_for_build_wheel(config_settings: dict[str, Any] | None = None) -> list[str]:
    # Without Rust, maturin would ask for a package that installs Rust.
    return []


get_requires_for_build_editable = get_requires_for_build_wheel


def build_wheel(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    _build_command()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(
    wheel_directory: str,
    config_settings: dict[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    _build_command()
    return maturin.build_editable(wheel_directory, config_settings, metadata_directory)


def _build_command() -> None:
    if not shutil.which("cargo"):
        raise SystemExit("cargo was not found: install Rust 1.95 or newer (https://rustup.rs), or use the wheel")
    # Cargo installs into the folder `bin` of the root.
    root = COMMAND.parent.parent
    install = ["cargo", "install", "--locked", "--path", "cli", "--root", str(root), "--no-track", "--force", "--quiet"]
    subprocess.run(install, cwd=PYTHON.parents[1], check=True)
    if strip := shutil.which("strip"):
        subprocess.run([strip, str(COMMAND)], check=True)
