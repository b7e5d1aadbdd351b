"""Fits to tables: what is fitted, how its quality is told, and what is refused."""

from __future__ import annotations

from math import isclose
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import nas
from nas import UsageError, fit
from nas.data.lookup import Column
from nas.seeding import numpy_generator
from nas.surrogates import quality as told
from nas.surrogates.features import COUNTS, Encoding, Features
from nas.surrogates.fitting import Fit, Rows
from nas.surrogates.model import Ensemble
from tests.support.surrogates import ACC, ARCHS, LAT, SPACE, rows


def test_columns_are_fitted_as_the_table_has_them(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    columns = [Column.of(path, target) for target in ("acc", "-lat", "gaps")]
    made = Rows.of(SPACE, columns, ())
    assert made.archs == ARCHS
    assert made.columns["acc"].tolist() == ACC
    assert made.columns["lat"].tolist() == LAT
    assert made.signs == {"acc": 1, "lat": -1, "gaps": 1}
    assert np.isfinite(made.columns["gaps"]).sum() == 15


def test_few_rows_see_counts_and_rows_are_drawn_by_the_seed(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    one, same, other = (
        Rows.of(SPACE, [Column.of(path, "acc")], rows=20, seed=seed) for seed in (0, 0, 1)
    )
    assert one.proxies == COUNTS
    assert one.scores.shape == (20, len(COUNTS))
    assert one.archs == same.archs != other.archs
    assert {*one.archs} < {*ARCHS}


def test_scores_are_those_of_the_proxies() -> None:
    found = Features(SPACE, proxies=("flops", "params")).scores(ARCHS[:3])
    for place, name in enumerate(("flops", "params")):
        plain = [each.score for each in nas.score(SPACE, ARCHS[:3], name)]
        assert found[:, place].tolist() == plain


def test_quality_is_that_of_a_plain_computation() -> None:
    """One split by hand; the mean and Student's interval of several by hand, too."""
    features, values = Encoding(SPACE)(ARCHS), np.array(ACC)
    single = told.quality(features, values, 1, 0.25, False)
    apart = single["held_out"]
    assert apart == 15
    order = numpy_generator("split", 0, 0).permutation(60)
    model = Ensemble.fit(features[order[apart:]], values[order[apart:]], 0)
    guess, true = model.predict(features[order[:apart]])[0], values[order[:apart]]
    assert isclose(single["kendall"]["value"], kendalltau(guess, true).statistic)
    assert isclose(single["spearman"]["value"], spearmanr(guess, true).statistic)
    assert isclose(single["mae"]["value"], np.abs(guess - true).mean())
    assert isclose(single["r2"]["value"], 1 - np.var(guess - true) / np.var(true), abs_tol=0.1)
    several = told.quality(features, values, 3, 0.25, True)["kendall"]
    assert several["low"] < several["value"] < several["high"]


def test_the_curve_has_fewer_rows_first() -> None:
    found: dict[str, Any] = told.quality(Encoding(SPACE)(ARCHS), np.array(ACC), 2, 0.1, True)
    sizes = [each["rows"] for each in found["curve"]]
    assert sizes == sorted(sizes)
    assert sizes[-1] == found["rows"] == 60 - found["held_out"]
    assert len(sizes) > 1
    assert found["curve"][-1]["mae"] == found["mae"]


def test_the_encoding_with_the_smaller_error_is_taken(tmp_path: Path) -> None:
    made = Rows.of(SPACE, [Column.of(rows(tmp_path / "r.csv"), "acc")], ())
    errors = {}
    for kind in ("onehot", "ordinal"):
        model = made.fitted("acc", Fit(kind, splits=0)).model
        errors[kind] = ((model.unseen - ACC) ** 2).sum()
    assert made.fitted("acc", Fit(splits=0)).kind == min(errors, key=lambda kind: errors[kind])


def test_in_python_it_takes_five_lines(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    model = nas.fit(SPACE, path, ["acc", "-lat"], splits=2)
    assert model.quality["acc"]["kendall"]["value"] > 0.3
    mean, spread = model.predict([SPACE.sample(Random(1))])["lat"]
    assert mean.shape == spread.shape == (1,)


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("none", {}, "none"),
        ("same", {}, "1.5 in every row"),
        ("acc", {"rows": 3}, "rows=3"),
        ("acc", {"rows": 61}, "rows=61 is more than the 60 rows"),
        (["acc", "-acc"], {}, "acc is there twice"),
        ("ac", {}, "'ac'"),
        ("acc", {"encoding": "odd"}, "encoding=odd"),
        ("acc", {"held_out": 1.5}, "held_out=1.5"),
        ("acc", {"splits": -1}, "splits=-1"),
        ("acc", {"proxies": ["odd"]}, "'odd'"),
        ("acc", {"proxies": ["table"]}, "proxy=table needs a table"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    tmp_path: Path, target: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        fit(SPACE, rows(tmp_path / "r.csv"), target, **options)


def test_accel_nasbench_is_predicted_as_well_as_published(data: Path) -> None:
    """One split of the published figures, tau .917 for the accuracy, with half of the rows."""
    columns = [Column.of(data / "accel_nasbench.csv.gz", "val_top1", duplicates="mean")]
    made = Rows.of(nas.SPACES.build("mnasnet"), columns, (), rows=2000)
    found = made.fitted("val_top1", Fit("onehot", splits=1, curve=False)).quality
    assert found["kendall"]["value"] > 0.88


def test_a_fit_refuses_a_table_of_another_space(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in this space"):
        fit("mnasnet", rows(tmp_path / "r.csv"), "acc")
