"""Forests and ensembles, against LightGBM itself and plain computations."""

from __future__ import annotations

from random import Random

import lightgbm
import numpy as np
import pytest

from nas import UsageError
from nas.surrogates import model
from nas.surrogates.features import Encoding
from nas.surrogates.forest import LEAVES, Array, Forest
from nas.surrogates.model import Ensemble, grown
from tests.support.small import small


def numbers(rows: int, seed: int = 0) -> tuple[Array, Array]:
    """Features, of which one is whole numbers and one constant, and values that follow them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, 5))
    features[:, 1] = rng.integers(3, size=rows)
    features[:, 4] = 7.0
    return features, features[:, 0] * features[:, 1] + np.sin(3 * features[:, 2])


@pytest.mark.parametrize("rows", [12, 300, 1500])
def test_a_forest_gives_what_lightgbm_gives(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[lightgbm.Booster] = []
    train = lightgbm.train

    def kept(*args: object, **options: object) -> lightgbm.Booster:
        made.append(train(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(lightgbm, "train", kept)
    monkeypatch.setattr(model, "TREES", 100)
    forest = grown(*numbers(rows), seed=1)
    new, _ = numbers(200, seed=9)
    theirs = np.asarray(made[0].predict(new))
    assert np.ptp(theirs) > 0
    assert forest.values(new)[:, 0] == pytest.approx(theirs, abs=1e-5)  # values are in float32


def test_a_forest_finds_the_leaf_that_a_walk_finds() -> None:
    """Against a plain walk down a tree of three leaves: (x0 <= 1: (x1 <= 5: 10, 20), 30)."""
    feature = np.full((1, LEAVES - 1), -1, np.int32)
    threshold, left = np.zeros((1, LEAVES - 1)), np.zeros((1, LEAVES - 1), np.uint8)
    value = np.zeros((1, LEAVES), np.float32)
    feature[0, :2], threshold[0, :2], left[0, :2] = (0, 1), (1.0, 5.0), (0b011, 0b001)
    value[0, :3] = 10, 20, 30
    forest = Forest(feature, threshold, left, value)
    points = np.array([[x, y] for x in (0.0, 1.0, 1.5) for y in (4.0, 5.0, 6.0)])
    walked = [30.0 if x > 1 else 20.0 if y > 5 else 10.0 for x, y in points]
    assert forest.values(points)[:, 0].tolist() == walked


def test_groups_of_trees_sum_to_all() -> None:
    forest = grown(*numbers(40), seed=0)
    new, _ = numbers(70, seed=2)
    assert forest.values(new, 3).sum(axis=1) == pytest.approx(forest.values(new)[:, 0])


def test_a_fit_is_the_same_again_and_another_by_another_seed() -> None:
    features, values = numbers(60)
    new, _ = numbers(50, seed=3)
    first, again, other = (Ensemble.fit(features, values, seed).predict(new) for seed in (4, 4, 5))
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


def test_it_learns_and_its_unseen_rows_are_harder() -> None:
    features, values = numbers(400)
    made = Ensemble.fit(features, values)
    inside = np.abs(made.predict(features)[0] - values).mean()
    outside = np.abs(made.unseen - values).mean()
    assert inside < outside < np.abs(values - values.mean()).mean() / 2


def test_a_row_unseen_is_predicted_by_one_that_has_not_seen_it() -> None:
    """A value that stands out is found only by members that have seen it."""
    features, values = numbers(100)
    features[7] = 50.0
    values[7] = 1000.0
    made = Ensemble.fit(features, values)
    assert made.unseen[7] < 500
    assert made.predict(features[7:8])[1][0] > 50


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_and_few_rows_are_refused(bad: float) -> None:
    features, values = numbers(20)
    values[3] = bad
    with pytest.raises(UsageError, match="finite"):
        Ensemble.fit(features, values)
    with pytest.raises(UsageError, match="3 rows are too few"):
        Ensemble.fit(features[:3], values[:3])


def test_encodings_are_those_of_a_slow_computation() -> None:
    space = small("nasbench101")
    archs = [space.sample(Random(seed)) for seed in range(20)]
    onehot, ordinal = Encoding(space)(archs), Encoding(space, "ordinal")(archs)
    for row, arch in enumerate(archs):
        plain: list[float] = []
        for option, count in zip(arch, space.choices, strict=True):
            plain += [float(option)] if count == 2 else [float(o == option) for o in range(count)]
        assert onehot[row].tolist() == plain
        assert ordinal[row].tolist() == list(map(float, arch))
    assert Encoding(space)([]).shape == (0, onehot.shape[1])
