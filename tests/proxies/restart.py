"""The daemon is restarted while Envoy sends it requests: what should pass passes, and nothing else does."""

import copy
import signal
from typing import Any

import yaml

from daemon import Daemon
from documented import blocks
from load import Result, during, sustained
from processes import Failed, Program, free_port, running
from proxies import Proxies
from upstream import Upstream


class Restarts:
    """Ways to restart a daemon."""

    def __init__(self, daemon: Daemon, programs: list[Program]) -> None:
        self.daemon, self.programs = daemon, programs
        self.first = self.start("guardhouse-1")

    def start(self, name: str) -> Program:
        """Starts a daemon with the same sockets, and an address of its own for the operator."""
        return self.start_at(name, {self.daemon.places.operator: free_port()})

    def start_at(self, name: str, ports: dict[int, int]) -> Program:
        program = self.daemon.start(name, ports)
        self.programs.append(program)
        return program

    def end(self, program: Program) -> None:
        program.send(signal.SIGTERM)
        status = program.process.wait(60)
        if status != 0:
            raise Failed(f"{program.name} ended with the status {status}")

    def change(self, envoy: dict[str, Any]) -> None:
        """The configuration of Envoy is that of the documentation."""

    def happen(self) -> None:
        """Stop, then start."""
        self.end(self.first)
        self.start("guardhouse-2")


class Overlapping(Restarts):
    def happen(self) -> None:
        """Start the next, then stop."""
        self.start("guardhouse-2")
        self.end(self.first)


class InTurn(Restarts):
    """Two daemons at addresses of their own, which Envoy asks for their health."""

    def __init__(self, daemon: Daemon, programs: list[Program]) -> None:
        super().__init__(daemon, programs)
        places = daemon.places
        self.port = free_port()
        self.ports = {port: free_port() for port in (daemon.plain, daemon.secure, places.operator, places.forward_auth)}
        self.ports[places.ext_authz] = self.port
        self.second = self.start_at("guardhouse-2", self.ports)

    def start(self, name: str) -> Program:
        return self.start_at(name, {})

    def change(self, envoy: dict[str, Any]) -> None:
        cluster = envoy["static_resources"]["clusters"][0]
        endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
        other = copy.deepcopy(endpoints[0])
        other["endpoint"]["address"]["socket_address"]["port_value"] = self.port
        endpoints.append(other)
        cluster["health_checks"] = blocks_of_health()

    def happen(self) -> None:
        """Two servers, one after the other."""
        self.end(self.first)
        self.start("guardhouse-3")
        self.end(self.second)
        self.start_at("guardhouse-4", self.ports)


def blocks_of_health() -> list[dict[str, Any]]:
    """The health checks of the documentation."""
    return yaml.safe_load(blocks("envoy.md", "yaml")[3])["health_checks"]


def look(title: str, result: Result, upstream: Upstream) -> list[str]:
    arrived = upstream.take()
    forbidden = [request.target for request in arrived if not request.target.startswith(b"/orders/")]
    print(
        f"| {title} | {result.requests} | {result.requests / result.seconds:,.0f} | {dict(result.passing)} | {dict(result.denied)} | {result.slowest * 1000:,.0f} ms |",
        flush=True,
    )
    wrong = []
    if not result.is_right:
        wrong.append(f"{title}: {dict(result.passing)} of those that should pass, {dict(result.denied)} of the others")
    if forbidden:
        wrong.append(f"{title}: these arrived: {forbidden[:5]}")
    return wrong


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    # Two cores have the load, Envoy, and at times two daemons; what waits for a processor is not to be denied here.
    daemon.extra["host"] = {"limits": {"queue-time": "1s", "tenant-queue": 4_096}}
    daemon.extra["drain"] = {"notice": "3s", "time": "5s"}
    daemon.tenant["deadline"] = "1900ms"
    token = daemon.issuer.token("read")
    wrong = []
    print(
        "| restart | requests | per second | should pass | should be denied | slowest |\n|---|---:|---:|---|---|---:|"
    )
    for way in (InTurn, Restarts, Overlapping):
        if way is Restarts:
            daemon.inherit()
        programs: list[Program] = []
        with running(programs):
            restarts = way(daemon, programs)
            proxy = proxies.start("envoy-grpc", change=restarts.change)
            programs.append(proxy.program)
            rate = sustained(proxy.port, token)
            upstream.take()
            result = during(restarts.happen, proxy.port, token, rate)
            wrong += look(way.happen.__doc__ or "", result, upstream)
    if wrong:
        raise Failed("\n".join([*wrong, f"denials: {daemon.causes()}"]))
