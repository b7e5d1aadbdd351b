"""Measures epsilon on large images: seconds, memory, and the distance from the machine's bound.

    python -m benchmarks.large_images [--resolution 224] [--sizes 64 256] [--before CHECKOUT]

A case is a space, a number of images, and how the networks are scored: as layers in float32 or
float64, or as modules. Each case runs in a process of its own, which scores `--networks` random
networks of the space: first one to warm up, then all of them. Seconds are processor time a
network, the least of `--repeats`; memory is the most that the process ever had (`VmHWM`), with
PyTorch, the batch and the copy of it that a search keeps. With `--before` the same cases run in a
folder of an older version, in turns, and the largest relative difference of the scores is printed.

The bound: every distinct map that a network needs under each weight is one pass, which reads its
sources and writes its result once (a norm and a weight cost no pass of their own, the statistics
of a norm read the map once if no window has just made it), and no pass is faster than its bytes or
its operations allow at the rates that `roofline` measures. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from benchmarks.roofline import bandwidths, rate
from nas import SPACES
from nas.collapse.program import (
    ADD,
    BOX,
    GATE,
    MEAN,
    MIX,
    MOST,
    NORM,
    PLANE,
    POOL,
    SCALE,
    written,
)
from nas.network import Network

MACROS: dict[str, dict[str, int]] = {
    "mnasnet": {},
    "darts": {"channels": 48, "layers": 14, "classes": 1000},
}
"""The networks for ImageNet. This package's DARTS has CIFAR's stem, which halves nothing: with
ImageNet's its cells would see maps of a 64th of the size."""
HOLDS = {"L2": 2**19, "L3": 2**24}
"""A map of at most so many bytes is read from and written to that cache, others to memory."""
GATE_OPERATIONS = 24
"""Operations of a sigmoid for each number."""

CHILD = """
import json, os, re, sys
from random import Random
import torch
from nas import PROXIES, SPACES, Candidate
from nas.data.sources import make_batch

torch.set_num_threads(1)
case = json.loads(sys.argv[1])
space = SPACES.build(case["space"], **case["macro"])

class Modules(type(space)):
    def network(self, arch):
        return None
    def build(self, arch):
        return space.build(arch)

given = Modules(**case["macro"]) if case["way"] == "modules" else space
options = {"dtype": "float64"} if case["way"] == "float64" else {}
proxy = PROXIES.build("epsilon", **options)

def memory():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024

def seconds():
    times = os.times()
    return times.user, times.system

start = seconds()
batch = make_batch(space, "natural", size=case["size"])
making, made = sum(seconds()) - sum(start), memory()
archs = [space.sample(Random(number)) for number in range(case["networks"])]

def score(arch):
    own = batch.fresh()
    with own.unchanged():
        return proxy.score(Candidate(given, arch), own)

scores = [score(archs[0])]
least, system = [1e9] * len(archs), 0.0
for _ in range(case["repeats"]):
    scores = []
    for number, arch in enumerate(archs):
        before = seconds()
        scores.append(score(arch))
        after = seconds()
        spent = sum(after) - sum(before)
        if spent < least[number]:
            least[number] = spent
        system += after[1] - before[1]
print(json.dumps({
    "seconds": sum(least) / len(archs),
    "system_seconds": system / len(archs) / case["repeats"],
    "memory_MiB": memory(),
    "batch_seconds": making,
    "batch_memory_MiB": made,
    "scores": [float(each) for each in scores],
}))
"""


