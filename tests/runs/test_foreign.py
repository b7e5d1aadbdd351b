"""A search replaces no file that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import nas as package
from nas import UsageError
from tests.support.command_line import SMALL, check_mistake, nas, snapshot

QUICK = [*SMALL, "proxy=params", "budget=2", "out=."]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", "name: my project\nkeep: me\n"),
        ("config.yaml", "just text"),
        ("best.json", "{}"),
    ],
)
def test_a_file_of_somebody_else_stays(name: str, content: str, here: Path) -> None:
    (here / name).write_text(content)
    before = snapshot(here)
    check_mistake(nas("search", *QUICK), [f"holds a {name} that is no search's", "another out="])
    with pytest.raises(UsageError, match="that is no search's"):
        package.search("nasbench201", "params", budget=2, out=here)
    assert snapshot(here) == before


def test_a_search_that_was_killed_before_its_first_trial_goes_on(here: Path) -> None:
    assert nas("search", *QUICK).code == 0
    (here / "history.jsonl").unlink()
    (here / "best.json").unlink()
    assert nas("search", *QUICK).code == 0
