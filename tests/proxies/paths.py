"""Odd paths, sent as raw bytes: what the policy forbids does not arrive, however a server may read it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from daemon import Daemon, stop
from processes import Failed, running, wait_until
from proxies import NAMES, Proxies, Proxy, manager_of
from readings import may_be
from upstream import Arrived, Upstream
from wire import ask

# Paths that every proxy passes on. Without them, a proxy that passes on nothing would pass.
ORDINARY = [
    b"/public",
    b"/public/page",
    b"/public/a%20b",
    b"/public/caf%C3%A9",
    b"/public/page?next=/../secret",
    b"/public/page?a?b",
    b"/public/page?a=%2e%2e%2fsecret",
    b"/public/~alice/x.y-z_",
]
# What may stand between `/public` and `secret`, so that a server finds `/secret`.
CLIMBS = [
    *(b"/../", b"/..//", b"//../", b"/./../", b"/../../", b"/x/../../", b"/x/y/../../../", b"/.././"),
    *(b"/%2e%2e/", b"/%2E%2E/", b"/.%2e/", b"/%2e./", b"/%2e%2e//", b"/%2e/%2e%2e/"),
    *(b"/..%2f", b"/..%2F", b"%2f..%2f", b"%2f%2e%2e%2f", b"/%2e%2e%2f", b"%2f../", b"/x%2f..%2f../"),
    *(b"/%252e%252e/", b"/%252e%252e%252f", b"/..%252f", b"%252f..%252f", b"/%25252e%25252e/"),
    *(
        b"/..;/",
        b"/..;x=1/",
        b"/..;x/y/../",
        b";/../",
        b";x=1/../",
        b"/%2e%2e;/",
        b"/..%3b/",
        b"/.;/../",
        b"/;/../",
        b"/..%3b%2f",
    ),
    *(
        b"\\..\\",
        b"/..\\",
        b"\\../",
        b"/x\\..\\..\\",
        b"%5c..%5c",
        b"/..%5c",
        b"%5C%2e%2e%5C",
        b"/%2e%2e%5c",
        b"/..%255c",
    ),
    *(b"/..%00/", b"/%00/../", b"/..%20/", b"/..%09/", b"/.. /", b"/...%2f../", b"/..%0d/", b"/..%0a/"),
    *(
        b"/%c0%ae%c0%ae/",
        b"/..%c0%af",
        b"/\xc0\xae\xc0\xae/",
        b"/%u002e%u002e/",
        b"/%uff0e%uff0e/",
        b"/%ef%bc%8e%ef%bc%8e/",
    ),
    *(
        b"/..%ef%bc%8f",
        "/．．/".encode(),
        b"/%2%65%2%65/",
        b"/%%32e%%32e/",
        b"/..?/../",
        b"/..#/../",
        b"/.%00./",
        b"/.%0a./",
    ),
]
# `/secret` itself in other words.
SECRETS = [
    *(b"/secret", b"/secret/", b"/secret/x", b"/%73ecret", b"/secre%74", b"/%2573ecret", b"/%73%65%63%72%65%74/x"),
    *(
        b"//secret",
        b"///secret",
        b"/./secret",
        b"/.//secret",
        b"/%2e/secret",
        b"/;/secret",
        b"/;x=1/secret",
        b"/;x/..;/secret",
    ),
    *(
        b"/secret;",
        b"/secret;x=1",
        b"/secret;/x",
        b"/secret%3b",
        b"/secret%00",
        b"/secret%20",
        b"/secret.",
        b"/secret%2e",
        b"/secret%2f",
    ),
    *(
        b"\\secret",
        b"/\\secret",
        b"%5csecret",
        b"/%5csecret",
        b"%2fsecret",
        b"/%2fsecret",
        b"/%2f%2fsecret",
        b"/secret%5c",
    ),
    *(
        b"/SECRET",
        b"/Secret/x",
        b"/secret?x",
        b"/secret#x",
        b"/secret%3fx",
        b"/secret%23x",
        b"/x/../secret",
        b"//x/secret",
    ),
    *(b"//public/../secret", b"//public/..;/secret", b"//shop.example/secret", b"http://shop.example/secret"),
    *(
        b"http://shop.example/public/../secret",
        b"http://other.example/public/%2e%2e/secret",
        b"HTTP://shop.example//secret",
    ),
    *(b"http://shop.example\\secret", b"http:/secret", b"secret", b"../secret", b"?/secret", b"#/secret", b"*", b""),
]
# Paths that are odd and lead nowhere.
ODD = [
    *(
        b"/public/..",
        b"/public/.",
        b"/public/",
        b"/public//",
        b"/public;x",
        b"/public%2fx",
        b"/public/%",
        b"/public/%2",
        b"/public/%zz",
    ),
    *(
        b"/public/%0a",
        b"/public/%0d%0aX-User:%20mallory",
        b"/public/\x01",
        b"/public/\x7f",
        b"/public/\xff",
        b"/public/%ff",
        b"/public/a b",
    ),
    *(
        b"/public/\x00",
        b"/public/%2500",
        b"/public#x",
        b"/public/#/../../secret",
        b"/public?#/../secret",
        b"/public/x?y#z",
    ),
    *(
        b"/public/" + b"a" * 4000,
        b"/public" + b"/a" * 900,
        b"/public/" + b"%2e" * 300,
        b"http://shop.example/public/page",
        b"/public/%E2%82%AC",
    ),
    *(
        b"/public/%25",
        b"/public/100%25",
        b"/public/%3Fx",
        b"/public/%23x",
        b"/public/x%26y%3D",
        b"/public/+",
        b"/public/[x]",
        b"/public/{x}",
        b'/public/"x"',
    ),
    *(
        b"/public/<x>",
        b"/public/|",
        b"/public/^",
        b"/public/`",
        b"/public/'",
        b"/public/(x)",
        b"/public/x,y",
        b"/public/@x",
        b"/public/:x",
    ),
]


def corpus() -> list[bytes]:
    climbs = [b"/public" + climb + b"secret" for climb in CLIMBS]
    lines = Path(__file__).with_name("paths.txt").read_bytes().splitlines()
    table = [b"/public" + line for line in lines if line.startswith(b"/")]
    return list(dict.fromkeys([*ORDINARY, *climbs, *SECRETS, *ODD, *table]))


def as_it_arrives(envoy: dict[str, Any]) -> None:
    manager = manager_of(envoy)
    manager |= {"normalize_path": False, "merge_slashes": False, "path_with_escaped_slashes_action": "KEEP_UNCHANGED"}


class Log:
    """The decision log, by the ids of requests."""

    def __init__(self, daemon: Daemon) -> None:
        self.file, self.offset = daemon.folder / "decisions.jsonl", 0
        self.lines: dict[str, dict[str, Any]] = {}

    def decided(self, request: Arrived) -> dict[str, Any]:
        """The decision on a request that arrived. Envoy gives it an id of its own."""
        ids = request.values("x-request-id")
        assert len(ids) == 1, f"a request has the ids {ids}"
        wait_until(lambda: self.read() or ids[0] in self.lines, "the decision log", 10)
        return self.lines[ids[0]]

    def read(self) -> None:
        with self.file.open("rb") as file:
            file.seek(self.offset)
            text, end, _ = file.read().rpartition(b"\n")
        self.offset += len(text + end)
        for line in text.splitlines():
            one = json.loads(line)
            self.lines[one.get("request_id")] = one


def decided_target(line: dict[str, Any]) -> bytes:
    """The target that was decided."""
    http = line["context"]["attributes"]["http"]
    return (http["path"] + ("?" + http["query"] if http["query"] else "")).encode()


def try_all(name: str, proxy: Proxy, daemon: Daemon, upstream: Upstream) -> list[str]:
    """Sends all paths through one proxy, and returns what is wrong."""
    wrong, counts = [], Counter[str]()
    log = Log(daemon)
    for number, target in enumerate(corpus()):
        answer = ask(proxy.port, target, [("X-Request-ID", f"{name.partition(',')[0]}-{number}")])
        arrived = upstream.take()
        outcome = "arrived" if arrived else f"{answer.status}" if answer.status else "closed"
        counts[outcome if outcome in COLUMNS else "other"] += 1
        if target in ORDINARY and not arrived:
            wrong.append(f"{name}: {target!r} is ordinary, and got {answer}")
        if not arrived and answer.status == 200:
            wrong.append(f"{name}: {target!r} did not arrive, and got {answer}")
        for request in arrived:
            line = log.decided(request)
            if line["decision"] != "allow" or decided_target(line) not in (
                request.target,
                request.target.removesuffix(b"?"),
            ):
                wrong.append(f"{name}: {target!r} arrived as {request.target!r}, and this was decided: {line}")
            if may_be(request.target, b"/secret"):
                wrong.append(f"{name}: {target!r} arrived as {request.target!r}, which may be /secret")
            if any(request.values("x-user")):
                wrong.append(f"{name}: {target!r} arrived with an identity: {request.headers}")
    print(
        f"| {name} | " + " | ".join(str(counts.get(column, 0)) for column in COLUMNS) + f" | {sum(counts.values())} |"
    )
    return wrong


COLUMNS = ("arrived", "400", "401", "403", "closed", "other")


def prove(daemon: Daemon, proxies: Proxies, upstream: Upstream) -> None:
    climbing = [target for target in corpus() if may_be(target, b"/secret")]
    assert len(climbing) >= 100, len(climbing)
    assert not any(may_be(target, b"/secret") for target in ORDINARY)
    print(f"{len(corpus())} paths, of which a server may read {len(climbing)} as /secret")
    print("| proxy | " + " | ".join(COLUMNS) + " | all |\n|---" + "|---:" * (len(COLUMNS) + 1) + "|")
    program = daemon.start()
    started = [program]
    wrong = []
    with running(started):
        for name in NAMES:
            proxy = proxies.start(name)
            started.append(proxy.program)
            wrong += try_all(name, proxy, daemon, upstream)
            if name.startswith("envoy"):
                raw = proxies.start(name, change=as_it_arrives)
                started.append(raw.program)
                wrong += try_all(f"{name}, nothing normalized", raw, daemon, upstream)
        stop(program)
        if wrong:
            raise Failed("\n".join(wrong))
