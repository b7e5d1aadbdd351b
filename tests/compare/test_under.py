"""Choices under limits: agree with a brute-force count; ties, missing scores and figures."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import PROXIES, Candidate, Evaluation, NoScore, Panel, Proxy, ProxyObjective, UsageError
from nas.batch import Batch
from nas.compare import Scores, Truth, compare
from nas.compare.judging import Finals
from nas.compare.sample import Comparison, combined
from nas.compare.under import (
    Cost,
    as_csv,
    best_steps,
    chosen,
    limited,
    measuring,
    quantiles,
    result,
)
from nas.data.sources import make_batch
from nas.metric import Metric
from nas.ranking import by_score
from nas.scoring.keys import keys
from nas.searching.finals import finalists, standings, verdict
from nas.trial import NONE, Trial
from tests.support.small import small

SPACE = small("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(90)))[:80]
FEW = st.one_of(st.integers(0, 4).map(float), st.just(nan))


class Decisions(Proxy):
    """The sum of some decisions; none for those that begin with 0."""

    def __init__(self, first: int = 0, last: int = 6) -> None:
        self.first, self.last = first, last

    def score(self, candidate: Candidate, batch: Batch) -> float:
        if candidate.arch[0] == 0:
            return NoScore("it starts with 0")
        return float(sum(candidate.arch[self.first : self.last]))


class Last(Metric):
    """The last two decisions as a cost; counts its measurements."""

    asked = 0

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        type(self).asked += 1
        return float(5 * candidate.arch[-1] + candidate.arch[-2])


def truth(target: str = "acc") -> Truth:
    sign = -1 if target.startswith("-") else 1
    return Truth(ARCHS, [sign * (sum(arch) + 0.01 * arch[0]) for arch in ARCHS], target, [])


def objective(**proxies: Proxy) -> ProxyObjective:
    every = {**proxies, "params": PROXIES.build("params")}
    return ProxyObjective(SPACE, every, make_batch(SPACE, "natural", size=2))


def compared(scores: Sequence[float], values: Sequence[float], **more: Any) -> Comparison:
    """A comparison of one proxy with these scores."""
    archs = ARCHS[: len(scores)]
    scored = {"proxy": [Evaluation(each, NONE, 0.0) for each in scores]}
    facts = Truth(archs, list(values), more.pop("target", "acc"), [])
    return Comparison(SPACE, archs, scored, facts, np.array(values, dtype=float), **more)


@given(
    st.lists(st.tuples(FEW, FEW, st.integers(0, 9)), min_size=1, max_size=12),
    st.lists(st.integers(0, 4), min_size=1, max_size=4),
)
def test_choices_agree_with_counting(
    rows: Sequence[tuple[float, float, int]], limits: Sequence[int]
) -> None:
    costs, scores, values = zip(*rows, strict=True)
    known = [cost for cost in costs if not isnan(cost)]
    comparison = compared(scores, values)
    cost = Cost("ms", limits, dict(zip(comparison.archs, costs, strict=True)))
    if not known or min(known) > max(limits):
        with pytest.raises(UsageError, match=r"such a figure|the lowest is"):
            limited(cost, comparison.archs, ())
        return
    under = limited(cost, comparison.archs, ())
    found = result(comparison, under, chosen(comparison, under))
    json.dumps(found, allow_nan=False)
    assert [each["limit"] for each in found["limits"]] == sorted({*limits})
    gaps = []
    for fact, pick in zip(found["limits"], found["rows"][0]["picks"], strict=True):
        meet = [n for n, each in enumerate(costs) if each <= fact["limit"]]
        assert fact["meet"] == len(meet)
        if not meet:
            assert pick is fact["best"] is fact["mean"] is None
            continue
        there = [n for n in meet if not isnan(scores[n])]
        top = [n for n in there if scores[n] == max(scores[m] for m in there)] or meet
        best = max(values[n] for n in meet)
        assert fact["best"]["truth"] == best
        assert fact["mean"] == pytest.approx(np.mean([values[n] for n in meet]))
        assert pick["truth"] == pytest.approx(np.mean([values[n] for n in top]))
        assert pick["gap"] == pytest.approx(best - pick["truth"])
        ranks = [1 + sum(values[m] > values[n] for m in meet) for n in top]
        assert pick["rank"] == pytest.approx(np.mean(ranks))
        assert (pick["tied"], pick["scored"]) == (len(top), len(there))
        assert ("arch" in pick) == bool(there)
        gaps.append((fact["limit"], pick["gap"]))
    row = found["rows"][0]
    assert row["mean_gap"] == pytest.approx(np.mean([gap for _, gap in gaps]))
    if len(gaps) == 1:
        assert row["area"] is None
    else:
        strips = [(b - a) * (p + q) / 2 for (a, p), (b, q) in pairwise(gaps)]
        assert row["area"] == pytest.approx(sum(strips))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(1, 40))
def test_quantiles_are_the_lowest_costs_that_shares_meet(costs: list[int], count: int) -> None:
    array = np.array(costs, dtype=float)
    found = quantiles(array, count)
    assert found == sorted({*found})
    assert {*found} <= {*array}
    assert found[-1] == max(costs)
    for i in range(1, count + 1):
        enough = [cost for cost in costs if (array <= cost).sum() * count >= i * len(costs)]
        assert min(enough) in found or count > len(costs)


def test_at_least_turns_the_limits_round() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    comparison = compared([4.0, 3.0, 2.0, 1.0], values)
    speed = dict(zip(comparison.archs, [10.0, 30.0, 20.0, 40.0], strict=True))
    under = limited(Cost("speed", [20, 40], speed, at_least=True), comparison.archs, ())
    found = result(comparison, under, chosen(comparison, under))
    assert found["relation"] == "≥"
    assert [(each["limit"], each["meet"]) for each in found["limits"]] == [(40, 1), (20, 3)]
    assert [pick["cost"] for pick in found["rows"][0]["picks"]] == [40, 30]
    assert found["rows"][0]["area"] == pytest.approx((0 + 2) / 2 * 20)
    with pytest.raises(UsageError, match="no architecture has speed >= 50: the highest is 40"):
        limited(Cost("speed", [50], speed, at_least=True), comparison.archs, ())


def test_where_lower_is_better_the_figures_have_the_tables_sign() -> None:
    comparison = compared([1.0, 2.0, 3.0], [-5.0, -6.0, -9.0], target="-loss")
    cost = Cost("ms", [2], dict(zip(comparison.archs, [1.0, 2.0, 3.0], strict=True)))
    under = limited(cost, comparison.archs, ())
    found = result(comparison, under, chosen(comparison, under))
    pick = found["rows"][0]["picks"][0]
    assert (found["limits"][0]["best"]["truth"], pick["truth"], pick["gap"]) == (5, 6, 1)
    assert found["at_random"]["mean_gap"] == pytest.approx(0.5)


def test_a_combination_ranks_those_that_meet_the_limit_among_themselves() -> None:
    one, other = [1.0, 2.0, 9.0, 3.0], [3.0, 1.0, 0.0, 2.0]
    parts = {
        name: [Evaluation(each, NONE, 0.0) for each in scores]
        for name, scores in {"one": one, "other": other}.items()
    }
    archs = ARCHS[:4]
    comparison = Comparison(
        SPACE,
        archs,
        parts,
        Truth(archs, one, "acc", []),
        np.array(one),
        {"both": ["one", "other"]},
    )
    cost = Cost("ms", [1], dict(zip(archs, [1.0, 1.0, 2.0, 1.0], strict=True)))
    picked = chosen(comparison, limited(cost, archs, ()))["both"][0]
    few = combined({"a": np.array(one)[[0, 1, 3]], "b": np.array(other)[[0, 1, 3]]})
    assert list(picked.places) == [[0, 1, 3][int(few.argmax())]] == [3]


def test_metrics_are_measured_on_the_own_architecture_and_once() -> None:
    proxies = objective(sum=Decisions())
    scores = Scores()
    options: dict[str, Any] = {"truth": truth(), "sample": None, "resamples": 10}
    before = Last.asked
    under = [Cost("last", 4, metric=Last())]
    found = compare(proxies, **options, under=under, scores=scores)
    assert Last.asked - before == len(ARCHS)
    own = [5 * arch[-1] + arch[-2] for arch in ARCHS]
    assert list(found.comparison.costs["last"]) == own
    again = compare(proxies, **options, under=under, scores=scores)
    assert Last.asked - before == len(ARCHS)
    assert again.result["under"] == found.result["under"]
    assert [row["proxy"] for row in again.result["rows"]] == ["sum", "params"]


def test_a_changed_metric_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (
        "import nas\nclass Own(nas.Metric):\n"
        "    def measure(self, candidate, batch):\n        return 1.0{}\n"
    )
    found = []
    for change in ("", "  # changed"):
        (tmp_path / "own_metric_of_test.py").write_text(text.format(change))
        module = importlib.reload(importlib.import_module("own_metric_of_test"))
        measure = measuring(objective(), [Cost("own", metric=module.Own())])
        found.append(keys(measure)["metric own"])
    assert found[0] != found[1]


def test_a_metric_without_a_figure_meets_no_limit_and_is_counted() -> None:
    class Some(Last):
        def measure(self, candidate: Candidate, batch: Batch) -> float:
            if candidate.arch[1] == 0:
                return NoScore("it is shy")
            return super().measure(candidate, batch)

    some = Cost("some", [99], metric=Some())
    options: dict[str, Any] = {"truth": truth(), "sample": None, "resamples": 10}
    found = compare(objective(), **options, under=[some]).result["under"][0]
    without = sum(arch[1] == 0 for arch in ARCHS)
    assert found["limits"][0]["meet"] == found["known"] == len(ARCHS) - without
    assert found["notes"] == [f"{without} × it is shy"]

    class Never(Metric):
        def measure(self, candidate: Candidate, batch: Batch) -> float:
            return NoScore("it is closed")

    with pytest.raises(UsageError, match=r"none of the 80 .* such a figure: it is closed"):
        compare(objective(), **options, under=[Cost("never", 3, metric=Never())])


def test_finals_judge_the_best_that_meet_each_limit() -> None:
    panel = Panel(size=6, proxies=("params", "flops", "naswot"), examples=2)
    proxies = objective(sum=Decisions())
    cost = Cost("ms", 3, {arch: float(arch[-1]) for arch in ARCHS})
    scores = Scores()
    found = compare(
        proxies,
        truth=truth(),
        sample=None,
        resamples=10,
        under=[cost],
        finals=Finals("sum", panel),
        scores=scores,
    )
    under = found.result["under"][0]
    rows = {row["proxy"]: row for row in under["rows"]}
    assert list(rows) == ["sum", "params", "sum + finals"]
    assert found.result["finals"]["of"] == "sum"
    known = {(proxy, form): each for (_, proxy, form), each in scores.known.items()}
    for fact, pick in zip(under["limits"], rows["sum + finals"]["picks"], strict=True):
        meet = [arch for arch in ARCHS if arch[-1] <= fact["limit"]]
        trials = [Trial(n, arch, known["sum", arch].score, {}, 0.0) for n, arch in enumerate(meet)]
        best = [each.arch for each in finalists(trials, by_score, SPACE, 6)]
        judged = [
            verdict(0, arch, "", {name: known[name, arch] for name in panel.proxies})
            for arch in best
        ]
        assert tuple(pick["tuple"]) == standings(judged).finalists[0].arch
    text = list(csv.DictReader(StringIO(as_csv(found.result["under"]))))
    assert len(text) == 3 * len(under["limits"])
    assert {row["proxy"] for row in text} == {*rows}


def test_limits_need_a_truth() -> None:
    with pytest.raises(UsageError, match="under=ms compares true figures"):
        compare(objective(), sample=20, under=[Cost("ms", 3, dict.fromkeys(ARCHS, 1.0))])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 5)), min_size=1, max_size=15),
    st.sampled_from([1, -1]),
    st.booleans(),
    st.integers(0, 14),
)
def test_no_architecture_is_above_the_curve_of_the_best(
    points: list[tuple[int, int]], sign: int, at_least: bool, first: int
) -> None:
    costs, values = np.array([*points, (nan, 99)], dtype=float).T
    way = -1 if at_least else 1
    ordered = sorted(costs[:-1], key=lambda cost: way * cost)
    ends = ordered[first % len(points)], ordered[-1] + way
    x, y = best_steps(costs, values, ends, sign, at_least)
    assert (x[0], x[-1]) == ends
    for limit in {*ends, *(cost for cost in costs[:-1] if way * cost >= way * ends[0])}:
        held = y[np.flatnonzero(way * x <= way * limit)[-1]]
        met = values[way * costs <= way * limit]
        assert held == sign * max(sign * met)
