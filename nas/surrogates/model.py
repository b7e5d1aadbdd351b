"""The model of a surrogate: several boosted forests, each fitted without a part of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.errors import UsageError
from nas.seeding import numpy_generator
from nas.surrogates.forest import LEAVES, Array, Forest

FEWEST = 10
"""Rows that a model is fitted to at least."""
MEMBERS = 5
FEW = 1000
"""Fewer rows than this are fitted by fewer trees that learn more slowly."""
TREES, RATE = 1200, 0.15
TREES_OF_FEW, RATE_OF_FEW = 300, 0.05
SUM_OF_DRAWS = 2**31 - 1
"""A seed of LightGBM's is below this."""


@dataclass(frozen=True)
class Ensemble:
    """Boosted trees of LightGBM (Ke et al. 2017), `members` times.

    Member k is fitted to all rows but those of the k-th of equal random parts, so that each row
    has a prediction of a member that has not seen it. The prediction is the mean of the members,
    its spread their standard deviation.
    """

    forest: Forest
    """The trees of all members, one member after the other."""
    members: int
    centre: float
    scale: float
    """A prediction is centre + scale times the sum of trees."""
    unseen: Array
    """(rows,): what the member that has not seen a row predicts for it."""

    @classmethod
    def fit(
        cls, features: Array, values: Array, seed: int = 0, members: int = MEMBERS
    ) -> Ensemble:
        """Fit to features (rows, features) and values (rows,), both finite.

        Raises UsageError for fewer than `FEWEST` rows or numbers that are not finite.
        """
        _check(features, values)
        centre, scale = float(values.mean()), float(values.std()) or 1.0
        wanted = (values - centre) / scale
        parts = numpy_generator("members", seed).permutation(len(values)) % members
        forests = [
            grown(features[parts != part], wanted[parts != part], seed * members + part)
            for part in range(members)
        ]
        unseen = np.empty(len(values))
        for part, forest in enumerate(forests):
            unseen[parts == part] = forest.values(features[parts == part])[:, 0]
        return cls(joined(forests), members, centre, scale, centre + scale * unseen)

    def predict(self, features: Array) -> tuple[Array, Array]:
        """The means and the spreads (rows,) for features (rows, features)."""
        each = self.forest.values(np.ascontiguousarray(features, np.float64), self.members)
        return self.centre + self.scale * each.mean(axis=1), self.scale * each.std(axis=1)


def _check(features: Array, values: Array) -> None:
    if len(values) < FEWEST:
        raise UsageError(f"{len(values)} rows are too few for a surrogate: {FEWEST} or more do")
    for what, numbers in (("features", features), ("values", values)):
        if not np.isfinite(numbers).all():
            raise UsageError(f"the {what} that a surrogate is fitted to must be finite numbers")


def joined(forests: list[Forest]) -> Forest:
    """The trees of several forests in one."""
    parts = zip(
        *((each.feature, each.threshold, each.left, each.value) for each in forests), strict=True
    )
    return Forest(*map(np.concatenate, parts))


def grown(features: Array, values: Array, seed: int) -> Forest:
    """Trees that LightGBM grows, in one thread: the same in every run."""
    try:
        import lightgbm
    except ImportError as error:
        raise UsageError(
            "a surrogate is fitted by the package lightgbm: pip install 'epsilon-nas[fit]'"
        ) from error
    few = len(values) < FEW
    options = {
        "objective": "regression",
        "num_leaves": LEAVES,
        "learning_rate": RATE_OF_FEW if few else RATE,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "feature_fraction": 0.5,
        "lambda_l2": 1.0,
        "min_data_in_leaf": 1 if few else 5,
        "min_data_in_bin": 1,  # else some dozens of rows have no bins
        "feature_pre_filter": False,
        "seed": seed % SUM_OF_DRAWS,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    count = TREES_OF_FEW if few else TREES
    made = lightgbm.train(options, lightgbm.Dataset(features, values), count)
    return _forest(made.dump_model()["tree_info"], count)


def _forest(trees: list[Mapping[str, Any]], count: int) -> Forest:
    """The trees of a dump of LightGBM's; they may end before the `count`, and the rest is 0."""
    shape = count, LEAVES - 1
    feature, threshold = np.full(shape, -1, np.int32), np.zeros(shape)
    left, value = np.zeros(shape, np.uint8), np.zeros((count, LEAVES), np.float32)

    def walked(tree: int, node: Mapping[str, Any], nodes: int, leaves: int) -> tuple[int, int]:
        """Fill in what is below a node; the numbers of nodes and leaves after it."""
        if "leaf_value" in node:
            value[tree, leaves] = node["leaf_value"]
            return nodes, leaves + 1
        after, middle = walked(tree, node["left_child"], nodes + 1, leaves)
        feature[tree, nodes], threshold[tree, nodes] = node["split_feature"], node["threshold"]
        left[tree, nodes] = (1 << middle) - (1 << leaves)
        return walked(tree, node["right_child"], after, middle)

    for place, tree in enumerate(trees):
        walked(place, tree["tree_structure"], 0, 0)
    return Forest(feature, threshold, left, value)
