"""The daemon ends in the time that its configuration states, whatever clients do."""

import signal
import socket
import time

import http2
from daemon import Daemon
from processes import Failed, Program, running, wait_until
from protocol import request
from proxies import Proxies
from upstream import Upstream

NOTICE, DRAIN = 1, 3
# For the process to end, once it closes everything.
MARGIN = 1.5


def tcp(port: int, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(data)
    return connection


def rude(daemon: Daemon) -> dict[str, socket.socket]:
    """Clients that do not let a connection end."""
    plain, tls, forward = daemon.plain, daemon.places.ext_authz, daemon.places.forward_auth
    credential = daemon.secrets["grpc"]
    asked = request("/public/1").SerializeToString()
    no_window = http2.settings(window=0)
    stuck = [http2.call(2 * number + 1, credential) + http2.message(asked, 2 * number + 1) for number in range(50)]
    return {
        "silent": tcp(plain),
        "silent, on the listener with TLS": tcp(tls),
        "half a TLS handshake": tcp(tls, b"\x16\x03\x01\x02\x00\x01\x00"),
        "silent, at forward-auth": tcp(forward),
        "half a head": tcp(forward, b"GET /v1/tenants/acme/forward-auth/nginx HTTP/1.1\r\nHost: x\r\n"),
        "half a preface": tcp(plain, http2.PREFACE[:12]),
        "no request": http2.connect(plain, http2.settings()),
        "no settings": tcp(plain, http2.PREFACE),
        "half a frame": http2.connect(plain, http2.settings(), http2.call(1, credential)[:20]),
        "open stream without a message": http2.connect(plain, http2.settings(), http2.call(1, credential)),
        "answers that it does not take": http2.connect(plain, no_window, *stuck),
    }


def prove_goaways(daemon: Daemon, program: Program) -> None:
    """A GOAWAY that takes no stream away comes first, so that a stream that crosses it is decided."""
    credential = daemon.secrets["grpc"]
    ask = [
        http2.call(stream, credential) + http2.message(request(f"/public/{stream}").SerializeToString(), stream)
        for stream in (1, 3)
    ]
    last: list[int] = []
    connection = http2.connect(daemon.plain, http2.settings(), ask[0])
    for kind, flags, stream, payload in http2.received(connection):
        if kind == http2.HEADERS and stream == 1 and not last and not flags & http2.END_STREAM:
            program.send(signal.SIGTERM)
        if kind == http2.GOAWAY:
            last.append(int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF)
        if kind == http2.PING and not flags & http2.ACK:
            # What the client sent before it read the GOAWAY comes before the answer to the ping that follows it.
            connection.sendall((ask[1] if last else b"") + http2.frame(http2.PING, http2.ACK, 0, payload))
    print(f"GOAWAY with the last streams {last}")
    if last[:1] != [0x7FFF_FFFF] or last[-1] != 3:
        raise Failed(f"expected a GOAWAY for no stream, and then one that keeps stream 3: {last}")
    if daemon.decision("/public/3")["decision"] != "allow":
        raise Failed("the stream that crossed the GOAWAY was not allowed")


def prove(daemon: Daemon, _: Proxies, upstream: Upstream) -> None:
    daemon.extra["drain"] = {"notice": f"{NOTICE}s", "time": f"{DRAIN}s"}
    program = daemon.start()
    with running([program]):
        clients = rude(daemon)
        # Each has been taken: the metrics count them, and this connection is the last.
        wait_until(lambda: daemon.metric("guardhouse_connections") >= len(clients), "all connections are taken", 10)
        start = time.monotonic()
        program.send(signal.SIGTERM)
        status = program.process.wait(60)
        took = time.monotonic() - start
        print(
            f"{len(clients)} clients: {', '.join(clients)}\nthe daemon ended after {took:.2f} s of {NOTICE + DRAIN} s, with the status {status}"
        )
        if took > NOTICE + DRAIN + MARGIN or status != 0:
            raise Failed("the daemon did not end in time, or not well")
    again = daemon.start()
    with running([again]):
        prove_goaways(daemon, again)
        status = again.process.wait(60)
        if status != 0:
            raise Failed(f"the daemon ended with the status {status}")
