"""A journal whose file something else removes, cuts or replaces."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nas import UsageError
from nas.storage.journal import Journal, unsealed

DAMAGES: list[Callable[[Path], object]] = [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes() + b"more\n"),
    lambda path: path.rename(path.with_name("other")).with_name("a").write_bytes(b"one\n"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_was_changed_is_noticed(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "a")
    assert list(journal.read()) == []
    journal.append("one")
    journal.check()
    damage(tmp_path / "a")
    with pytest.raises(UsageError, match="was removed or changed by another program"):
        journal.append("two")
    journal.close()
    with pytest.raises(UsageError, match="was removed or changed"):
        journal.check()


def test_one_that_was_changed_after_it_was_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\n")
    journal = Journal(tmp_path / "a")
    assert list(journal.read()) == [b"one\n"]
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(UsageError, match="was removed or changed"):
        journal.append("two")
    journal.close()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(UsageError, match="no regular file"):
        list(Journal(tmp_path / "a").read())


@pytest.mark.parametrize(
    "line", [b"[" * 100_000, b"\xef\xbb\xbf{}", b"\xff", b"{}".decode().encode("utf-16")]
)
def test_a_line_that_is_no_json(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"nested|BOM|decode|Expecting|Extra"):
        unsealed(line)
