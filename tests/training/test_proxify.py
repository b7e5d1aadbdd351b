"""Which way to train ranks as a full training: on figures that are made up, and on trainings."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from nas import SPACES, Candidate, Proxy, Space, UsageError
from nas.batch import Batch
from nas.compare.scores import Scores
from nas.errors import AllFailedError
from nas.proxy import NoScore
from nas.scoring.objective import ProxyObjective
from nas.seeding import generator, numpy_generator
from nas.training.proxify import RESAMPLES, interval, proxified, rendered, tau
from nas.training.recipe import Recipe
from nas.training.ways import AGAIN, FULL, Array, Columns, Trainings, grid
from tests.support.small import small

RNG = numpy_generator("proxify's figures")
WHOLE = RNG.normal(size=24)


def noisy(spread: float) -> Array:
    return np.asarray(WHOLE + spread * RNG.normal(size=24), np.float64)


ARCHS = [(place,) for place in range(24)]


def columns(costs: dict[str, float] | None = None, **spreads: float) -> Columns:
    return Columns(ARCHS, WHOLE, {name: noisy(s) for name, s in spreads.items()}, costs or {})


def test_tau_is_kendalls_with_missing_figures_last() -> None:
    values, full = noisy(1.0), WHOLE.copy()
    values[3], full[[5, 6]] = nan, nan
    filled, there = np.where(np.isnan(values), -99, values), ~np.isnan(full)
    assert tau(values, full) == pytest.approx(kendalltau(filled[there], full[there]).statistic)
    assert isnan(tau(np.full(24, 2.0), WHOLE))
    assert isnan(tau(WHOLE[:2], WHOLE[:2]))


def test_the_interval_is_of_taus_over_resampled_architectures() -> None:
    values, full = np.round(noisy(0.7), 1), np.round(WHOLE, 1)  # with ties
    values[2] = nan
    filled = np.where(np.isnan(values), -99, values)
    rows = numpy_generator("proxify", 4).integers(24, size=(RESAMPLES, 24))
    taus = [kendalltau(filled[each], full[each]).statistic for each in rows]
    assert interval(values, full, 4) == pytest.approx(tuple(np.quantile(taus, [0.025, 0.975])))
    assert all(map(isnan, interval(np.full(24, 2.0), WHOLE, 4)))


def test_the_cheapest_column_that_agrees_is_chosen() -> None:
    ways = columns({"a": 0.01, "b": 0.1, "c": 0.5}, c=0.02, a=9.0, b=0.1)
    found = proxified(ways, 0.7)
    assert found["chosen"] == "b"
    first, *others = found["rows"]
    assert (first["way"], first["state"], first["archs"]) == ("b", "chosen", 24)
    assert first["speed_up"] == pytest.approx(10)
    assert first["tau"] == tau(ways.columns["b"], WHOLE)
    assert first["low"] < first["tau"] <= first["high"]
    assert {row["state"] for row in others} <= {"meets it", "below", "left behind"}
    assert "b " in rendered(found, "title").splitlines()[2]


def test_without_costs_the_first_column_is_the_cheapest() -> None:
    found = proxified(columns(c=0.02, a=0.02), 0.7)
    assert found["chosen"] == "c"
    assert found["rows"][0]["cost"] is None
    assert "cost    not known, so the order of columns=" in rendered(found, "title")
    assert "not known" not in rendered(proxified(columns({"c": 0.1}, c=0.02), 0.7), "title")
    assert proxified(columns(a=5.0, b=7.0), 0.95)["chosen"] is None


def test_empty_cells_of_a_column_are_left_out() -> None:
    """Nobody knows these figures; those of trainings that failed rank last."""
    values = WHOLE.copy()
    values[[0, 3, 7]] = nan
    found = proxified(Columns(ARCHS, WHOLE, {"a": values, "b": WHOLE}, {}), 0.7)
    row = {each["way"]: each for each in found["rows"]}
    assert (row["a"]["tau"], row["a"]["left_out"], row["b"]["left_out"]) == (1, 3, 0)
    assert tau(values, WHOLE) < 1
    text = rendered(found, "title")
    assert "note    a: 3 of 24 architectures have no figure and are left out" in text
    assert "b: 0 of" not in text


def test_the_seconds_are_a_median() -> None:
    """The first training of a process starts the libraries, too."""
    full = Recipe(epochs=8, batch_size=8)
    ways = trainings(small("nasbench201"), {FULL: full, **grid(full, epochs=[1])}, Scores())
    ways.values(["epochs=1"], 12)
    known = ways.scores.known
    for place, key in enumerate([*known]):
        known[key] = replace(known[key], seconds=100 if place == 0 else 2 + place % 2)
    assert ways.facts("epochs=1")["seconds"] == 3


def test_a_ranking_needs_figures_that_differ() -> None:
    for whole, reason in (
        (np.full(24, 3.0), "3 for all 24 architectures"),
        (np.array([1.0, 2.0, *[nan] * 22]), "2 of 24 architectures have a figure"),
    ):
        with pytest.raises(UsageError, match=reason):
            proxified(Columns(ARCHS, whole, {"a": WHOLE}, {}), 0.5)


class Learned(Proxy):
    """What a training would find: the true figure, and less of it the shorter it is."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def score(self, candidate: Candidate, batch: Batch) -> float:
        recipe = self.recipe
        if recipe.width < 1:
            return NoScore("too narrow")
        learned = (recipe.epochs or 0) * recipe.share / 8
        blur = float(np.random.default_rng(sum(candidate.arch)).normal())
        return sum((k + 1) * o for k, o in enumerate(candidate.arch)) + blur * (1 - learned) * 8


