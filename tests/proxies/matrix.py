"""What a client sees of each outcome through each proxy, and whether the upstream got the request."""

import contextlib
import functools
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from daemon import Daemon, stop
from issuer import Issuer
from processes import Failed, Program, wait_until
from proxies import NAMES, Proxies, Proxy, filter_of
from upstream import BODY, Upstream
from wire import Answer, ask

METADATA = 'resource_metadata="https://shop.example/.well-known/oauth-protected-resource"'
MESSAGE = b"closed on Sundays"
ALLOWING = ("envoy-grpc, allowing", "envoy-http, allowing")


@dataclass(frozen=True)
class Row:
    """An outcome: the request that has it, and what is expected of it.

    `fault` is the cause that the decision log must have; `spent` and `full` are tenants.
    """

    title: str
    target: str
    token: Callable[[Issuer], str | None]
    status: int
    body: bytes = b""
    challenge: str | None = None
    fault: str | None = None
    tenant: str = "acme"
    nginx: int | None = None


def reader(issuer: Issuer) -> str:
    return issuer.token("read")


def nobody(_: Issuer) -> None:
    return None


ROWS = [
    Row("allow", "/orders/allow?expand=lines", reader, 200, BODY),
    Row("allow without a token", "/public/page", nobody, 200, BODY),
    Row("silent denial", "/admin/denial", reader, 403),
    Row("denial with a message", "/closed/message", reader, 403, MESSAGE),
    Row("no rule", "/secret/no-rule", reader, 403),
    Row("no token", "/orders/no-token", nobody, 401, challenge=f"Bearer {METADATA}"),
    Row(
        "another scheme than Bearer",
        "/orders/basic",
        lambda _: "Basic YWxpY2U6YWxpY2U=",
        401,
        challenge=f"Bearer {METADATA}",
    ),
    Row(
        "bad token",
        "/orders/bad-token",
        lambda issuer: issuer.token("read")[:-8] + "AAAAAAAA",
        401,
        challenge='error="invalid_token"',
    ),
    Row(
        "bad token where none is needed",
        "/public/bad-token",
        lambda _: "nonsense",
        401,
        challenge='error="invalid_token"',
    ),
    Row(
        "expired token",
        "/orders/expired",
        lambda issuer: issuer.token("read", exp=1),
        401,
        challenge='error="invalid_token"',
    ),
    Row("missing scope", "/pay/scope", reader, 403, challenge='error="insufficient_scope", scope="pay"'),
    Row("trapping plugin", "/trap/fault", reader, 403, fault="trap"),
    Row("endless plugin", "/endless/fault", reader, 403, fault="cpu-time-limit"),
    Row("budget spent", "/orders/spent", reader, 429, fault="over-budget", tenant="spent", nginx=403),
    Row("queue full", "/orders/full", reader, 403, fault="queue-full", tenant="full"),
]


def headers(token: str | None) -> list[tuple[str, str]]:
    if token is None:
        return []
    return [("Authorization", token if " " in token else f"Bearer {token}")]


def shown(answer: Answer, arrived: bool) -> str:
    """A cell of the table."""
    challenge = ", ".join(answer.values("www-authenticate"))
    text = f"{answer.status}"
    if challenge:
        text += " `" + challenge.replace(METADATA, "resource_metadata=…") + "`"
    elif answer.body and answer.body != BODY and b"<html>" not in answer.body:
        text += f" “{answer.body.decode()}”"
    elif b"<html>" in answer.body:
        text += " (nginx's page)"
    return text + (", **arrived**" if arrived else "")


