"""What a search in Python returns, and the folder that it leaves."""

from __future__ import annotations

import io
import sys
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

import polars
import pytest

import nas
from nas import STRATEGIES, Arch, Evaluation, ProxyObjective, Space, UsageError
from nas.runs.found import Found
from nas.scoring.objective import Objective
from nas.searching.finals import Panel
from nas.seeding import generator
from tests.support.command_line import best, history
from tests.support.command_line import nas as command
from tests.support.searches import SPACE, Counting

QUICK: dict[str, Any] = {"strategy": "random", "budget": 40}


class Weights(Space):
    """A space that is not registered."""

    decisions = {"width": (1, 2, 3), "depth": tuple(range(20))}
    inputs = (2,)


class Target:
    """An objective that is no proxy."""

    def form(self, arch: Arch) -> Arch:
        return arch

    def metrics(self, arch: Arch) -> dict[str, float]:
        return {"joules": float(sum(arch))}

    def evaluate(self, arch: Arch) -> Evaluation:
        if arch[1] == 5:
            return Evaluation(float("nan"), self.metrics(arch), 0.01, "it fell over")
        return Evaluation(-float((arch[1] - 11) ** 2), self.metrics(arch), 0.01)


@pytest.fixture(scope="module")
def found() -> Found:
    return nas.search(SPACE, Counting(), **QUICK)


def test_an_objective_of_ones_own(tmp_path: Path) -> None:
    assert isinstance(Target(), Objective)
    found = nas.search(Weights(), Target(), budget=200, out=tmp_path / "run")
    assert found.best.score == 0
    assert found.finals is None
    assert "depth=11" in found.arch
    assert found.best.metrics == {"joules": float(sum(found.best.arch))}
    report = command("report", tmp_path / "run")
    assert report.code == 0, report.err
    assert f"best    {found.arch}" in report.out
    assert "it fell over" in report.out
    again = nas.search(Weights(), Target(), budget=200, out=tmp_path / "run")
    assert str(again.trials) == str(found.trials)


@pytest.mark.parametrize(
    "proxy", ["params", ["params", "flops"], {"mine": "params", "f": "flops"}]
)
def test_a_folder_is_reported_as_of_a_search_by_command(proxy: Any, tmp_path: Path) -> None:
    panel = Panel(size=4, proxies=("params", "flops"))
    found = nas.search(SPACE, proxy, **QUICK, out=tmp_path, finals=panel)
    report = command("report", tmp_path)
    assert report.code == 0, report.err
    assert f"best    {found.arch}" in report.out
    assert report.out.startswith("40 of 40 trials · space nasbench201 · proxy ")
    assert "the finals: 4 best of the search" in report.out
    summary = best(tmp_path)
    assert summary["tuple"] == list(found.best.arch)
    assert [tuple(each["tuple"]) for each in summary["top"]] == [t.arch for t, _ in found.top[:10]]
    assert len(history(tmp_path)) == 40
    mistake = command("search", "proxy=params", f"out={tmp_path}")
    assert "holds a run with other settings" in mistake.err


def test_a_folder_goes_on_and_keeps_to_its_search(tmp_path: Path) -> None:
    first = nas.search(SPACE, "params", **QUICK, out=tmp_path, finals=None)
    longer = nas.search(SPACE, "params", "random", budget=60, out=tmp_path, finals=None)
    before = [trial.to_json() for trial in first.trials]
    assert [trial.to_json() for trial in longer.trials[:40]] == before
    with pytest.raises(UsageError, match="holds 60 trials already, more than budget=50"):
        nas.search(SPACE, "params", "random", budget=50, out=tmp_path, finals=None)
    small = partial(STRATEGIES["evolution"], population=8)
    with pytest.raises(UsageError, match=r"strategy\.name is 'random' there and 'evolution' here"):
        nas.search(SPACE, "params", small, budget=60, out=tmp_path, finals=None)