def trainings(space: Space, recipes: dict[str, Recipe], scores: Scores, **more: Any) -> Trainings:
    batch = space.batch(4, generator("batch"))
    objective = ProxyObjective(space, {}, batch, measures={})
    archs = [(a, b, 1, 2, 3, 3) for a in range(4) for b in range(3)]
    return Trainings(objective, recipes, Learned, 64, archs, scores, **more)


@pytest.mark.long
def test_trainings_are_made_once_and_as_few_as_needed() -> None:
    space, full = small("nasbench201"), Recipe(epochs=8, batch_size=8)
    recipes = {FULL: full, **grid(full, epochs=[1, 2, 4, 8], share=[0.5, 1.0], width=[0.5, 1])}
    assert len(recipes) == 16
    scores = Scores()
    ways = trainings(space, recipes, scores)
    found = proxified(ways, 0.7)
    asked = len(scores.known)
    assert 12 + 12 < asked < 16 * 12
    best = recipes[found["chosen"]]
    assert best.width == 1
    behind = [row for row in found["rows"] if "width=0.5" in row["way"]]
    assert {row["tau"] for row in behind} == {None}
    assert behind[0]["reason"] == "too narrow"
    assert "too narrow" in rendered(found, "title")
    full_values, values = ways.full(12), ways.values([found["chosen"]], 12)[found["chosen"]]
    assert kendalltau(values, full_values).statistic == pytest.approx(found["rows"][0]["tau"])
    assert proxified(trainings(space, recipes, scores), 0.7) == found
    assert len(scores.known) == asked


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_full_recipe_has_a_seed_of_its_own(repeats: int) -> None:
    """Else a shorter training would be the beginning of the full one, and its chance the same."""
    full = Recipe(epochs=8, batch_size=8)
    recipes = {FULL: full, **grid(full, epochs=[1, 4]), AGAIN: full}
    seen: dict[str, set[object]] = {}

    class Draws(Learned):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            assert str(candidate.seed).split("/")[0] == str(batch.seed)
            seen.setdefault(str(self.recipe.epochs), set()).add(candidate.seed)
            return super().score(candidate, batch)

    ways = trainings(small("nasbench201"), recipes, Scores())
    objective = replace(ways.objective, seed=7, repeats=repeats)
    ways = replace(ways, objective=objective, proxy=Draws)
    assert [*ways.names] == ["epochs=1", "epochs=4"]
    ways.full(3)
    own, seen = seen, {}
    ways.values(ways.names, 3)
    assert own == {"8": {8, *(f"8/{n}" for n in range(1, repeats))}}
    assert seen == {epochs: {7, *(f"7/{n}" for n in range(1, repeats))} for epochs in "14"}
    seen.clear()
    again = ways.again(3)
    assert again is not None
    assert seen == {"8": {7, *(f"7/{n}" for n in range(1, repeats))}}
    assert len(ways.scores.known) == 4 * 3


