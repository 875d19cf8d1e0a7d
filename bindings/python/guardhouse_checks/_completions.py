"""Awaiting evaluations in an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import weakref

from guardhouse_checks import _native


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


async def finish(host: _native.Host, pending: _native.PendingEvaluation) -> list[_native.Report]:
    """The decisions of an evaluation, which goes on in threads of the host. Cancelling this call stops it."""
    try:
        loop = asyncio.get_running_loop()
        listener = _listeners.get(loop)
        if listener is None or listener.process != os.getpid():
            listener = _listeners[loop] = _CompletionListener(loop)
        key = next(listener.keys)
        future: asyncio.Future[list[_native.Report]] = loop.create_future()
        listener.pending[key] = future
        try:
            pending.go_on(host, listener.queue, key)
            return await future
        finally:
            listener.pending.pop(key, None)
    except BaseException:
        pending.cancel()
        raise
