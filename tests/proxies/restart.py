"""The daemon is restarted while Envoy sends it requests: what should pass passes, and nothing else does."""

import signal

from daemon import Daemon
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
        program = self.daemon.start(name, free_port())
        self.programs.append(program)
        return program

    def end(self, program: Program) -> None:
        program.send(signal.SIGTERM)
        status = program.process.wait(60)
        if status != 0:
            raise Failed(f"{program.name} ended with the status {status}")

    def one_after_the_other(self) -> None:
        self.end(self.first)
        self.start("guardhouse-2")

    def second_first(self) -> None:
        self.start("guardhouse-2")
        self.end(self.first)


def look(title: str, result: Result, upstream: Upstream) -> list[str]:
    arrived = upstream.take()
    forbidden = [request.target for request in arrived if not request.target.startswith(b"/orders/")]
    print(f"| {title} | {result.requests} | {result.requests / result.seconds:,.0f} | {dict(result.passing)} | {dict(result.denied)} | {result.slowest * 1000:,.0f} ms |", flush=True)
    wrong = []
    if not result.is_right:
        wrong.append(f"{title}: {dict(result.passing)} of those that should pass, {dict(result.denied)} of the others")
    if forbidden:
        wrong.append(f"{title}: these arrived: {forbidden[:5]}")
    return wrong


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    daemon.inherit()
    # Two cores have the load, Envoy, and at times two daemons; what waits for a processor is not to be denied here.
    daemon.extra["host"] = {"limits": {"queue-time": "1s", "tenant-queue": 4_096}}
    daemon.tenant["deadline"] = "1900ms"
    programs: list[Program] = []
    wrong = []
    print("| restart | requests | per second | should pass | should be denied | slowest |\n|---|---:|---:|---|---|---:|")
    with running(programs):
        for title, way in (("stop, then start", Restarts.one_after_the_other), ("start the next, then stop", Restarts.second_first)):
            restarts = Restarts(daemon, programs)
            proxy = proxies.start("envoy-grpc")
            programs.append(proxy.program)
            token = daemon.issuer.token("read")
            rate = sustained(proxy.port, token)
            result = during(lambda: way(restarts), proxy.port, token, rate)
            wrong += look(title, result, upstream)
            for program in programs:
                program.kill()
            print(daemon.causes())
        if wrong:
            raise Failed("\n".join(wrong))
