"""The proxies, with the configurations of the documentation."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from daemon import Daemon
from documented import blocks
from processes import Failed, Program, free_port

NAMES = ("envoy-grpc", "envoy-http", "nginx", "caddy")


class Proxy:
    """A proxy that runs, and the port that clients reach it at."""

    def __init__(self, name: str, port: int, program: Program) -> None:
        self.name, self.port, self.program = name, port, program
        program.wait_for_port(port)


def filter_of(envoy: dict[str, Any]) -> dict[str, Any]:
    """The filter in the configuration of Envoy that asks the daemon."""
    return manager_of(envoy)["http_filters"][0]["typed_config"]


def manager_of(envoy: dict[str, Any]) -> dict[str, Any]:
    return envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


class Proxies:
    """Starts proxies in front of one daemon."""

    def __init__(self, daemon: Daemon, folder: Path, programs: dict[str, str]) -> None:
        self.daemon, self.folder, self.programs = daemon, folder, programs
        self.started = 0
        etc = daemon.places.folder / "etc"
        secrets = daemon.secrets
        (etc / "nginx").mkdir(parents=True)
        (etc / "caddy").mkdir()
        include = blocks("nginx.md", "nginx")[1].replace("a token of 16 characters or more", secrets["nginx"])
        (etc / "nginx/guardhouse-credential.conf").write_text(include)
        (etc / "caddy/guardhouse-credential").write_text(secrets["caddy"])
        daemon.authority.write(etc / "envoy/tls/authority.pem")
        daemon.clients.issue(etc / "envoy/tls/envoy", [x509.UniformResourceIdentifier("spiffe://shop.example/envoy")])

    def start(
        self, name: str, *, tenant: str = "acme", change: Callable[[dict[str, Any]], None] | None = None
    ) -> Proxy:
        """Starts a proxy. `change` may change the configuration of Envoy."""
        self.started += 1
        folder = self.folder / f"{name}-{self.started}"
        folder.mkdir()
        port = free_port()
        starts = {"envoy-grpc": self.envoy, "envoy-http": self.envoy, "nginx": self.nginx, "caddy": self.caddy}
        program = starts[name](name, folder, port, tenant, change)
        try:
            return Proxy(name, port, program)
        except Failed:
            program.kill()
            raise

    def envoy(
        self, name: str, folder: Path, port: int, tenant: str, change: Callable[[dict[str, Any]], None] | None
    ) -> Program:
        complete, http_filter, http_cluster = map(yaml.safe_load, blocks("envoy.md", "yaml")[:3])
        if name == "envoy-http":
            manager_of(complete)["http_filters"][0] = http_filter
            complete["static_resources"]["clusters"][0] = http_cluster
        if change:
            change(complete)
        text = self.daemon.places.put_into(yaml.safe_dump(complete, sort_keys=False), port)
        text = text.replace("tenants/acme/", f"tenants/{tenant}/").replace("tenant: acme", f"tenant: {tenant}")
        (folder / "envoy.yaml").write_text(text)
        command = [
            self.programs["envoy"],
            "-c",
            "envoy.yaml",
            "--concurrency",
            "1",
            "--use-dynamic-base-id",
            "-l",
            "warning",
        ]
        return Program(name, command, folder, self.secrets())

    def secrets(self) -> dict[str, str]:
        """The environment of Envoy: the credential of its HTTP form, and that of gRPC without TLS."""
        secrets = self.daemon.secrets
        return {"GUARDHOUSE_CREDENTIAL": secrets["envoy"], "GUARDHOUSE_GRPC": secrets["grpc"]}

    def nginx(self, name: str, folder: Path, port: int, tenant: str, _: object) -> Program:
        text = self.daemon.places.put_into(blocks("nginx.md", "nginx")[0], port)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        text = text.replace("http {\n", f"http {{\n    access_log off;\n{temporary}", 1)
        (folder / "nginx.conf").write_text(text.replace("tenants/acme/", f"tenants/{tenant}/"))
        user = "user root;" if os.geteuid() == 0 else ""
        directives = f"daemon off; {user} pid {folder}/nginx.pid;"
        command = [self.programs["nginx"], "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", "-g", directives]
        return Program(name, command, folder)

    def caddy(self, name: str, folder: Path, port: int, tenant: str, _: object) -> Program:
        text = self.daemon.places.put_into(blocks("caddy.md", "caddy")[0], port)
        (folder / "Caddyfile").write_text(text.replace("tenants/acme/", f"tenants/{tenant}/"))
        homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        return Program(name, [self.programs["caddy"], "run", "--config", "Caddyfile"], folder, homes)


def find(name: str, folder: Path, package: str) -> str:
    """The program of the environment, of the machine, or of a package that was unpacked into the folder of tools."""
    for candidate in (folder / "bin" / name, folder / "debian/usr/sbin" / name, folder / "debian/usr/bin" / name):
        if candidate.exists():
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise Failed(f"{name} is not installed (Debian's package `{package}`)")
    return found
