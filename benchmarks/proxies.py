"""Measures every proxy's time per NAS-Bench-201 cell, and that of a plain computation.

    python -m benchmarks.proxies [--cells 20] [--size 64] [--proxies naswot snip …]
        [--groups one_pass az_nas …] [--repeats 1] [--data FOLDER]

The plain computations are those of `tests.support.slow_proxies`: simple code from the formula,
with hooks and loops. Both build the same weights, which is timed, on the same number of threads
(`--threads`; a search scores on one). Both take turns on every cell, so that noise of the machine
is the same for both. Groups are proxies that share passes: `together` is the time of all of them,
as a search with them scores a cell, and their plain time is the sum of their plain computations.

Times are processor times, or with several threads wall times, the least of the repeats; seconds
are means, `ratio` is the median over the cells. `differ` is the largest relative difference of a
score and the plain one, or `exists` if only one of them exists. FOLDER has `oracles/timings.json`,
what the reference implementations took on two cores of such a machine, and
`oracles/epsilon_nasbench201.csv`, whose first cells they were: these are the cells then.
`reference` is its wall time with building the model, and `times` is that by ours: `--threads 2`
compares like with like. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from math import isnan
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import torch

from nas import PROXIES, SPACES, Arch, Candidate, Space
from nas.batch import Batch
from nas.cli.build import device_named
from nas.data.sources import make_batch
from tests.support.slow_proxies import PLAIN

GROUPS = {
    "one_pass": ("naswot", "jacob_cov", "grad_norm", "snip", "plain", "fisher"),
    "halves": ("zico", "l_swag"),
    "az_nas": ("expressivity", "progressivity", "trainability"),
    "finals": ("epsilon", "naswot", "swap", "flops", "expressivity", "meco"),
}
"""Proxies that share what they can."""

REFERENCES = {
    **{name: name for name in ("synflow", "grad_norm", "snip", "grasp", "fisher", "jacob_cov")},
    **{name: name for name in ("plain", "naswot", "nasgraph", "az_nas")},
    **{"zen": "zen_repeat1", "epsilon": "epsinas_batch64", "zico_128": "zico_2_batches_of_64"},
}
"""What the reference of a proxy or a group is called in the file of timings."""

Scores = tuple[float, ...]
Ways = Mapping[str, Callable[[Candidate], Scores]]


def measured(ways: Ways, candidates: list[Candidate], repeats: int) -> dict[str, Any]:
    """Seconds of every way, and how far the scores are apart; the first candidate warms up."""
    clock = process_time if torch.get_num_threads() == 1 else perf_counter
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    scores: dict[str, list[float]] = {way: [] for way in ways}
    for candidate in [candidates[0], *candidates]:
        taken: dict[str, list[float]] = {way: [] for way in ways}
        found: dict[str, Scores] = {}
        for _ in range(repeats):
            for way, score in ways.items():
                start = clock()
                found[way] = score(candidate.under(candidate.seed))
                taken[way].append(clock() - start)
                candidate.memo.clear()
        for way in ways:
            seconds[way].append(min(taken[way]))
            scores[way] += found[way]
    result: dict[str, Any] = {}
    for way, each in seconds.items():
        result[f"{way}_mean_s"] = rounded(sum(each[1:]) / len(candidates))
        result[f"{way}_median_s"] = rounded(median(each[1:]))
    if len(ways) > 1:
        pairs = zip(seconds["plain"][1:], seconds["here"][1:], strict=True)
        result["ratio"] = rounded(median(plain / here for plain, here in pairs))
        result["difference"] = difference(list(zip(*scores.values(), strict=True)))
    return result


def rounded(value: float) -> float:
    """The value rounded to four digits."""
    return float(f"{value:.4g}")


def difference(scores: list[tuple[float, ...]]) -> float | None:
    """The largest relative difference of two scores; None if only one of them exists."""
    if any(isnan(one) != isnan(other) for one, other in scores):
        return None
    pairs = [(one, other) for one, other in scores if not isnan(one)]
    apart = [abs(one - other) / max(abs(other), 1e-12) for one, other in pairs]
    return rounded(max(apart, default=0.0))


def ways_of(names: Sequence[str], batch: Batch) -> Ways:
    """All proxies of a group together, and if all have plain computations, these."""
    proxies = [PROXIES.build(name) for name in names]

    def here(candidate: Candidate) -> Scores:
        candidate.memo["company"] = proxies
        return tuple(proxy.score(candidate, batch) for proxy in proxies)

    def plain(candidate: Candidate) -> Scores:
        return tuple(PLAIN[name](candidate, batch) for name in names)

    return {"here": here} | ({"plain": plain} if {*names} <= {*PLAIN} else {})


def line(name: str, result: dict[str, Any]) -> str:
    """A row of the table; what is not known is empty."""
    apart = result.get("difference", 0.0)
    digits = {"plain_mean_s": 5, "here_mean_s": 5, "ratio": 2, "reference_s": 2, "times": 2}
    found = {key: f"{result[key]:.{count}f}" for key, count in digits.items() if key in result}
    if "ratio" in result:
        found["differ"] = "exists" if apart is None else f"{apart:.0e}"
    return f"{name:<16}" + "".join(f"{found.get(key, ''):>13}" for key in HEADS)


HEADS = ("plain_mean_s", "here_mean_s", "ratio", "differ", "reference_s", "times")


def cells(space: Space, count: int, seed: int, data: str | None) -> list[Arch]:
    """Random cells, or the first ones of the references' file."""
    if data is None:
        rng = Random(seed)
        return [space.sample(rng) for _ in range(count)]
    with (Path(data) / "oracles" / "epsilon_nasbench201.csv").open(encoding="utf-8") as file:
        return [space.parse(row["arch"]) for row in islice(csv.DictReader(file), count)]


