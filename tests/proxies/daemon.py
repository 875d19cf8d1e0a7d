"""The daemon: `guardhouse serve` with the configurations of all pages, and the policies of the proof."""

import json
import os
import shutil
import signal
import socket
import tomllib
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from cryptography import x509

from certificates import Authority
from documented import EXT_AUTHZ, FORWARD_AUTH, PAGES, Places, blocks
from issuer import Issuer
from processes import Failed, Program, free_port, wait_until

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures/demo"

POLICY = """\
version = 1

[checks.readers]
plugin = "builtin:require-scopes"
settings = { scopes = ["read"] }

[checks.payers]
plugin = "builtin:require-scopes"
settings = { scopes = ["pay"] }

[checks.admins]
plugin = "builtin:require-roles"
settings = { roles = ["admin"], claim = "/roles" }

[checks.closed]
plugin = "builtin:deny-with-message"
settings = { message = "closed on Sundays" }

[checks.trap]
plugin = "unreachable.wasm"

[checks.endless]
plugin = "loop.wasm"
limits = { cpu-time = "100ms", deadline = "900ms" }

# Holds an instance for as long as a decision may take.
[checks.holds]
plugin = "loop.wasm"
limits = { cpu-time = "none", deadline = "900ms" }

[log]
include = ["component", "attributes"]
"""
RULES = {
    "orders": "readers",
    "pay": "payers",
    "admin": "admins",
    "closed": "closed",
    "trap": "trap",
    "endless": "endless",
    "holds": "holds",
}
# No rule names `/secret`, so nobody may reach it.
PUBLIC = (
    '\n[[rules]]\nname = "public"\nwhen = { kind = "route", name = ["/public", "/public/**"] }\nunchecked = "allow"\n'
)
# The tenants beside that of the documentation, and what they may use.
BUDGETS: dict[str, dict[str, Any]] = {
    "spent": {"evaluations-per-second": 1, "evaluation-burst": 1},
    "full": {"instances": 1, "queue": 0},
}
TENANTS = ("acme", *BUDGETS)
# Credentials that the pages only describe.
MORE_CREDENTIALS: list[dict[str, Any]] = [
    {"name": "grpc", "token-file": "secrets/grpc", "doors": ["ext-authz"]},
    {"name": "web", "certificate": "spiffe://shop.example/web", "doors": ["forward-auth"]},
    {
        "name": "both",
        "certificate": "spiffe://shop.example/both",
        "token-file": "secrets/both",
        "doors": ["forward-auth"],
    },
]


def policy() -> str:
    rules = [
        f'\n[[rules]]\nname = "{name}"\nwhen = {{ kind = "route", name = ["/{name}", "/{name}/**"] }}\ncheck = "{check}"\n'
        for name, check in RULES.items()
    ]
    return POLICY + "".join(rules) + PUBLIC


