"""Which figure a study compares: of a table, of a metric, or the hypervolume."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import OPERATIONS, SMALL, check_mistake, history, nas, snapshot

QUICK = [*SMALL, "finals=none", "metrics=[]", "budget=12", "seeds=2", "strategy=random", "out=S"]
TABLE = ["+", "proxy=table", "table=one.csv", "target=valid"]
PARAMS = ["+", "proxy=params"]
FRONT = [*SMALL, "finals=none", "proxy=params", "objective=[params,-flops]", "metrics=[]"]


@pytest.fixture(autouse=True)
def tables(here: Path) -> None:
    """Two tables of 625 cells that hold different figures."""
    for name, factor in (("one", 1), ("other", 3)):
        lines = ["arch,valid,test,ms"]
        for number in range(625):
            one, two = divmod(number, 25)
            cell = [OPERATIONS[each] for each in (one // 5, one % 5, two // 5, two % 5)]
            text = f"|{cell[0]}~0|+|{cell[1]}~0|{cell[2]}~1|+|{cell[3]}~0|none~1|none~2|"
            lines.append(f"{text},{number % 89},{factor * (number % 97)},{1 + number % 31}")
        (here / f"{name}.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def _no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies draw nothing here, which takes as long as all else; test_study.py looks at it."""
    monkeypatch.setattr("nas.study.pictures.draw", lambda *_: [])


def study(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / "study.json").read_text())
    return content


@pytest.mark.long
@pytest.mark.parametrize("metrics", ["metrics=[]", "metrics=[ms]"])
def test_a_column_means_the_same_whether_it_is_a_metric_or_not(here: Path, metrics: str) -> None:
    words = [word for word in QUICK if word != "metrics=[]"]
    words += [metrics, "proxy=table", "table=one.csv", "target=valid"]
    for report, lower, best in (("-ms", True, 1), ("ms", False, 31)):
        done = nas("study", *words, f"report={report}")
        assert done.code == 0, done.err
        found = study(here / "S")
        assert (found["report"], found["lower_is_better"]) == ("ms", lower)
        assert found["best"] == best
        assert ("(lower is better)" if lower else "(higher is better)") in done.out
        assert min(row["regret"]["mean"] for row in found["rows"]) >= 0
        told = json.loads(nas("report", "S", f"report={report}", "json=true").out)
        assert told == found


def test_a_measured_column_is_reported_when_its_table_is_gone(here: Path) -> None:
    words = [word for word in QUICK if word != "metrics=[]"]
    words += ["metrics=[ms]", "proxy=table", "table=one.csv", "target=valid"]
    assert nas("study", *words, "report=-ms").code == 0
    mean = study(here / "S")["rows"][0]["mean"]
    (here / "one.csv").unlink()
    done = nas("report", "S", "report=-ms", "json=true")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["lower_is_better"], found["best"]) == (True, None)
    assert found["rows"][0]["mean"] == pytest.approx(mean)


@pytest.mark.long
def test_lower_is_better_of_a_metric_with_or_without_a_sign(here: Path) -> None:
    words = [*QUICK[:-1], "proxy=naswot", "metrics=[params]", "out=S"]
    assert nas("study", *words, "report=-params").code == 0
    assert study(here / "S")["lower_is_better"]
    assert json.loads(nas("report", "S", "report=params", "json=true").out) == study(here / "S")


@pytest.mark.parametrize("variants", [[*TABLE, *PARAMS], [*PARAMS, *TABLE]])
def test_the_table_of_whichever_variant_has_one(here: Path, variants: list[str]) -> None:
    done = nas("study", *QUICK, "report=test", *variants)
    assert done.code == 0, done.err
    found = study(here / "S")
    assert (found["report"], found["best"]) == ("test", 96.0)
    assert {row["variant"].split()[0] for row in found["rows"]} == {"proxy=table", "proxy=params"}
    assert not any("sha256" in row["variant"] for row in found["rows"])
    assert found["pairs"]
    told = json.loads(nas("report", "S", "report=test", "json=true").out)
    assert told == found
    default = json.loads(nas("report", "S", "json=true").out)
    assert default["report"] == "valid"