def references(data: str | None) -> dict[str, float]:
    """The references' seconds a cell, with building the model, by our names."""
    if data is None:
        return {}
    timings = json.loads((Path(data) / "oracles" / "timings.json").read_text())["timings"]
    return {
        name: timings[key]["median_s"] + timings[key]["median_build_s"]
        for name, key in REFERENCES.items()
    }


def main() -> None:
    """Time every proxy and group both ways and print means, ratios and differences."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--size", type=int, default=64, help="images in the batch")
    parser.add_argument("--channels", type=int, default=16, help="C, of the stem")
    parser.add_argument("--depth", type=int, default=5, help="N, the cells of a stage")
    parser.add_argument("--proxies", nargs="*", choices=list(PROXIES), default=list(PLAIN))
    parser.add_argument("--groups", nargs="*", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--repeats", type=int, default=1, help="of which the least time counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default=os.environ.get("NAS_DATA"))
    options = parser.parse_args()

    device = device_named(options.device)
    space = SPACES.build("nasbench201", channels=options.channels, cells=options.depth)
    batch = make_batch(space, "natural", size=options.size).to(device)
    archs = cells(space, options.cells, options.seed, options.data)
    candidates = [Candidate(space, arch, 0, device) for arch in archs]
    known = references(options.data)
    asked = {name: ways_of([name], batch) for name in options.proxies}
    asked |= {name: ways_of(GROUPS[name], batch) for name in options.groups}
    if "zico" in options.proxies and known:
        twice = make_batch(space, "natural", size=2 * options.size).to(device)
        asked["zico_128"] = ways_of(["zico"], twice)
    print(f"{'proxy':<16}" + "".join(f"{head:>13}" for head in HEADS))
    results = {}
    torch.set_num_threads(options.threads)
    for name, ways in asked.items():
        found = results[name] = measured(ways, candidates, options.repeats)
        if name in known:
            found["reference_s"] = rounded(known[name])
            found["times"] = rounded(known[name] / found["here_median_s"])
        print(line(name, found), flush=True)
    settings = {key: value for key, value in vars(options).items() if key != "data"}
    print(json.dumps({**settings, "device": device, "results": results}))


if __name__ == "__main__":
    main()
