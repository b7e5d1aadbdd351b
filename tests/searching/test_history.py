"""The journal: reading gives the appended trials, and every edit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import History, UsageError
from tests.support.searches import run


def test_a_journal_is_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(history=history)
    with History.read(path) as again:
        assert str(list(again)) == str(run())
        assert [trial.to_json() for trial in again] == path.read_text().splitlines()
    assert path.read_text().count("\n") == 120
    assert "NaN" not in path.read_text()


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(1, 3000))
def test_a_torn_last_line_is_dropped(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("torn") / "history.jsonl"
    with History.read(path) as history:
        run(budget=20, history=history)
    content = path.read_bytes()
    kept = content[: max(len(content) - cut, 0)]
    path.write_bytes(kept)
    with History.read(path) as history:
        assert history.torn == (bool(kept) and not kept.endswith(b"\n"))
        assert len(history) == kept.count(b"\n")
        assert path.read_bytes() == kept  # reading changes nothing
        run(budget=20, history=history)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"score":', '"score":1'),
        ('"arch":[', '"arch":[4,'),
        ('"seconds":0', '"seconds":-1'),
        ('"params":', '"params":1'),
        ("{", '{"x":1,'),
        ('"check":"', '"check":"0'),
        ('"score":null', '"score":Infinity'),
    ],
)
def test_any_edit_is_refused_with_its_line_number(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(budget=5, history=history)
    lines = path.read_text().splitlines()
    assert before in lines[3]
    lines[3] = lines[3].replace(before, after, 1)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"line 4 of .*history.jsonl is no trial"):
        History.read(path)


@pytest.mark.parametrize(
    "line",
    ["", "{}", "null", '{"number":7}', "not json", '{"number":3,"arch":[1],"score":1}', "[1]"],
)
def test_any_other_bad_line_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(budget=5, history=history)
    lines = path.read_text().splitlines()
    lines[3] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"line 4 of .*history.jsonl is no trial"):
        History.read(path)
