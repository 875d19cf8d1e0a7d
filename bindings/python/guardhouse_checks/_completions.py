"""Awaiting evaluations in an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import weakref

from guardhouse_checks import _native
from guardhouse_checks._context import Request


class _CompletionListener:
    """The evaluations that one event loop awaits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.process = os.getpid()
        self.queue = _native.CompletionQueue()
        self.keys = itertools.count()
        self.pending: dict[int, asyncio.Future[list[_native.Report]]] = {}
        # The loop references the listener, and the listener does not reference the loop, so both are freed together.
        loop.add_reader(self.queue.fileno(), self.on_readable)

    def on_readable(self) -> None:
        """Resolves the futures of the evaluations that have completed."""
        try:
            completions = self.queue.take()
        except BaseException as error:
            # A future whose completion is lost must not stay pending.
            for future in self.pending.values():
                if not future.done():
                    future.set_exception(RuntimeError(f"the completed evaluations were lost: {error!r}"))
            self.pending.clear()
            raise
        for key, reports, reason in completions:
            future = self.pending.pop(key, None)
            if future is None or future.done():
                continue
            if reports is None:
                future.set_exception(RuntimeError(reason))
            else:
                future.set_result(reports)


_listeners: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _CompletionListener] = weakref.WeakKeyDictionary()


async def evaluate(
    host: _native.Host,
    checks: list[_native.Check],
    requests: list[Request],
    *,
    missing_scopes: bool,
    on_the_spot: bool = True,
) -> tuple[list[_native.Report], bool]:
    """The decisions of the checks, one for each request, and whether this thread spent a tick on them.

    Checks that were fast lately are asked in this thread, which lets other Python code run meanwhile, for at most a tick
    and a half. Everything else runs in threads of the host, and cancelling this call stops it."""
    found = _native.begin(host, checks, requests, missing_scopes, on_the_spot)
    if isinstance(found, list):
        return found, False
    loop = asyncio.get_running_loop()
    listener = _listeners.get(loop)
    if listener is None or listener.process != os.getpid():
        listener = _listeners[loop] = _CompletionListener(loop)
    key = next(listener.keys)
    future: asyncio.Future[list[_native.Report]] = loop.create_future()
    listener.pending[key] = future
    try:
        found.go_on(host, listener.queue, key)
        return await future, found.met_tick
    except asyncio.CancelledError:
        found.cancel()
        raise
    finally:
        listener.pending.pop(key, None)
