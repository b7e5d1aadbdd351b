"""A search with a table at hand: its columns as metrics, and the truth about the winner."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import polars
import pytest

from nas import SPACES
from tests.support.command_line import SMALL, best, check_mistake, history, lines, nas, snapshot
from tests.support.tables import NAMES, written

SPACE = SPACES.build("nasbench201")
QUICK = [*SMALL, "batch.size=2", "strategy=random", "finals=none"]
Rows = dict[str, dict[str, float | None]]


@pytest.fixture(scope="module")
def rows() -> polars.DataFrame:
    """The whole space with a figure a cell, and a latency of which some are missing."""
    rng = Random(3)
    archs = [*SPACE.every()]
    return polars.DataFrame(
        {
            "arch": [SPACE.format(arch) for arch in archs],
            "acc": [round(rng.random() * 100, 2) for _ in archs],
            "lat": [None if place % 7 == 0 else place / 100 for place in range(len(archs))],
            "flops": [rng.random() for _ in archs],
            "odd": ["oops" if place == 5 else str(place) for place in range(len(archs))],
        }
    )


@pytest.fixture(scope="module")
def table(rows: polars.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The option that names a file with them, which is read once for all tests."""
    return f"table={written(tmp_path_factory.mktemp('tables') / 't.csv', rows)}"


@pytest.fixture(scope="module")
def figures(rows: polars.DataFrame) -> Rows:
    """The columns by architecture."""
    return {name: dict(zip(rows["arch"], rows[name], strict=True)) for name in ("acc", "lat")}


def test_the_table_itself_is_searched(figures: Rows, table: str) -> None:
    words = [*QUICK, table, "proxy=table", "target=acc", "metrics=[lat]", "budget=40"]
    done = nas("search", *words, "out=a")
    assert done.code == 0, done.err
    for line in lines(Path("a")):
        name = SPACE.format(tuple(line["arch"]))
        assert line["score"] == figures["acc"][name]
        assert line["metrics"] == {"lat": figures["lat"][name]}
    found = best(Path("a"))
    known = [value for value in figures["acc"].values() if value is not None]
    assert found["score"] == max(line["score"] for line in lines(Path("a")))
    assert found["truth"] == {
        "table": "t",
        "target": "acc",
        "figure": found["score"],
        "rank": 1 + sum(value > found["score"] for value in known),
        "of": len(known),
        "best": max(known),
        "regret": max(known) - found["score"],
        "reason": "",
        "notes": [],
    }
    assert f"rank {found['truth']['rank']:,} of 15,625, regret" in done.out
    assert found["finals"] is None  # a figure of the truth is judged by nobody


def test_the_winner_of_another_proxy_has_its_true_figure(figures: Rows, table: str) -> None:
    words = [*QUICK, table, "proxy=params", "target=-lat", "budget=12", "seed=2"]
    done = nas("search", *words, "out=a")
    assert done.code == 0, done.err
    found = best(Path("a"))
    value = figures["lat"][found["arch"]]
    known = sorted(each for each in figures["lat"].values() if each is not None)
    assert value is not None
    assert found["truth"]["figure"] == value
    assert found["truth"]["best"] == known[0]
    assert found["truth"]["rank"] == 1 + sum(each < value for each in known)
    assert found["truth"]["regret"] == value - known[0]
    assert found["truth"]["of"] == len(known)
    report = nas("report", "a")
    assert [line for line in report.out.splitlines() if line.startswith("truth")] == [
        line for line in done.out.splitlines() if line.startswith("truth")
    ]
    assert json.loads(nas("report", "a", "json=true").out)["truth"] == found["truth"]


def test_a_winner_without_a_figure_says_so(here: Path, rows: polars.DataFrame) -> None:
    written(here / "u.csv", polars.DataFrame({"arch": rows["arch"][:1], "acc": [3.0]}))
    options = [*QUICK, "table=u.csv", "proxy=params", "target=acc", "budget=5", "out=a"]
    done = nas("search", *options)
    assert done.code == 0, done.err
    assert best(here / "a")["truth"]["rank"] is None
    assert "truth   acc unknown: the table u has no row of it   (table u, best 3)" in done.out


def test_finals_compare_the_favourite_with_the_winner(figures: Rows, table: str) -> None:
    panel = ["finals=panel", "finals.size=5", "finals.proxies=[flops,depth]"]
    options = [each for each in QUICK if each != "finals=none"]
    for seed in range(10):
        words = [*options, *panel, table, "proxy=skip", "target=acc", "budget=6", f"seed={seed}"]
        assert nas("search", *words, f"out={seed}").code == 0
        found = best(Path(str(seed)))
        if found["favourite"]["arch"] == found["arch"]:
            assert "favourite" not in found["truth"]
            continue
        other = found["truth"]["favourite"]
        assert other["figure"] == figures["acc"][found["favourite"]["arch"]]
        assert "of the search's favourite: " in nas("report", str(seed)).out
        return
    pytest.fail("the finals chose the favourite ten times")


