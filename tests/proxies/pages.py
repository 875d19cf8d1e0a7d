"""Each page has a configuration of the server that is complete."""

import subprocess

from daemon import Daemon
from documented import PAGES, blocks
from processes import Failed
from proxies import Proxies
from upstream import Upstream


def prove(daemon: Daemon, _: Proxies, upstream: Upstream) -> None:
    for page in PAGES:
        file = daemon.folder / f"{page}.toml"
        file.write_text(blocks(page, "toml")[0])
        command = [str(daemon.command), "serve", "--check", "--config", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        print(f"{page}: {'valid' if done.returncode == 0 else 'invalid'}")
        if done.returncode != 0:
            raise Failed(f"{page}: {done.stdout}{done.stderr}")
