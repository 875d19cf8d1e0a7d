"""A hostile check in Python: the name of the component selects what it tries."""

import asyncio
import json
import os
import queue
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from guardhouse_sdk import AuthContext, AuthorizationError, log


def check(ctx: AuthContext) -> bool:
    return BEHAVIORS[ctx.component.name](ctx)


def message(_: AuthContext) -> bool:
    raise AuthorizationError("né 🙂")


def loop(_: AuthContext) -> bool:
    while True:
        pass


def allocate(_: AuthContext) -> bool:
    kept: list[bytearray] = []
    while True:
        kept.append(bytearray(b"x" * 65_536))


def recurse(ctx: AuthContext) -> bool:
    return not recurse(ctx)


def exception(_: AuthContext) -> bool:
    return outer()


def outer() -> bool:
    return inner()


def inner() -> bool:
    raise ValueError("secret 7f3a")


def none(_: AuthContext) -> bool:
    return None  # type: ignore[return-value]


def leave(_: AuthContext) -> bool:
    sys.exit(3)


def files(_: AuthContext) -> bool:
    done = False
    try:
        with open("guardhouse.txt", "w") as file:
            file.write("written")
        done = True
    except OSError as error:
        log.info(f"write: {error!r}")
    try:
        with open(__file__) as file:
            done = bool(file.read()) or done
    except OSError as error:
        log.info(f"read: {error!r}")
    return done


def sockets(_: AuthContext) -> bool:
    try:
        socket.create_connection(("127.0.0.1", 80), timeout=1).close()
    except OSError as error:
        log.info(f"connect: {error!r}")
        return False
    return True


def environment(_: AuthContext) -> bool:
    return bool(os.environ) or any(sys.argv)


def clock(ctx: AuthContext) -> bool:
    return int(time.time()) == ctx.now


def thread(_: AuthContext) -> bool:
    done = False

    def work() -> None:
        nonlocal done
        done = True

    try:
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
    except RuntimeError as error:
        log.info(f"start: {error!r}")
    return done


def draw(_: AuthContext) -> bool:
    log.info(str(random.random()))
    return True


def say(_: AuthContext) -> bool:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return True


def scopes(ctx: AuthContext) -> bool:
    return ctx.token is not None and ctx.token.scopes == [f"s{index}" for index in range(10_000)]


def claims(ctx: AuthContext) -> bool:
    blob = ctx.claim("/blob")
    return isinstance(blob, str) and len(blob) == 1_000_000


def echo(ctx: AuthContext) -> bool:
    arguments = ctx.argument("", default=ABSENT)
    parts = [
        ctx.token.client_id if ctx.token else "",
        ctx.component.uri if ctx.component.uri is not None else "-",
        ",".join(ctx.component.tags),
        "-" if arguments is ABSENT else json.dumps(arguments, ensure_ascii=False, separators=(",", ":")),
    ]
    raise AuthorizationError("|".join(parts))


def event_loop(_: AuthContext) -> bool:
    asyncio.run(asyncio.sleep(1))
    return True


def wait(_: AuthContext) -> bool:
    before = time.monotonic()
    try:
        queue.SimpleQueue[int]().get(timeout=5)
    except queue.Empty:
        is_late = threading.Event().wait(5)
        return not is_late and time.monotonic() - before > 9
    return False


def wait_for_ever(_: AuthContext) -> bool:
    lock = threading.Lock()
    with lock:
        return lock.acquire()


def invalid_code(_: AuthContext) -> bool:
    exec("x = = 1")
    return True


def zone(_: AuthContext) -> bool:
    return ZoneInfo("Europe/Berlin").key == "Europe/Berlin"


ABSENT = object()

BEHAVIORS: dict[str, Callable[[AuthContext], bool]] = {
    "allow": lambda _: True,
    "refuse": lambda _: False,
    "message": message,
    "loop": loop,
    "allocate": allocate,
    "recurse": recurse,
    "exception": exception,
    "none": none,
    "exit": leave,
    "files": files,
    "sockets": sockets,
    "environment": environment,
    "clock": clock,
    "thread": thread,
    "random": draw,
    "print": say,
    "scopes": scopes,
    "claims": claims,
    "echo": echo,
    "event-loop": event_loop,
    "wait": wait,
    "wait-for-ever": wait_for_ever,
    "invalid-code": invalid_code,
    "zone": zone,
}
