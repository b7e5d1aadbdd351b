"""Objectives of one and of several proxies, repeats, labels, and rankings of sets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf, isnan, log, nan
from random import Random
from statistics import fmean, pstdev

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import (
    PROXIES,
    STRATEGIES,
    Candidate,
    History,
    NoScore,
    Proxy,
    ProxyObjective,
    Trial,
    UsageError,
)
from nas.batch import Batch
from nas.cli.build import build_objective, device_named
from nas.cli.settings import ScoringSettings, typed
from nas.data.sources import make_batch
from nas.figures import partly_scored
from nas.ranking import (
    Ranking,
    by_score,
    median_rank,
    rank_sum,
    ranked,
    share_sum,
    unranked,
    valued,
)
from tests.support.searches import search
from tests.support.small import small

SPACE = small("nasbench201")


class FirstWeight(Proxy):
    """The first weight of a fresh model."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return next(candidate.model().parameters()).flatten()[0].item()


class Sum(Proxy):
    """The sum of the decisions; no score if the first is 0."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(sum(candidate.arch)) if candidate.arch[0] else NoScore("it starts with 0")


class Labels(Proxy):
    """The first label."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(batch.labels_for(10)[0])


@pytest.fixture(scope="module")
def batch() -> Batch:
    return make_batch(SPACE, "natural", size=4)


def test_repeats_are_averaged_and_their_spread_recorded(batch: Batch) -> None:
    arch = SPACE.sample(Random(0))
    seeds: list[int | str] = [5, "5/1", "5/2"]
    draws = [FirstWeight().score(Candidate(SPACE, arch, seed), batch) for seed in seeds]
    assert len(set(draws)) == 3
    evaluation = ProxyObjective(SPACE, FirstWeight(), batch, seed=5, repeats=3).evaluate(arch)
    assert evaluation.score == pytest.approx(fmean(draws))
    assert evaluation.metrics["sd"] == pytest.approx(pstdev(draws))
    once = ProxyObjective(SPACE, FirstWeight(), batch, seed=5).evaluate(arch)
    assert once.score == draws[0]
    assert "sd" not in once.metrics


def test_several_proxies_are_summed_with_their_weights(batch: Batch) -> None:
    proxies = {"first": FirstWeight(), "sum": Sum()}
    arch = (1, 2, 3, 4, 0, 1)
    alone = [
        ProxyObjective(SPACE, proxy, batch).evaluate(arch).score for proxy in proxies.values()
    ]
    both = ProxyObjective(SPACE, proxies, batch, factors={"sum": 0.5}).evaluate(arch)
    assert both.scores == {"first": alone[0], "sum": alone[1]}
    assert both.score == pytest.approx(alone[0] + 0.5 * alone[1])
    none = ProxyObjective(SPACE, proxies, batch).evaluate((0, 2, 3, 4, 0, 1))
    assert isnan(none.score)
    assert none.reason == "sum: it starts with 0"
    assert not isnan(none.scores["first"])


def test_a_search_keeps_every_score_through_the_journal(batch: Batch) -> None:
    history = History()
    objective = ProxyObjective(SPACE, {"first": FirstWeight(), "sum": Sum()}, batch)
    search(STRATEGIES.build("random", SPACE), objective, history, budget=30, seed=0)
    assert any(isnan(trial.scores["sum"]) for trial in history)
    for trial in history:
        assert str(Trial.from_json(trial.to_json()).scores) == str(trial.scores)


