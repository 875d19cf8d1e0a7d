"""Headers that a client forges: they change no outcome, and do not reach the upstream as an identity."""

from daemon import Daemon, stop
from processes import Failed, running
from proxies import NAMES, Proxies, Proxy
from upstream import Arrived, Upstream
from wire import Answer, ask

Headers = list[tuple[str, str]]


def forgeries(daemon: Daemon) -> dict[str, Headers]:
    """What a client may send, by a name for the report."""
    single = {
        "X-Original-URI": "/public/x",
        "X-Original-URL": "/public/x",
        "X-Original-Method": "OPTIONS",
        "X-Original-Host": "other.example",
        "X-Original-Scheme": "https",
        "X-Original-Address": "192.0.2.1",
        "X-Rewrite-URL": "/public/x",
        "X-Forwarded-Uri": "/public/x",
        "X-Forwarded-Method": "OPTIONS",
        "X-Forwarded-Host": "other.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Prefix": "/public",
        "X-Real-IP": "192.0.2.1",
        "Forwarded": "for=192.0.2.1;host=other.example",
        "X-User": "mallory",
        "x-scopes": "admin pay",
        "X_User": "mallory",
        "X-HTTP-Method-Override": "OPTIONS",
        "Guardhouse-Credential": "0123456789abcdef0123456789abcdef",
        "Guardhouse-Tenant": "spent",
        "Guardhouse-Decision": "allow",
        "X-Tenant": "spent",
        "tenant": "spent",
        "context_extensions": "tenant=spent",
        "context-extensions": "tenant=spent",
        "x-ext-authz": "allow",
        "x-envoy-original-path": "/public/x",
        "x-envoy-auth-partial-body": "true",
        "x-envoy-internal": "true",
        "x-envoy-external-address": "192.0.2.1",
        "x-envoy-original-dst-host": "127.0.0.1:1",
        "x-envoy-decorator-operation": "allow",
        "x-envoy-expected-rq-timeout-ms": "60000",
        "x-envoy-upstream-rq-timeout-ms": "60000",
        "x-envoy-auth-headers-to-remove": "authorization",
        "Guardhouse-Deadline-Ms": "3600000",
        "X-Request-ID": "\u00e4" * 300,
        "traceparent": "nonsense",
        "grpc-timeout": "1n",
        "Upgrade": "h2c",
        "Expect": "200-ok",
    }
    forged: dict[str, Headers] = {name: [(name, value)] for name, value in single.items()}
    own = {
        f"Guardhouse-Credential, that of {name}": [("Guardhouse-Credential", secret)]
        for name, secret in daemon.secrets.items()
    }
    twice = {
        f"{name} twice": [(name, value), (name, value)]
        for name, value in (
            ("X-Original-URI", "/public/x"),
            ("X-Forwarded-Uri", "/public/x"),
            ("X-User", "mallory"),
            ("Guardhouse-Deadline-Ms", "1"),
        )
    }
    removed = ("Authorization", "X-User", "Guardhouse-Credential", "X-Original-URI", "X-Forwarded-Uri")
    hops = {f"Connection: {name}": [("Connection", name)] for name in removed}
    return forged | own | twice | hops


# A client that sends these may be refused in another way, but it gets no more than without them. Envoy refuses names with
# `_`, and Caddy expectations. A client that has its own token removed has itself denied.
MAY_BE_REFUSED = {"X_User", "context_extensions", "Expect"}


class Client:
    def __init__(self, name: str, proxy: Proxy, daemon: Daemon, upstream: Upstream) -> None:
        self.name, self.proxy, self.upstream = name, proxy, upstream
        self.secrets = [*daemon.secrets.values()]
        self.token = ("Authorization", f"Bearer {daemon.issuer.token('read')}")
        self.wrong: list[str] = []

    def send(self, target: str, headers: Headers) -> tuple[Answer, list[Arrived]]:
        return ask(self.proxy.port, target, headers), self.upstream.take()

    def prove(self, title: str, forged: Headers) -> None:
        tolerated = title in MAY_BE_REFUSED or title.startswith("Connection")
        expected = [
            ("/secret/x", [self.token], 403, None),
            ("/public/x", [], 200, ""),
            ("/orders/x", [self.token], 200, "alice"),
        ]
        for target, headers, status, user in expected:
            answer, arrived = self.send(target, headers + forged)
            if answer.status != status and not (tolerated and 400 <= answer.status < 500):
                self.tell(title, target, f"{answer}, expected {status}")
            if status != 200 and arrived:
                self.tell(title, target, f"arrived: {arrived}")
            for request in arrived:
                self.look_at(title, target, request, user or "", forged)

    def look_at(self, title: str, target: str, request: Arrived, user: str, forged: Headers) -> None:
        """The upstream must see the identity that was decided, or none."""
        right = [user, "read"] if user else ["", ""]
        found = [",".join(request.values(name)) for name in ("x-user", "x-scopes")]
        # `Connection: X-User` has the header removed, and never another one.
        removed = title.startswith("Connection") and all(
            value in ("", expected) for value, expected in zip(found, right, strict=True)
        )
        if found != right and not removed:
            self.tell(title, target, f"the upstream sees the identity {found}, expected {right}")
        for name, value in request.headers:
            if name.lower().replace("_", "-") in ("x-user", "x-scopes") and value not in ("", "alice", "read"):
                self.tell(title, target, f"the upstream sees {name}: {value}")
            if name.lower().startswith("guardhouse-credential") or any(secret in value for secret in self.secrets):
                self.tell(title, target, f"the upstream sees a credential: {name}")

    def tell(self, title: str, target: str, problem: str) -> None:
        self.wrong.append(f"{self.name}, {title}, {target}: {problem}")

    def tokens(self, other: str) -> None:
        """Two tokens are never taken for one."""
        for pair in ((self.token[1], other), (other, self.token[1]), (self.token[1], self.token[1])):
            answer, arrived = self.send("/pay/x", [("Authorization", value) for value in pair])
            if arrived or not 400 <= answer.status < 500:
                self.tell("two tokens", "/pay/x", f"{answer}, arrived: {arrived}")


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    program = daemon.start()
    started = [program]
    wrong: list[str] = []
    forged = forgeries(daemon)
    payer = f"Bearer {daemon.issuer.token('pay')}"
    with running(started):
        for name in NAMES:
            proxy = proxies.start(name)
            started.append(proxy.program)
            client = Client(name, proxy, daemon, upstream)
            for title, headers in forged.items():
                client.prove(title, headers)
            client.tokens(payer)
            wrong += client.wrong
            print(f"{name}: {len(forged)} forgeries, 3 requests each", flush=True)
        stop(program)
        if wrong:
            raise Failed("\n".join(wrong))
