"""A client that sends the bytes that it is told, and no others."""

import http.client
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a header, in lower case."""
        return [value for header, value in self.headers if header.lower() == name]


NO_ANSWER = Answer(0, (), b"")


def ask(
    port: int,
    target: bytes | str,
    headers: list[tuple[str, str]] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
    host: str = "shop.example",
    timeout: float = 20,
) -> Answer:
    """Sends one request on a connection of its own. `NO_ANSWER` if the server closes it without an answer."""
    target = target.encode() if isinstance(target, str) else target
    lines = [("Host", host), ("Connection", "close"), *(headers or [])]
    if body:
        lines.append(("Content-Length", str(len(body))))
    head = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in lines)
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(method.encode() + b" " + target + b" HTTP/1.1\r\n" + head + b"\r\n" + body)
        answer = http.client.HTTPResponse(connection, method=method)
        try:
            answer.begin()
            return Answer(answer.status, tuple(answer.getheaders()), answer.read())
        except (http.client.HTTPException, ConnectionError):
            return NO_ANSWER