def test_labels_are_the_batchs_own_or_random_and_noted(batch: Batch) -> None:
    arch = SPACE.sample(Random(0))
    note = "random labels, for the batch has none"
    assert ProxyObjective(SPACE, Labels(), batch).evaluate(arch).note == note
    assert ProxyObjective(SPACE, Sum(), batch).evaluate(arch).note == ""
    own = Batch(batch.inputs, torch.tensor([3, 1, 2, 0]))
    evaluation = ProxyObjective(SPACE, Labels(), own).evaluate(arch)
    assert (evaluation.score, evaluation.note) == (3.0, "")
    drawn = [Batch(torch.zeros(5000, 1), seed=seed).labels_for(10) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.bincount(drawn[0]).tolist() == pytest.approx([500] * 10, abs=120)
    with pytest.raises(
        UsageError, match="the label 3 needs at least 4 outputs; the network has 3"
    ):
        own.labels_for(3)


def trial(number: int, *scores: float) -> Trial:
    named = {str(index): score for index, score in enumerate(scores)}
    return Trial(number, (number,), sum(scores), {}, 0.0, scores=named)


VALUE = st.one_of(st.just(nan), st.integers(-3, 3).map(float))


@settings(deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=12))
def test_rank_sum_against_counting(pairs: list[tuple[float, float]]) -> None:
    """A score's rank is the number of lower scores, plus itself, plus half of its ties."""
    trials = [trial(number, *pair) for number, pair in enumerate(pairs)]
    whole = [pair for pair in pairs if not isnan(sum(pair))]
    for value, pair in zip(rank_sum(trials), pairs, strict=True):
        if isnan(sum(pair)):
            assert value == -inf
            continue
        expected = 0.0
        for index in (0, 1):
            column = [other[index] for other in whole]
            below = sum(other < pair[index] for other in column)
            expected += log((below + (column.count(pair[index]) + 1) / 2) / len(whole))
        assert value == pytest.approx(expected)


WEIGHTS = st.tuples(st.sampled_from([1.0, 4.0, -0.5]), st.sampled_from([1.0, 0.5]))


@settings(deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=12), WEIGHTS)
def test_rank_sum_with_missing_scores_last(
    pairs: list[tuple[float, float]], factors: tuple[float, float]
) -> None:
    """What lacks a score counts as one below all; what lacks both is not in the set."""
    trials = [trial(number, *pair) for number, pair in enumerate(pairs)]
    weights = dict(zip(trials[0].scores, factors, strict=True))
    there = [pair for pair in pairs if not all(map(isnan, pair))]
    for value, pair in zip(rank_sum(trials, weights=weights, missing="last"), pairs, strict=True):
        if all(map(isnan, pair)):
            assert value == -inf
            continue
        expected = 0.0
        for index, factor in enumerate(factors):
            sign = 1 if factor > 0 else -1
            column = [-99 if isnan(other[index]) else sign * other[index] for other in there]
            own = -99 if isnan(pair[index]) else sign * pair[index]
            below = sum(other < own for other in column)
            share = (below + (column.count(own) + 1) / 2) / len(there)
            expected += abs(factor) * log(share)
        assert value == pytest.approx(expected)


def test_what_lacks_a_score_is_in_the_set_if_the_ranking_takes_it() -> None:
    """A search returns what the ranking ranks; what breaks a constraint is never in the set."""
    trials = [trial(0, nan, 9.0), trial(1, 5.0, 1.0), trial(2, 1.0, 2.0), trial(3, nan, nan)]
    trials.append(replace(trial(4, nan, 99.0), reason="infeasible: params<=5"))
    trials.append(replace(trial(5, nan, 4.0), reason="0: the low pass underflows"))
    last = partial(rank_sum, missing="last")
    assert [each.number for each in ranked(trials, rank_sum)] == [1, 2]
    assert [each.number for each in ranked(trials, last)] == [0, 2, 5, 1]
    assert [each.number for each in unranked(trials, last)] == [3, 4]
    assert last(trials)[4] == -inf
    assert [partly_scored(each) for each in trials] == [True, False, False, False, False, True]
    assert [each.number for each in ranked(trials, by_score)] == [1, 2]


def test_by_score_puts_what_has_none_last() -> None:
    assert by_score([trial(0, 2.0), trial(1, nan), trial(2, -5.0)]) == [2.0, -inf, -5.0]


def test_rank_sum_of_one_proxy_is_refused() -> None:
    with pytest.raises(UsageError, match="give proxy="):
        rank_sum([Trial(0, (0,), 1.0, {}, 0.0)])


def reversed_score(trials: Sequence[Trial]) -> list[float]:
    return [-value if value > -inf else -inf for value in by_score(trials)]


@pytest.mark.parametrize("name", ["evolution", "reinforce"])
def test_a_strategy_follows_the_ranking(name: str, batch: Batch) -> None:
    """Under the reversed ranking a strategy finds the least instead of the most."""
    found = {}
    for sign in (1, -1):
        ranking = by_score if sign == 1 else reversed_score
        strategy = STRATEGIES.build(name, SPACE, ranking)
        history = History()
        found[sign] = search(
            strategy, ProxyObjective(SPACE, Sum(), batch), history, budget=400, seed=0
        ).score
    assert found[1] >= 20
    assert found[-1] <= 4


