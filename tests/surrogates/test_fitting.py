"""Fits to tables: what is fitted, how its quality is told, and what is refused."""

from __future__ import annotations

from math import isclose
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import polars
import pytest
from scipy.stats import kendalltau, spearmanr

import nas
from nas import UsageError, fit
from nas.data.lookup import Column
from nas.seeding import numpy_generator
from nas.surrogates import load, save
from nas.surrogates import quality as told
from nas.surrogates.features import COUNTS, Encoding, Features
from nas.surrogates.fitting import Fit, Rows
from nas.surrogates.model import Ensemble
from tests.support.surrogates import ACC, ARCHS, LAT, SPACE, rows
from tests.support.tables import written


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


@pytest.mark.long
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


@pytest.mark.long
def test_the_curve_has_fewer_rows_first() -> None:
    found: dict[str, Any] = told.quality(Encoding(SPACE)(ARCHS), np.array(ACC), 2, 0.1, True)
    sizes = [each["rows"] for each in found["curve"]]
    assert sizes == sorted(sizes)
    assert sizes[-1] == found["rows"] == 60 - found["held_out"]
    assert len(sizes) > 1
    assert found["curve"][-1]["mae"] == found["mae"]


@pytest.mark.long
def test_the_encoding_with_the_smaller_error_is_taken(tmp_path: Path) -> None:
    made = Rows.of(SPACE, [Column.of(rows(tmp_path / "r.csv"), "acc")], ())
    errors = {}
    for kind in ("onehot", "ordinal"):
        model = made.fitted("acc", Fit(kind, splits=0)).model
        errors[kind] = ((model.unseen - ACC) ** 2).sum()
    assert made.fitted("acc", Fit(splits=0)).kind == min(errors, key=lambda kind: errors[kind])


@pytest.mark.long
def test_in_python_it_takes_five_lines(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    model = nas.fit(SPACE, path, ["acc", "-lat"], splits=2)
    assert model.quality["acc"]["kendall"]["value"] > 0.3
    mean, spread = model.predict([SPACE.sample(Random(1))])["lat"]
    assert mean.shape == spread.shape == (1,)


@pytest.mark.long
@pytest.mark.parametrize("count", [10, 11, 12])
def test_how_many_rows_it_takes_to_tell_the_quality(tmp_path: Path, count: int) -> None:
    """The number that the message says does, and one row fewer does not."""
    path = rows(tmp_path / "r.csv")
    with pytest.raises(UsageError, match=f"{count} rows with acc .* 13 or more do"):
        fit(SPACE, path, "acc", proxies=[], rows=count)
    assert fit(SPACE, path, "acc", proxies=[], rows=count, splits=0).quality == {"acc": {}}
    assert fit(SPACE, path, "acc", proxies=[], rows=13, splits=1).quality["acc"]["rows"] == 10
    with pytest.raises(UsageError, match=r"20 or more do with held_out=0\.5"):
        fit(SPACE, path, "acc", proxies=[], rows=19, held_out=0.5)


@pytest.mark.long
def test_an_interval_stays_where_the_figure_lies() -> None:
    features, values = Encoding(SPACE)(ARCHS[:24]), np.array(ACC[:24])
    two: dict[str, Any] = told.quality(features, values, 2, 0.1, False)
    assert two["kendall"]["value"] is not None
    assert two["kendall"]["low"] is two["kendall"]["high"] is None
    three: dict[str, Any] = told.quality(features, values, 3, 0.1, False)
    for name, (least, most) in told.RANGES.items():
        assert least <= three[name]["low"] <= three[name]["value"] <= three[name]["high"] <= most


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    path = rows(tmp_path / "r.csv")
    lines = path.read_text().splitlines()
    for place, bad in ((1, "inf"), (2, "1e301"), (3, "")):
        cells = lines[place].split(",")
        lines[place] = ",".join([cells[0], bad, *cells[2:]])
    path.write_text("\n".join(lines) + "\n")
    made = Rows.of(SPACE, [Column.of(path, "acc"), Column.of(path, "gaps")], ())
    assert made.source["notes"] == [
        "1 row is without acc",
        "2 rows are left out for acc of 1e+150 or more, or infinite",
        "45 rows are without gaps",
    ]
    assert np.isfinite(made.columns["acc"]).sum() == 57


def test_proxies_without_a_score_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def holes(_: object, archs: list[object], __: object) -> Any:
        return np.array([[1.0], [np.nan], [np.inf]] * (len(archs) // 3))

    monkeypatch.setattr(Features, "scores", holes)
    column = Column.of(rows(tmp_path / "r.csv"), "acc")
    notes = Rows.of(SPACE, [column], ["flops"]).source["notes"]
    assert notes == [
        "40 of 60 architectures have no score by flops, and count as the lowest that there is"
    ]


@pytest.mark.long
def test_formulas_of_layers_are_seen_where_a_space_has_them(tmp_path: Path) -> None:
    """Throughput of a network that computes for so long is learnt better from the operations."""
    space = nas.SPACES.build("mnasnet")
    archs = [space.sample(Random(seed)) for seed in range(200)]
    work = Encoding(space, "layers")(archs)[:, -8:-6].sum(axis=1)
    frame = polars.DataFrame({"arch": [space.format(arch) for arch in archs], "speed": 1e9 / work})
    made = Rows.of(space, [Column.of(written(tmp_path / "r.csv", frame), "speed")], ())
    best = made.fitted("speed", Fit(splits=0))
    assert best.kind == "layers"
    save(made.surrogate({"speed": best}), tmp_path / "s")
    assert load(tmp_path / "s").predict(archs[:2])["speed"].mean == pytest.approx(
        made.surrogate({"speed": best}).predict(archs[:2])["speed"].mean
    )
    with pytest.raises(UsageError, match="encoding=layers needs formulas"):
        fit(SPACE, rows(tmp_path / "n.csv"), "acc", encoding="layers")


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


@pytest.mark.long
def test_accel_nasbench_is_predicted_as_well_as_published(data: Path) -> None:
    """One split of the published figures, tau .917 for the accuracy, with half of the rows."""
    columns = [Column.of(data / "accel_nasbench.csv.gz", "val_top1", duplicates="mean")]
    made = Rows.of(nas.SPACES.build("mnasnet"), columns, (), rows=2000)
    found = made.fitted("val_top1", Fit("onehot", splits=1, curve=False)).quality
    assert found["kendall"]["value"] > 0.88


def test_a_fit_refuses_a_table_of_another_space(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in this space"):
        fit("mnasnet", rows(tmp_path / "r.csv"), "acc")
