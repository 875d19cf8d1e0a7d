"""Frames of HTTP/2, as far as the proof writes them by hand."""

import contextlib
import socket
import struct
from collections.abc import Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
WINDOW = 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(**values: int) -> bytes:
    return frame(
        SETTINGS, 0, 0, b"".join(struct.pack(">HI", {"window": WINDOW}[name], value) for name, value in values.items())
    )


def headers(fields: list[tuple[str, str]]) -> bytes:
    """Fields without compression (RFC 7541 section 6.2.2); each text is shorter than 127 bytes."""
    block = b""
    for field in fields:
        block += b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in field)
    return block


def call(stream: int, credential: str, flags: int = END_HEADERS) -> bytes:
    """The head of a gRPC call."""
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/envoy.service.auth.v3.Authorization/Check"),
        (":authority", "guardhouse"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", f"Bearer {credential}"),
    ]
    return frame(HEADERS, flags, stream, headers(fields))


def message(body: bytes, stream: int) -> bytes:
    return frame(DATA, END_STREAM, stream, b"\0" + struct.pack(">I", len(body)) + body)


def connect(port: int, *frames: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(PREFACE + b"".join(frames))
    return connection


def received(connection: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """The frames that arrive, until the connection ends: kind, flags, stream, payload."""
    with contextlib.suppress(ConnectionError), connection.makefile("rb") as stream:
        while len(head := stream.read(9)) == 9:
            length = int.from_bytes(head[:3], "big")
            yield head[3], head[4], int.from_bytes(head[5:], "big"), stream.read(length)
