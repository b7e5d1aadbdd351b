"""How well surrogates predict: Accel-NASBench's columns, and few rows with and without proxies.

    python -m benchmarks.surrogates accel FOLDER
    python -m benchmarks.surrogates few FOLDER

FOLDER has the tables. `accel`: five random splits with a tenth held out, for every column of
accuracy, throughput and latency; predictions per second, and the size of the files. `few`: 20
samples of 50 to 400 rows of NAS-Bench-201 and NAS-Bench-101, and Spearman's rho on the rest of
700 rows, for models that see the decisions, scores of proxies, or both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from nas import SPACES
from nas.compare.correlations import correlation
from nas.data.lookup import Column
from nas.seeding import numpy_generator
from nas.surrogates import save
from nas.surrogates.features import Encoding
from nas.surrogates.fitting import Fit, Rows
from nas.surrogates.forest import Array
from nas.surrogates.model import Ensemble

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


def accel(folder: Path) -> None:
    """Print a line for every column."""
    space = SPACES.build("mnasnet")
    path = folder / "accel_nasbench.csv.gz"
    columns = [Column.of(path, name, duplicates="mean") for name in TARGETS + BOARDS]
    rows = Rows.of(space, columns)
    targets = {}
    for name in rows.columns:
        start = perf_counter()
        targets[name] = rows.fitted(name, Fit("onehot", curve=False))
        told, seconds = targets[name].quality, perf_counter() - start
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
    start = perf_counter()
    made.predict(archs, ["val_top1"])
    print(f"{PREDICTED / (perf_counter() - start):,.0f} predictions a second of one column")


def _shown(told: Mapping[str, Any]) -> Iterator[str]:
    for name in ("kendall", "r2", "spearman", "mae"):
        found = told[name]
        yield f" {name} {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"


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
                found = [_rho(features, values, size, seed) for seed in range(SEEDS)]
                print(
                    f"{name} {size:4} rows {what:9} rho {np.mean(found):.3f} "
                    f"sd {np.std(found, ddof=1):.3f}",
                    flush=True,
                )


def _rho(features: Array, values: Array, size: int, seed: int) -> float:
    order = numpy_generator("few", seed).permutation(len(values))
    model = Ensemble.fit(features[order[:size]], values[order[:size]], seed)
    rest = order[size:]
    return correlation(model.predict(features[rest])[0], values[rest])[0]


if __name__ == "__main__":
    {"accel": accel, "few": few}[sys.argv[1]](Path(sys.argv[2]))
