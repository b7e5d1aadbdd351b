"""Comparisons that need no network: scores and true figures are drawn."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from nas.cli.compared_folder import leave_page
from nas.compare import Comparison, Truth
from nas.compare.summary import summarised
from nas.compare.under import Cost, chosen, limited, result
from nas.compare.verdict import verdict
from nas.report.points import Points
from nas.seeding import numpy_generator
from nas.trial import NONE, Evaluation
from tests.support.small import small

SPACE = small("nasbench201")
LATE = "the <low> pass underflows"


def comparison(proxies: dict[str, tuple[float, float]], n: int, target: str = "acc") -> Comparison:
    """`proxies` have the noise of their scores and the share of architectures that they score.

    A tenth of the true figures are far below the others.
    """
    rng, draws = numpy_generator("comparison"), Random(0)
    archs = list(dict.fromkeys(SPACE.sample(draws) for _ in range(3 * n + 60)))[:n]
    quality = rng.normal(size=n)
    values = np.where(rng.random(n) < 0.1, 10.0, 94 - np.exp(-quality))
    scored = {}
    for name, (noise, share) in proxies.items():
        scores = quality + noise * rng.normal(size=n)
        gone = rng.random(n) >= share
        scored[name] = [
            Evaluation(nan if lost else float(score), NONE, 0.001, LATE if lost else "")
            for score, lost in zip(scores, gone, strict=True)
        ]
    sign = -1 if target.startswith("-") else 1
    truth = Truth(archs, [sign * float(value) for value in values], target, [])
    costs = {"size": np.array([float(sum(arch)) for arch in archs])}
    return Comparison(SPACE, archs, scored, truth, sign * values, costs=costs)


def folder_of(path: Path, made: Comparison, **more: Any) -> dict[str, Any]:
    """Write the files of a comparison into a folder, as the command does; its result."""
    found = summarised(made, "params", 50)
    if made.costs:
        costs = dict(zip(made.archs, made.costs["size"].tolist(), strict=True))
        limits = limited(Cost("size", 5, costs), made.archs, [])
        found["under"] = [result(made, limits, chosen(made, limits))]
    assert made.truth is not None
    about = {
        "command": "nas compare 'proxy=[good,holes]' out=somewhere",
        **{"table": "drawn", "target": made.truth.target, "space": "nasbench201"},
        **{"batch": "natural", "seed": 0, "repeats": 1, "live": True, "sample": len(made.archs)},
        "baselines": ["params"],
    }
    whole = {**about, **found, "seconds": 1.5, **more}
    whole["verdict"] = verdict(whole)
    path.mkdir()
    (path / "compare.json").write_text(json.dumps(whole), encoding="utf-8")
    (path / "scores.csv").write_text(made.csv(), encoding="utf-8")
    assert leave_page(path, whole, lambda: Points.read(path / "scores.csv", whole))
    return whole
