"""How well surrogates predict: Accel-NASBench's columns, and few rows with and without proxies.

    python -m benchmarks.surrogates accel FOLDER
    python -m benchmarks.surrogates noise FOLDER
    python -m benchmarks.surrogates front FOLDER
    python -m benchmarks.surrogates few FOLDER
    python -m benchmarks.surrogates latency FOLDER

FOLDER has the tables. `accel`: five random splits with a tenth held out, for every column of
accuracy, throughput and latency; predictions per second, and the size of the files. `noise`: what
a perfect model of these columns would reach, by the recipes that were measured twice. `front`:
searches of 1,500 queries for the product of accuracy and throughput, and for their front. `few`:
20 samples of 50 to 400 rows of NAS-Bench-201 and NAS-Bench-101, and Spearman's rho on the rest of
700 rows, for models that see the decisions, scores of proxies, or both. `latency`: 20 samples of
50 rows of NAS-Bench-201's latencies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

from nas import SPACES, fit, search
from nas.compare.correlations import correlation
from nas.data.lookup import Column
from nas.data.tables import read
from nas.dominance import fronts, hypervolume
from nas.seeding import numpy_generator
from nas.surrogates import save
from nas.surrogates.features import COUNTS, Encoding
from nas.surrogates.fitting import Fit, Rows
from nas.surrogates.forest import Array
from nas.surrogates.model import Ensemble
from nas.surrogates.quality import figures

TARGETS = ("val_top1", *(f"throughput_{d}" for d in ("a100", "3090", "tpuv2", "tpuv3")))
BOARDS = tuple(f"{kind}_{d}" for kind in ("throughput", "latency") for d in ("zcu102", "vck190"))
PROXIES = ("params", "flops", "nasgraph", "epsilon", "synflow")
FEW = {
    "nasbench201": (SPACES.build("nasbench201", channels=4), "cifar10_test"),
    "nasbench101": (SPACES.build("nasbench101", channels=16), "mean_test_acc_108"),
}
"""Narrow networks, of which proxies are quick; the decisions and the figures are the same."""
POOL, SIZES, SEEDS = 700, (50, 100, 200, 400), 20
PREDICTED = 20_000
QUERIES = 1500
DEVICES = ("raspi4", "pixel3", "eyeriss", "fpga", "1080ti_1")
LATENCY_POOL = 1000


def accel(folder: Path) -> None:
    """Print a line for every column."""
    space = SPACES.build("mnasnet")
    path = folder / "accel_nasbench.csv.gz"
    columns = [Column.of(path, name, duplicates="mean") for name in TARGETS + BOARDS]
    rows = Rows.of(space, columns)
    targets = {}
    for name in rows.columns:
        start = process_time()
        targets[name] = rows.fitted(name, Fit("layers", curve=False))
        told, seconds = targets[name].quality, process_time() - start
        kind = targets[name].kind
        print(f"{name:18} {kind:8} {seconds:6.0f} s", *_shown(told), flush=True)
    made = rows.surrogate(targets)
    with TemporaryDirectory() as place:
        save(made, place)
        sizes = {
            path.name: path.stat().st_size for path in Path(place).iterdir() if path.is_file()
        }
    print(f"{len(targets)} columns, bytes: {sizes}")
    archs = [space.sample(Random(seed)) for seed in range(PREDICTED)]
    start = process_time()
    made.predict(archs, ["val_top1"])
    print(f"{PREDICTED / (process_time() - start):,.0f} predictions of one column in a CPU second")


def _shown(told: Mapping[str, Any]) -> Iterator[str]:
    for name in ("kendall", "r2", "spearman", "mae"):
        found = told[name]
        yield f" {name} {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


def noise(folder: Path) -> None:
    """Print a line for every column: how far two measurements differ, and what that allows.

    The error is relative, and absolute for the accuracy. The true values are taken to be what the
    model says of rows that it has not seen; a second measurement of them has such an error.
    """
    space = SPACES.build("mnasnet")
    path = folder / "accel_nasbench.csv.gz"
    frame = read(path).frame
    twice = frame.filter(frame.select(space.columns).is_duplicated()).sort(space.columns)
    for name in TARGETS + BOARDS:
        one, other = twice[name].to_numpy().reshape(-1, 2).T
        level = 1.0 if name == "val_top1" else (one + other) / 2
        error = float(np.sqrt(np.mean(((one - other) / level) ** 2) / 2))
        rows = Rows.of(space, [Column.of(path, name, duplicates="mean")])
        true = rows.fitted(name, Fit("layers", splits=0)).model.unseen
        found = []
        for draw in range(20):
            away = error * numpy_generator("noise", draw).standard_normal(len(true))
            found.append(figures(true, true + away * (1 if name == "val_top1" else true)))
        told = {key: np.mean([each[key] for each in found]) for key in ("kendall", "r2")}
        print(f"{name:18} {len(one)} pairs, error {error:.4f}", told, flush=True)


def front(folder: Path) -> None:
    """Print what the searches find, beside the rows of the table."""
    space = SPACES.build("mnasnet")
    path, names = folder / "accel_nasbench.csv.gz", ["val_top1", "throughput_a100"]
    model = fit(space, path, names, encoding="layers", splits=0)
    columns = [Column.of(path, name, duplicates="mean").figures(space).values for name in names]
    archs = [arch for arch in columns[0] if all(each[arch] is not None for each in columns)]
    true = np.array([[each[arch] for each in columns] for arch in archs], float)
    known = np.stack([model.predict(archs)[name].mean for name in names], axis=1)
    worst = true.min(axis=0)
    with TemporaryDirectory() as place:
        save(model, place)
        usual: dict[str, Any] = {"surrogate": place, "budget": QUERIES, "metrics": []}
        for goal in (5000, 10000):
            product = f"val_top1*(throughput_a100/{goal})^0.07"
            found = search(space, "surrogate", objective=product, **usual)
            own = [found.best.metrics[name] for name in names]
            rows = true[:, 0] * (true[:, 1] / goal) ** 0.07
            best = int(rows.argmax())
            value = own[0] * (own[1] / goal) ** 0.07
            print(f"{product}: {space.format(found.best.arch)} {own} {value:.3f}", flush=True)
            print(f"  best row {true[best]} {rows[best]:.3f}, predicted {known[best]}")
        for strategy in ("nsga2", "random"):
            found = search(space, "surrogate", strategy, objective=names, **usual)
            points = np.array([[each.metrics[name] for name in names] for each in found.trials])
            _told(strategy, points, true, worst)
    _told("rows as predicted", known, true, worst)
    ahead = fronts(true) == 0
    seen = Encoding(space, "layers")(archs)
    for column, name in enumerate(names):
        model_of_rest = Ensemble.fit(seen[~ahead], true[~ahead, column])
        away = model_of_rest.predict(seen[ahead])[0] - true[ahead, column]
        print(f"front's rows left out of the fit: {name} {away.mean():+.3f} ± {away.std():.3f}")
    _told("rows as measured", true, true, worst)


def _told(name: str, points: Array, true: Array, worst: Array) -> None:
    """Print the front of some points beside the measured rows."""
    best, rows = points[fronts(points) == 0], true[fronts(true) == 0]
    beaten = [bool(((best >= row).all(axis=1) & (best > row).any(axis=1)).any()) for row in rows]
    volume = hypervolume(best, worst) / hypervolume(rows, worst)
    print(
        f"{name}: front of {len(best)}, hypervolume {volume:.4f} of the rows', dominates "
        f"{sum(beaten)} of the {len(rows)} rows of the measured front",
        flush=True,
    )


def latency(folder: Path) -> None:
    """Print a line for every device and what the model sees."""
    space = SPACES.build("nasbench201")
    columns = [
        Column.of(folder / "nasbench201.csv.gz", f"lat_ms_{device}", duplicates="mean")
        for device in DEVICES
    ]
    rows = Rows.of(space, columns, COUNTS, LATENCY_POOL)
    encoded = Encoding(space)(rows.archs)
    seen = {"encoding": encoded, "and counts": np.concatenate([encoded, rows.scores], axis=1)}
    for name, values in rows.columns.items():
        for what, features in seen.items():
            found = [_rest(features, values, 50, seed) for seed in range(SEEDS)]
            told = {key: [each[key] for each in found] for key in found[0]}
            print(f"{name:16} {what:11}", *_spreads(told), f"mean {values.mean():.2f}", flush=True)


def _rest(features: Array, values: Array, size: int, seed: int) -> dict[str, float]:
    """The figures on the rest of the rows, of a model that is fitted to `size` of them."""
    order = numpy_generator("few", seed).permutation(len(values))
    model = Ensemble.fit(features[order[:size]], values[order[:size]], seed)
    rest = order[size:]
    return figures(model.predict(features[rest])[0], values[rest])


def _spreads(told: Mapping[str, list[float]]) -> Iterator[str]:
    for name, found in told.items():
        yield f" {name} {np.mean(found):.3f} sd {np.std(found, ddof=1):.3f}"


def few(folder: Path) -> None:
    """Print a line for every space, number of rows and what models see."""
    for name, (space, target) in FEW.items():
        column = Column.of(folder / f"{name}.csv.gz", target, foreign="drop", duplicates="mean")
        start = perf_counter()
        rows = Rows.of(space, [column], PROXIES, POOL)
        print(f"{name}: proxies of {POOL} in {perf_counter() - start:.0f} s", flush=True)
        values = rows.columns[target]
        encoded = Encoding(space)(rows.archs)
        lowest = np.nanmin(np.where(np.isfinite(rows.scores), rows.scores, np.nan), axis=0)
        scores = np.where(np.isfinite(rows.scores), rows.scores, lowest)
        seen = {
            "encoding": encoded,
            "proxies": scores,
            "both": np.concatenate([encoded, scores], axis=1),
        }
        for place, proxy in enumerate(PROXIES):
            rho = correlation(scores[:, place], values)[0]
            print(f"  {proxy} alone: rho {rho:.3f}", flush=True)
        for size in SIZES:
            for what, features in seen.items():
                found = [_rest(features, values, size, seed)["spearman"] for seed in range(SEEDS)]
                print(
                    f"{name} {size:4} rows {what:9} rho {np.mean(found):.3f} "
                    f"sd {np.std(found, ddof=1):.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    parts = {"accel": accel, "noise": noise, "front": front, "few": few, "latency": latency}
    parts[sys.argv[1]](Path(sys.argv[2]))
