"""Small files that hold, or ask for, a great deal are refused before they take it."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas import Space, UsageError
from nas.data import pickles, text
from nas.data.images import read
from nas.storage.reading import VARIABLE, limit
from tests.data.test_bad_images import IMAGES, beginning, header, npz, png
from tests.support.image_files import refused
from tests.support.small import small

ZEROS = bytes(2**20)


@pytest.fixture
def space() -> Space:
    return small("nasbench201")


def packed(path: Path, megabytes: int = 300) -> Path:
    """An .npz of zeros, small on disk."""
    count = megabytes * 2**20 // (1024 * 1024 * 3) + 1
    first = header(f"({count}, 1024, 1024, 3)")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w") as stream,
    ):
        stream.write(first)
        for _ in range(3 * count):
            stream.write(ZEROS)
    return path


@pytest.mark.long
def test_an_archive_that_unpacks_to_a_great_deal_is_refused(space: Space, tmp_path: Path) -> None:
    path = packed(tmp_path / "x.npz")
    assert path.stat().st_size < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(space, path, str(path), "holds more than 100,000,000 bytes", f"{VARIABLE}=NUMBER")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_of_a_sparse_array_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    first = header("(10000, 256, 256, 3)")
    path.write_bytes(first)
    os.truncate(path, len(first) + 10000 * 256 * 256 * 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    images = read(path, 2, (3, 256, 256)).inputs
    assert images.shape == (2, 3, 256, 256)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_picture_of_too_many_pixels_is_refused(space: Space, tmp_path: Path) -> None:
    large = png(IMAGES[0]).replace(beginning(8, 8), beginning(13_300, 13_300))
    (tmp_path / "0.png").write_bytes(large)
    refused(space, tmp_path, "0.png holds more than 100,000,000 bytes, four a pixel", size=1)
    (tmp_path / "0.png").write_bytes(large.replace(beginning(13_300, 13_300), beginning(9, 9)))
    refused(space, tmp_path, "0.png is no readable PNG", size=1)


def test_the_limit_can_be_set(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(npz(images=IMAGES, labels=np.arange(4)))
    monkeypatch.setenv(VARIABLE, "500")
    refused(space, path, "holds more than 500 bytes")
    monkeypatch.setenv(VARIABLE, "5000")
    assert len(read(path, 4, (3, 8, 8))[0]) == 4
    for wrong in ("0", "-1", "1e9", "much"):
        monkeypatch.setenv(VARIABLE, wrong)
        with pytest.raises(UsageError, match=f"{VARIABLE}={wrong} must be a whole number"):
            limit(path)
    monkeypatch.setenv(VARIABLE, "")
    assert limit(path) == 100_000_000


@pytest.mark.parametrize("content", [b"a" * 10, b"a ", b"a\0", b" ", b"\n"])
@pytest.mark.parametrize("name", ["x.txt", "x.gz"])
def test_a_text_without_lines_is_read_to_the_limit(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "5000000")
    raw = content * (10_000_000 // len(content))
    (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    with pytest.raises(UsageError, match=r"holds more than 5,000,000|word of over|zero byte"):
        text.read(tmp_path / name, 20_000_000)


def test_what_comes_after_the_wanted_tokens_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"one two\n")
    os.truncate(path, 2**33)
    assert text.read(path, 3) == [0, 1, 2]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 7, 100])
def test_words_and_lines_are_the_same_in_any_pieces(
    length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "the cat sat\n\n on  the\tmat \r\n the end"
    (tmp_path / "x.txt").write_text(content, encoding="utf-8-sig", newline="")
    words = [word for line in content.splitlines() for word in [*line.split(), "<eos>"]]
    monkeypatch.setattr(text, "PIECE", length)
    if length < 3:
        with pytest.raises(UsageError, match="word of over"):
            [*text._words(tmp_path / "x.txt")]
    else:
        assert [*text._words(tmp_path / "x.txt")] == words


def memos() -> bytes:
    """A list that is to be remembered under a very large number."""
    return b"\x80\x02]r" + (2**28 - 1).to_bytes(4, "little") + b"."


def copies() -> bytes:
    """Many sets of one long list."""
    numbers = pickle.dumps(list(range(200_000)), 2)[:-1]
    return numbers + b"q\xff0](" + b"c__builtin__\nset\nh\xff\x85R" * 1000 + b"e."


@pytest.mark.long
@pytest.mark.parametrize("make", [memos, copies])
def test_a_pickle_that_asks_for_a_great_deal_is_refused(make: Callable[[], bytes]) -> None:
    content = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(pickle.UnpicklingError, match=r"more than 800,000,000 bytes of memory"):
        pickles.read(io.BytesIO(content), 100_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000
    assert len(bytearray(2**30)) == 2**30  # there is more again


def release(path: Path, content: bytes) -> Path:
    if path.suffix == ".pth":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", content)
    else:
        path.write_bytes(bz2.compress(content))
    return path


@pytest.mark.long
@pytest.mark.parametrize("name", ["x.pth", "x.pickle.pbz2"])
@pytest.mark.parametrize("make", [memos, lambda: pickle.dumps(ZEROS * 150)])
def test_a_release_that_asks_for_a_great_deal_is_refused(
    space: Space, name: str, make: Callable[[], bytes], tmp_path: Path
) -> None:
    path = release(tmp_path / name, make())
    with pytest.raises(UsageError, match=rf"{name} .*more than .*{VARIABLE}=NUMBER") as caught:
        [*space.released(path)]
    assert "\n" not in str(caught.value)


def opening(space: Space, path: Path) -> None:
    """Read a file as what its name says it is."""
    if path.suffix in (".txt", ".gz"):
        text.read(path, 3)
    elif path.suffix in (".pth", ".tar"):
        [*space.released(path)]
    else:
        read(path.parent if path.suffix == ".png" else path, 1, (3, 8, 8))


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.txt", "x.gz", "0.png", "x.pth", "x.tar"])
def test_a_device_or_a_pipe_is_refused(space: Space, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        make(path)
        with pytest.raises(UsageError, match=f"{name} is a device or a pipe"):
            opening(space, path)
        path.unlink()