def test_no_tau_can_be_expected_above_that_of_the_full_training() -> None:
    full = Recipe(epochs=8, batch_size=8)
    recipes = {FULL: full, **grid(full, epochs=[1, 4])}

    class Noisy(Learned):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            draws = candidate.generator("noise")
            return super().score(candidate, batch) + 9 * float(torch.randn((), generator=draws))

    ways = replace(trainings(small("nasbench201"), recipes, Scores()), proxy=Noisy)
    assert proxified(ways, 0.1)["ceiling"] is None
    ways = replace(ways, recipes={**recipes, AGAIN: full}, scores=Scores())
    found = proxified(ways, 0.1)
    again = ways.again(12)
    assert again is not None
    assert found["ceiling"]["tau"] == tau(again, ways.full(12)) < 1
    assert {row["way"] for row in found["rows"]} == {"epochs=1", "epochs=4"}
    most = f"under another seed: τ {found['ceiling']['tau']:.3f} ["
    assert most in rendered(found, "title")


def test_a_share_of_less_than_a_batch_is_told_once() -> None:
    full = Recipe(epochs=8, batch_size=32)
    recipes = {FULL: full, **grid(full, epochs=[4, 8], share=[0.25, 1.0])}
    found = proxified(trainings(small("nasbench201"), recipes, Scores()), 0.1)
    text = rendered(found, "title")
    assert text.count("note    share=0.25 of 64 examples leaves 16") == 1
    with pytest.raises(UsageError, match=r"share=0\.01 of 64 examples leaves 1"):
        trainings(
            small("nasbench201"), {FULL: full, "a": replace(full, share=0.01)}, Scores()
        ).cost("a")


def test_what_a_training_costs() -> None:
    """Multiply-adds of an example, times the examples that it sees."""
    space, full = SPACES.build("nasbench201", channels=8, cells=1), Recipe(epochs=4, batch_size=16)
    recipes = {
        FULL: full,
        "epochs": Recipe(epochs=1, batch_size=16),
        "share": Recipe(epochs=4, batch_size=16, share=0.5),
        "steps": Recipe(steps=2, batch_size=16),
        "resolution": Recipe(epochs=4, batch_size=16, resolution=16),
        "width": Recipe(epochs=4, batch_size=16, width=0.5),
    }
    ways = trainings(space, recipes, Scores())
    assert [ways.cost(name) for name in recipes][:4] == [1, 0.25, 0.5, 2 / 16]
    assert ways.cost("resolution") == pytest.approx(0.25, rel=1e-3)
    arch = ways.archs[1]
    one, other = (
        Candidate(each, arch).network for each in (space, recipes["width"].narrowed(space))
    )
    assert one is not None
    assert other is not None
    assert 0.2 < other.flops / one.flops < 0.5
    assert 0.2 < ways.cost("width") < 0.5


def test_a_table_may_have_the_full_figures() -> None:
    full = Recipe(epochs=8, batch_size=8)
    recipes = {FULL: full, **grid(full, epochs=[1, 4])}
    truth = np.arange(12.0)
    scores = Scores()
    ways = trainings(small("nasbench201"), recipes, scores, truth=truth)
    proxified(ways, 0.1)
    assert {name for _, name, _ in scores.known} == {"epochs=1", "epochs=4"}


def test_full_trainings_that_all_fail_end_it_at_once() -> None:
    full = Recipe(epochs=8, width=0.5)
    recipes = {FULL: full, **grid(full, epochs=[1, 4])}

    class Fails(Learned):
        def score(self, candidate: Candidate, batch: Batch) -> float:
            raise RuntimeError("no labels")

    scores = Scores()
    ways = trainings(small("nasbench201"), recipes, scores)
    with pytest.raises(AllFailedError, match="no labels"):
        proxified(Trainings(**{**vars(ways), "proxy": Fails}), 0.5)
    assert {name for _, name, _ in scores.known} == {FULL}
