"""Asks a daemon with programs that others wrote.

- decern, a client of the AuthZEN Authorization API 1.0;
- schemathesis, which sends requests that the OpenAPI document allows and requests that it does not;
- promtool and Prometheus, if they are installed (Debian's package `prometheus`).
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import decern

POLICY = """\
version = 1

[checks.members]
plugin = "builtin:restrict-tag"
settings = { tag = "secret", scopes = ["read"] }

[checks.closed]
plugin = "builtin:deny-with-message"
settings = { message = "closed on Sundays" }

[[rules]]
name = "reading"
when = { action = "read" }
check = "members"

[[rules]]
name = "writing"
when = { action = "write" }
check = "closed"
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def wait_for(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        try:
            fetch(url)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    sys.exit(f"{url} does not answer")


def step(title: str) -> None:
    print(f"\n== {title}", flush=True)


def prove_decern(base: str) -> None:
    client = decern.Client(f"{base}/tenants/acme")
    subject = {"type": "user", "id": "alice"}
    resource = {"type": "document", "id": "1"}
    allowed = client.evaluate(subject, "read", resource)
    denied = client.evaluate(subject, "write", resource)
    unknown = client.evaluate(subject, "delete", resource)
    print(allowed, denied, unknown, sep="\n")
    assert (allowed.allowed, denied.allowed, unknown.allowed) == (True, False, False)


def prove_schemathesis(program: str, base: str, folder: Path) -> None:
    # The phase `coverage` expects tenants that are no names to be rejected. They are denied, like all that do not exist.
    phases = ["--phases", "examples,fuzzing", "--max-examples", "200", "--seed", "1"]
    config = ["--config-file", str(Path(__file__).with_name("schemathesis.toml"))]
    subprocess.run([program, *config, "run", f"{base}/openapi.json", "--url", base, *phases], check=True, cwd=folder)


def prove_prometheus(folder: Path, operator: str) -> None:
    if shutil.which("promtool") is None or shutil.which("prometheus") is None:
        print("left out: promtool and prometheus are not installed")
        return
    metrics = fetch(f"{operator}/metrics")
    subprocess.run(["promtool", "check", "metrics"], input=metrics.encode(), check=True)
    target = operator.removeprefix("http://")
    config = {"scrape_configs": [{"job_name": "guardhouse", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    server = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    try:
        base = f"http://127.0.0.1:{port}/api/v1/query?query="
        wait_for(f"{base}up", server)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            up = json.loads(fetch(f"{base}up"))["data"]["result"]
            if up and up[0]["value"][1] == "1":
                break
            time.sleep(0.2)
        else:
            sys.exit("Prometheus could not scrape the daemon")
        names = json.loads(fetch(f"{base}count({{job=%22guardhouse%22}})"))["data"]["result"]
        print(f"Prometheus has {names[0]['value'][1]} series of the daemon")
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    guardhouse, schemathesis = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policies/acme").mkdir(parents=True)
        (folder / "policies/acme/policy.toml").write_text(POLICY)
        doors, operator = free_port(), free_port()
        (folder / "guardhouse.toml").write_text(
            "version = 1\n"
            f'[[listeners]]\naddress = "127.0.0.1:{doors}"\ndoors = ["native", "authzen"]\n'
            f'[[listeners]]\naddress = "127.0.0.1:{operator}"\ndoors = ["health", "metrics"]\n'
        )
        daemon = subprocess.Popen([guardhouse, "serve"], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            base, operator_base = f"http://127.0.0.1:{doors}", f"http://127.0.0.1:{operator}"
            wait_for(f"{operator_base}/readyz", daemon)
            step("decern")
            prove_decern(base)
            step("schemathesis")
            prove_schemathesis(schemathesis, base, folder)
            step("Prometheus")
            prove_prometheus(folder, operator_base)
        finally:
            daemon.terminate()
            status = daemon.wait(timeout=60)
        step(f"the daemon ended with the status {status}")
        if status != 0:
            sys.exit(1)


if __name__ == "__main__":
    main()
