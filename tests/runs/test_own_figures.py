"""Searches from Python for figures that `nas report` cannot name: it prints them as written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nas
from nas import METRICS
from tests.support.command_line import best, check_mistake
from tests.support.command_line import nas as command
from tests.support.searches import SPACE, Counting

QUICK: dict[str, Any] = {"strategy": "random", "budget": 12, "finals": None}
MEMORY = {"params": "params", "bytes": METRICS.build("memory")}


@pytest.mark.parametrize(
    ("proxy", "options"),
    [
        ("params", {"metrics": MEMORY, "constraints": ["bytes<=100k"]}),
        ("params", {"metrics": MEMORY, "objective": ["params/bytes"]}),
        (["params", "flops"], {"metrics": MEMORY, "objective": ["params", "-bytes"]}),
        (Counting(), {"objective": ["score*params"]}),
        (Counting(), {"constraints": ["score>=0.1"]}),
    ],
)
def test_the_result_is_printed_as_written(
    proxy: Any, options: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    found = nas.search(SPACE, proxy, **QUICK, **options, out=out)
    report = command("report", out)
    assert (report.code, report.err) == (0, "")
    assert f"best    {found.arch}" in report.out
    assert f"(trial {found.best.number})" in report.out
    as_written = command("report", out, "json=true")
    assert json.loads(as_written.out) == best(out)
    again = nas.search(SPACE, proxy, **QUICK, **options, out=out)
    assert (again.best.arch, again.best.number) == (found.best.arch, found.best.number)
    check_mistake(command("report", tmp_path), ["that only its own program knows"])


def test_figures_that_the_report_can_name_are_read_from_the_journal(tmp_path: Path) -> None:
    """A metric of one's own that is not looked for is no hindrance."""
    options: dict[str, Any] = {"metrics": MEMORY, "constraints": ["flops<=1M"]}
    nas.search(SPACE, "params", **QUICK, **options, out=tmp_path)
    (tmp_path / "best.json").unlink()
    assert command("report", tmp_path).code == 0


def test_a_result_of_other_trials_is_refused(tmp_path: Path) -> None:
    """As a kill leaves it, and only the program can say what the later trials are worth."""
    out = tmp_path / "run"
    options: dict[str, Any] = {"metrics": MEMORY, "constraints": ["bytes<=100k"]}
    nas.search(SPACE, "params", **{**QUICK, "budget": 3}, **options, out=out)
    earlier = (out / "best.json").read_text()
    nas.search(SPACE, "params", **QUICK, **options, out=out)
    (out / "best.json").write_text(earlier)
    for words in (("report", out), ("export", out), ("draw", out)):
        check_mistake(command(*words), ["best.json is of 3 trials", "run the program"])