@pytest.mark.long
def test_processes_read_the_table_themselves(here: Path, table: str) -> None:
    words = ["search", *QUICK, table, "proxy=table", "target=acc", "metrics=[lat]", "block=4"]
    assert nas(*words, "executor=processes", "budget=8", "out=a").code == 0
    assert nas(*words, "budget=4", "out=b").code == 0
    assert nas(*words, "budget=8", "out=b").code == 0
    assert history(here / "a") == history(here / "b")


def test_a_search_goes_on_with_the_same_content_alone(here: Path) -> None:
    frame = polars.DataFrame({"arch": NAMES, "acc": [float(n % 7) for n in range(len(NAMES))]})
    words = ["search", *QUICK, "table=t", "proxy=table", "metrics=[acc]", "out=a"]
    for folder, budget in (("one", 8), ("two", 12)):  # the folder may be another
        written(here / folder / "t.csv", frame)
        done = nas(*words, f"data_dir={folder}", f"budget={budget}")
        assert done.code == 0, done.err
    assert len(lines(here / "a")) == 12
    written(here / "two" / "t.csv", frame.with_columns(polars.col("acc") + 1))
    before = snapshot(here / "a")
    refused = nas(*words, "data_dir=two", "budget=20")
    check_mistake(refused, ["a holds a run with other settings: tables_sha256"])
    report = nas("report", "a")
    assert report.code == 0, report.err
    assert "note: the true figures are left out: " in report.err
    assert snapshot(here / "a") == before


def test_a_report_without_the_table_has_its_columns(here: Path, rows: polars.DataFrame) -> None:
    words = ["search", *QUICK, "table=t.csv", "proxy=params", "metrics=[acc]", "budget=4", "out=a"]
    written(here / "t.csv", rows)
    done = nas(*words)
    assert done.code == 0, done.err
    (here / "t.csv").unlink()
    report = nas("report", "a")
    assert report.code == 0, report.err
    assert "note: the true figures are left out: " in report.err
    shown = next(line for line in done.out.splitlines() if line.startswith("acc"))
    assert shown in report.out.splitlines()


def test_the_default_metrics_are_no_columns(table: str) -> None:
    done = nas("search", *QUICK, table, "proxy=params", "budget=3", "out=a")
    assert done.code == 0, done.err
    assert all(line["metrics"]["flops"] > 1 for line in lines(Path("a")))  # the table's are < 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["metrics=[flops]"], "flops is a metric and a column of "),
        (["metrics=[latt]"], "no metric or column of "),
        (["metrics=[odd]"], "column 'odd' of "),
        (["target=odd"], "has 'oops' in row 6"),
        (["target=ac"], "acc"),
        (["table=null", "target=acc"], "target=acc needs a table"),
        (["table=null", "target=null", "metrics=[acc]"], "no metric 'acc'"),
        (["table=null", "target=null", "proxy=table"], "give table=NAME or table=FILE"),
        (["table=nothing"], "no table of true figures is named nothing"),
        (["space=mnasnet"], "not in this space, the first is"),
        (["duplicates=sum"], "duplicates=sum must be error or mean"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    options: list[str], words: str, here: Path, table: str
) -> None:
    base = ["finals=none", "strategy=random", "budget=5", "out=a"]
    done = nas("search", *base, "proxy=params", table, *options)
    check_mistake(done, [words])
    assert not (here / "a").exists()


def test_objectives_and_constraints_may_be_columns(figures: Rows, table: str) -> None:
    words = [*QUICK, table, "proxy=table", "target=acc", "metrics=[params]", "budget=40"]
    done = nas("search", *words, "constraints=[lat<=60]", "objective=table-lat", "out=a")
    assert done.code == 0, done.err
    found = best(Path("a"))
    value, cost = (figures[name][found["arch"]] for name in ("acc", "lat"))
    assert value is not None
    assert cost is not None
    assert cost <= 60
    assert found["score"] == pytest.approx(value - cost)
    assert found["lat"] == cost
    assert "found" not in nas("report", "a").err


@pytest.mark.parametrize(
    "option", ["objective=params-flops", "constraints=[flops<=3]", "objective=[params,-laat]"]
)
def test_a_figure_that_is_two_or_none_is_refused(option: str, table: str, here: Path) -> None:
    done = nas("search", *QUICK, table, "proxy=params", option, "out=a")
    word = "laat" if "laat" in option else "flops is a metric and a column of "
    check_mistake(done, [word])
    assert not (here / "a").exists()
