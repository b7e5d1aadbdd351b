"""Limits, finals=auto and trainings on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.command_line import (
    RUN,
    SMALL,
    best,
    check_mistake,
    history,
    nas,
    snapshot,
    told,
)

QUICK = [*SMALL, "proxy=params", "strategy=random", "out=run"]
FINALS = ["finals.size=4", "finals.proxies=[params,flops]"]
TRAINED = ["space.channels=2", "space.cells=1", "space.resolution=8", "device=cpu", "out=run"]


@pytest.mark.long
def test_a_time_ends_a_search_with_its_result(here: Path) -> None:
    done = nas("search", *QUICK, *FINALS, "budget=1000000", "timeout=1s")
    assert done.code == 0, done.err
    assert "note    the search ended by timeout=1 s" in done.out
    assert "the finals: 4 best of the search" in done.out
    found = best(here / "run")
    assert found["elapsed"] >= 1
    assert found["timeout"] == 1
    report = nas("report", "run")
    assert told(report.out) == told(done.out)
    before = snapshot(here)
    again = nas("search", *QUICK, *FINALS, "budget=1000000", "timeout=1s")
    assert (again.code, again.out) == (0, done.out)
    assert [name for name, each in snapshot(here).items() if each != before[name]] == []
    trials = history(here / "run")
    longer = nas("search", *QUICK, *FINALS, "budget=1000000", "timeout=1.5")
    assert longer.code == 0
    assert history(here / "run")[: len(trials)] == trials
    assert len(history(here / "run")) > len(trials)
    assert best(here / "run")["elapsed"] >= 1.5
    assert len(history(here / "run")) == best(here / "run")["trials"]["total"]


def test_a_budget_of_scores(here: Path) -> None:
    argv = [*RUN, "proxy=epsilon", "count=scored", "budget=9", "out=run"]
    done = nas("search", *argv)
    assert done.code == 0, done.err
    assert done.out.startswith("9 of 9 new scores in ")
    assert best(here / "run")["trials"]["scored"] == 9
    assert len(history(here / "run")) > 9
    assert told(nas("report", "run").out) == told(done.out)
    assert "9/9 new scores" in done.err
    check_mistake(
        nas("search", *RUN, "proxy=epsilon", "budget=3", "out=run"),
        ["trials already, more than budget=3"],
    )


def test_patience_ends_a_search(here: Path) -> None:
    done = nas("search", *QUICK, "finals=none", "patience=12", "budget=5000")
    assert done.code == 0, done.err
    assert "the search ended by patience=12: so many trials brought no better score" in done.out
    found = best(here / "run")
    assert found["trials"]["total"] == found["trial"] + 1 + 12
    whole = nas("search", *QUICK, "finals=none", "budget=60")
    assert whole.code == 0
    assert "patience" not in whole.out


@pytest.mark.long
def test_executors_end_at_the_same_trial(here: Path) -> None:
    argv = ["search", *RUN[:-1], "proxy=params", "budget=12", "count=scored", "block=5"]
    for executor in ("serial", "processes"):
        words = [f"executor={executor}", f"out={executor}"]
        assert nas(*argv, *words, *["executor.workers=2"] * (executor != "serial")).code == 0
    assert history(here / "serial") == history(here / "processes")


@pytest.mark.usefixtures("here")
def test_a_budget_below_the_population_is_random_search_and_says_so() -> None:
    argv = [*SMALL, "proxy=params", "finals=none", "out=run"]
    done = nas("search", *argv, "strategy.population=8", "budget=8")
    assert done.code == 0, done.err
    assert "the first 8 trials of RegularisedEvolution are random" in done.err
    assert "random" not in nas("search", *argv, "strategy.population=8", "budget=9").err


@pytest.mark.parametrize(
    ("word", "fragments"),
    [
        ("timeout=soon", ["timeout=soon must be a time over 0", "such as 10m"]),
        ("timeout=0", ["timeout=0 must be a time over 0"]),
        ("count=copies", ["count=copies must be trials or scored"]),
        ("patience=0", ["patience=0 must be a whole number of at least 1"]),
        ("give_up=0", ["give_up=0 must be a whole number of at least 1"]),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_limits(word: str, fragments: list[str]) -> None:
    check_mistake(nas("search", *QUICK, word), fragments)


@pytest.fixture
def pictures(here: Path) -> Path:
    """Small images of two classes, dark and bright."""
    rng = np.random.default_rng(0)
    labels = np.arange(32) % 2
    images = rng.integers(0, 100, (32, 8, 8, 3)) + 120 * labels[:, None, None, None]
    np.savez(here / "pictures.npz", images=images.astype(np.uint8), labels=labels)
    return here / "pictures.npz"


@pytest.mark.long
def test_a_search_over_trainings(pictures: Path, here: Path) -> None:
    words = ["proxy=training", "proxy.steps=20", "proxy.batch_size=8", *TRAINED]
    words += ["batch=images", f"batch.path={pictures}", "batch.size=32", "strategy=random"]
    done = nas("search", *words, "budget=4")
    assert done.code == 0, done.err
    found = best(here / "run")
    assert 0.5 < found["score"] <= 1
    assert found["finals"] is None
    trials = history(here / "run")
    assert nas("search", *words, "budget=6").code == 0
    assert history(here / "run")[:4] == trials
    judged = nas("search", *words, "budget=6", "finals=panel", *FINALS)
    assert judged.code == 0, judged.err
    assert "the finals: " in judged.out


def test_a_training_without_labels_is_refused(here: Path) -> None:
    done = nas("search", "proxy=training", *TRAINED, "batch.size=16", "budget=30")
    check_mistake(done, ["training needs labels, and the batch has none", "batch=images"])
    assert not (here / "run").exists()
