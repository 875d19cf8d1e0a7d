"""`python -m guardhouse_checks`: runs the command line."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from guardhouse_checks._host import COMMAND


def main() -> NoReturn:
    """Replaces this process by the command `guardhouse`, with the same arguments."""
    os.execv(COMMAND, ["guardhouse", *sys.argv[1:]])


if __name__ == "__main__":
    main()
