"""Surrogates in Python: what `nas.search` and `nas.score` make of one."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas
from nas import PROXIES, UsageError
from nas.dominance import hypervolume
from nas.surrogates import SurrogateTarget, load, save
from tests.support.surrogates import ACC, ARCHS, LAT, SPACE, fitted, rows

RATE = 0.07


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("surrogate")
    save(fitted(path), path / "s")
    return path / "s"


def searched(folder: Path, **options: Any) -> Any:
    usual = {"proxy": "surrogate", "strategy": "random", "budget": 30, "surrogate": folder}
    return nas.search(SPACE, **{**usual, **options})


@pytest.mark.long
def test_score_asks_it(folder: Path) -> None:
    expected = load(folder).predict(ARCHS[:3])["acc"].mean.tolist()
    built = PROXIES.build("surrogate", path=str(folder), target="acc")
    for proxy in ("surrogate", built):
        found = nas.score(SPACE, ARCHS[:3], proxy, surrogate=folder)
        assert [each.score for each in found] == expected
    both = nas.score(SPACE, ARCHS[:1], ["surrogate", "params"], surrogate=str(folder))[0]
    assert both.scores["surrogate"] == expected[0]


def test_search_has_its_targets_as_metrics(folder: Path, tmp_path: Path) -> None:
    found = searched(
        folder, metrics=["params"], constraints=["lat<=17"], objective=["acc", "-lat"]
    )
    known = load(folder)
    for trial in found.trials:
        for name in ("acc", "lat"):
            assert trial.metrics[name] == known.predict([trial.arch])[name].mean[0]
        assert trial.metrics["params"] > 0
        assert bool(trial.reason) == (trial.metrics["lat"] > 17)
    out = tmp_path / "run"
    named = searched(folder, metrics=["lat"], objective="surrogate-lat", out=out)
    again = searched(folder, metrics=["lat"], objective="surrogate-lat", out=out, budget=35)
    assert [trial.score for trial in again.trials[:30]] == [t.score for t in named.trials]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": ["acc", "lat"]}, "grows with lat"),
        ({"objective": "latency_of_all"}, "latency_of_all"),
        ({"metrics": ["odd"]}, "odd"),
        ({"surrogate": 3}, "surrogate=3 must be the folder"),
        ({"surrogate": "nothing"}, "holds no surrogate"),
        ({"space": "nasbench201"}, "knows nothing of"),
    ],
)
def test_mistakes_are_a_sentence(folder: Path, options: dict[str, Any], words: str) -> None:
    space = options.pop("space", SPACE)
    usual = {"proxy": "surrogate", "strategy": "random", "budget": 3, "surrogate": folder}
    with pytest.raises(UsageError, match=words):
        nas.search(space, **{**usual, **options})


@pytest.mark.long
def test_names_of_two_things_are_refused(tmp_path: Path) -> None:
    """A target that is a column of the table at hand, and one that is a metric."""
    save(fitted(tmp_path), tmp_path / "s")
    with pytest.raises(UsageError, match="lat is a column of the table and a target"):
        searched(tmp_path / "s", table=rows(tmp_path / "r.csv"), target="acc", metrics=["lat"])
    path = rows(tmp_path / "flops.csv")
    path.write_text(path.read_text().replace("acc", "flops", 1))
    save(nas.fit(SPACE, path, "flops", proxies=[], splits=0), tmp_path / "t")
    with pytest.raises(UsageError, match="flops is a metric and a target"):
        searched(tmp_path / "t", metrics=["params"], objective="surrogate-flops")
    searched(tmp_path / "t", budget=2)  # the default metrics are metrics


def test_an_objective_has_its_own_metrics(folder: Path) -> None:
    class Own:
        def form(self, arch: Any) -> Any:
            return arch

        def metrics(self, arch: Any) -> dict[str, float]:
            return {}

        def evaluate(self, arch: Any) -> Any:
            return nas.Evaluation(1.0, {}, 0.0)

    with pytest.raises(UsageError, match="surrogate= is for proxies"):
        searched(folder, proxy=Own())


@pytest.mark.long
def test_a_product_is_searched_as_it_is_written(folder: Path) -> None:
    """The objective of Accel-NASBench, accuracy times a power of what is wanted."""
    found = searched(folder, strategy="evolution", budget=200, objective=f"acc*(lat/15)^-{RATE}")
    known = load(folder).predict([trial.arch for trial in found.trials])
    products = known["acc"].mean * (known["lat"].mean / 15) ** -RATE
    assert found.best.number == int(products.argmax())
    true = [acc * (lat / 15) ** -RATE for acc, lat in zip(ACC, LAT, strict=True)]
    assert products.max() > sorted(true)[-3]


@pytest.mark.long
def test_nsga2_finds_the_front_of_two_targets(tmp_path: Path) -> None:
    """Nearly all of the hypervolume of the model's front: the space is small enough to know it."""
    folder = tmp_path / "s"
    save(nas.fit(SPACE, rows(tmp_path / "r.csv"), ["acc", "-lat"], proxies=[], splits=0), folder)
    found = searched(folder, strategy="nsga2", budget=300, objective=["acc", "-lat"])
    every = [*product(*map(range, SPACE.choices))]
    figures = load(folder).predict(every)
    points = np.stack([figures["acc"].mean, -figures["lat"].mean], axis=1)
    ours = np.array([[trial.metrics["acc"], -trial.metrics["lat"]] for trial in found.trials])
    worst = points.min(axis=0)
    assert hypervolume(ours, worst) >= 0.97 * hypervolume(points, worst)
    start = hypervolume(ours[:100], worst)
    assert start < hypervolume(ours, worst)


def test_the_metric_alone_is_one_too(folder: Path) -> None:
    metrics = {"ms": SurrogateTarget(folder, "lat")}
    found = nas.search(SPACE, "params", "random", budget=3, metrics=metrics, objective="-ms")
    assert {*found.best.metrics} == {"ms"}
    with pytest.raises(UsageError, match="grows with ms"):
        nas.search(SPACE, "params", budget=3, metrics=metrics, objective="ms")
