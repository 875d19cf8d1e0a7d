"""Many streams on one connection: h2load."""

import re
import subprocess
from pathlib import Path

from daemon import Daemon, stop
from processes import Failed, running
from protocol import CHECK, request
from proxies import Proxies
from upstream import Upstream

# Connections, streams on each at the same time, and requests.
LOADS = [(1, 1_000, 20_000), (4, 250, 20_000), (1, 1_024, 1_024)]


def decisions(daemon: Daemon) -> float:
    return daemon.metric("guardhouse_decisions_total", 'door="ext-authz"', 'decision="allow"')


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    program = daemon.start()
    with running([program]):
        message = request("/public/1").SerializeToString()
        body = daemon.folder / "message"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        print("| connections | streams on each | requests | answered | per second |\n|---:|---:|---:|---:|---:|")
        for connections, streams, requests in LOADS:
            before = decisions(daemon)
            fields = [
                "content-type: application/grpc",
                "te: trailers",
                f"authorization: Bearer {daemon.secrets['grpc']}",
            ]
            load = (
                f"--clients={connections} --max-concurrent-streams={streams} --requests={requests} --threads=1".split()
            )
            command = [proxies.programs["h2load"], *load, *[f"--header={field}" for field in fields], f"--data={body}"]
            text = run([*command, f"http://127.0.0.1:{daemon.plain}{CHECK}"], proxies.programs["h2load"])
            answered = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", text)
            rate = re.search(r"([\d.]+) req/s", text)
            if not answered or not rate:
                raise Failed(f"h2load: {text}")
            print(f"| {connections} | {streams} | {requests} | {answered[1]} | {float(rate[1]):,.0f} |")
            allowed = decisions(daemon) - before
            if int(answered[1]) != requests or allowed != requests:
                raise Failed(f"{allowed} of {requests} were allowed: {text}")
        stop(program)


def run(command: list[str], program: str) -> str:
    """Runs h2load, with the libraries that were unpacked beside it."""
    libraries = Path(program).parent.parent / "lib/x86_64-linux-gnu"
    environment = (
        {"LD_LIBRARY_PATH": str(libraries)}
        if libraries.is_relative_to(Path(program).parents[2]) and "debian" in libraries.parts
        else None
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    if done.returncode != 0:
        raise Failed(f"h2load ended with the status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout
