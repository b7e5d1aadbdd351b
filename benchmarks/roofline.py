"""Measures how near epsilon's kernels are to the machine's limits, per NAS-Bench-201 cell.

    python -m benchmarks.roofline [--cells 100] [--size 256]

It first measures bytes a second for maps in the second-level cache, in the third, and in memory
(one read and one write for each value, as in most passes), and operations a second on values in
the first-level cache. Then it counts the bytes (each source and result of a pass counts once) and
the operations of the kernels' passes for each cell. No pass can be faster than its bytes or its
operations allow at these rates; the sum over passes is the bound. It uses one thread, float32 and
processor time, the least of `--repeat`. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import isnan
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np
from numpy.typing import NDArray

from nas import SPACES
from nas.collapse import kernels
from nas.collapse.outputs import Inputs
from nas.collapse.planes import Planes
from nas.collapse.program import ADD, BOX, MEAN, MIX, PLANE, POOL, RELU, Program, written
from nas.data.sources import make_batch
from proxies.epsilon import Epsilon

LEVELS = {"L2": 2**18, "L3": 2**23, "memory": 2**28}
"""Bytes of the map of each probe, so that the map is in the memory that the name says."""

L2_HOLDS = 2**19
"""A map of at most this many bytes counts as read from and written to the L2 cache."""


def main() -> None:
    """Measure the machine and the kernels, and print how far apart they are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()

    rates = bandwidths()
    rates["operations"] = rate()
    for name, value in rates.items():
        print(f"{name:<10} {value / 1e9:7.1f} G{'B' if name in LEVELS else 'flop'}/s")
    space = SPACES.build("nasbench201")
    batch = make_batch(space, "natural", size=options.size)
    planes = Inputs(batch.inputs.float()).planes
    assert planes is not None, "Numba is missing"
    rng = Random(options.seed)
    totals: dict[str, float] = defaultdict(float)
    for _ in range(options.cells):
        network = space.network(space.sample(rng))
        assert network is not None
        program = written(network)[0]
        if not len(program.outputs):
            continue
        seconds, state = cell(planes, program, Epsilon().shared_weights(space), options.repeat)
        totals["cells"] += 1
        totals["measured"] += seconds
        for name, value in bound(program, state, options.size, rates).items():
            totals[name] += value
    report(totals, rates)


def cell(
    planes: Planes, program: Program, weights: Sequence[float], repeat: int
) -> tuple[float, Any]:
    """The kernels' least seconds for a program, and the states of its nodes afterwards."""
    arena, results = planes.arena(program, 16), np.empty((2, 1, planes.batch))
    states: list[Any] = []

    def run() -> None:
        work = planes.work(program, weights, arena)
        kernels.run(work, results, results[:, :, 0], None, 0, 2)
        states[:] = [work.state]

    return least(run, repeat), states[0]


def bandwidths() -> dict[str, float]:
    """Bytes a second, read and written, of the simplest pass that kernels make."""
    found = {}
    for name, size in LEVELS.items():
        a, b = np.ones((2, size // 8), np.float32)
        loops = max(1, 2**24 // size)
        seconds = least(lambda: [view(b, a) for _ in range(loops)], 20)
        found[name] = loops * size / seconds
    return found


@kernels.compiled
def view(out: NDArray[np.float32], a: NDArray[np.float32]) -> None:
    """A view of an array, written to another."""
    kernels._view(out, a, 1.0, 0.0, 0.0)


def rate() -> float:
    """Operations a second of a sum of three views: three products and sums, maxima, two sums."""
    rows, times = np.ones((4, 2048), np.float32), 10_000
    sum_of_views(rows, times)
    return 11.0 * len(rows[0]) * times / least(lambda: sum_of_views(rows, times), 10)


@kernels.compiled
def sum_of_views(rows: NDArray[np.float32], times: int) -> None:
    """The same sum `times` times, without Python in between."""
    for _ in range(times):
        kernels._add_rows(rows[0], rows[1], rows[2], rows[3], 1.0, 0.0, 0.0)


def least(call: Callable[[], object], repeat: int) -> float:
    """The least processor time of a call, or its wall time if that is less."""
    times = []
    for _ in range(repeat):
        processor, wall = process_time(), perf_counter()
        call()
        times.append(min(process_time() - processor, perf_counter() - wall))
    return min(times)


def passes(program: Program, state: Any) -> Iterator[tuple[str, int, int, int]]:
    """Every pass that was made: its name, pixels of its larger map, pixels and operations in all.

    Operations an image: a view is a product, a sum and a maximum; statistics are four more.
    """
    for weight in range(len(state)):
        for i in range(len(program.nodes)):
            node = state[weight, i]
            if not node["done"] or node["kind"] == PLANE or (weight and state[0, i]["same"]):
                continue
            sources = program.sources[node["first"] : node["last"]]
            read = [state[0 if state[0, j]["same"] else weight, j] for j in sources]
            terms = sum(bool(row["done"] and row["slot"] >= 0) for row in read)
            kind, pixels = node["kind"], int(node["height"] * node["width"])
            before, kernel = int(read[0]["height"] * read[0]["width"]), int(node["kernel"])
            if kind in (BOX, POOL) and terms:
                rows = 4 * kernel * int(node["height"] * read[0]["width"])
                yield "window", max(before, pixels), before + pixels, rows + pixels * (kernel + 5)
            elif kind == ADD and terms > 1:
                yield "sum", pixels, (terms + 1) * pixels, (4 * terms - 1) * pixels
            elif kind == MEAN and terms:
                yield "mean", before, before, 4 * before
            alias = kind in (RELU, MIX) or (kind == ADD and terms == 1)
            fresh = kind == RELU or (kind == ADD and terms > 1) or isnan(read[0]["spread"])
            if (alias or kind == ADD) and fresh and not isnan(node["spread"]):
                yield "statistics", pixels, pixels, 7 * pixels


def bound(program: Program, state: Any, batch: int, rates: dict[str, float]) -> dict[str, float]:
    """Bytes, operations and least seconds of a program, and its passes by name."""
    sums: dict[str, float] = defaultdict(float)
    for name, larger, moved, operations in passes(program, state):
        level = "L2" if 4 * batch * larger <= L2_HOLDS else "L3"
        memory, work = 4 * batch * moved / rates[level], batch * operations / rates["operations"]
        sums[name] += 1
        sums["bytes"] += 4 * batch * moved
        sums["flop"] += batch * operations
        sums["memory"] += memory
        sums["work"] += work
        sums["bound"] += max(memory, work)
    return sums


def report(totals: dict[str, float], rates: dict[str, float]) -> None:
    """Print the means over cells and how near the measured time is to the bound."""
    cells = totals.pop("cells")
    means = {name: value / cells for name, value in totals.items()}
    made = [f"{means.get(name, 0):.1f} {name}" for name in ("window", "sum", "statistics", "mean")]
    print(f"passes a cell: {', '.join(made)}")
    print(f"moved a cell: {means['bytes'] / 1e6:.1f} MB, {means['flop'] / 1e6:.1f} Mflop")
    for name in ("memory", "work", "bound", "measured"):
        print(f"{name:<10} {1e3 * means[name]:.3f} ms a cell")
    share = means["bound"] / means["measured"]
    print(f"the kernels run at {share:.0%} of the bound")
    print(json.dumps({"rates": rates, "cell": means, "share": share}))


if __name__ == "__main__":
    main()
