"""Measures the intervals of a comparison: with SciPy row by row, and by compiled counts.

    python -m benchmarks.bootstrap [--rows 15625] [--resamples 1000] [--plain 40] [--data FOLDER]

The scores and the truth are of a whole space: FOLDER has `nasbench201.csv.gz`, of which the truth
is `cifar10_test`; without it, both are random. The proxies are the number of edges with a
convolution (few values, many ties) and noisy copies of the truth (one value for each row; one of
them has a score for six rows of ten). SciPy's way is measured on the first `--plain` resamples and
multiplied, the compiled one on all. Times are processor times of all threads. The largest
difference between the two is printed, too. The first call of the compiled functions is timed in a
process of its own, with an empty cache. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np

from nas import SPACES
from nas.compare.correlations import BATCH
from nas.compare.ranks import Array, dense
from nas.compare.resampling import Figures, Plain, Scored
from nas.compare.weighted import Weighted
from nas.data import tables
from nas.seeding import numpy_generator

FIRST = """
from time import process_time
import numpy as np
from nas.compare.resampling import Scored
start = process_time()
from nas.compare.weighted import Weighted
scored = Scored({"one": np.arange(1, 9, dtype=np.int32)}, np.arange(8.0), "one")
Weighted(scored)(np.arange(8)[np.newaxis])
print(process_time() - start)
"""


def main() -> None:
    """Print the times of both ways, their ratio and their largest difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=15625)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--plain", type=int, default=40)
    parser.add_argument("--data", default=os.environ.get("NAS_DATA"))
    options = parser.parse_args()
    scored = rows(options.rows, options.data)
    weighted = Weighted(scored)
    first, again = first_call()
    weighted(np.arange(len(scored.values))[np.newaxis])  # loads what is compiled
    few, _, plain = timed(Plain(scored), options.plain)
    found, wall, cpu = timed(weighted, options.resamples)
    plain *= options.resamples / options.plain
    differs = float(np.nanmax(np.abs(found[:, : options.plain] - few)))
    result = {
        "rows": len(scored.values),
        "resamples": options.resamples,
        "first_call_cpu_s": round(first, 2),
        "first_call_again_cpu_s": round(again, 2),
        "before_cpu_s": round(plain, 2),
        "after_cpu_s": round(cpu, 2),
        "after_wall_s": round(wall, 2),
        "times": round(plain / cpu, 1),
        "largest_difference": differs,
    }
    print(f"SciPy {plain:.2f} s, compiled {cpu:.2f} s: {plain / cpu:.1f} times")
    print(json.dumps(result))


def rows(count: int, data: str | None) -> Scored:
    """Three proxies and the truth of up to `count` rows."""
    rng = numpy_generator("benchmark")
    edges, truth = rng.integers(0, 7, count), rng.normal(size=count)
    if data is not None:
        space = SPACES.build("nasbench201")
        table = tables.read(tables.tables_in(Path(data))["nasbench201"])
        known = tables.truth(table, space, "cifar10_test", "error", "error")
        truth = np.array(known.values)[:count]
        edges = np.array([sum(op in (2, 3) for op in arch) for arch in known.archs])[:count]
    order = np.argsort(truth)
    truth = truth[order]

    def noisy() -> Array:
        return np.argsort(np.argsort(truth)) + len(truth) / 4 * rng.normal(size=len(truth))

    some = np.where(rng.random(len(truth)) < 0.6, noisy(), np.nan)
    scores = {"edges": edges[order].astype(float), "noisy": noisy(), "some": some}
    return Scored({name: dense(each) for name, each in scores.items()}, truth, "edges")


def timed(figures: Figures, resamples: int) -> tuple[Array, float, float]:
    """The figures of as many resamples, the same for both ways, and wall and processor time."""
    n = len(figures.scored.values)  # type: ignore[attr-defined]  # both have it
    rng, found = numpy_generator("bootstrap"), []
    wall, cpu = perf_counter(), process_time()
    for start in range(0, resamples, BATCH):
        found.append(figures(rng.integers(0, n, (min(BATCH, resamples - start), n))))
    return np.concatenate(found, axis=1), perf_counter() - wall, process_time() - cpu


def first_call() -> tuple[float, float]:
    """Processor seconds of the first call: when nothing is compiled, and when all is on disk."""
    with tempfile.TemporaryDirectory() as folder:
        where = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": sys.path[0]}
        command = [sys.executable, "-c", FIRST]
        first, again = (
            subprocess.run(command, env=where, check=True, capture_output=True, text=True).stdout
            for _ in range(2)
        )
    return float(first), float(again)


if __name__ == "__main__":
    main()
