"""A bare upstream, which keeps the requests that arrive as they are, and answers all of them alike."""

import asyncio
import threading
from dataclasses import dataclass

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nupstream"
BODY = b"upstream"


@dataclass(frozen=True)
class Arrived:
    method: str
    target: bytes
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """The values of a header, in lower case."""
        return [value for header, value in self.headers if header.lower() == name]


class Connection(asyncio.Protocol):
    def __init__(self, upstream: "Upstream") -> None:
        self.upstream = upstream
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, rest = self.buffer.split(b"\r\n\r\n", 1)
            first, *lines = head.split(b"\r\n")
            headers = tuple(
                (name.decode("latin-1"), value.decode("latin-1").strip())
                for name, _, value in (line.partition(b":") for line in lines)
            )
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            method, _, target = first.rpartition(b" ")[0].partition(b" ")
            self.upstream.arrived.append(Arrived(method.decode("latin-1"), target, headers))
            self.transport.write(ANSWER)


class Upstream:
    def __init__(self, port: int) -> None:
        self.port = port
        self.arrived: list[Arrived] = []
        self.loop = asyncio.new_event_loop()
        listening = threading.Event()
        threading.Thread(target=self.run, args=(listening,), daemon=True).start()
        listening.wait()

    def run(self, listening: threading.Event) -> None:
        self.loop.run_until_complete(self.loop.create_server(lambda: Connection(self), "127.0.0.1", self.port))
        listening.set()
        self.loop.run_forever()

    def take(self) -> list[Arrived]:
        """The requests that arrived since the last call. A proxy answers its client after the upstream did."""
        taken, self.arrived = self.arrived, []
        return taken
