"""YAML files of others: plain values or a sentence, soon."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas import UsageError
from nas.storage.yaml_files import as_yaml, read_yaml

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (LAUGHS.encode(), "line 1 has an alias"),
        (b"a: &a [*a]", "line 1 has an alias"),
        (b"a:\n - 1\nb: !!binary x", "line 3 has the tag"),
        (b"a: !!timestamp x", "line 1 has the tag"),
        (b"a: !!python/object/apply:os.system [x]", "line 1 has the tag"),
        (b"[" * 100_000, "nested deeper than 40"),
        (b"a: " + b"{a: " * 50 + b"}" * 50, "nested deeper than 40"),
        (b"a: " + b"1" * 5000, "limit"),
        (b"a: b\xff", "can't decode"),
        (b"a: [", "parsing"),
        (b"? [1]\n: 2", "unhashable"),
        (b"a: 1\nb: {c: 1, 'd': 2, c: 3}", "line 2 has c a second time"),
        (b"x" * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_it_is_one_sentence(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=r"a\.yaml cannot be read: ") as error:
        read_yaml(tmp_path / "a.yaml")
    assert why in str(error.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(UsageError, match="no regular file"):
        read_yaml(tmp_path / "a.yaml")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    twice = [1, 2]
    values = {"a": twice, "b": twice, "c": "2024-01-01", "d": None, "e": 1e-5, "f": "é\x85"}
    (tmp_path / "a.yaml").write_text(as_yaml(values), encoding="utf-8")
    assert read_yaml(tmp_path / "a.yaml") == values
    (tmp_path / "a.yaml").write_text("a: 2024-01-01")
    assert read_yaml(tmp_path / "a.yaml") == {"a": "2024-01-01"}
