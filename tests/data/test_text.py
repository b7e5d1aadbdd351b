"""Tokens: drawn by Zipf's law, or read from a text file; files that are not text."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
import torch
from scipy.stats import chisquare

from nas import SPACES, Space, UsageError
from nas.data.sources import make_batch
from nas.data.synthetic import zipf_tokens
from nas.data.text import read
from nas.seeding import generator
from tests.support.command_line import check_mistake, nas

TEXT = "the cat sat\n\n on  the\tmat \n"
TOKENS = [0, 1, 2, 3, 3, 4, 0, 5, 3]


@pytest.fixture
def space() -> Space:
    return SPACES.build("nasbench_nlp", vocabulary=6, tokens=3, embedding=4, hidden=4)


def test_tokens_follow_zipfs_law() -> None:
    tokens = zipf_tokens(20, 100, 500, generator("zipf")).inputs
    assert tokens.shape == (500, 100)
    assert tokens.dtype == torch.int64
    counts = [Counter(tokens.flatten().tolist())[token] for token in range(20)]
    shares = torch.tensor([1 / rank for rank in range(1, 21)], dtype=torch.float64)
    assert chisquare(counts, (shares / shares.sum() * 50_000).tolist()).pvalue > 0.01
    pairs = Counter(zip(tokens[:, 0].tolist(), tokens[:, 1].tolist(), strict=True))
    assert len(pairs) > 100  # no two places are tied to each other


@pytest.mark.parametrize("name", ["words.txt", "words.gz", "words"])
def test_lines_are_split_and_ended(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode())
    assert read(path, 9) == TOKENS
    assert read(path, 4) == TOKENS[:4]


MARKED = {
    "mark": TEXT.encode("utf-8-sig"),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16 of others": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "utf-32": TEXT.encode("utf-32"),
    "windows": TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
    "old mac": TEXT.replace("\n", "\r").encode(),
    "windows in utf-16": TEXT.replace("\n", "\r\n").encode("utf-16"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", MARKED)
def test_marks_and_line_ends(tmp_path: Path, kind: str, packed: bool) -> None:
    path = tmp_path / ("words.gz" if packed else "words.txt")
    path.write_bytes(gzip.compress(MARKED[kind]) if packed else MARKED[kind])
    assert read(path, 9) == TOKENS


def test_streams_are_one_after_the_other(space: Space, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(TEXT)
    batch = make_batch(space, "text", path=str(path), size=3)
    assert batch.inputs.tolist() == [TOKENS[:3], TOKENS[3:6], TOKENS[6:]]
    assert batch.labels is None


def test_the_oracles_tokens(data: Path) -> None:
    """As the README of the oracles counts them."""
    space = SPACES.build("nasbench_nlp", tokens=35)
    path = str(data / "wikitext2_valid.txt.gz")
    inputs = make_batch(space, "text", path=path, size=16).inputs
    assert inputs.shape == (16, 35)
    assert len(set(inputs.flatten().tolist())) == 212
    assert inputs.sum() == 36_775


BROKEN: dict[str, tuple[bytes | None, str]] = {
    "missing.txt": (None, "cannot be read: No such file"),
    "empty.txt": (b"", "holds 0 tokens, and the batch needs 9"),
    "short.txt": (b"one two\n", "holds 3 tokens, and the batch needs 9"),
    "picture.png": (b"\x89PNG\r\n\x1a\n\xff\xfe" * 9, "no text in UTF-8"),
    "zeros.bin": (b"a\0b c\n" * 9, "a zero byte"),
    "half.txt": (TEXT.encode("utf-16")[:-1], "no text in UTF-8 or UTF-16"),
    "plain.gz": (TEXT.encode(), "cannot be read"),
    "cut.gz": (gzip.compress(TEXT.encode() * 99, mtime=0)[:-20], "cannot be read|holds"),
    "torn.gz": (
        gzip.compress(bytes(range(97, 123)) * 99, mtime=0)[:15] + b"\xff" * 30,
        "be read|no text",
    ),
    "many.txt": (b"a b c d e f g h\n", r"9 different ones.*has 6.*space.vocabulary=9"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_text_is_one_sentence(space: Space, tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        make_batch(space, "text", path=str(tmp_path / name), size=3)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_folder_is_no_text(space: Space, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Is a directory"):
        make_batch(space, "text", path=str(tmp_path), size=3)


@pytest.mark.parametrize("batch", ["text batch.path=none.txt", "images batch.path=x", "ramp"])
@pytest.mark.usefixtures("here")
def test_a_mistake_ends_with_two(batch: str) -> None:
    argv = ["score", str((0,) * 96 + (6, 0, 0, 0, 0, 0, 0)), "space=nasbench_nlp"]
    check_mistake(nas(*argv, *f"batch={batch}".split()), [])
