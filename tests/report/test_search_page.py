"""The page of a search says what its folder holds, whatever the search was like."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import webbrowser
from html import unescape
from math import nan
from pathlib import Path
from typing import Any

import pytest

import nas as package
from nas.cli.questions import question, recorded
from nas.ranking import by_score
from nas.report.reasons import ADVICE, ERROR, OTHERWISE, advice
from nas.report.run import Run
from nas.report.search import search_page
from nas.report.side_by_side import labels
from nas.runs.folder import read_record
from nas.runs.summary import summarise
from nas.trial import Trial
from tests.report.conftest import WORDS
from tests.report.test_page import Elements
from tests.support.command_line import best, history, nas
from tests.support.searches import SPACE


def text(page: Path) -> str:
    """The page without its tags."""
    body = page.read_text(encoding="utf-8").partition("<body>")[2]
    body = re.sub(r"<(script|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r"<wbr>|</?b>|</?code>", "", body)
    return " ".join(unescape(re.sub(r"<[^>]*>", " | ", body)).split())


def data(page: Path) -> list[dict[str, Any]]:
    """The charts of a page."""
    found = re.findall(
        r'<script type="application/json">(.*?)</script>', page.read_text(encoding="utf-8")
    )
    return [json.loads(each) for each in found]


@pytest.mark.parametrize("name", ["plain", "front", "finals"])
def test_a_page_is_whole_and_made_again_the_same(name: str, runs: Path) -> None:
    page = runs / name / "report.html"
    content = page.read_text(encoding="utf-8")
    found = Elements(content)
    assert (found.open, found.loaded) == ([], [])
    assert len(found.ids) == len({*found.ids})
    assert {*re.findall(r'href="#([^"]+)"', content)} <= {*found.ids}
    page.unlink()
    assert nas("report", runs / name).code == 0
    assert page.read_text(encoding="utf-8") == content


def test_the_winner_with_its_figures_and_its_commands(runs: Path) -> None:
    page, found = runs / "plain" / "report.html", best(runs / "plain")
    told = text(page)
    assert "Which architecture of the space nasbench201 has the highest score by naswot" in told
    assert "with params ≤ 1500" in told
    assert f"The best is {found['arch']}." in told
    assert f"{found['score']:,.6g}" in told
    assert f"{found['params']:,}" in told
    assert str(tuple(found["tuple"])) in told
    (export,) = re.findall(r"nas export [^|]*", told)
    first, second, *rest = shlex.split(export)
    rest = [word if not word.startswith("out=") else f"out={runs / 'net.py'}" for word in rest]
    assert (first, second) == ("nas", "export")
    assert nas("export", *rest).code == 0
    assert "class " in (runs / "net.py").read_text()


def test_the_charts_have_the_trials(runs: Path) -> None:
    charts = {chart["title"]: chart for chart in data(runs / "plain" / "report.html")}
    assert [*charts] == [
        *("Best so far", "Distribution", "naswot score against params"),
        "naswot score against flops",
    ]
    trials = [t for t in history(runs / "plain") if "copy_of" not in t and t["score"] is not None]
    dots, steps, winner = charts["Best so far"]["layers"]
    assert dots["data"]["trial"] == [trial["number"] for trial in trials]
    assert dots["data"]["naswot score"] == [float(f"{t['score']:.6g}") for t in trials]
    highest = best(runs / "plain")
    assert steps["data"]["naswot score"][-1] == float(f"{highest['score']:.6g}")
    assert winner["data"]["trial"] == [highest["trial"]]
    (columns, _) = charts["Distribution"]["layers"]
    assert sum(columns["data"]["architectures"]) == len(trials)
    others, _, front, _ = charts["naswot score against params"]["layers"]
    assert len(others["data"]["trial"]) + len(front["data"]["trial"]) == len(trials)


def test_ten_are_drawn_and_those_without_a_score_are_explained(runs: Path) -> None:
    content = (runs / "plain" / "report.html").read_text(encoding="utf-8")
    assert content.count('<figure class="picture">') == 11
    summary = best(runs / "plain")
    for row in summary["top"]:
        assert re.search(rf"{row['score']:,.6g}".replace(".", r"\."), content)
    told = text(runs / "plain" / "report.html")
    for reason, count in summary["trials"]["reasons"].items():
        assert reason in told
        assert re.search(rf"{re.escape(reason)} \|( \|)* {count} \|", told)
        assert advice(reason, False) in told


def test_a_front_has_its_charts_and_its_table(runs: Path) -> None:
    front = best(runs / "front")["front"]
    charts = {chart["title"]: chart for chart in data(runs / "front" / "report.html")}
    pair = charts["-flops against params"]
    members = next(layer for layer in pair["layers"] if layer.get("name") == "the front")
    points = sorted(tuple(point["values"].values()) for point in front["points"])
    assert sorted(zip(members["data"]["params"], members["data"]["-flops"], strict=True)) == points
    assert charts["Growth of the front"]["layers"][0]["data"]["hypervolume"][-1] == pytest.approx(
        front["hypervolume"], rel=1e-5
    )
    told = text(runs / "front" / "report.html")
    assert "are the best compromises between params and -flops" in told
    assert f"The front: {len(front['points'])} architecture" in told


def test_finals_and_warm_up_are_told(runs: Path) -> None:
    told, found = text(runs / "finals" / "report.html"), best(runs / "finals")
    assert "the winner of the finals" in told
    assert "4 finalists; by each judge the rank" in told
    for row in found["finals"]["finalists"]:
        assert row["arch"] in told
    assert "Before the search, 6 random architectures were scored by epsilon" in told


def test_a_page_that_fails_is_a_note(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a page\nof two lines")

    monkeypatch.setattr("nas.cli.reporting.search_page", broken)
    done = nas("search", *WORDS, "proxy=params", "finals=none", "out=run")
    assert done.code == 0
    note = "note: run/report.html could not be written: RuntimeError: a page\n"
    assert done.err.endswith(note)
    assert "report.html" not in done.out
    monkeypatch.setattr("nas.report.from_python.search_page", broken)
    package.search(SPACE, "params", "random", budget=5, out="other", progress=False)
    assert best(here / "other")["arch"]


def test_an_undrawn_space_has_a_page(monkeypatch: pytest.MonkeyPatch, runs: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no picture")

    monkeypatch.setattr("nas.report.architectures.draw", broken)
    from nas.cli.reporting import read_run

    page = search_page(read_run(runs / "plain")).html
    assert "It is not drawn: ValueError: no picture." in page
    assert '<figure class="picture">' not in page


def test_a_stopped_search_says_how_to_go_on(runs: Path, here: Path) -> None:
    shutil.copytree(runs / "plain", here / "run")
    lines = (here / "run" / "history.jsonl").read_text().splitlines(keepends=True)
    (here / "run" / "history.jsonl").write_text("".join(lines[:25]))
    done = nas("report", "run")
    assert done.code == 0
    told = text(here / "run" / "report.html")
    assert "The search is not over" in told
    (again,) = {*re.findall(r"nas search [^|]* out=run", told)}
    assert nas(*shlex.split(again)[1:]).code == 0
    assert history(here / "run") == history(runs / "plain")
    assert "The search is not over" not in text(here / "run" / "report.html")


def test_a_search_without_a_score_has_a_page(runs: Path, tmp_path: Path) -> None:
    reason = "the input does not reach the output"
    trials = [Trial(0, (0,) * 6, nan, {}, 0.1, reason), Trial(1, (1,) * 6, nan, {}, 0.1, "Oh: <")]
    asked = question(recorded(read_record(runs / "plain")[0], runs / "plain"))
    summary = summarise(trials, SPACE, by_score, [], asked)
    search_page(Run(tmp_path, summary, trials, by_score, space=SPACE)).write(tmp_path / "a.html")
    told = text(tmp_path / "a.html")
    assert "No architecture has a score: 2 trials have none." in told
    assert f"{reason} |" in told
    assert "Oh: < |" in told
    assert advice(reason, False) in told
    assert "The winner" not in told


def test_a_search_from_python_has_a_page_and_report_keeps_it(here: Path) -> None:
    found = package.search(SPACE, "params", "random", budget=20, out="run", progress=False)
    told = text(here / "run" / "report.html")
    assert found.arch in told
    assert "A program made this search" in told
    before = (here / "run" / "report.html").read_bytes()
    assert nas("report", "run").code == 0
    assert (here / "run" / "report.html").read_bytes() == before


class Mine(type(SPACE)):  # type: ignore[misc]
    """A space that no registry knows."""


def test_a_space_of_a_program_is_exported_by_the_program(here: Path) -> None:
    space = Mine(cells=1, channels=2, resolution=8)
    found = package.search(space, "params", "random", budget=5, out="own", progress=False)
    told = text(here / "own" / "report.html")
    assert "nas export" not in told
    assert "nas draw" not in told
    (call,) = re.findall(r"import nas[^|]*save[^|]*", told)
    exec(call.replace(" nas.", "\nnas."), {"found": found})  # the lines of the page itself
    assert "class " in (here / "net.py").read_text()
    assert (here / "net.svg").exists()


@pytest.mark.long
def test_a_space_without_layers_is_not_exported_as_source(here: Path) -> None:
    words = ["space=vit", "proxy=params", "strategy=random", "budget=2", "finals=none", "out=vit"]
    assert nas("search", *words).code == 0
    told = text(here / "vit" / "report.html")
    assert "nas export vit format=pt2 out=vit.pt2" in told
    assert "format=source" not in told


def test_several_runs_side_by_side(runs: Path, here: Path) -> None:
    done = nas("report", runs / "plain", runs / "finals", runs / "front", "out=pages")
    assert done.code == 0
    assert done.out.endswith("files   pages: side_by_side.html\n")
    page = here / "pages" / "side_by_side.html"
    found = Elements(page.read_text(encoding="utf-8"))
    assert (found.open, found.loaded) == ([], [])
    assert len(found.ids) == len({*found.ids})
    told = text(page)
    assert "The searches differ in their proxy, so their values do not compare" in told
    for name in ("plain", "finals", "front"):
        assert best(runs / name)["arch"] in told
    whole = json.loads(nas("report", runs / "plain", runs / "front", "json=true").out)
    assert whole == [best(runs / "plain"), best(runs / "front")]


def test_the_curves_of_one_question_are_in_one_chart(here: Path) -> None:
    for seed in (1, 2):
        words = ["proxy=params", "finals=none", f"seed={seed}", f"out=s{seed}"]
        assert nas("search", *WORDS, *words).code == 0
    assert nas("report", "s1", "s2").code == 0
    (chart,) = data(here / "side_by_side.html")
    assert [layer["name"] for layer in chart["layers"]] == ["s1", "s2"]
    values = [max(layer["data"]["params score"]) for layer in chart["layers"]]
    assert values == [best(here / name)["score"] for name in ("s1", "s2")]


def test_searches_of_other_lengths_are_not_compared_without_a_word(here: Path) -> None:
    words = [*WORDS, "proxy=params", "finals=none"]
    assert nas("search", *words, "out=short", "budget=10").code == 0
    assert nas("search", *words, "out=long").code == 0
    lines = (here / "long" / "history.jsonl").read_text().splitlines(True)
    (here / "long" / "history.jsonl").write_text("".join(lines[:20]))
    assert nas("report", "short", "long").code == 0
    told = " ".join(text(here / "side_by_side.html").replace("|", " ").split())
    assert re.search(r"short made 10 of 10 trials and long made \d+ of 40 trials and is not", told)


@pytest.mark.long
def test_fronts_are_compared_by_their_hypervolumes(here: Path) -> None:
    words = ["proxy=params", "objective=[params,-flops]", "finals=none", "out=other"]
    assert nas("search", *WORDS, *words, "seed=3").code == 0
    assert nas("search", *WORDS, *words[:-1], "out=one").code == 0
    assert nas("report", "one", "other").code == 0
    told = " ".join(text(here / "side_by_side.html").replace("|", " ").split())
    assert "found the front with the largest hypervolume" in told
    assert "found the highest" not in told


def test_the_page_is_there_before_the_summary(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(runs / "plain", tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    page.unlink()
    there: list[bool] = []
    from nas.cli.commands import report

    monkeypatch.setattr(report, "_show", lambda *_: there.append(page.exists()))
    assert nas("report", tmp_path / "run").code == 0
    assert there == [True]


def test_runs_of_one_name_are_told_apart_by_their_folders(runs: Path) -> None:
    from nas.cli.reporting import read_run

    shutil.copytree(runs / "plain", runs / "more" / "plain")
    found = [read_run(runs / "plain"), read_run(runs / "more" / "plain")]
    assert labels(found) == [f"{runs.name}/plain", "more/plain"]


def test_open_opens_the_page(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def see(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", see)
    assert nas("report", runs / "plain", "--open").code == 0
    assert opened == [(runs / "plain" / "report.html").as_uri()]


@pytest.mark.parametrize("words", [[], ["there/is/none"], ["plain", "table=x", "front"]])
def test_mistakes(words: list[str], runs: Path) -> None:
    given = [str(runs / word) if (runs / word).exists() else word for word in words]
    done = nas("report", *given)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("nas: ")


def test_advice() -> None:
    assert len({advice(reason, False) for reason in ("infeasible: a<=1", "no flow")}) == 2
    assert advice("the low pass underflows in float32", False).startswith("The output under the")
    assert advice("ZeroDivisionError: x", True) == ERROR
    assert advice("another", False) == OTHERWISE
    assert len({told for _, told in ADVICE}) == len(ADVICE)
