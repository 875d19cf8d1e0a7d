"""Serves the wirings over stdio, each in a process of its own, without the start of an interpreter for each.

    python stdio_fork.py SOCKET                             forks a child for each client
    python stdio_fork.py SOCKET WIRING PLACE MIDDLEWARE     gives its stdin and stdout to a child, and waits for its end
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys


def _client(path: str, request: list[str]) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, ["\0".join(request).encode()], [0, 1])
        connection.recv(1)


def _serve(path: str) -> None:
    from guarded import OWN, needs_scope
    from wirings import build

    logging.disable(logging.CRITICAL)
    # FastMCP evaluates none of them here.
    scope = needs_scope()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            request, descriptors, _, _ = socket.recv_fds(connection, 1024, 2)
            if os.fork() == 0:
                listener.close()
                for number, descriptor in enumerate(descriptors):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
                wiring, place, middleware = request.decode().split("\0")
                guards = dict.fromkeys(OWN if place == "auth=" else ["scope"], scope)
                try:
                    build(wiring, place, guards, middleware=middleware).run(transport="stdio", show_banner=False)
                finally:
                    os._exit(0)
            connection.close()
            for descriptor in descriptors:
                os.close(descriptor)


if __name__ == "__main__":
    _, path, *request = sys.argv
    _client(path, request) if request else _serve(path)
