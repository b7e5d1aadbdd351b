"""The finals of a search on the command line: what it returns, resumes and reports."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from nas import SPACES, UsageError, finals, search
from nas.searching.finals import Panel
from tests.support.command_line import (
    FILES,
    SMALL,
    best,
    check_mistake,
    full_beyond,
    nas,
    snapshot,
)

SEARCH = ["search", *SMALL, "strategy=random", "budget=40", "finals.size=6", "out=run"]
PANEL = ["epsilon", "naswot", "swap", "flops"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("finals")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = nas(*SEARCH)
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture
def run(made: Path, here: Path) -> Path:
    """A copy of the search's folder, for a test that changes it."""
    return Path(copytree(made, here / "run"))


def judged(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "finals.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_winner_of_the_finals_is_what_a_search_returns(run: Path) -> None:
    found = best(run)
    places = found["finals"]["finalists"]
    assert {path.name for path in run.iterdir()} == FILES | {"finals.jsonl"}
    assert (found["finals"]["size"], found["finals"]["proxies"]) == (6, PANEL)
    assert found["arch"] == places[0]["arch"]
    assert found["favourite"] == found["top"][0]
    assert {row["arch"] for row in places} == {row["arch"] for row in found["top"][:6]}
    sums = [row["rank_sum"] for row in places]
    assert sums == sorted(sums, reverse=True)
    for judge in PANEL:
        ranked = sorted(places, key=lambda row, judge=judge: row["ranks"][judge])  # type: ignore[misc]
        scores = [row["scores"][judge] for row in ranked]
        assert scores == sorted(scores, reverse=True)
    assert {tuple(line["arch"]) for line in judged(run)} == {tuple(row["tuple"]) for row in places}


def test_the_text_names_the_winner_the_favourite_and_every_rank(run: Path) -> None:
    text = nas("report", run).out
    found = best(run)
    assert f"best    {found['arch']}\n" in text
    place = [row["arch"] for row in found["finals"]["finalists"]].index(found["favourite"]["arch"])
    assert f"the search's favourite has place {place + 1}: {found['favourite']['arch']}" in text
    (head,) = (line for line in text.splitlines() if line.split()[:3] == ["place", "rank", "sum"])
    assert head.split()[3:-1] == PANEL
    first = text.splitlines()[text.splitlines().index(head) + 1].split()
    assert [float(word) for word in first[2:6]] == [
        found["finals"]["finalists"][0]["ranks"][judge] for judge in PANEL
    ]


@pytest.mark.long
def test_without_finals_a_search_returns_its_favourite(here: Path) -> None:
    assert nas(*SEARCH, "finals=none").code == 2  # finals.size is no option of none
    words = [word for word in SEARCH if not word.startswith("finals")]
    assert nas(*words, "finals=none").code == 0
    found = best(here / "run")
    assert found["finals"] is None
    assert found["arch"] == found["favourite"]["arch"]
    assert {path.name for path in (here / "run").iterdir()} == FILES
    done = nas(*SEARCH)  # the finals of a search that is there already
    assert done.code == 0
    assert best(here / "run")["finals"]["size"] == 6


@pytest.mark.long
def test_finals_that_were_stopped_go_on(run: Path) -> None:
    whole = snapshot(run)
    for kept in (0, 1, 4):
        content = (run / "finals.jsonl").read_bytes().splitlines(keepends=True)
        torn = content[kept][: len(content[kept]) // 2]
        (run / "finals.jsonl").write_bytes(b"".join(content[:kept]) + torn)
        report = json.loads(nas("report", run, "json=true").out)
        assert report["finals"] is None
        assert report["notes"] == [f"the finals are not over: {kept} of 6 finalists are judged"]
        assert nas(*SEARCH).code == 0
        after = [{**line, "seconds": 0, "check": 0} for line in judged(run)]
        before = [json.loads(line) for line in content]
        assert after == [{**line, "seconds": 0, "check": 0} for line in before]
    assert best(run) == json.loads(whole[run / "best.json"][1])  # type: ignore[index]


def test_a_search_that_ends_in_its_finals_has_a_result(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The favourite is written before the finals begin."""

    def ended(*_: object) -> None:
        raise UsageError("the finals ended")

    monkeypatch.setattr("nas.cli.commands.search.hold", ended)
    assert nas(*SEARCH).code == 2
    found = best(here / "run")
    assert found["arch"] == found["favourite"]["arch"] is not None
    assert found["finals"] is None


@pytest.mark.long
def test_more_trials_judge_only_the_new_finalists(run: Path) -> None:
    before = (run / "finals.jsonl").read_bytes()
    more = [word.replace("budget=40", "budget=90") for word in SEARCH]
    assert nas(*more).code == 0
    assert (run / "finals.jsonl").read_bytes().startswith(before)
    archs = [tuple(line["arch"]) for line in judged(run)]
    assert len(archs) == len(set(archs)) > 6
    fresh = [*more[:-1], "out=fresh"]
    assert nas(*fresh).code == 0
    assert best(run)["finals"] == best(run.parent / "fresh")["finals"]


@pytest.mark.long
def test_other_judges_judge_anew_and_nothing_is_lost(run: Path) -> None:
    before = (run / "finals.jsonl").read_bytes()
    first = best(run)["finals"]
    assert nas(*SEARCH, "finals.proxies=[params,synflow]").code == 0
    assert best(run)["finals"]["proxies"] == ["params", "synflow"]
    assert nas(*SEARCH, "finals.examples=4").code == 0
    assert nas(*SEARCH).code == 0
    assert (run / "finals.jsonl").read_bytes().startswith(before)
    assert len(judged(run)) == 18
    assert best(run)["finals"] == first


def test_a_judge_that_does_not_apply_is_named(here: Path) -> None:
    words = [
        "batch.size=4",
        "space.resolution=32",
        "proxy=flops",
        "strategy=random",
        "budget=4",
        "finals.size=3",
        "out=run",
    ]
    done = nas("search", "space=mnasnet", *words)
    assert done.code == 0, done.err
    left_out = best(here / "run")["finals"]["left_out"]
    assert "naswot" in left_out
    assert f"naswot is no judge: {left_out['naswot']}" in done.out


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["finals.proxies=[epsilon,naswott]"], ["proxy 'naswott'", "did you mean 'naswot'"]),
        (["finals.proxies=[]"], ["finals.proxies=[]"]),
        (["finals.proxies=naswot"], ["finals.proxies=naswot"]),
        (["finals.size=1"], ["finals.size=1", "at least 2"]),
        (["finals.examples=0"], ["finals.examples=0", "at least 1"]),
        (["+finals.sise=3"], ["'sise'", "did you mean 'size'"]),
        (["finals=some"], ["'some'", "none, panel"]),
    ],
)
def test_a_mistake_is_said_before_the_search(
    words: list[str], fragments: list[str], here: Path
) -> None:
    check_mistake(nas("search", *SMALL, "budget=5", "out=run", *words), fragments)
    assert not snapshot(here)


def test_a_full_disk_loses_no_trial(run: Path) -> None:
    (run / "best.json").unlink()
    whole = (run / "finals.jsonl").read_bytes()
    (run / "finals.jsonl").unlink()
    trials = (run / "history.jsonl").read_bytes()
    with full_beyond(len(whole) // 2):
        done = nas(*SEARCH)
    assert done.code == 2
    assert done.err.splitlines()[-1].endswith("cannot be written to: File too large")
    assert (run / "history.jsonl").read_bytes() == trials
    assert nas(*SEARCH).code == 0
    assert len(judged(run)) == 6


def test_an_edited_journal_is_refused(run: Path) -> None:
    path = run / "finals.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"swap":', b'"swap":1', 1))
    before = snapshot(run)
    for argv in (SEARCH, ["report", "run"]):
        check_mistake(nas(*argv), ["line 1 of run/finals.jsonl is no trial"])
    assert snapshot(run) == before


@pytest.mark.long
def test_python_does_the_same(run: Path) -> None:
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    from nas.data.sources import make_batch

    batch = make_batch(space, "natural", size=8)
    found = search(space, "epsilon", "random", budget=40, batch=batch, finals=Panel(size=6))
    there = best(run)
    assert found.arch == there["arch"]
    assert space.format(found.favourite.arch) == there["favourite"]["arch"]
    assert found.finals is not None
    places = finals(space, [place.arch for place in found.finals.finalists][::-1], batch=batch)
    assert [place.ranks for place in places.finalists] == [
        row["ranks"] for row in there["finals"]["finalists"]
    ]
