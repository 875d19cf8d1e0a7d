"""Waiting for an answer in an event loop, which goes on meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import os
import weakref

from guardhouse import _native


class _Listener:
    """What one event loop waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.process = os.getpid()
        self.bell = _native.Bell()
        self.tickets = itertools.count()
        self.waiting: dict[int, asyncio.Future[_native.Report]] = {}
        # The loop knows the listener, and the listener not the loop: it is gone with it.
        loop.add_reader(self.bell.fileno(), self.hear)

    def hear(self) -> None:
        try:
            answers = self.bell.take()
        except BaseException as error:
            # Nobody may wait for an answer that is lost.
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(RuntimeError(f"the answers were lost: {error!r}"))
            self.waiting.clear()
            raise
        for ticket, report, reason in answers:
            future = self.waiting.pop(ticket, None)
            if future is None or future.done():
                continue
            if report is None:
                future.set_exception(RuntimeError(reason))
            else:
                future.set_result(report)


_listeners: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Listener] = weakref.WeakKeyDictionary()


async def ask(
    host: _native.Host, checks: list[_native.Check], context: bytes, *, missing_scopes: bool
) -> _native.Report:
    """The decision of the checks, which other threads make. If nobody waits for it any more they stop."""
    loop = asyncio.get_running_loop()
    listener = _listeners.get(loop)
    if listener is None or listener.process != os.getpid():
        listener = _listeners[loop] = _Listener(loop)
    ticket = next(listener.tickets)
    future: asyncio.Future[_native.Report] = loop.create_future()
    listener.waiting[ticket] = future
    try:
        question = _native.ask(host, listener.bell, ticket, checks, context, missing_scopes)
        try:
            return await future
        except asyncio.CancelledError:
            question.cancel()
            raise
    finally:
        listener.waiting.pop(ticket, None)
