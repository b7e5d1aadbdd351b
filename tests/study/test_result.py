"""A study as plain data."""

from __future__ import annotations

import csv
import json
from io import StringIO
from math import nan
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from nas.ranking import by_score as ranking
from nas.study.pictures import draw, marks
from nas.study.result import studied
from nas.study.run import Figure, Run, by_metric, by_score
from nas.study.text import curves_csv, rendered, searches_csv, table_csv
from nas.trial import Trial


def runs(name: str, ends: list[float], **settings: object) -> list[Run]:
    """Searches of three trials, whose second is the best."""
    found = []
    for seed, end in enumerate(ends):
        trials = [
            Trial(n, (n,), score, {"params": 10.0 * score}, 0.5)
            for n, score in enumerate((end - 1, end, end - 2))
        ]
        record = {"strategy": {"name": name}, "seed": seed, **settings}
        found.append(Run(record, seed, trials, ranking))
    return found


BETTER = [5.0, 6.0, 7.5, 9.0, 4.0, 8.0, 6.5]
WORSE = [4.0, 6.5, 6.0, 8.0, 3.5, 7.0, 5.0]


@pytest.fixture(scope="module")
def study() -> dict[str, object]:
    return studied([*runs("a", WORSE), *runs("b", BETTER)], by_score())


def test_the_best_variant_is_first(study: dict[str, Any]) -> None:
    one, two = study["rows"]
    assert (one["variant"], two["variant"]) == ("strategy=b", "strategy=a")
    assert one["mean"] == pytest.approx(np.mean(BETTER))
    assert two["median"] == pytest.approx(np.median(WORSE))
    assert one["low"] < one["mean"] < one["high"]
    assert (one["searches"], one["trials"], one["seconds"]) == (7, 3.0, 1.5)


def test_a_variant_is_tested_against_the_best_seed_by_seed(study: dict[str, Any]) -> None:
    differences = np.array(WORSE) - np.array(BETTER)
    other = study["rows"][1]["to_best"]
    assert other["mean"] == pytest.approx(differences.mean())
    assert other["p"] == other["p_holm"] == pytest.approx(wilcoxon(differences).pvalue)
    assert study["rows"][0]["to_best"] is None
    (pair,) = study["pairs"]
    assert (pair["better"], pair["worse"]) == (1, 6)


def test_pairs_are_of_the_seeds_that_both_have() -> None:
    study = studied([*runs("a", WORSE)[2:], *runs("b", BETTER)[:5]], by_score())
    (pair,) = study["pairs"]
    assert pair["seeds"] == 3
    difference = np.array(WORSE[2:5]) - np.array(BETTER[2:5])
    assert pair["difference"]["mean"] == pytest.approx(difference.mean())


def test_a_figure_whose_best_is_known_has_a_regret() -> None:
    figure = Figure("true", lambda trial: -trial.score, lower=True, best=-10.0)
    study = studied(runs("a", WORSE), figure)
    (row,) = study["rows"]
    assert row["regret"]["mean"] == pytest.approx(np.mean([10 - end for end in WORSE]))
    assert [*study["curves"]] == ["true", "regret of true", "score"]
    (curve,) = study["curves"]["regret of true"].values()
    assert curve["mean"] == pytest.approx(
        [row["regret"]["mean"] + 1, *[row["regret"]["mean"]] * 2]
    )
    assert "best possible -10" in rendered(study)


@given(st.floats(1e-9, 1e9), st.floats(1.02, 1e6))
def test_a_logarithmic_axis_has_labels(low: float, factor: float) -> None:
    found = marks(low, low * factor)
    assert 2 <= len(found) <= 12
    assert all(low <= value <= low * factor for value in found)
    assert len({f"{value:g}" for value in found}) == len(found)


def test_the_labels_of_a_logarithmic_axis() -> None:
    assert marks(10, 35) == [10, 20, 30]
    assert marks(0.4, 25) == [1, 10] or marks(0.4, 25) == [0.5, 1, 2, 5, 10, 20]
    assert marks(0.5, 2000) == [1, 10, 100, 1000]


