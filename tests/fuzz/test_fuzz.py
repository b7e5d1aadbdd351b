"""Whatever is in a file or a command line: a true result or one sentence, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import files, lines
from tests.support.command_line import nas

FILES, LINES = 120, 120
"""Cases of each kind of file, and command lines: some 1,600 together."""
NIGHTLY = 40
"""So many times more of them are tried at night."""
BLOCK = 40
"""Cases of one test."""


@pytest.mark.parametrize("kind", files.KINDS)
def test_a_damaged_file_is_read_as_it_is_or_refused(kind: str, tmp_path: Path) -> None:
    _read(kind, range(FILES), tmp_path)


@pytest.mark.parametrize("line", lines.LINES)
def test_a_true_line_is_one(line: tuple[str, ...], tmp_path: Path) -> None:
    with lines.workplace(tmp_path):
        done = nas(*line)
        assert done.code == 0, done.err


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, LINES, BLOCK))
def test_a_random_line_ends_with_a_result_or_a_sentence(first: int, tmp_path: Path) -> None:
    _call(range(first, first + BLOCK), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", files.KINDS)
def test_more_damaged_files(kind: str, tmp_path: Path) -> None:
    _read(kind, range(FILES, NIGHTLY * FILES), tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(LINES, NIGHTLY * LINES, BLOCK))
def test_more_random_lines(first: int, tmp_path: Path) -> None:
    _call(range(first, first + BLOCK), tmp_path)


def _read(kind: str, seeds: range, folder: Path) -> None:
    name, make = files.KINDS[kind]
    (folder / "true").mkdir()
    assert make(folder / "true" / name)(folder / "true" / name)  # it can be read undamaged
    found = set()
    for seed in seeds:
        (folder / str(seed)).mkdir()
        found.add(files.attempt(kind, seed, folder / str(seed)))
    assert "refused" in found


def _call(seeds: range, folder: Path) -> None:
    with lines.workplace(folder) as inner:
        for seed in seeds:
            lines.attempt(seed, inner)
