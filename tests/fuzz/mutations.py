"""Ways in which the bytes of a file are damaged."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO
from random import Random
from zipfile import ZipFile

SPLICES = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b"\n\n",
    b",",
    b";",
    b'"',
    b"{",
    b"[" * 2000,
    b"9" * 400,
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"*a",
    b"&a [*a]",
    b"!!python/object/apply:os.system [x]",
    b"~nobody1/x",
    "é".encode("latin-1"),
    "é".encode(),
)


def flip(content: bytes, draw: Random) -> bytes:
    """One bit is another."""
    place = draw.randrange(len(content))
    return (
        content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]
    )


def cut(content: bytes, draw: Random) -> bytes:
    """The end is missing."""
    return content[: draw.randrange(len(content))]


def drop(content: bytes, draw: Random) -> bytes:
    """A piece is missing."""
    begin, end = _piece(content, draw)
    return content[:begin] + content[end:]


def repeat(content: bytes, draw: Random) -> bytes:
    """A piece is there twice."""
    begin, end = _piece(content, draw)
    return content[:end] + content[begin:]


def overwrite(content: bytes, draw: Random) -> bytes:
    """A piece is random bytes."""
    begin, end = _piece(content, draw)
    return content[:begin] + draw.randbytes(end - begin) + content[end:]


def splice(content: bytes, draw: Random) -> bytes:
    """Something that a parser may stumble over is put in, or is in place of a piece."""
    begin, end = _piece(content, draw)
    return content[:begin] + draw.choice(SPLICES) + content[draw.choice((begin, end)) :]


def swap_lines(content: bytes, draw: Random) -> bytes:
    """Two lines have changed places."""
    lines = content.splitlines(keepends=True)
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def encode(content: bytes, draw: Random) -> bytes:
    """The text is in another encoding."""
    encoding = draw.choice(("utf-16", "utf-16-be", "utf-8-sig", "utf-32"))
    return content.decode("latin-1").encode(encoding)


MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    flip,
    cut,
    drop,
    repeat,
    overwrite,
    splice,
    swap_lines,
    encode,
)


def damage(name: str, content: bytes, draw: Random) -> bytes:
    """The content of a file of that name, damaged; if it is packed, half of the time inside."""
    inside = draw.random() < 0.5
    if name.endswith(".gz") and inside:
        return gzip.compress(mutated(gzip.decompress(content), draw))
    if name.endswith(".npz") and inside:
        return _with_damaged_member(content, draw)
    return mutated(content, draw)


def _with_damaged_member(content: bytes, draw: Random) -> bytes:
    """A zip archive with one member damaged and its checksum right."""
    packed = BytesIO()
    with ZipFile(BytesIO(content)) as before, ZipFile(packed, "w") as after:
        spoiled = draw.choice(before.namelist())
        for name in before.namelist():
            member = before.read(name)
            after.writestr(name, mutated(member, draw) if name == spoiled else member)
    return packed.getvalue()


def mutated(content: bytes, draw: Random) -> bytes:
    """The content with one to three damages."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        if content:
            content = draw.choice(MUTATIONS)(content, draw)
    return content


def _piece(content: bytes, draw: Random) -> tuple[int, int]:
    begin = draw.randrange(len(content))
    return begin, min(len(content), begin + draw.randint(1, draw.choice((4, 40, 400))))