SETTINGS = {
    "space": {"name": "nasbench201", "channels": 2, "cells": 1, "resolution": 8},
    "proxy": {"name": "epsilon"},
    "batch": {"name": "natural", "size": 4},
    "ranking": {"name": "score", "weights": None},
    "device": "cpu",
    "seed": 0,
    "repeats": 1,
    "strict": False,
    "live": True,
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"repeats": 0}, "repeats=0 must be a whole number of at least 1"),
        ({"ranking": {"name": "score", "weights": 3}}, "ranking.weights is for several proxies"),
        (
            {"ranking": {"name": "score", "weights": {"epsilon": 1}}},
            "ranking.weights is for several proxies",
        ),
        *(
            (
                {
                    "proxy": {"name": "several", "epsilon": {"name": "epsilon"}},
                    "ranking": {"name": "score", "weights": {"epsilon": weight}},
                },
                f"ranking.weights.epsilon={weight} must be a finite number",
            )
            for weight in ("much", True, nan, inf, -inf)
        ),
    ],
)
def test_wrong_settings(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_objective(typed(ScoringSettings, SETTINGS | wrong))


class Returning(Proxy):
    """Returns the value that it was made with."""

    def __init__(self, score: object) -> None:
        self._score = score

    def score(self, candidate: Candidate, batch: Batch) -> float:
        if isinstance(self._score, Exception):
            raise self._score
        return self._score  # type: ignore[return-value]


@pytest.mark.parametrize("score", [None, "1", torch.ones(2), True, [1.0]], ids=repr)
def test_what_is_no_number_is_no_score_and_an_error_that_names_all_where_it_is_strict(
    score: object, batch: Batch
) -> None:
    text = f"Returning gives a {type(score).__name__}: a score is a float"
    found = ProxyObjective(SPACE, Returning(score), batch).evaluate((1,) * 6)
    assert isnan(found.score)
    assert found.failed
    assert found.reason.startswith(text)
    with pytest.raises(UsageError, match=re.escape(text)) as caught:
        ProxyObjective(SPACE, Returning(score), batch, strict=True).evaluate((1,) * 6)
    assert caught.value.__notes__ == [f"While scoring {SPACE.format((1,) * 6)} by Returning"]


@pytest.mark.parametrize("score", [torch.tensor(2.5), torch.full((1,), 2.5), np.full((1, 1), 2.5)])
def test_an_array_of_one_number_is_that_number(score: object, batch: Batch) -> None:
    found = ProxyObjective(SPACE, Returning(score), batch, strict=True).evaluate((1,) * 6)
    assert (found.score, type(found.score)) == (2.5, float)


def test_a_whole_number_too_large_for_a_float_is_a_sentence(batch: Batch) -> None:
    for score in (10**400, -(10**400)):
        found = ProxyObjective(SPACE, Returning(score), batch).evaluate((1,) * 6)
        assert found.reason == "Returning gives a whole number that is too large for a float"


@pytest.mark.parametrize("score", [inf, -inf])
def test_an_infinite_score_is_none(score: float, batch: Batch) -> None:
    found = ProxyObjective(SPACE, Returning(score), batch).evaluate((1,) * 6)
    assert isnan(found.score)
    assert not found.failed
    assert found.reason == f"the score is {score}"


def test_what_a_proxy_raises_says_where(batch: Batch) -> None:
    proxy = Returning(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError) as caught:
        ProxyObjective(SPACE, proxy, batch, strict=True).evaluate((1,) * 6)
    assert caught.value.__notes__ == [f"While scoring {SPACE.format((1,) * 6)} by Returning"]


def test_a_function_is_scored_in_its_canonical_form_where_it_is_all_that_counts(
    batch: Batch,
) -> None:
    one, other = (1, 0, 2, 3, 1, 0), (1, 0, 3, 3, 1, 0)  # an edge that leads to nothing
    assert SPACE.canonical(one) == SPACE.canonical(other)
    epsilon, sum_of = PROXIES.build("epsilon"), Sum()
    alone, both = (
        ProxyObjective(SPACE, proxies, batch, live=False)
        for proxies in (epsilon, {"e": epsilon, "s": sum_of})
    )
    assert {alone.form(arch) for arch in (one, other)} == {SPACE.canonical(one)}
    assert [both.form(arch) for arch in (one, other)] == [one, other]
    found = alone.evaluate(alone.form(one))
    own = found.with_metrics(alone.metrics(other))
    assert own == replace(found, metrics=alone.metrics(other)) != found


@pytest.mark.parametrize("there", [True, False])
def test_the_device_is_the_faster_one(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: there)
    both = "cuda" if there else "cpu"
    quick, slow = PROXIES.build("epsilon"), PROXIES.build("naswot")
    assert device_named("auto", [quick, PROXIES.build("flops")]) == "cpu"
    assert device_named("auto", [quick, slow]) == both
    assert device_named("auto", [slow]) == device_named("auto") == both
    assert device_named("cpu", [slow]) == "cpu"
    if there:
        assert device_named("cuda", [quick]) == "cuda"
    settings = typed(ScoringSettings, SETTINGS | {"device": "auto"})
    assert build_objective(settings).device == "cpu"
    names = {name for name in PROXIES if PROXIES[name].faster_on_cpu}
    counts = {"params", "flops", "l2_norm", "skip", "depth", "table", "surrogate"}
    assert names == {"epsilon", "nasgraph", *counts}


@settings(deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=9))
def test_median_rank_and_share_sum_against_counting(rows: list[tuple[float, ...]]) -> None:
    trials = [trial(number, *row) for number, row in enumerate(rows)]
    whole = [row for row in rows if not isnan(sum(row))]
    largest = [max(abs(row[j]) for row in whole) or 1.0 for j in range(3)] if whole else []
    for row, middle, share in zip(rows, median_rank(trials), share_sum(trials), strict=True):
        if isnan(sum(row)):
            assert middle == share == -inf
            continue
        ranks = []
        for j in range(3):
            column = [other[j] for other in whole]
            below = sum(other < row[j] for other in column)
            ranks.append((below + (column.count(row[j]) + 1) / 2) / len(whole))
        assert middle == pytest.approx(sorted(ranks)[1])
        assert share == pytest.approx(sum(row[j] / largest[j] for j in range(3)))