@pytest.mark.long
def test_several_tables_are_refused_before_anything_is_searched(here: Path) -> None:
    before = snapshot(here)
    other = ["+", "proxy=table", "table=other.csv", "target=valid"]
    for variants in ([*TABLE, *other], [*other, *TABLE]):
        done = nas("study", *QUICK, "report=test", *variants)
        check_mistake(done, ["one.csv", "other.csv", "several tables", "table=NAME"])
        done = nas("study", *QUICK, *variants)
        check_mistake(done, ["differ in proxy", "report=COLUMN with table=NAME"])
    assert snapshot(here) == before


def test_a_report_takes_a_table(here: Path) -> None:
    assert nas("study", *QUICK, "report=score", "proxy=params").code == 0
    check_mistake(nas("report", "S", "report=test"), ["'test'", "no table (table=NAME gives one)"])
    done = nas("report", "S", "report=test", "table=other.csv")
    assert done.code == 0, done.err
    assert "best possible 288" in done.out
    told = nas("report", "S", "report=test", "table=one", f"data_dir={here}")
    assert "best possible 96" in told.out
    assert nas("report", "S", "table=one.csv").out.startswith("valid of what a search returns")
    check_mistake(nas("report", "S", "report=nothing", "table=one.csv"), ["nothing", "one.csv"])
    check_mistake(nas("report", "S/seed=0", "table=one.csv"), ["table= is for a sweep or a study"])


@pytest.mark.long
def test_the_figure_of_several_objectives_is_the_hypervolume(here: Path) -> None:
    words = [*FRONT, "budget=16", "seeds=2", "out=S", "strategy=random,nsga2"]
    done = nas("study", *words)
    assert done.code == 0, done.err
    found = study(here / "S")
    assert found["report"] == "hypervolume"
    assert done.out.startswith("hypervolume of the front that a search finds (higher is better)")
    names = sorted(path.name for path in (here / "S").iterdir() if path.is_dir())
    lines = [line for name in names for line in history(here / "S" / name)]
    scored = [line["metrics"] | {"params": line["score"]} for line in lines if line["score"]]
    worst = {
        "params": min(e["params"] for e in scored),
        "-flops": -max(e["flops"] for e in scored),
    }
    assert found["reference"] == pytest.approx(worst)
    with (here / "S" / "searches.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, search in zip(rows, found["searches"], strict=True):
        name = f"{search['variant']},seed={search['seed']}"
        front = json.loads((here / "S" / name / "best.json").read_text())["front"]
        assert search["front"] == [point["tuple"] for point in front["points"]]
        assert float(row["hypervolume"]) == pytest.approx(search["hypervolume"])
        assert search["hypervolume"] >= front["hypervolume"]
    assert json.loads(nas("report", "S", "json=true").out) == found
    assert nas("report", "S", "report=flops").out.startswith("flops of what a search returns")


def test_a_given_reference_is_that_of_the_study(here: Path) -> None:
    words = [*FRONT, "budget=8", "seeds=1", "out=S", "strategy=random", "reference=[0,-1e9]"]
    done = nas("study", *words)
    assert done.code == 0, done.err
    assert study(here / "S")["reference"] == {"params": 0.0, "-flops": -1e9}
    (search,) = study(here / "S")["searches"]
    front = json.loads((here / "S" / "seed=0" / "best.json").read_text())["front"]
    assert search["hypervolume"] == pytest.approx(front["hypervolume"])


@pytest.mark.long
def test_different_objectives_do_not_compare() -> None:
    words = [*FRONT[:-2], "metrics=[]", "budget=8", "seeds=1"]
    several = ["+", "objective=[params,-flops]", "+", "objective=[-params,flops]"]
    check_mistake(nas("study", *words, *several), ["differ in objective"])
    one = ["+", "objective=[params,-flops]", "+", "objective=params-flops"]
    check_mistake(nas("study", *words, *one), ["differ in objective"])
    check_mistake(nas("study", *words, "report=hypervolume"), ["'hypervolume'", "score"])


@pytest.mark.long
def test_a_sweep_prints_the_values_of_the_objectives(here: Path) -> None:
    done = nas("search", "-m", *FRONT, "budget=8", "strategy=random", "seed=0,1", "out=X")
    assert done.code == 0, done.err
    assert "hypervolume of the front that a search finds" in done.out
    for seed in (0, 1):
        best = json.loads((here / "X" / f"seed={seed}" / "best.json").read_text())
        values = next(p["values"] for p in best["front"]["points"] if p["tuple"] == best["tuple"])
        told = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
        assert f"seed={seed}: {told}  {best['arch']}" in done.err
