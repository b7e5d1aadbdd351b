"""The page of a study: its verdict, its tables and its curves are those of study.json."""

from __future__ import annotations

import json
import shlex
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nas.report.study import heights, study_page
from nas.report.verdict import verdict
from tests.report.test_page import Elements
from tests.report.test_search_page import data, text
from tests.support.command_line import history, nas


@pytest.fixture
def plain(study: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((study / "study.json").read_text())
    return content


def test_the_page_has_what_the_study_has(study: Path, plain: dict[str, Any]) -> None:
    page = study / "report.html"
    found = Elements(page.read_text(encoding="utf-8"))
    assert (found.open, found.loaded) == ([], [])
    assert len(found.ids) == len({*found.ids})
    told = text(page)
    for row in plain["rows"]:
        assert row["variant"] in told
        assert f"{row['mean']:,.6g}" in told
    for row in plain["searches"]:
        assert f"({','.join(map(str, row['tuple']))})" in told
    for note in plain["notes"]:
        assert note in told
    (chart,) = data(page)
    lines = [layer for layer in chart["layers"] if layer["mark"] == "line"]
    assert [line["name"] for line in lines] == [row["variant"] for row in plain["rows"]]
    for line in lines:
        expected = plain["curves"]["score"][line["name"]]
        assert line["data"]["trials"] == expected["trials"]
        assert line["data"]["score"] == pytest.approx(expected["mean"], rel=1e-5)


def test_its_commands_make_its_searches(study: Path, here: Path) -> None:
    told = text(study / "report.html")
    commands = [part.strip() for part in told.split(" | ") if part.startswith("nas search ")]
    assert len(commands) == 2
    for command, variant in zip(commands, ("local", "random"), strict=True):
        assert nas(*shlex.split(command)[1:], f"out={here / variant}").code == 0
        assert history(here / variant) == history(study / f"strategy={variant},seed=0")


def test_the_page_has_the_command_of_the_whole_study(study: Path, here: Path) -> None:
    told = text(study / "report.html")
    (command,) = [part.strip() for part in told.split(" | ") if part.startswith("nas study ")]
    assert nas("study", f"out={here / 'anew'}", *shlex.split(command)[2:]).code == 0
    made = json.loads((here / "anew" / "study.json").read_text())
    before = json.loads((study / "study.json").read_text())
    assert made["searches"] == before["searches"]


def test_a_study_of_one_variant_is_named_by_its_strategy(here: Path) -> None:
    from tests.report.conftest import WORDS

    words = [*WORDS, "budget=4", "proxy=params", "finals=none", "out=one"]
    assert nas("study", *words, "seeds=1").code == 0
    told = text(here / "one" / "report.html")
    assert "strategy=random has a mean of" in " ".join(told.replace("|", " ").split())
    assert nas("report", "one").out.splitlines()[0].endswith(" 1 search")
    assert "1 searches" not in told


def test_a_study_that_is_not_over_says_so_first(study: Path, here: Path) -> None:
    shutil.copytree(study, here / "S")
    shutil.rmtree(here / "S" / "strategy=local,seed=1")
    lines = (here / "S" / "strategy=random,seed=1" / "history.jsonl").read_text().splitlines(True)
    (here / "S" / "strategy=random,seed=1" / "history.jsonl").write_text("".join(lines[:5]))
    done = nas("report", "S")
    assert "2 of 4 searches are not over" in done.out
    found = json.loads(nas("report", "S", "json=true").out)
    assert [row["searches"] for row in found["judged"]["rows"]] == [1, 1]
    assert found["judged"]["seeds"] == [0]
    told = verdict(found)
    assert told.startswith("<b>2 of 4 searches are not over</b>. Over the 1 seed that every")
    (here / "S" / "commands.json").unlink()
    assert "1 of 3 searches is not over" in nas("report", "S").out


def test_equal_means_are_no_best(plain: dict[str, Any]) -> None:
    found = deepcopy(plain)
    first, second = found["rows"]
    second["mean"] = first["mean"]
    assert f"<b>{second['variant']}</b> have equal means" in verdict(found)
    assert "none is better" in verdict(found)
    found["rows"].append({**first, "variant": "third", "mean": -1e9, "to_best": None})
    assert "better ones than 1 other variant; 0 of these differ" in verdict(found)


@pytest.mark.long
def test_report_writes_the_page_of_a_sweep_too(here: Path) -> None:
    from tests.report.conftest import WORDS

    words = [*WORDS, "budget=6", "proxy=params", "finals=none", "seed=1,2", "out=sweep"]
    assert nas("search", "-m", *words).code == 0
    done = nas("report", "sweep")
    assert done.out.endswith("files   sweep: report.html\n")
    assert "Study of 2 searches" in text(here / "sweep" / "report.html")


def test_a_report_of_another_figure_leaves_the_page(study: Path) -> None:
    before = (study / "report.html").read_bytes()
    assert nas("report", study, "report=flops").code == 0
    assert (study / "report.html").read_bytes() == before


def test_the_verdict_says_what_the_test_says(plain: dict[str, Any]) -> None:
    found = deepcopy(plain)
    first, second = found["rows"]
    assert f"These seeds do not tell it from <b>{second['variant']}</b>" in verdict(found)
    second["to_best"]["p_holm"] = 0.01
    assert "better than the other variant, beyond what the seeds explain" in verdict(found)
    found["pairs"] = []
    assert "not tested against each other" in verdict(found)
    first["mean"] = second["mean"] = None
    assert verdict(found) == "No search has a figure."


def test_a_study_without_curves_and_with_a_front_has_a_page(plain: dict[str, Any]) -> None:
    for row in plain["searches"]:
        row["front"] = [row.pop("tuple")]
        del row["score"]
        row["hypervolume"] = 1.5
    page = study_page({**plain, "curves": {}, "pairs": [], "report": "hypervolume"}).html
    assert "a front of 1" in page
    assert "Best so far" not in page


def test_the_first_trials_do_not_choose_the_heights() -> None:
    mean = [0.0, *[10.0 + place / 100 for place in range(99)]]
    low, high = heights([{"mean": mean, "low": mean, "high": mean}])
    assert low is not None
    assert high is not None
    assert 9.5 < low < 10.1
    assert 10.98 < high < 11.1
    assert heights([{"mean": [], "low": [], "high": []}]) == (None, None)
