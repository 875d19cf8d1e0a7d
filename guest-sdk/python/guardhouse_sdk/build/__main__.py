"""Builds the plugin in this folder: `python -m guardhouse_sdk.build --wit FOLDER --out FILE`.

With `--plan FILE`, it only verifies the sources, and writes what a development build needs. With `--library FILE` in
addition to the other two options, it builds the runtime of development builds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from . import component, development
from .plugin import Plugin
from .refused import Refused
from .verify import verify


def main() -> int:
    """Returns the exit code: 1 if the build failed, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="guardhouse_sdk.build", description="Builds the plugin in this folder.")
    parser.add_argument("--wit", type=Path, help="folder of the contract")
    parser.add_argument("--out", type=Path, help="component to write")
    parser.add_argument("--plan", type=Path, help="plan of a development build, to write instead of a component")
    parser.add_argument("--library", type=Path, help="files of the interpreter, to write with a runtime")
    arguments = parser.parse_args()
    try:
        plugin = Plugin.read(Path.cwd())
        verify(plugin)
        if arguments.plan is not None:
            arguments.plan.write_text(json.dumps(development.plan(plugin)), encoding="utf-8")
        elif arguments.wit is None or arguments.out is None:
            parser.error("`--wit` and `--out`, or `--plan`, are required")
        elif arguments.library is not None:
            with tempfile.TemporaryDirectory(prefix="guardhouse-") as work:
                runtime, copies = component.build_runtime(plugin, arguments.wit, Path(work))
                arguments.library.write_text(json.dumps(development.library(copies)), encoding="utf-8")
            arguments.out.write_bytes(runtime)
        else:
            arguments.out.write_bytes(component.build(plugin, arguments.wit))
    except (Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