def test_where_lower_is_better_the_lowest_is_first() -> None:
    study = studied([*runs("a", WORSE), *runs("b", BETTER)], by_metric("params", lower=True))
    assert [row["variant"] for row in study["rows"]] == ["strategy=a", "strategy=b"]
    assert study["rows"][0]["mean"] == pytest.approx(10 * np.mean(WORSE))


def test_scores_of_different_proxies_are_not_tested() -> None:
    other = runs("a", BETTER, proxy={"name": "x"})
    study = studied([*runs("a", WORSE, proxy={"name": "y"}), *other], by_score())
    assert not study["pairs"]
    assert not study["curves"]
    assert "differ in proxy" in study["notes"][0]
    assert studied([*runs("a", WORSE, proxy={"name": "y"}), *other], by_metric("params"))["pairs"]


def test_a_search_without_a_figure_is_said() -> None:
    searches = runs("a", WORSE)
    lost = [Trial(0, (0,), nan, {}, 0.0, "no reason")]
    nothing = Run({**searches[0].settings, "seed": 9}, 9, lost, ranking)
    study = studied([*searches, nothing], by_score())
    (row,) = study["rows"]
    assert (row["searches"], row["with_figure"]) == (8, 7)
    assert "1 of 8 searches has no figure" in study["notes"][0]
    assert studied([Run({}, 0, lost, ranking)], by_score())["rows"][0]["mean"] is None


def test_few_seeds_are_said() -> None:
    study = studied([*runs("a", WORSE[:3]), *runs("b", BETTER[:3])], by_score())
    assert "3 seeds give no p-value below 0.25" in study["notes"][0]


def test_the_winner_of_finals_counts_for_other_figures_than_the_score() -> None:
    searches = [
        Run(each.settings, each.seed, each.trials, ranking, winner=(2,))
        for each in runs("a", WORSE)
    ]
    scores = studied(searches, by_score())
    assert scores["rows"][0]["mean"] == pytest.approx(np.mean(WORSE))
    assert "score of a search's favourite before its finals (higher" in rendered(scores)
    assert scores["notes"][-1].startswith("the finals go by other figures, so the table and the")
    assert {tuple(search["tuple"]) for search in scores["searches"]} == {(1,)}
    other = studied(searches, by_metric("params"))
    assert other["rows"][0]["mean"] == pytest.approx(10 * (np.mean(WORSE) - 2))
    assert "params of what a search returns" in rendered(other)
    assert "the table is of the winners of the finals" in other["notes"][-1]


def test_a_study_is_the_same_again_whatever_the_order_of_its_searches(
    study: dict[str, Any],
) -> None:
    again = studied([*runs("b", BETTER)[::-1], *runs("a", WORSE)[::-1]], by_score())
    assert again["rows"] == study["rows"]
    assert again["pairs"] == study["pairs"]
    assert again["curves"] == study["curves"]
    assert again["searches"] == study["searches"]


def test_the_files_of_a_study(study: dict[str, Any], tmp_path: Path) -> None:
    json.dumps(study, allow_nan=False)
    rows = list(csv.DictReader(StringIO(table_csv(study))))
    assert [row["variant"] for row in rows] == ["strategy=b", "strategy=a"]
    assert float(rows[1]["to_best"]) == pytest.approx(np.mean(WORSE) - np.mean(BETTER))
    points = list(csv.DictReader(StringIO(curves_csv(study))))
    assert len(points) == 2 * 3
    assert float(points[1]["mean"]) == pytest.approx(np.mean(BETTER))
    ends = list(csv.DictReader(StringIO(searches_csv(study))))
    assert len(ends) == 14
    assert {row["tuple"] for row in ends} == {"(1,)"}
    assert draw(study, tmp_path, "curves") == ["curves.png", "curves.svg"]
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    ElementTree.parse(tmp_path / "curves.svg")
    first = (tmp_path / "curves.svg").read_bytes()
    draw(study, tmp_path, "curves")
    assert (tmp_path / "curves.svg").read_bytes() == first