class Matrix:
    def __init__(self, daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
        self.daemon, self.proxies, self.upstream = daemon, proxies, upstream
        self.table: dict[str, dict[str, str]] = {}
        self.wrong: list[str] = []

    def note(self, title: str, proxy: str, answer: Answer, expected: int, *, arrives: bool) -> None:
        arrived = bool(self.upstream.take())
        self.table.setdefault(title, {})[proxy] = shown(answer, arrived)
        if (answer.status, arrived) != (expected, arrives):
            self.wrong.append(
                f"{proxy}, {title}: {answer}, arrived: {arrived}; expected {expected}, arrived: {arrives}"
            )

    def row(self, row: Row, proxy: Proxy, name: str) -> None:
        target = row.target
        if row.tenant == "spent":
            # The first takes what the budget has for a second.
            ask(proxy.port, "/orders/first", headers(reader(self.daemon.issuer)))
            self.upstream.take()
        with Busy(self.daemon, proxy) if row.tenant == "full" else contextlib.nullcontext():
            answer = ask(proxy.port, target, headers(row.token(self.daemon.issuer)))
        nginx = name == "nginx"
        expected = row.nginx if nginx and row.nginx else row.status
        self.note(row.title, name, answer, expected, arrives=expected == 200)
        self.compare(row, name, answer)

    def compare(self, row: Row, name: str, answer: Answer) -> None:
        """Compares what the status does not say."""
        wrong = []
        challenges = answer.values("www-authenticate")
        if (
            row.challenge is None
            and challenges
            or row.challenge
            and (len(challenges) != 1 or row.challenge not in challenges[0])
        ):
            wrong.append(f"WWW-Authenticate is {challenges}, expected {row.challenge}")
        # nginx has a page of its own for each denial.
        if (name != "nginx" or answer.status == 200) and answer.body != row.body:
            wrong.append(f"the body is {answer.body!r}, expected {row.body!r}")
        if answer.status != 200:
            if not re.fullmatch("[0-9a-f]{32}", "".join(answer.values("guardhouse-decision-id"))) and (
                name,
                answer.status,
            ) != ("nginx", 401):
                wrong.append(f"the decision has no id: {answer.headers}")
            if any(answer.values(identity) for identity in ("x-user", "x-scopes")):
                wrong.append(f"a denial has identity headers: {answer.headers}")
        if row.fault:
            fault = self.daemon.decision(row.target).get("fault")
            if fault != row.fault:
                wrong.append(f"the fault is {fault}, expected {row.fault}")
        self.wrong += [f"{name}, {row.title}: {text}" for text in wrong]

    def daemon_away(self, program: Program, name: str, proxy: Proxy) -> None:
        """The daemon has stopped, or hangs. An allowing Envoy lets everything pass that nobody decided."""
        stopped = program.process.poll() is not None
        title, target = ("daemon stopped", "/secret/stopped") if stopped else ("daemon hangs", "/secret/hangs")
        closed = {"nginx": 500, "caddy": 502 if stopped else 504}.get(name, 503)
        expected = 200 if name in ALLOWING else closed
        answer = ask(proxy.port, target, headers(reader(self.daemon.issuer)))
        self.note(title, name, answer, expected, arrives=expected == 200)


class Busy:
    """A tenant that may have one instance, with a request that holds it."""

    def __init__(self, daemon: Daemon, proxy: Proxy) -> None:
        self.daemon = daemon
        token = headers(reader(daemon.issuer))
        self.thread = threading.Thread(target=ask, args=(proxy.port, "/holds/holds", token))

    def __enter__(self) -> None:
        self.thread.start()
        wait_until(lambda: self.daemon.metric("guardhouse_instances") > 0, "the first request runs", 5)

    def __exit__(self, *_: object) -> None:
        self.thread.join()


def allow_failures(envoy: dict[str, Any]) -> None:
    filter_of(envoy)["failure_mode_allow"] = True


def passes(proxy: Proxy) -> bool:
    return ask(proxy.port, "/public/again").status == 200


def variants() -> Iterator[tuple[str, str, Callable[[dict[str, Any]], None] | None]]:
    for name in NAMES:
        yield name, name, None
    for name in ALLOWING:
        yield name, name.partition(",")[0], allow_failures


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    matrix = Matrix(daemon, proxies, upstream)
    program = daemon.start()
    started: list[Program] = [program]
    main: dict[str, Proxy] = {}
    try:
        for name, kind, change in variants():
            of = {tenant: proxies.start(kind, tenant=tenant, change=change) for tenant in ("acme", "spent", "full")}
            started += [proxy.program for proxy in of.values()]
            main[name] = of["acme"]
            for row in ROWS:
                matrix.row(row, of[row.tenant], name)
        program.send(signal.SIGSTOP)
        for name, proxy in main.items():
            matrix.daemon_away(program, name, proxy)
        program.send(signal.SIGCONT)
        stop(program)
        for name, proxy in main.items():
            matrix.daemon_away(program, name, proxy)
        again = daemon.start()
        started.append(again)
        for name, proxy in main.items():
            finds_it = functools.partial(passes, proxy)
            wait_until(finds_it, f"{name} finds the daemon again", 10)
            upstream.take()
            answer = ask(proxy.port, "/orders/again", headers(reader(daemon.issuer)))
            matrix.note("daemon started again", name, answer, 200, arrives=True)
            answer = ask(proxy.port, "/secret/again", headers(reader(daemon.issuer)))
            matrix.note("daemon started again, denial", name, answer, 403, arrives=False)
    except Failed as error:
        tails = "\n".join(one.tail() for one in started if one.process.poll() is not None or one is program)
        raise Failed(f"{error}\n{tails}") from error
    finally:
        for one in started:
            one.kill()
        columns = [name for name, _, _ in variants()]
        print("| outcome | " + " | ".join(columns) + " |\n|---" + "|---" * len(columns) + "|")
        for title, cells in matrix.table.items():
            print(f"| {title} | " + " | ".join(cells.get(column, "") for column in columns) + " |")
    if matrix.wrong:
        raise Failed("\n".join([*matrix.wrong, program.tail()]))
