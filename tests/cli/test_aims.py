"""Objectives and constraints on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.searching.formulas import Formula
from tests.support.command_line import SMALL, best, check_mistake, history, nas, told

QUICK = [*SMALL, "proxy=params", "strategy=random", "finals=none", "out=run", "budget=60"]


def test_no_infeasible_winner(here: Path) -> None:
    done = nas("search", *QUICK, "constraints=[flops<=12k, params>=1.2k]", "metrics=[params]")
    assert done.code == 0, done.err
    found = best(here / "run")
    assert found["flops"] <= 12_000
    assert found["params"] >= 1_200
    assert all(row["flops"] <= 12_000 and row["params"] >= 1_200 for row in found["top"])
    report = nas("report", "run")
    assert told(report.out) == told(done.out)
    again = nas("search", *QUICK, "constraints=[flops<=12k, params>=1.2k]", "metrics=[params]")
    assert (again.code, again.out) == (0, done.out)


def test_an_infeasible_trial_has_its_reason(here: Path) -> None:
    done = nas(
        "search", *QUICK, "proxy=[params,flops]", "ranking=rank_sum", "constraints=['flops>=20k']"
    )
    assert done.code == 0, done.err
    found = best(here / "run")
    reasons = found["trials"]["reasons"]
    assert {*reasons} <= {"infeasible: flops>=20k"}
    assert found["flops"] >= 20_000


def test_a_formula_ranks(here: Path) -> None:
    done = nas("search", *QUICK, "objective=params*flops^-0.9")
    assert done.code == 0, done.err
    found, value = best(here / "run"), Formula.parse("params*flops^-0.9").value
    values = {row["number"]: value(row["metrics"]) for row in history(here / "run")}
    scored = {number: each for number, each in values.items() if each == each}
    assert found["score"] == max(scored.values())
    assert "params*flops^-0.9" in done.out
    assert found["objective"] == ["params*flops^-0.9"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["constraints=[weight<=3]"], "no figure of this search"),
        (["constraints=[params<=3ms]"], "the unit 'ms'"),
        (["constraints=[params]"], "params<=500000"),
        (["constraints=[params<=3,params>=4]"], "contradict"),
        (["constraints=[1,2]"], "params<=500000"),
        (["constraints={a: 1}"], "params<=500000"),
        (["objective=weight*2"], "no figure of this search"),
        (["objective=naswot"], "proxy=[params,naswot]"),
        (["objective=__import__('os').getcwd()"], "is no formula"),
        (["objective=[params,open(1)]"], "is no formula"),
        (["objective=[]"], "must be a formula"),
        (["objective=params#flops"], "is no formula"),
        (["objective=log(params-1e9)"], "has no value for its figures"),
        (["objective=3"], "has no figure"),
        (["objective=-params", "finals=panel"], "finals=none"),
        (["metric.flops.speed=3"], "has no option"),
        (["metric.weight.speed=3"], "not measured"),
        (["metric=3"], "metric.NAME.OPTION=VALUE"),
        (["constraints=[params<=-1]"], "the nearest is"),
    ],
)
def test_mistakes(here: Path, words: list[str], said: str) -> None:
    check_mistake(nas("search", *QUICK, *words), [said])
    assert not (here / "run").exists()


@pytest.mark.usefixtures("here")
def test_the_nearest_has_each_figure_once() -> None:
    words = ["constraints=[params<=1e3,params>=999.5,flops<=-1]", "budget=5"]
    done = nas("search", *QUICK, *words)
    assert done.code == 2
    said = done.err[done.err.index("the nearest is") :]
    assert (said.count("params "), said.count("flops ")) == (1, 1)


@pytest.mark.long
def test_the_history_is_the_same_from_processes(here: Path) -> None:
    words = [
        *(
            *SMALL,
            "finals=none",
            "budget=16",
            "block=4",
            "strategy=nsga2",
            "strategy.population=4",
        ),
        *("proxy=[naswot,params]", "objective=[naswot,-memory]", "constraints=[params<=2k]"),
    ]
    assert nas("search", *words, "out=one").code == 0
    two = ["executor=processes", "executor.workers=2"]
    done = nas("search", *words, "out=two", *two)
    assert done.code == 0, done.err
    assert history(here / "one") == history(here / "two")
    text = (here / "one" / "history.jsonl").read_text().splitlines(keepends=True)
    for count in (1, 9, 15):
        folder = here / f"cut{count}"
        folder.mkdir()
        (folder / "history.jsonl").write_text("".join(text[:count]))
        record = (here / "one" / "config.yaml").read_text()
        (folder / "config.yaml").write_text(record)
        done = nas("search", *words, f"out=cut{count}")
        assert done.code == 0, done.err
        assert history(folder) == history(here / "one")
        assert (folder / "history.jsonl").read_text().startswith("".join(text[:count]))


@pytest.mark.parametrize("strategy", ["random", "reinforce", "local", "evolution"])
def test_move_chooses_no_architecture_that_breaks_a_constraint(here: Path, strategy: str) -> None:
    words = [*(word for word in QUICK if "strategy" not in word), f"strategy={strategy}"]
    words += ["strategy.population=4"] * (strategy == "evolution")
    done = nas("search", *words, "move=flops", "constraints=[params<=1900]", "budget=16")
    assert done.code == 0, done.err
    rows = history(here / "run")
    assert sum(row["reason"].startswith("infeasible") for row in rows if "reason" in row) <= 6
