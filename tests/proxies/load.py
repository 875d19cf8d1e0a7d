"""A load of requests, half of which must pass, while something else happens."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from processes import Failed

# Requests per second: the first of these that the machine sustains is taken.
RATES = (1_000, 500, 250, 125, 60)
# For a request that waits in a proxy.
PATIENCE = 15


@dataclass
class Result:
    seconds: float = 0
    slowest: float = 0
    passing: Counter[int] = field(default_factory=Counter)
    denied: Counter[int] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        return self.passing.total() + self.denied.total()

    @property
    def is_right(self) -> bool:
        return set(self.passing) == {200} and set(self.denied) == {403}


class Load:
    """Sends some requests a second, whether or not the earlier ones are answered."""

    def __init__(self, port: int, token: str, rate: float) -> None:
        self.port, self.token, self.rate = port, token, rate
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.result = Result()

    def head(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {self.token}\r\n\r\n".encode()

    async def ask(self, path: str) -> int:
        """The status, or 0 if there was no answer."""
        try:
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(self.head(path))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            await reader.readexactly(length)
            if b"connection: close" in lines:
                writer.close()
            else:
                self.idle.append((reader, writer))
            return int(head[9:12])
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            return 0

    async def one(self, number: int) -> None:
        start = time.monotonic()
        if number % 2:
            self.result.passing[await self.ask(f"/orders/{number}")] += 1
        else:
            self.result.denied[await self.ask(f"/secret/{number}")] += 1
        self.result.slowest = max(self.result.slowest, time.monotonic() - start)

    async def run(self, event: Callable[[], None], before: float, after: float) -> Result:
        """Sends for some time before the event, while it happens, and after it."""
        start = time.monotonic()
        happened = asyncio.get_running_loop().run_in_executor(None, later(event, before))
        tasks: set[asyncio.Task[None]] = set()
        number, end = 0, float("inf")
        while time.monotonic() < end:
            while number < (time.monotonic() - start) * self.rate:
                task = asyncio.create_task(self.one(number))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                number += 1
            if happened.done() and end == float("inf"):
                end = time.monotonic() + after
            await asyncio.sleep(0.001)
        self.result.seconds = time.monotonic() - start
        await asyncio.gather(*tasks)
        await happened
        for _, writer in self.idle:
            writer.close()
        return self.result


def later(event: Callable[[], None], seconds: float) -> Callable[[], None]:
    def run() -> None:
        time.sleep(seconds)
        event()

    return run


def during(event: Callable[[], None], port: int, token: str, rate: float, seconds: float = 1) -> Result:
    """Sends requests for some seconds before the event, while it happens, and as long after it."""
    return asyncio.run(Load(port, token, rate).run(event, seconds, seconds))


def sustained(port: int, token: str) -> int:
    """The rate at which no answer takes long, with half as much in reserve."""
    for rate in RATES:
        result = during(lambda: None, port, token, rate * 1.5)
        if result.is_right and result.slowest < 0.5:
            return rate
    raise Failed(f"not even {RATES[-1]} requests a second are answered: {result}")