def test_weights_turn_a_metric_round_and_leave_a_proxy_out() -> None:
    """Two proxies and a metric that is better where it is low."""
    figures = [(1.0, 9.0, 30.0), (2.0, 8.0, 20.0), (3.0, 7.0, 10.0)]
    trials = [
        Trial(n, (n,), 0.0, {"latency": ms}, 0.0, scores={"one": one, "other": other})
        for n, (one, other, ms) in enumerate(figures)
    ]
    logs = [log(1 / 3), log(2 / 3), 0.0]
    both = [one + other for one, other in zip(logs, logs[::-1], strict=True)]
    assert rank_sum(trials) == pytest.approx(both)
    fast = rank_sum(trials, weights={"other": 0, "latency": -0.5})
    assert fast == pytest.approx([1.5 * each for each in logs])
    slow = rank_sum(trials, weights={"one": 2, "other": 0, "latency": 1})
    assert slow == pytest.approx([2 * a + b for a, b in zip(logs, logs[::-1], strict=True)])
    with pytest.raises(UsageError, match="'latncy'; did you mean 'latency'"):
        rank_sum(trials, weights={"latncy": 1})


def test_a_single_proxy_ranks_with_a_metric() -> None:
    trials = [Trial(n, (n,), float(n), {"params": 10 - n}, 0.0) for n in range(3)]
    values = rank_sum(trials, weights={"params": -1})
    assert values == sorted(values)
    lacking = [*trials[:2], replace(trials[2], metrics={"params": nan})]
    assert rank_sum(lacking, weights={"params": -1})[2] == -inf


@pytest.mark.parametrize("ranking", [rank_sum, median_rank, share_sum])
def test_a_ranking_of_nothing_is_nothing(ranking: Ranking) -> None:
    assert ranking([]) == []
    assert valued([trial(0, nan, 1.0)], ranking) == []


def test_what_has_no_value_is_not_ranked() -> None:
    trials = [Trial(n, (n,), 1.0, {"ms": ms}, 0.0) for n, ms in enumerate((nan, 2.0, 1.0))]
    weighed = partial(rank_sum, weights={"ms": -1})
    assert [each.number for each in ranked(trials, weighed)] == [2, 1]
    lacking = [trials[1], replace(trials[2], metrics={})]
    assert [each.number for each in ranked(lacking, weighed)] == [1]
