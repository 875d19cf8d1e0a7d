from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import component
from .plugin import Plugin
from .refused import Refused


def main() -> int:
    """Returns the exit code: 1 if the build failed, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="guardhouse_sdk.build", description="Builds the plugin in this folder.")
    parser.add_argument("--wit", type=Path, required=True, help="folder of the contract")
    parser.add_argument("--out", type=Path, required=True, help="component to write")
    arguments = parser.parse_args()
    try:
        plugin = Plugin.read(Path.cwd())
        arguments.out.write_bytes(component.build(plugin, arguments.wit))
    except (Refused, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
