"""The matrix of wirings: in each of them, one of Guardhouse's checks answers as FastMCP's own check does in its place.

A cell is a kind of component, a place of the check, a wiring, a transport, and a list or a call. Over stdio, FastMCP
evaluates no check, and the middleware refuses. `python tests/test_matrix.py` prints the matrix.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import fastmcp
import pytest
from guarded import FREE, GUARDED, KINDS, LIMITS, OWN
from sessions import Case, Seen, compared, seen_over_stdio, stdio_servers
from versions import serves_app_tools
from wirings import WIRINGS

ROWS = [(wiring, place) for wiring, made in WIRINGS.items() for place in made.places]
CELLS = [(*row, kind, verb) for row in ROWS for kind in WIRINGS[row[0]].kinds for verb in ("list", "call")]
LIMITED = [(*row, kind) for row in ROWS for kind in WIRINGS[row[0]].kinds if kind in ("tool", "prompt")]


@functools.cache
def _compared(wiring: str, place: str) -> dict[str, dict[Case, Seen]]:
    with _quiet():
        return asyncio.run(compared(wiring, place))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the log, where FastMCP writes a long traceback for each fault."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)


def _skip(wiring: str) -> None:
    if WIRINGS[wiring].skipped:
        pytest.skip(WIRINGS[wiring].skipped)


def differences(wiring: str, place: str, transport: str, kind: str, verb: str) -> list[str]:
    """The answers of a cell that are not those of FastMCP's own check."""
    answers = _compared(wiring, place)[transport]
    found: list[str] = []
    compared_answers = 0
    for (origin, middleware, group, bearer), seen in answers.items():
        if origin == "own":
            continue
        own = answers["own", "none", group, bearer]
        for key, answer in seen.items():
            if key[:2] != (verb, kind) or len(key) == 4 or group[0] in LIMITS:
                continue
            compared_answers += 1
            expected = own[key]
            if verb == "list":
                expected, answer = _without_limits(expected), _without_limits(answer)
            if answer != expected:
                found.append(f"{key}, {bearer}, middleware: {middleware}: {answer}, and not {expected}")
    assert compared_answers >= 2
    return found


def _without_limits(listed: list[tuple[str, str]] | str) -> list[tuple[str, str]] | str:
    """FastMCP has no check that reads arguments, and so no answer to compare these components with."""
    if isinstance(listed, str):
        return listed
    return [each for each in listed if each[1].split(":")[0] not in LIMITS]


def limit_faults(wiring: str, place: str, transport: str, kind: str) -> list[str]:
    """The answers of checks that read arguments that are neither the result of an allowed call nor FastMCP's denial
    of a forbidden one."""
    answers = _compared(wiring, place)[transport]
    found: list[str] = []
    # FastMCP does not serve some names to anybody, with any check.
    twins = answers["own", "none", _group(place, "scope"), "reader"]["call", kind, "scope"]
    for name in (name for name, limit in LIMITS.items() if kind in limit.kinds):
        own = answers["own", "none", _group(place, name), "reader"]
        seen = answers["guardhouse", "all", _group(place, name), "reader"]
        for answer, twin in zip(seen["call", kind, name, "allowed"], twins, strict=True):
            if _is_served(answer) != _is_served(twin):
                found.append(f"{name}: an allowed call: {answer}")
        denials = zip(seen["call", kind, name, "denied"], own["call", kind, name, "denied"], strict=True)
        for answer, expected in denials:
            # A proxy does not find a component that is not listed, and FastMCP's own check hides it from lists too.
            has_message = place != "auth=" and wiring == "proxied" and answer.endswith(LIMITS[name].message)
            if answer != expected and not has_message:
                found.append(f"{name}: a forbidden call: {answer}, and not {expected}")
    return found


def is_ever_served(wiring: str, place: str, verb: str) -> bool:
    """Whether FastMCP lists or serves the components of a cell to anybody."""
    return not wiring.startswith("app tool") or serves_app_tools(verb, place)


def _group(place: str, name: str) -> tuple[str, ...]:
    return tuple(OWN) if place == "auth=" else (name,)


def _is_served(answer: str) -> bool:
    return GUARDED in answer or FREE in answer


@pytest.mark.parametrize("transport", ["memory", "http"])
@pytest.mark.parametrize(("wiring", "place", "kind", "verb"), CELLS)
def test_a_check_answers_as_fastmcps_own(wiring: str, place: str, kind: str, verb: str, transport: str) -> None:
    _skip(wiring)
    assert differences(wiring, place, transport, kind, verb) == []


@pytest.mark.parametrize("transport", ["memory", "http"])
@pytest.mark.parametrize(("wiring", "place", "kind"), LIMITED)
def test_a_check_reads_the_arguments_of_its_call(wiring: str, place: str, kind: str, transport: str) -> None:
    _skip(wiring)
    assert limit_faults(wiring, place, transport, kind) == []