def inline(value: object) -> str:
    """A value of TOML on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(name)} = {inline(member)}" for name, member in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(inline, value)) + "]"
        case _:
            return json.dumps(value)


def documented() -> dict[str, Any]:
    """The configurations of the pages in one."""
    merged: dict[str, Any] = {"version": 1, "listeners": [], "credentials": [], "issuers": [], "tenants": {}}
    for page in PAGES:
        one = tomllib.loads(blocks(page, "toml")[0])
        assert one["version"] == 1
        for name in ("listeners", "credentials", "issuers"):
            merged[name] += [entry for entry in one[name] if entry not in merged[name]]
        merged["tenants"] |= one["tenants"]
    return merged


class Daemon:
    """A daemon, which may be started again with the same policies."""

    def __init__(self, command: Path, folder: Path, places: Places, issuer: Issuer) -> None:
        self.command, self.folder, self.places, self.issuer = command, folder, places, issuer
        self.authority, self.clients = Authority("servers"), Authority("clients")
        self.secrets = {name: os.urandom(16).hex() for name in ("envoy", "nginx", "caddy", "grpc", "both")}
        self.extra: dict[str, Any] = {"drain": {"notice": "1s", "time": "5s"}}
        # What the tenant has beside the documentation.
        self.tenant: dict[str, Any] = {}
        self.sockets: list[socket.socket] = []
        # Envoy's protocol without TLS, and forward-auth with TLS, which the pages only describe.
        self.plain, self.secure = free_port(), free_port()
        self.write()

    def write(self) -> None:
        self.folder.mkdir()
        for tenant in TENANTS:
            folder = self.folder / "policies" / tenant
            folder.mkdir(parents=True)
            (folder / "policy.toml").write_text(policy())
            for plugin in ("unreachable.wasm", "loop.wasm"):
                shutil.copy(FIXTURES / plugin, folder)
        secrets = self.folder / "secrets"
        secrets.mkdir()
        for name, secret in self.secrets.items():
            (secrets / name).write_text(secret + "\n")
        self.clients.write(self.folder / "tls/clients.pem")
        self.authority.issue(self.folder / "tls/server", [x509.DNSName("guardhouse.example")], server=True)

    def configuration(self) -> str:
        config = documented()
        for issuer in config["issuers"]:
            issuer["jwks-url"] = self.issuer.jwks_url
        config["credentials"] += MORE_CREDENTIALS
        for credential in config["credentials"]:
            credential["tenants"] = list(TENANTS)
        acme = config["tenants"]["acme"]
        acme |= self.tenant
        config["tenants"] |= {name: acme | {"budget": budget} for name, budget in BUDGETS.items()}
        config |= {"decision-log": {"destination": "decisions.jsonl", "when-full": "wait"}, **self.extra}
        if self.sockets:
            ours = [f"127.0.0.1:{port}" for port in (FORWARD_AUTH, EXT_AUTHZ)]
            for listener in config["listeners"]:
                if listener["address"] in ours:
                    listener["address"] = f"systemd:{ours.index(listener['address'])}"
        else:
            config["listeners"] += self.more_listeners()
        text = "".join(f"{name} = {inline(value)}\n" for name, value in config.items())
        return self.places.put_into(text)

    def more_listeners(self) -> list[dict[str, Any]]:
        tls = {
            "certificate": "tls/server.pem",
            "key": "tls/server.key",
            "client-ca": "tls/clients.pem",
            "client": "optional",
        }
        return [
            {"address": f"127.0.0.1:{self.plain}", "doors": ["ext-authz"], "tenant": "acme"},
            {"address": f"127.0.0.1:{self.secure}", "doors": ["forward-auth"], "tls": tls},
        ]

    def start(self, name: str = "guardhouse", others: dict[int, int] | None = None) -> Program:
        """Starts a daemon that is ready. A second one needs other ports, at least for the operator."""
        others = others or {}
        text = self.configuration()
        for port, other in others.items():
            text = text.replace(f':{port}"', f':{other}"')
        operator = others.get(self.places.operator, self.places.operator)
        file = self.folder / f"{name}.toml"
        file.write_text(text)
        command = [str(self.command), "serve", "--config", str(file)]
        if self.sockets:
            moves = " ".join(f"{number}<&{listener.fileno()}" for number, listener in enumerate(self.sockets, 3))
            script = f'LISTEN_PID=$$ LISTEN_FDS={len(self.sockets)} exec "$@" {moves}'
            command = ["bash", "-c", script, "bash", *command]
        descriptors = [listener.fileno() for listener in self.sockets]
        program = Program(name, command, self.folder, pass_fds=descriptors)
        try:
            program.wait_until(lambda: self.is_ready(operator), "not ready")
        except Failed:
            program.kill()
            raise
        return program

    def inherit(self) -> None:
        """Opens the sockets of the doors here, so that they outlive a daemon, as those of systemd do."""
        for port in (FORWARD_AUTH, EXT_AUTHZ):
            listener = socket.create_server(("127.0.0.1", self.places.ports[port]), backlog=4096)
            self.sockets.append(listener)

    def is_ready(self, operator: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{operator}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def metric(self, name: str, *labels: str) -> float:
        """The sum of the series of a metric that have the labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.places.operator}/metrics", timeout=5) as answer:
            lines = [
                line.rpartition(" ")
                for line in answer.read().decode().splitlines()
                if line.partition("{")[0].partition(" ")[0] == name
            ]
        return sum(float(value) for series, _, value in lines if all(label in series for label in labels))

    def causes(self) -> Counter[str]:
        """The denials of the decision log by their faults, and where no check failed by their causes."""
        lines = map(json.loads, (self.folder / "decisions.jsonl").read_text().splitlines())
        return Counter(line.get("fault") or line["cause"] for line in lines if line.get("decision") == "deny")

    def decision(self, path: str) -> dict[str, Any]:
        """The line that the decision log has of the newest request with this path."""
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            log = self.folder / "decisions.jsonl"
            lines = log.read_text().splitlines() if log.exists() else []
            for line in reversed(lines):
                one = json.loads(line)
                if one.get("context", {}).get("component", {}).get("name") == path:
                    found.append(one)
                    return True
            return False

        wait_until(is_there, f"a line of the decision log for `{path}`", 10)
        return found[0]


def stop(program: Program) -> None:
    """Stops a daemon, which must end well."""
    status = program.stop(signal.SIGINT)
    if status != 0:
        raise Failed(f"{program.name} ended with the status {status}\n{program.tail()}")
