"""Hypervolumes of a study: all searches are measured from one point."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from math import isnan, nan

import numpy as np
import pytest

from nas.errors import UsageError
from nas.ranking import pareto
from nas.searching.judging import Aims, Judging
from nas.searching.pareto import front
from nas.study.front import by_hypervolume
from nas.study.result import studied
from nas.study.run import Run
from nas.study.text import curves_csv, rendered, searches_csv
from nas.trial import Trial

AIMS = Aims.parse(["a", "-b"], [], {"a": "", "b": ""}, "a")
RANKING = Judging(pareto, AIMS.objectives, score="a")
NAMES = ["a", "-b"]


def run(name: str, seed: int, points: Sequence[tuple[float, float]]) -> Run:
    trials = [Trial(n, (n,), a, {"b": b}, 0.1) for n, (a, b) in enumerate(points)]
    return Run({"strategy": {"name": name}, "seed": seed}, seed, trials, RANKING, None)


ONE = run("x", 0, [(nan, 9.0), (1.0, 4.0), (2.0, 3.0), (0.0, 5.0), (3.0, 4.0)])
OTHER = run("y", 0, [(4.0, 4.0), (-1.0, 1.0)])


def test_all_searches_are_measured_from_their_worst() -> None:
    study = studied([ONE, OTHER], by_hypervolume([ONE, OTHER], NAMES))
    assert study["reference"] == {"a": -1.0, "-b": -5.0}
    (better, worse) = study["rows"]
    assert (better["variant"], better["mean"]) == ("strategy=x", 3 * 2 + 1)
    assert (worse["variant"], worse["mean"]) == ("strategy=y", 5.0)
    curve = study["curves"]["hypervolume"]["strategy=x"]
    assert curve["mean"] == [None, 2.0, 6.0, 6.0, 7.0]
    assert [*study["curves"]] == ["hypervolume"]
    assert study["pairs"][0]["difference"]["mean"] == 2.0
    text = rendered(study)
    assert text.startswith("hypervolume of the front that a search finds (higher is better)")
    assert "above a = -1, -b = -5: the worst of all scored trials in each" in text


def test_a_given_reference() -> None:
    figure = by_hypervolume([ONE, OTHER], NAMES, [0.0, -4.5])
    study = studied([ONE, OTHER], figure)
    assert [row["mean"] for row in study["rows"]] == [2 * 1.5 + 0.5, 2.0]
    assert "above a = 0, -b = -4.5: given" in rendered(study)
    with pytest.raises(UsageError, match="must have a finite number for each"):
        by_hypervolume([ONE], NAMES, [1.0])


def test_the_volume_is_that_of_the_searchs_own_front() -> None:
    draws = np.random.Generator(np.random.PCG64(3)).normal(size=(40, 2))
    searched = run("x", 0, [(a, b) for a, b in draws])
    volume = by_hypervolume([searched], NAMES).whole
    assert volume is not None
    own = front(searched.trials, RANKING)
    assert own is not None
    assert volume.so_far(searched)[-1] == pytest.approx(own.hypervolume)
    assert dict(zip(NAMES, own.reference.tolist(), strict=True)) == volume.reference
    assert [tuple(each) for each in volume.front(searched)] == [each.arch for each in own.trials]


def test_a_search_without_a_score_has_no_volume() -> None:
    nothing = run("y", 1, [(nan, 1.0)])
    study = studied([ONE, nothing], by_hypervolume([ONE, nothing], NAMES))
    assert study["rows"][1]["mean"] is None
    assert "strategy=y: 1 of 1 search has no figure" in study["notes"][0]
    empty = run("y", 1, [])
    assert not len(by_hypervolume([empty], NAMES).whole.so_far(empty))  # type: ignore[union-attr]
    assert isnan(studied([nothing], by_hypervolume([nothing], NAMES))["rows"][0]["mean"] or nan)


def test_hypervolumes_of_other_objectives_are_not_tested() -> None:
    other = Run({**OTHER.settings, "objective": ["c"]}, 0, OTHER.trials, RANKING, None)
    study = studied([ONE, other], by_hypervolume([ONE, other], NAMES))
    assert not study["pairs"]
    ranked = Run({**OTHER.settings, "ranking": {"name": "z"}}, 0, OTHER.trials, RANKING, None)
    assert studied([ONE, ranked], by_hypervolume([ONE, ranked], NAMES))["pairs"]


def test_the_files_have_the_front() -> None:
    study = studied([ONE, OTHER], by_hypervolume([ONE, OTHER], NAMES))
    first, second = csv.DictReader(StringIO(searches_csv(study)))
    assert (first["hypervolume"], first["front"]) == ("7.0", "(4,) (2,)")
    assert (second["hypervolume"], second["front"]) == ("5.0", "(0,) (1,)")
    rows = list(csv.DictReader(StringIO(curves_csv(study))))
    assert [row["mean"] for row in rows[:3]] == ["", "2.0", "6.0"]