@pytest.mark.parametrize(("wiring", "place", "kind", "verb"), CELLS)
def test_fastmcps_own_checks_tell_the_callers_apart(wiring: str, place: str, kind: str, verb: str) -> None:
    """An answer that is the same for everybody would make the comparison worthless."""
    _skip(wiring)
    if not is_ever_served(wiring, place, verb):
        pytest.skip("this FastMCP does not serve it to anybody")
    for transport, answers in _compared(wiring, place).items():
        key = ("list", kind) if verb == "list" else ("call", kind, "scope")
        group = _group(place, "scope")
        reader, nobody = (str(answers["own", "none", group, bearer][key]) for bearer in ("reader", "nobody"))
        assert GUARDED in reader and GUARDED not in nobody, transport


@pytest.fixture(scope="module")
def stdio() -> Iterator[Path]:
    with stdio_servers() as path:
        yield path


@functools.cache
def _over_stdio(path: Path, wiring: str, place: str, middleware: str) -> Seen:
    return asyncio.run(seen_over_stdio(path, wiring, place, middleware))


def not_refused(seen: Seen, kind: str, verb: str) -> list[str]:
    """The guarded components that are listed or served."""
    return [f"{key}: {answer}" for key, answer in seen.items() if key[:2] == (verb, kind) and GUARDED in str(answer)]


def refused_beside(seen: Seen, wiring: str, place: str, kind: str, verb: str) -> list[str]:
    """The components that nothing guards, and that are neither listed nor served."""
    free = []
    if place == "auth=" and wiring != "proxied" and is_ever_served(wiring, place, verb):
        # The other server of a proxy does not show what guards its components.
        free.append("open")
    if place == "auth=" or (place == "AuthMiddleware" and WIRINGS[wiring].is_inner):
        free.append("beside")
    answers = {name: seen["list", kind] if verb == "list" else seen["call", kind, name] for name in free}
    return [f"{name}: {answer}" for name, answer in answers.items() if f"{name}{FREE}" not in str(answer)]


@pytest.mark.parametrize("middleware", ["root", "all"])
@pytest.mark.parametrize(("wiring", "place", "kind", "verb"), CELLS)
def test_over_stdio_guarded_components_are_refused(
    wiring: str, place: str, kind: str, verb: str, middleware: str, stdio: Path
) -> None:
    _skip(wiring)
    seen = _over_stdio(stdio, wiring, place, middleware)
    assert not_refused(seen, kind, verb) == []
    assert refused_beside(seen, wiring, place, kind, verb) == []


def _cell(right: str, kinds: Iterable[str], wrong: Callable[[str], list[str]]) -> str:
    found = [kind for kind in kinds if wrong(kind)]
    return f"WRONG: {', '.join(found)}" if found else right


def _listed(wiring: str, place: str, kinds: list[str]) -> str:
    """Whether the components of the checks that read arguments are in lists, which have none."""
    answers = _compared(wiring, place)["memory"]
    found = {
        name in str(answers["guardhouse", "all", _group(place, name), "reader"]["list", kind])
        for kind in kinds
        for name, limit in LIMITS.items()
        if kind in limit.kinds
    }
    return " and ".join({True: "listed", False: "hidden"}[each] for each in sorted(found))


def _row(wiring: str, place: str, path: Path) -> list[str]:
    kinds = WIRINGS[wiring].kinds
    limited = [kind for kind in kinds if kind in ("tool", "prompt")]
    cells = [
        _cell("equal", kinds, lambda kind, to=transport, verb=verb: differences(wiring, place, to, kind, verb))
        for transport in ("memory", "http")
        for verb in ("list", "call")
    ]
    read = "read" if is_ever_served(wiring, place, "call") else "denied to everybody"
    cells += [
        _cell(read, limited, lambda kind, to=transport: limit_faults(wiring, place, to, kind))
        for transport in ("memory", "http")
    ]
    cells.append(_listed(wiring, place, limited))
    return cells + [
        _cell(
            "refused",
            kinds,
            lambda kind, verb=verb: [
                fault
                for middleware in ("root", "all")
                for seen in [_over_stdio(path, wiring, place, middleware)]
                for fault in not_refused(seen, kind, verb) + refused_beside(seen, wiring, place, kind, verb)
            ],
        )
        for verb in ("list", "call")
    ]


def main() -> None:
    """Prints the matrix."""
    logging.disable(logging.CRITICAL)
    transports = [f"{transport}, {verb}" for transport in ("memory", "HTTP") for verb in ("list", "call")]
    head = ["wiring", "place", "kinds", *transports, "memory, arguments", "HTTP, arguments", "arguments, list"]
    head += ["stdio, list", "stdio, call"]
    print(f"FastMCP {fastmcp.__version__}\n")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    with stdio_servers() as path:
        for wiring, place in ROWS:
            made = WIRINGS[wiring]
            kinds = "all" if made.kinds == KINDS else ", ".join(made.kinds)
            cells = [f"skipped: {made.skipped}"] if made.skipped else _row(wiring, place, path)
            print(f"| {' | '.join([wiring, place, kinds, *cells])} |", flush=True)


if __name__ == "__main__":
    main()
