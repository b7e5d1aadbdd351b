"""Measures a long journal: the time to append a trial, and to read all trials again.

    python -m benchmarks.journal [--trials 1000000] [--folder FOLDER]

Trials are from a space whose architectures rarely repeat (16 decisions of 6 options), with two
metrics each. Appending is timed for each tenth of the journal, which shows whether the time is
constant. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path
from random import Random
from time import perf_counter

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from nas import History, Trial


def written(path: Path, count: int) -> list[float]:
    """Append the trials; returns the seconds of each tenth."""
    rng = Random(0)
    seconds = []
    with History.read(path) as history:
        for part in range(10):
            start = perf_counter()
            for number in range(part * count // 10, (part + 1) * count // 10):
                arch = tuple(rng.randrange(6) for _ in range(16))
                metrics = {"params": float(sum(arch)), "flops": float(rng.randrange(10**9))}
                history.append(Trial(number, arch, rng.random(), metrics, 0.001))
                history.trials.clear()  # only the file is measured
            seconds.append(perf_counter() - start)
    return seconds


def main() -> None:
    """Write a journal, read it, and print times and memory."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "history.jsonl"
        tenths = written(path, options.trials)
        start = perf_counter()
        with History.read(path) as history:
            replay = perf_counter() - start
            assert len(history) == options.trials
        size = path.stat().st_size
    each = [10 * seconds / options.trials * 1e6 for seconds in tenths]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"append  {each[0]:.1f} us a trial in the first tenth, {each[-1]:.1f} in the last")
    print(f"read    {replay:.1f} s for {options.trials:,} trials, {size / 1e6:.0f} MB")
    print(f"memory  {memory:.0f} MB at most")
    figures = {"trials": options.trials, "append_us": each, "read_s": replay, "memory_mb": memory}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
