"""The comparison as a function: samples, cached scores, combinations, the summary."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from nas import PROXIES, Candidate, Evaluation, NoScore, Proxy, ProxyObjective, Trial, UsageError
from nas.batch import Batch
from nas.compare import Scores, Truth, compare
from nas.compare.sample import sampled
from nas.compare.scores import Keyed, from_json, to_json
from nas.data.sources import make_batch
from nas.ranking import rank_sum
from nas.scoring.keys import keys
from nas.space import Arch
from tests.support.small import small

SPACE = small("nasbench201")
EVERY = [SPACE.sample(Random(seed)) for seed in range(400)]
ARCHS = list(dict.fromkeys(EVERY))[:300]


class Counting(Proxy):
    """Scores the sum of the decisions and a weight; counts its calls."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    asked = 0

    def score(self, candidate: Candidate, batch: Batch) -> float:
        type(self).asked += 1
        if candidate.arch[0] == 0:
            return NoScore("it starts with 0")
        weight = next(candidate.model().parameters()).flatten()[0].item()
        return self.scale * (sum(candidate.arch) + weight)


class Still(Proxy):
    """The third decision; draws nothing."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        return float(candidate.arch[2])


def truth(target: str = "acc") -> Truth:
    sign = -1 if target.startswith("-") else 1
    return Truth(ARCHS, [sign * sum(arch) + 0.01 * arch[0] for arch in ARCHS], target, [])


@pytest.fixture
def scored() -> ProxyObjective:
    proxies = {"counting": Counting(), "still": Still(), "params": PROXIES.build("params")}
    return ProxyObjective(SPACE, proxies, make_batch(SPACE, "natural", size=2))


@pytest.mark.long
def test_figures_are_those_of_the_scores(scored: ProxyObjective) -> None:
    scores = Scores()
    result = result_of(scored, truth=truth(), sample=200, resamples=20, scores=scores)
    json.dumps(result, allow_nan=False)
    assert result["n"] == 200
    archs = sampled(SPACE, truth(), 200, 0)
    values = [sum(arch) + 0.01 * arch[0] for arch in archs]
    rows = {row["proxy"]: row for row in result["rows"]}
    assert list(rows) == ["counting", "still", "params"]
    own = [each.score for each in scores.of(keyed(scored), "counting", archs)]
    kept = [place for place, score in enumerate(own) if not isnan(score)]
    row = rows["counting"]
    assert row["scored"] == len(kept) < 200
    assert row["coverage"] == len(kept) / 200
    assert row["reasons"] == {"it starts with 0": 200 - len(kept)}
    rho = spearmanr([own[place] for place in kept], [values[place] for place in kept]).statistic
    assert row["spearman"]["dropped"]["value"] == pytest.approx(rho)
    last = spearmanr(np.nan_to_num(own, nan=-1e9), values).statistic
    assert row["spearman"]["last"]["value"] == pytest.approx(last)
    best = max(kept, key=lambda place: own[place])
    assert row["favourite"]["arch"] == SPACE.format(archs[best])
    assert row["favourite"]["truth"] == pytest.approx(values[best])
    assert rows["still"]["difference"]["to"] == "params"
    assert row["seconds_per_arch"] > 0
    assert "undefined" not in row


@pytest.mark.long
def test_lower_is_better_where_the_target_says_so(scored: ProxyObjective) -> None:
    up, down = (
        result_of(scored, truth=truth(target), sample=100, resamples=10)
        for target in ("acc", "-acc")
    )
    rising, falling = up["rows"][0], down["rows"][0]
    assert rising["spearman"]["dropped"]["value"] > 0.9
    assert falling["spearman"]["dropped"]["value"] < -0.9
    assert down["truth"]["best"] < down["truth"]["mean"] < up["truth"]["best"]
    assert falling["favourite"]["truth"] > 0  # in the table's own sign
    assert falling["favourite"]["rank"] > 90


@pytest.mark.long
def test_scores_are_computed_once(scored: ProxyObjective, tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"

    def go(**changed: Any) -> int:
        here = replace(scored, **changed)
        before = Counting.asked
        compare(here, truth=truth(), sample=50, resamples=10, scores=Scores.read(path))
        return Counting.asked - before

    assert go() == 50
    assert go() == 0
    assert go(proxies={**scored.named, "flops": PROXIES.build("flops")}) == 0
    content = path.read_bytes()
    path.write_bytes(content[:-20])  # torn
    assert go(proxies={"counting": Counting(), "params": PROXIES.build("params")}) == 0
    assert go(seed=1) == 50
    assert go(batch=make_batch(SPACE, "natural", size=3)) == 50
    assert go(proxies={"counting": Counting(2.0), "params": PROXIES.build("params")}) == 50
    assert go() == 0


def keyed(objective: ProxyObjective) -> Keyed:
    return Keyed(objective, keys(objective))


def result_of(objective: ProxyObjective, **options: Any) -> dict[str, Any]:
    return compare(objective, **options).result


def test_an_interrupted_comparison_goes_on_where_it_was(
    scored: ProxyObjective, tmp_path: Path
) -> None:
    archs = sampled(SPACE, truth(), 60, 0)
    path = tmp_path / "scores.jsonl"
    scores = Scores.read(path)
    filling = keyed(scored).fill(scores, keyed(scored).missing(scores, archs))
    for _ in range(25):
        next(filling)
    filling.close()
    again = Scores.read(path)
    assert len(keyed(scored).missing(again, archs)) == 35
    result = result_of(scored, truth=truth(), sample=60, resamples=10, scores=again)
    fresh = result_of(scored, truth=truth(), sample=60, resamples=10)
    for row in (*result["rows"], *fresh["rows"]):
        del row["seconds_per_arch"]
    assert result["rows"] == fresh["rows"]


@pytest.mark.parametrize("edit", [b'"draws":[99.0]', b"no json"])
def test_an_edited_line_is_refused(edit: bytes, scored: ProxyObjective, tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    compare(scored, truth=truth(), sample=10, resamples=10, scores=Scores.read(path))
    lines = path.read_bytes().splitlines()
    start = lines[3].index(b'"draws"')
    lines[3] = lines[3][:start] + edit + lines[3][lines[3].index(b"]", start) + 1 :]
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(UsageError, match=r"line 4 of .* is no score"):
        Scores.read(path)


@pytest.mark.long
def test_repeats_are_draws_where_something_is_drawn(scored: ProxyObjective) -> None:
    three = replace(scored, repeats=3)
    scores = Scores()
    before = Counting.asked
    result = result_of(three, truth=truth(), sample=40, resamples=10, scores=scores)
    archs = sampled(SPACE, truth(), 40, 0)
    known = sum(arch[0] != 0 for arch in archs)
    assert Counting.asked - before == 3 * known + (40 - known)
    draws = [each.draws for each in scores.of(keyed(three), "counting", archs)]
    assert {len(each) for each in draws} == {1, 3}
    assert all(len(each.draws) == 1 for each in scores.of(keyed(three), "still", archs))
    repeats = result["rows"][0]["repeats"]
    assert repeats["draws"] == 3
    kept = [place for place, arch in enumerate(archs) if arch[0]]
    values = [sum(archs[place]) + 0.01 * archs[place][0] for place in kept]
    rhos = [spearmanr([draws[p][i] for p in kept], values).statistic for i in range(3)]
    assert repeats["spearman"]["dropped"]["mean"] == pytest.approx(np.mean(rhos))
    assert repeats["spearman"]["dropped"]["sd"] == pytest.approx(np.std(rhos, ddof=1))
    assert "repeats" not in result["rows"][1]


def test_a_combination_is_the_rank_sum_over_the_sample(scored: ProxyObjective) -> None:
    scores = Scores()
    combinations = {"both": ["counting", "still"]}
    result = result_of(
        scored,
        truth=truth(),
        sample=80,
        resamples=10,
        scores=scores,
        combinations=combinations,
    )
    row = result["rows"][-1]
    assert (row["proxy"], row["rank_sum_of"]) == ("both", ["counting", "still"])
    archs = sampled(SPACE, truth(), 80, 0)
    parts = [scores.of(keyed(scored), name, archs) for name in combinations["both"]]
    trials = [
        Trial(
            place, (), one.score + other.score, {}, 0.0, scores={"a": one.score, "b": other.score}
        )
        for place, (one, other) in enumerate(zip(*parts, strict=True))
    ]
    values = [nan if value == -np.inf else value for value in rank_sum(trials)]
    kept = [place for place, value in enumerate(values) if not isnan(value)]
    true = [sum(archs[place]) + 0.01 * archs[place][0] for place in kept]
    rho = spearmanr([values[place] for place in kept], true).statistic
    assert row["spearman"]["dropped"]["value"] == pytest.approx(rho)


def test_a_constant_proxy_is_said_to_be_one_and_a_constant_target_refused(
    scored: ProxyObjective,
) -> None:
    class Constant(Still):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            return 7.0

    proxies = {"constant": Constant(), "params": PROXIES.build("params")}
    here = ProxyObjective(SPACE, proxies, scored.batch)
    row = compare(here, truth=truth(), sample=30, resamples=10).result["rows"][0]
    assert row["undefined"] == "the score is constant, 7"
    assert row["spearman"]["dropped"] == {"value": None, "low": None, "high": None}
    flat = Truth(ARCHS, [3.0] * len(ARCHS), "acc", [])
    with pytest.raises(UsageError, match="acc is 3 for all 30 architectures"):
        compare(here, truth=flat, sample=30)


def test_samples() -> None:
    some = sampled(SPACE, truth(), 50, 0)
    assert len(set(some)) == 50
    assert set(some) <= set(ARCHS)
    assert some == sampled(SPACE, truth(), 50, 0) != sampled(SPACE, truth(), 50, 1)
    assert sampled(SPACE, truth(), None, 0) == sampled(SPACE, truth(), 9999, 0) == ARCHS
    free = sampled(SPACE, None, 50, 0)
    assert len(set(free)) == 50
    assert free == sampled(SPACE, None, 50, 0) != sampled(SPACE, None, 50, 1)
    assert len(set(sampled(SPACE, None, None, 0))) == 15625
    few = Truth(ARCHS[:9], [1.0] * 9, "acc", [])
    with pytest.raises(UsageError, match="acc for 9 architectures"):
        sampled(SPACE, few, 50, 0)
    with pytest.raises(UsageError, match="sample=9 must be all"):
        sampled(SPACE, truth(), 9, 0)


def test_without_a_truth_there_are_coverage_cost_and_agreement(scored: ProxyObjective) -> None:
    result = result_of(scored, sample=40)
    assert "truth" not in result
    assert set(result["rows"][0]) == {
        *("proxy", "coverage", "scored", "seconds_per_arch", "reasons", "notes")
    }
    table = result["agreement"]["spearman"]
    assert table[0][0] == pytest.approx(1)
    assert -1 <= table[0][1] <= 1


def test_a_line_is_what_was_scored() -> None:
    arch: Arch = (1, 2, 3)
    found = Evaluation(nan, {}, 0.25, "why", note="note", failed=True, draws=(1.5, nan))
    place, again = from_json(to_json("key", "p", arch, found))
    assert place == ("key", "p", arch)
    assert str(again) == str(found)


@pytest.mark.long
def test_what_sees_the_function_alone_scores_each_function_once() -> None:
    """Functions are scored once, as in a search, also together with other proxies."""
    proxies = {"epsilon": PROXIES.build("epsilon"), "params": PROXIES.build("params")}
    scored = ProxyObjective(SPACE, proxies, make_batch(SPACE, "natural", size=2))
    forms = {SPACE.canonical(arch) for arch in ARCHS}
    scores = Scores()
    tasks = keyed(scored).missing(scores, ARCHS)
    assert {arch for arch, names in tasks if "epsilon" in names} == forms
    assert {arch for arch, names in tasks if "params" in names} == {*ARCHS}
    assert len(tasks) == len(forms | {*ARCHS})
    assert keyed(scored).unscored(scores, ARCHS) == len(ARCHS)
    for _ in keyed(scored).fill(scores, tasks):
        pass
    assert keyed(scored).unscored(scores, ARCHS) == 0
    objective = ProxyObjective(SPACE, proxies["epsilon"], scored.batch)
    for arch, found in zip(ARCHS[:60], scores.of(keyed(scored), "epsilon", ARCHS), strict=False):
        assert str(objective.evaluate(objective.form(arch)).score) == str(found.score)
    counts = [found.score for found in scores.of(keyed(scored), "params", ARCHS)]
    networks = [network for arch in ARCHS if (network := SPACE.network(arch)) is not None]
    assert counts == [network.live.params for network in networks]


def test_seconds_are_those_of_the_journal_from_the_first(tmp_path: Path) -> None:
    """So the same comparison says the same times, whether it has scored or read."""
    found = Evaluation(1.0, {}, 0.123456789, draws=(1.0,))
    scores = Scores.read(tmp_path / "scores.jsonl")
    scores.add("key", "params", (1,), found)
    assert scores.journal is not None
    scores.journal.close()
    again = Scores.read(tmp_path / "scores.jsonl")
    assert again.known == scores.known
