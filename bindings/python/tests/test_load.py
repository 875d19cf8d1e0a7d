"""A short version of `load.py`."""

from __future__ import annotations

import load

REQUESTS = 600
CLIENTS = 20


def test_a_server_under_load_answers_rightly_and_does_not_grow() -> None:
    result = load.run(REQUESTS, CLIENTS)
    assert result.wrong == []
    # A client may have a connection more at one time than at another. What leaks with requests leaks hundreds.
    assert result.after.files <= result.before.files + CLIENTS
    assert result.after.threads <= result.before.threads + CLIENTS
    assert result.after.resident < result.before.resident + (64 << 20)
