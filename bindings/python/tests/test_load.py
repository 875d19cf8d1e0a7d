"""A short version of `load.py`."""

from __future__ import annotations

import load

REQUESTS = 600
CLIENTS = 20


def test_a_server_under_load_answers_correctly_and_does_not_grow() -> None:
    result = load.run(REQUESTS, CLIENTS)
    assert result.wrong == []
    # The number of connections per client varies by one. A leak per request would leak hundreds.
    assert result.after.files <= result.before.files + CLIENTS
    assert result.after.threads <= result.before.threads + CLIENTS
    assert result.after.resident < result.before.resident + (64 << 20)
