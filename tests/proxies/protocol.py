"""Envoy's protocol, spoken by a second client: grpcio, with the stubs that Envoy publishes."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse

from daemon import Daemon
from processes import Failed, Program, running
from proxies import Proxies, filter_of
from upstream import Upstream
from wire import ask

CHECK = "/envoy.service.auth.v3.Authorization/Check"
SERVICE = b"envoy.service.auth.v3.Authorization"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
Metadata = list[tuple[str, str]]


def request(path: str, token: str | None = None, tenant: str | None = "acme", **http: str) -> CheckRequest:
    message = CheckRequest()
    asked = message.attributes.request.http
    asked.method, asked.path, asked.host, asked.scheme, asked.protocol = (
        "GET",
        path,
        "shop.example",
        "https",
        "HTTP/1.1",
    )
    if token:
        asked.headers["authorization"] = f"Bearer {token}"
    for name, value in http.items():
        setattr(asked, name, value)
    if tenant:
        message.attributes.context_extensions["tenant"] = tenant
    return message


def explained(answer: CheckResponse) -> str:
    """The outcome, once it is sure that Envoy reads it so whatever its failure mode is."""
    kind = answer.WhichOneof("http_response")
    assert kind in ("ok_response", "denied_response"), f"the answer has {kind}: {answer}"
    assert (answer.status.code == 0) == (kind == "ok_response"), f"status {answer.status.code} with {kind}"
    if kind == "ok_response":
        headers = {
            option.header.key: option.header.value or option.header.raw_value.decode()
            for option in answer.ok_response.headers
        }
        return f"allow {headers} without {sorted(answer.ok_response.headers_to_remove)}"
    assert 400 <= answer.denied_response.status.code < 500, answer
    names = {option.header.key.lower() for option in answer.denied_response.headers}
    assert not names & {"x-user", "x-scopes"}, f"a denial has identity headers: {names}"
    return f"{answer.denied_response.status.code} {answer.denied_response.body}".strip()


class Client:
    """Sends messages as bytes, so that it can send those that are none."""

    def __init__(self, daemon: Daemon) -> None:
        self.channel = grpc.insecure_channel(f"127.0.0.1:{daemon.plain}")
        self.metadata: Metadata = [("authorization", f"Bearer {daemon.secrets['grpc']}")]

    def send(self, message: bytes, metadata: Metadata | None = None, **options: object) -> str:
        call = self.channel.unary_unary(CHECK, request_serializer=bytes, response_deserializer=bytes)
        try:
            answer = call(
                message, metadata=self.metadata if metadata is None else metadata, **({"timeout": 10} | options)
            )
        except grpc.RpcError as error:
            return f"error {error.code().name}"
        return explained(CheckResponse.FromString(answer))

    def health(self, service: bytes) -> bytes | grpc.StatusCode:
        call = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes
        )
        try:
            return call(named(service), timeout=10)
        except grpc.RpcError as error:
            return error.code()

    def watch(self, service: bytes) -> Iterator[bytes]:
        call = self.channel.unary_stream(
            "/grpc.health.v1.Health/Watch", request_serializer=bytes, response_deserializer=bytes
        )
        return call(named(service), timeout=60)


def named(service: bytes) -> bytes:
    """A `HealthCheckRequest`."""
    return b"\x0a" + bytes([len(service)]) + service if service else b""


def over_tls(daemon: Daemon, path: str, token: str | None) -> str:
    """Asks as Envoy does, with its certificate."""
    tls = daemon.places.folder / "etc/envoy/tls"
    credentials = grpc.ssl_channel_credentials(
        *((tls / name).read_bytes() for name in ("authority.pem", "envoy.key", "envoy.pem"))
    )
    options = [("grpc.ssl_target_name_override", "guardhouse.example")]
    with grpc.secure_channel(f"127.0.0.1:{daemon.places.ext_authz}", credentials, options) as channel:
        call = channel.unary_unary(
            CHECK, request_serializer=CheckRequest.SerializeToString, response_deserializer=CheckResponse.FromString
        )
        return explained(call(request(path, token), timeout=10))


def cases(daemon: Daemon, client: Client) -> list[tuple[str, Callable[[], str], str]]:
    """What is sent, and what the answer begins with."""
    token = daemon.issuer.token("read")
    send = client.send

    def asked(path: str, token: str | None = None, tenant: str | None = "acme", **http: str) -> Callable[[], str]:
        return lambda: send(request(path, token, tenant, **http).SerializeToString())

    partial = request("/public/x")
    partial.attributes.request.http.headers["x-envoy-auth-partial-body"] = "true"
    partial.attributes.request.http.body = "{"
    bearer = "allow {'x-user': 'alice', 'x-scopes': 'read'} without []"
    nobody = "allow {} without ['x-scopes', 'x-user']"
    return [
        ("allow", asked("/orders/1?x", token), bearer),
        ("allow, with mTLS", lambda: over_tls(daemon, "/orders/1", token), bearer),
        ("allow without a token", asked("/public/1"), nobody),
        ("allow, the tenant of the listener", asked("/public/1", tenant=None), nobody),
        ("denial", asked("/secret", token), "403"),
        ("message", asked("/closed", token), "403 closed on Sundays"),
        ("no token", asked("/orders/1"), "401"),
        ("trap", asked("/trap", token), "403"),
        ("endless", asked("/endless", token), "403"),
        ("unknown tenant", asked("/public/1", tenant="nobody"), "403"),
        ("another tenant's name in capitals", asked("/public/1", tenant="ACME"), "403"),
        ("partial body that no check reads", lambda: send(partial.SerializeToString()), nobody),
        ("no path", asked("", token), "403"),
        ("no method", asked("/public/1", method=""), "403"),
        ("path with a line break", asked("/public/\n1"), "403"),
        ("path of 100 kB", asked("/public/" + "a" * 100_000), "403"),
        ("header of 100 kB", lambda: send(with_header("x" * 100_000)), nobody),
        ("empty message", lambda: send(b""), "403"),
        ("no attributes of HTTP", lambda: send(b"\x0a\x00"), "403"),
        ("message that is none", lambda: send(b"\xff" * 40), "403"),
        ("message that is cut", lambda: send(request("/public/1").SerializeToString()[:-1]), "403"),
        ("message of 3 MB", lambda: send(request("/public/1", body="x" * 3_000_000).SerializeToString()), "403"),
        ("compressed message", lambda: send(with_header("x" * 10_000), compression=grpc.Compression.Gzip), "403"),
        ("no credential", lambda: send(request("/public/1").SerializeToString(), []), "403"),
        (
            "wrong credential",
            lambda: send(request("/public/1").SerializeToString(), [("authorization", "Bearer 0123456789abcdef")]),
            "403",
        ),
        (
            "credential of nginx",
            lambda: send(request("/public/1").SerializeToString(), credential(daemon, "nginx")),
            "403",
        ),
        (
            "two credentials",
            lambda: send(request("/public/1").SerializeToString(), credential(daemon, "grpc") * 2),
            "403",
        ),
    ]


def with_header(value: str) -> bytes:
    message = request("/public/1")
    message.attributes.request.http.headers["x-large"] = value
    return message.SerializeToString()


def credential(daemon: Daemon, name: str) -> Metadata:
    return [("authorization", f"Bearer {daemon.secrets[name]}")]


def prove_deadlines(daemon: Daemon, client: Client) -> None:
    """An answer comes before the deadline of the caller: an endless plugin takes 900 ms, and callers wait for less."""
    message = request("/holds/deadline", daemon.issuer.token("read")).SerializeToString()
    outcomes = [client.send(message, timeout=0.3) for _ in range(5)]
    print(f"an endless plugin, and a caller that waits for 300 ms: {outcomes}")
    if "403" not in outcomes:
        raise Failed("no denial arrived before the deadline of its caller")


def prove_health(daemon: Daemon, client: Client, program: Program) -> None:
    for service in (b"", SERVICE):
        assert client.health(service) == SERVING, f"health of {service!r}"
    assert client.health(b"unknown") == grpc.StatusCode.NOT_FOUND
    watched = {service: client.watch(service) for service in (b"", SERVICE)}
    for service, changes in watched.items():
        assert next(changes) == SERVING, f"first watch of {service!r}"
    program.send(signal.SIGTERM)
    for service, changes in watched.items():
        assert next(changes) == NOT_SERVING, f"watch of {service!r} after SIGTERM"
    status = program.process.wait(30)
    assert status == 0, f"the daemon ended with the status {status}"
    print("health: both services are watched, and are not serving once the daemon is about to end")


def prove_token(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    """Envoy with a token in place of a certificate, and with the bodies of requests."""

    def change(envoy: dict[str, Any]) -> None:
        asks = filter_of(envoy)
        token = {"key": "authorization", "value": "Bearer %ENVIRONMENT(GUARDHOUSE_GRPC)%"}
        asks["grpc_service"]["initial_metadata"] = [token]
        asks["with_request_body"] = {"max_request_bytes": 65536, "allow_partial_message": False}
        cluster = envoy["static_resources"]["clusters"][0]
        del cluster["transport_socket"]
        address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        address["socket_address"]["port_value"] = daemon.plain

    proxy = proxies.start("envoy-grpc", change=change)
    with running([proxy.program]):
        statuses = []
        for target, size in (
            ("/public/1", 0),
            ("/secret", 0),
            ("/public/2", 65536),
            ("/secret", 65536),
            ("/public/3", 65537),
        ):
            statuses.append(ask(proxy.port, target, method="POST", body=b"x" * size).status)
        arrived = [request.target for request in upstream.take()]
        print(f"Envoy with a token and bodies: {statuses}, {arrived} arrived")
        assert statuses == [200, 401, 200, 401, 413], statuses
        assert arrived == [b"/public/1", b"/public/2"], arrived


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    program = daemon.start()
    wrong = []
    with running([program]):
        client = Client(daemon)
        print("| request | answer |\n|---|---|")
        for title, send, expected in cases(daemon, client):
            try:
                answer = send()
            except (AssertionError, grpc.RpcError) as error:
                answer = f"{type(error).__name__}: {error}"
            print(f"| {title} | {answer.replace('|', '')} |")
            if not answer.startswith(expected):
                wrong.append(f"{title}: {answer}, expected {expected}")
        if wrong:
            raise Failed("\n".join(wrong))
        prove_token(daemon, proxies, upstream)
        prove_deadlines(daemon, client)
        prove_health(daemon, client, program)
