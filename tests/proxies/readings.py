"""How servers read a path: the readings of one target by all servers that are known to read it differently."""

import re
from collections.abc import Callable

# The readings of one target are followed to this depth, which is beyond what any server does.
DEPTH = 6


def decoded(path: bytes) -> bytes:
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda escape: bytes([int(escape[1], 16)]), path)


def decoded_by_iis(path: bytes) -> bytes:
    return re.sub(rb"%u00([0-9a-fA-F]{2})", lambda escape: bytes([int(escape[1], 16)]), path)


def shortened(path: bytes) -> bytes:
    """Overlong UTF-8 and full-width characters as their ASCII."""
    path = re.sub(rb"\xc0([\x80-\xbf])", lambda long: bytes([long[1][0] & 0x3F]), path)
    path = re.sub(rb"\xc1([\x80-\xbf])", lambda long: bytes([0x40 | long[1][0] & 0x3F]), path)
    for character in "./\\%;":
        path = path.replace(chr(ord(character) + 0xFEE0).encode(), character.encode())
    return path


def without_dot_segments(path: bytes) -> bytes:
    """RFC 3986 section 5.2.4."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments:
        if segment == b"..":
            if len(kept) > 1:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/".join(kept)


READERS: list[Callable[[bytes], bytes]] = [
    decoded,
    decoded_by_iis,
    shortened,
    without_dot_segments,
    lambda path: re.sub(rb"/+", b"/", path),
    lambda path: path.replace(b"\\", b"/"),
    # Parameters of each segment, as servlets have them, and of the whole path.
    lambda path: re.sub(rb";[^/]*", b"", path),
    lambda path: path.partition(b";")[0],
    lambda path: path.partition(b"#")[0],
    lambda path: path.partition(b"?")[0],
    lambda path: path.partition(b"\0")[0],
    lambda path: path.lower(),
    # A path that begins with two slashes, taken for a host and its path.
    lambda path: b"/" + path[2:].partition(b"/")[2] if path.startswith(b"//") else path,
    # Blanks and dots at the end of a segment, which some file systems ignore.
    lambda path: re.sub(rb"(?<=[^/. ])[. \t]+(?=/|$)", b"", path),
    lambda path: re.sub(rb"[\x00-\x20\x7f]", b"", path),
]


def readings(target: bytes) -> set[bytes]:
    """Every path that a server may take from the target of a request."""
    path = re.sub(rb"^[a-zA-Z]+://[^/?#]*", b"", target).partition(b"?")[0]
    path = path if path.startswith(b"/") else b"/" + path
    known, new = {path}, {path}
    for _ in range(DEPTH):
        new = {reader(one) for one in new for reader in READERS} - known
        known |= new
    return known


def may_be(target: bytes, root: bytes) -> bool:
    """Whether a server may take the target for something at or below `root`."""
    return any(path == root or path.startswith(root + b"/") for path in readings(target))