def test_the_table_has_a_row_for_every_trial(found: Found) -> None:
    table = found.to_dataframe()
    assert table.columns == [
        "number",
        "arch",
        "score",
        "params",
        "seconds",
        "reason",
        "note",
        "copy_of",
    ]
    assert table["score"].to_list() == pytest.approx([t.score for t in found.trials], nan_ok=True)
    assert table["arch"].to_list() == [SPACE.format(trial.arch) for trial in found.trials]
    assert table.schema["copy_of"] == polars.Int64
    pandas = pytest.importorskip("pandas")
    other = found.to_dataframe("pandas")
    assert isinstance(other, pandas.DataFrame)
    assert list(other["number"]) == list(range(40))


def test_where_pandas_is_missing_a_sentence_says_so(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        UsageError, match=r"pandas is not installed: to_dataframe\(\) gives a table of"
    ):
        found.to_dataframe("pandas")
    with pytest.raises(UsageError, match="library=arrow must be polars or pandas"):
        found.to_dataframe("arrow")  # type: ignore[arg-type]


def test_the_picture_has_every_score_and_the_best_so_far(found: Found) -> None:
    (axes,) = found.plot().axes
    lines: list[Any] = [*axes.get_lines()]
    points, steps, ring = lines
    scores = {t.number: t.score for t in found.trials if t.copy_of is None and not isnan(t.score)}
    assert dict(zip(*points.get_data(), strict=True)) == scores
    assert steps.get_ydata()[-1] == max(scores.values())
    assert ring.get_xdata() == [found.best.number]
    png = io.BytesIO()
    found.plot().savefig(png)
    assert png.getvalue().startswith(b"\x89PNG")


def test_what_nothing_scored_has_a_picture_and_a_word() -> None:
    class Nothing(Target):
        def evaluate(self, arch: Arch) -> Evaluation:
            return Evaluation(float("nan"), {}, 0.0, "never")

    found = nas.search(Weights(), Nothing(), "random", budget=30)
    assert "no score; 30 trials, 0 scored" in repr(found)
    assert found.plot().axes[0].get_lines() == []
    assert "without a score" in found._repr_html_()


def test_it_shows_itself(found: Found) -> None:
    assert found.arch in repr(found)
    assert f"score {found.best.score:.6g}; 40 trials" in repr(found)
    page = found._repr_html_()
    assert found.arch in page
    assert page.count("<tr>") == 11
    assert "<script" not in nas.search(Named(), Target(), "random", budget=9)._repr_html_()


class Named(Weights):
    """A space whose notation must be escaped."""

    def format(self, arch: Arch) -> str:
        return f"<script>{arch}"


def test_a_bar_is_shown_if_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    nas.search(SPACE, Counting(), **QUICK, progress=True)
    assert "40/40 trials" in capsys.readouterr().err
    nas.search(SPACE, Counting(), **QUICK)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_object_of_a_strategy_starts_anew(name: str) -> None:
    strategy = STRATEGIES.build(name, SPACE)
    first, second = (nas.search(SPACE, Counting(), strategy, budget=150) for _ in range(2))
    named = nas.search(SPACE, Counting(), name, budget=150)
    assert str(first.trials) == str(second.trials) == str(named.trials)
    with pytest.raises(UsageError, match="the strategy is for NASBench201"):
        nas.search("nasbench201", Counting(), strategy, budget=5)


def test_an_objective_of_proxies_brings_its_own_batch() -> None:
    batch = SPACE.batch(4, generator("own"))
    objective = ProxyObjective(SPACE, nas.PROXIES.build("params"), batch)
    panel = Panel(size=4, proxies=("flops",))
    found = nas.search(SPACE, objective, **QUICK, finals=panel)
    assert found.finals is not None
    assert str(found.trials[0].score) == str(objective.evaluate(found.trials[0].arch).score)
    with pytest.raises(UsageError, match="the objective is for NASBench201"):
        nas.search("nasbench201", objective, **QUICK)


@pytest.mark.long
def test_finals_are_held_unless_proxies_decide() -> None:
    assert nas.search(SPACE, "params", **QUICK, batch=SPACE.batch(4, generator("f"))).finals
    inputs = SPACE.batch(24, generator("t")).inputs
    labelled = nas.batch.Batch(inputs, (inputs.mean((1, 2, 3)) > 0).long())
    trained = nas.search(
        SPACE, nas.PROXIES.build("training", steps=1), "random", budget=4, batch=labelled
    )
    assert trained.finals is None
    assert 0 <= trained.best.score <= 1