def main() -> None:
    """Run every case, and print its figures beside the bound."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spaces", nargs="+", choices=list(MACROS), default=list(MACROS))
    parser.add_argument("--ways", nargs="+", default=["layers", "float64", "modules"])
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 256])
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--before", type=Path, help="a folder of an older version")
    options = parser.parse_args()
    rates = {**bandwidths(), "operations": rate()}
    print({name: f"{value / 1e9:.1f} G/s" for name, value in rates.items()})
    cases = []
    for space in options.spaces:
        for size in options.sizes:
            for way in options.ways:
                case = {"space": space, "size": size, "way": way}
                macro = {**MACROS[space], "resolution": options.resolution}
                task = {"macro": macro, "networks": options.networks, "repeats": options.repeats}
                found: dict[str, Any] = {**case, "bound_s": bound({**case, **task}, rates)}
                if options.before:
                    found["before"] = measured({**case, **task}, options.before.resolve())
                found["after"] = measured({**case, **task}, Path(sys.path[0]))
                cases.append(shown(found))
    print(json.dumps({"rates": rates, "resolution": options.resolution, "cases": cases}))


def measured(case: dict[str, Any], checkout: Path) -> dict[str, Any]:
    """The figures of a case in a process of its own, which imports what is in the folder."""
    where = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, json.dumps(case)]
    done = subprocess.run(command, env=where, cwd=checkout, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"the case {case} ended with {done.returncode}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def shown(found: dict[str, Any]) -> dict[str, Any]:
    """The case with its ratios; prints them, and takes the scores out."""
    after, scores = found["after"], found["after"].pop("scores")
    found["times_the_bound"] = after["seconds"] / found["bound_s"]
    print(f"{found['space']} {found['size']} {found['way']}: bound {found['bound_s']:.3f} s")
    for name in ("before", "after"):
        if name in found:
            figures = [f"{k}={v:.3f}" for k, v in found[name].items() if k != "scores"]
            print(f"  {name:<6}", *figures)
    if "before" in found:
        old = found["before"].pop("scores")
        apart = [abs(a - b) / abs(b) for a, b in zip(scores, old, strict=True)]
        found["largest_difference"] = max(apart)
        found["times_faster"] = found["before"]["seconds"] / after["seconds"]
        print(f"  {found['times_faster']:.2f} times faster, scores differ by {max(apart):.1e}")
    print(f"  {found['times_the_bound']:.2f} times the bound", flush=True)
    return found


def bound(case: dict[str, Any], rates: dict[str, float]) -> float:
    """The least seconds of a network of the case, as the mean over its networks."""
    space = SPACES.build(case["space"], **case["macro"])
    width = 4 if case["way"] == "layers" else 8
    total = 0.0
    for number in range(case["networks"]):
        network = space.network(space.sample(Random(number)))
        assert network is not None
        for larger, moved, operations in passes(network.live):
            level = next(
                (n for n, most in HOLDS.items() if width * larger * case["size"] <= most), "memory"
            )
            memory = width * moved * case["size"] / rates[level]
            total += max(memory, operations * case["size"] * width / 4 / rates["operations"])
    return total / int(case["networks"])


def passes(network: Network) -> Iterator[tuple[int, int, int]]:
    """Every pass under both weights: pixels of its larger map, pixels moved, and operations."""
    program, _ = written(network)
    pixels = program.nodes[:, 5:].prod(axis=1).tolist()
    same: list[bool] = []
    measured: list[bool] = []
    for i, (kind, kernel, *_) in enumerate(program.nodes.tolist()):
        places = slice(program.first[i], program.first[i + 1])
        sources = [] if kind == PLANE else program.sources[places].tolist()
        same.append(kind != GATE and len(sources) < 2 and all(same[j] for j in sources))
        known = kind in (MIX, NORM) and measured[sources[0]]
        measured.append(known or kind in (PLANE, BOX, POOL, MOST))
        before, after = (pixels[sources[0]] if sources else 0), pixels[i]
        for _ in range(1 if same[i] else 2):
            if kind in (BOX, POOL, MOST):
                yield max(before, after), before + after, 6 * kernel * after
            elif kind == ADD and len(sources) > 1:
                yield after, (len(sources) + 1) * after, (4 * len(sources) - 1) * after
            elif kind in (GATE, SCALE):
                yield after, 2 * after, GATE_OPERATIONS * after
            elif kind == MEAN:
                yield before, before, 4 * before
            elif kind == NORM and not known:
                yield after, after, 7 * after


if __name__ == "__main__":
    main()
