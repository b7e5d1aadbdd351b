"""`nas compare under=`: its files and text, what it refuses, and that nothing is done twice."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from tests.support.command_line import SMALL, nas
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(60)))[:40]
QUICK = [*SMALL, "resamples=10", "proxy=naswot", "target=acc", "sample=all", "out=a"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with a table of figures in `data`."""
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    rows = [
        f"{SPACE.format(arch)},{sum(arch)}.5,{5 + arch[-1]},{'' if arch[0] == 0 else 9},7"
        for arch in ARCHS
    ]
    text = "\n".join(["arch,acc,any_name,holes,flops", *rows]) + "\n"
    (folder / "data" / "nasbench201.csv").write_text(text)
    monkeypatch.setenv("NAS_DATA", str(folder / "data"))
    monkeypatch.chdir(folder)
    return folder


def result(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "a" / "compare.json").read_text())
    return content


@pytest.mark.long
def test_choices_under_limits_are_in_all_files(here: Path) -> None:
    words = ["compare", *QUICK, "under=[any_name,params]", "limits=4", "finals=panel"]
    done = nas(*words, "finals.size=5", "finals.proxies=[params,naswot]")
    assert done.code == 0, done.err
    any_name, params = result(here)["under"]
    assert (any_name["name"], any_name["relation"], params["name"]) == ("any_name", "≤", "params")
    names = ["naswot", "params", "flops", "naswot + finals"]
    for each in (any_name, params):
        assert [row["proxy"] for row in each["rows"]] == names
    for fact in any_name["limits"]:
        meet = [arch for arch in ARCHS if 5 + arch[-1] <= fact["limit"]]
        assert fact["meet"] == len(meet)
        assert fact["best"]["truth"] == max(map(sum, meet)) + 0.5
    assert "acc of the best score among those with any_name ≤ limit" in done.out
    assert f"≤ {any_name['limits'][0]['limit']:g} " in done.out
    with (here / "a" / "under.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(4 * len(each["limits"]) for each in (any_name, params))
    assert [row["limit"] for row in rows[:1]] == [str(any_name["limits"][0]["limit"])]
    with Image.open(here / "a" / "pictures" / "under.png") as picture:
        assert picture.size[0] > 500
    page = (here / "a" / "report.html").read_text()
    assert "any_name ≤ limit</h3>" in page
    assert "naswot + finals" in page
    with (here / "a" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [*rows[0]][-3:] == ["any_name", "params (cost)", "acc"]
    assert {row["any_name"] for row in rows} <= {str(5.0 + k) for k in range(5)}
    assert {row["params (cost)"] == row["params"] for row in rows} == {True}
    before = (here / "a" / "scores.jsonl").read_bytes()
    assert nas(*words, "finals.size=5", "finals.proxies=[params,naswot]").code == 0
    assert (here / "a" / "scores.jsonl").read_bytes() == before
    assert nas("compare", *QUICK, "pictures=false").code == 0
    assert not (here / "a" / "under.csv").exists()
    assert "under" not in result(here)


def test_own_limits_may_be_met_by_none(here: Path) -> None:
    done = nas("compare", *QUICK, "pictures=false", "under=any_name", "limits=[7,3,6.5]")
    assert done.code == 0, done.err
    under = result(here)["under"][0]
    assert [each["limit"] for each in under["limits"]] == [3, 6.5, 7]
    assert under["limits"][0]["best"] is under["rows"][0]["picks"][0] is None
    line = next(line for line in done.out.splitlines() if line.startswith("  ≤ 3 "))
    assert set(line.split()[2:]) == {"0", "–"}


@pytest.mark.parametrize(
    ("under", "given", "limits"),
    [
        ("params", "[2k,1M,500]", [500, 2000, 1_000_000]),
        ("any_name", "[0.006k,9]", [6, 9]),
        ("memory", "[1MB,2MiB,3000kB]", [1e6, 2 * 2**20, 3e6]),
    ],
)
def test_limits_may_have_units(here: Path, under: str, given: str, limits: list[float]) -> None:
    words = [word for word in QUICK if not word.startswith("proxy=")]
    done = nas(
        "compare", *words, "proxy=params", "pictures=false", f"under={under}", f"limits={given}"
    )
    assert done.code == 0, done.err
    found = [each["limit"] for each in result(here)["under"][0]["limits"]]
    assert found == pytest.approx(limits)


def test_a_figure_may_be_wanted_high(here: Path) -> None:
    done = nas("compare", *QUICK, "pictures=false", "under=-any_name", "limits=[7]")
    assert done.code == 0, done.err
    under = result(here)["under"][0]
    assert under["relation"] == "≥"
    assert under["limits"][0]["meet"] == sum(5 + arch[-1] >= 7 for arch in ARCHS)


def test_rows_without_the_figure_meet_no_limit(here: Path) -> None:
    done = nas("compare", *QUICK, "pictures=false", "under=holes", "limits=3")
    assert done.code == 0, done.err
    under = result(here)["under"][0]
    known = sum(arch[0] != 0 for arch in ARCHS)
    assert (under["known"], len(under["limits"])) == (known, 1)
    assert f"holes: {len(ARCHS) - known} of 40 architectures have no such figure" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["under=any_nam"], "did you mean 'any_name'?"),
        (["under=latenci"], "metric, or column of numbers in "),
        (["under=flops"], "under=flops means two things, a metric and a column of "),
        (["under=any_name", "limits=[1,2]"], "no architecture has any_name <= 2: the lowest is 5"),
        (["under=any_name", "limits=0"], "limits=0 must be 1 or more, or a list of limits"),
        (["under=any_name", "limits=[]"], "must be 1 or more, or a list of limits such as"),
        (["under=any_name", "limits=[1,x]"], "must be 1 or more, or a list of limits such as"),
        (
            ["under=any_name", "limits=[1,.nan]"],
            "must be 1 or more, or a list of limits such as",
        ),
        (
            ["under=any_name", "limits=[5ms,9]"],
            "the limit 5ms of any_name has the unit 'ms', which does not fit a figure without a "
            "unit: give a plain number, or one with k, K, M, G, T",
        ),
        (["under=params", "limits=[1..5k]"], "'1..5' in the limit 1..5k of params is no number"),
        (["under=params", "limits=[5ms]"], "does not fit a figure without a unit"),
        (["under=[any_name,params]", "limits=[9]"], "a list of limits= is for one figure"),
        (["under=any_name", "table=null", "target=null"], "under=any_name compares true figures"),
        (["under=any_name", "+metric.latency.x=1"], "metric.latency has options of a metric that"),
        (["under=any_name", "+metric.any_name.x=1"], "any_name is no metric"),
        (["finals=panel"], "finals= of a comparison are held under limits: give under=NAME"),
        (["under={a: 1}"], "must be a column or metric, or a list"),
        (["under=any_name", "finals=panel", "finals.proxies=[nobody]"], "nobody"),
    ],
)
def test_mistakes_are_found_before_the_first_score(
    here: Path, words: list[str], message: str
) -> None:
    done = nas("compare", *QUICK, *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert not (here / "a" / "scores.jsonl").exists()


def test_a_metric_that_fails_for_all_is_told_and_ends_the_comparison(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> float:
        raise OSError("the meter is unplugged")

    monkeypatch.setattr("nas.metrics.counts.Params.measure", broken)
    words = ["compare", *QUICK, "pictures=false", "under=params", "give_up=3"]
    done = nas(*words)
    assert (done.code, done.out) == (2, "")
    assert "the meter is unplugged" in done.err
    several = [word for word in words if not word.startswith("space.")]
    done = nas(*several, "spaces=[nasbench201]", "proxy=params", "out=b")
    assert (here / "b" / "leaderboard.json").exists()
    assert "the meter is unplugged" in done.out + done.err


@pytest.mark.long
def test_a_stopped_comparison_goes_on_in_its_finals(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["compare", *QUICK, "pictures=false", "under=any_name", "limits=3", "finals=panel"]
    words += ["finals.size=5", "finals.proxies=[params,swap]"]
    journal = here / "a" / "scores.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr(
            "proxies.swap.SWAP.score", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        assert nas(*words).code == 130
    kept = journal.read_bytes()
    assert len(kept.splitlines()) >= 3 * len(ARCHS)
    done = nas(*words)
    assert done.code == 0, done.err
    assert journal.read_bytes().startswith(kept)
    assert result(here)["finals"]["left_out"] == {}
