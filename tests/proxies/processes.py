"""Programs that run beside the proof, and end with it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class Failed(Exception):
    """Something that the proof expected did not happen."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Waits until the condition holds. The time only bounds a failure."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:g} s")
        time.sleep(0.005)


class Program:
    """A program with its output in a file."""

    def __init__(
        self, name: str, command: list[str], folder: Path, environment: dict[str, str] | None = None, **options
    ):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **options,
            )

    def wait_for_port(self, port: int) -> None:
        self.wait_until(lambda: accepts(port), f"port {port}")

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with the status {self.process.returncode}\n{self.tail()}")
            return condition()

        wait_until(holds, f"{self.name}, {what}")

    def send(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failed(f"{self.name} did not end within {seconds:g} s\n{self.tail()}") from None

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def tail(self, lines: int = 12) -> str:
        text = [line[:400] for line in self.log.read_text(errors="replace").splitlines()[-lines:]]
        return f"-- the end of {self.name}'s log:\n" + "\n".join(text)


@contextlib.contextmanager
def running(programs: list[Program]) -> Iterator[None]:
    """Kills the programs at the end, and adds the ends of their logs to what failed."""
    try:
        yield
    except (AssertionError, Failed) as error:
        tails = "\n".join(program.tail() for program in programs)
        raise Failed(f"{error}\n{tails}") from error
    finally:
        for program in programs:
            program.kill()
