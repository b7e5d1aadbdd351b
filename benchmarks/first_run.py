"""Measures what a first search waits for: processor seconds until its first score, by part.

    python -m benchmarks.first_run [--before FOLDER] [--repeat 2]

Every run is a process of its own with an empty Numba cache: it imports PyTorch, then Numba and the
kernels, compiles the kernels for float32, scores one cell of NAS-Bench-201 (64 images), and
compiles for float64, which a search needs at its first score under 1/64. A second process finds
everything compiled. FOLDER is a checkout of an older version, which is measured in turn with this
one. A figure is the least of the repeats. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import json
from random import Random
from time import process_time
start, parts = process_time(), {}
def done(name):
    global start
    now = process_time()
    parts[name], start = round(now - start, 2), now
import torch
done("torch")
from nas.collapse.compiling import compile_kernels
done("numba")
compile_kernels("float32")
done("float32")
from nas import SPACES, Candidate
from nas.data.sources import make_batch
from proxies.epsilon import Epsilon
space = SPACES.build("nasbench201")
batch = make_batch(space, "natural", size=64)
Epsilon().score(Candidate(space, space.sample(Random(0))), batch)
done("score")
compile_kernels("float64")
done("float64")
print(json.dumps(parts))
"""

Parts = dict[str, float]


def main() -> None:
    """Print the parts of a first and of a second run, for this version and the one before."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path)
    parser.add_argument("--repeat", type=int, default=2)
    options = parser.parse_args()
    roots = {"now": ROOT} | ({} if options.before is None else {"before": options.before})
    runs: dict[str, list[Parts]] = {}
    for _ in range(options.repeat):
        for name, root in roots.items():
            with tempfile.TemporaryDirectory() as cache:
                runs.setdefault(f"{name}, first", []).append(run(root, cache))
                runs.setdefault(f"{name}, again", []).append(run(root, cache))
    found = {
        name: {part: min(each[part] for each in parts) for part in parts[0]}
        for name, parts in runs.items()
    }
    for name, parts in found.items():
        print(f"{name:<14} " + "  ".join(f"{part} {value:5.2f}" for part, value in parts.items()))
    print(json.dumps(found))


def run(root: Path, cache: str) -> Parts:
    """The parts of one process that keeps what it compiles in `cache`."""
    where = {**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(root.resolve())}
    where["OMP_NUM_THREADS"] = "1"
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, env=where, cwd=cache, check=True, capture_output=True, text=True
    )
    parts: Parts = json.loads(done.stdout)
    return parts


if __name__ == "__main__":
    main()
