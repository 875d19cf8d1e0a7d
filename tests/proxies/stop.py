"""The daemon ends in the time that its configuration states, whatever clients do."""

import signal
import socket
import threading
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
    credential = daemon.secrets["envoy"]
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


def watch(connection: socket.socket, seen: list[tuple[int, int]]) -> None:
    """Notes each GOAWAY, with its last stream and the time, and answers pings."""
    for kind, flags, _, payload in http2.received(connection):
        if kind == http2.GOAWAY:
            seen.append((int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF, int(time.monotonic() * 1000)))
        if kind == http2.PING and not flags & http2.ACK:
            connection.sendall(http2.frame(http2.PING, http2.ACK, 0, payload))


def prove_goaways(daemon: Daemon, program: Program) -> None:
    """Both GOAWAYs come: one that takes no stream away, and the real one."""
    seen: list[tuple[int, int]] = []
    polite = http2.connect(daemon.plain, http2.settings())
    thread = threading.Thread(target=watch, args=(polite, seen))
    thread.start()
    credential = daemon.secrets["envoy"]
    polite.sendall(http2.call(1, credential) + http2.message(request("/public/1").SerializeToString(), 1))
    program.send(signal.SIGTERM)
    wait_until(lambda: seen, "the first GOAWAY", 10)
    # A stream that Envoy opened before the GOAWAY reached it.
    polite.sendall(http2.call(3, credential) + http2.message(request("/public/2").SerializeToString(), 3))
    thread.join(20)
    last = [stream for stream, _ in seen]
    print(f"GOAWAY with the last streams {last}")
    if last[:1] != [0x7FFF_FFFF] or len(last) < 2 or last[-1] < 3:
        raise Failed(f"expected a GOAWAY for no stream, and then one that keeps stream 3: {last}")
    if daemon.decision("/public/2")["decision"] != "allow":
        raise Failed("the stream that crossed the GOAWAY was not decided")


def prove(daemon: Daemon, _: Proxies, upstream: Upstream) -> None:
    daemon.extra["drain"] = {"notice": f"{NOTICE}s", "time": f"{DRAIN}s"}
    program = daemon.start()
    with running([program]):
        clients = rude(daemon)
        # Each has been taken: the metrics count them, and this connection is the last.
        wait_until(lambda: daemon.metrics()["guardhouse_connections"] >= len(clients), "all connections are taken", 10)
        start = time.monotonic()
        program.send(signal.SIGTERM)
        status = program.process.wait(60)
        took = time.monotonic() - start
        print(f"{len(clients)} clients: {', '.join(clients)}\nthe daemon ended after {took:.2f} s of {NOTICE + DRAIN} s, with the status {status}")
        if took > NOTICE + DRAIN + MARGIN or status != 0:
            raise Failed("the daemon did not end in time, or not well")
    again = daemon.start()
    with running([again]):
        prove_goaways(daemon, again)
        status = again.process.wait(60)
        if status != 0:
            raise Failed(f"the daemon ended with the status {status}")
