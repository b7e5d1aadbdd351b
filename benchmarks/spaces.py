"""Measures a search in every space by every strategy, with the default of all other settings.

    python -m benchmarks.spaces [--budget 200] [--spaces darts …] [--strategies random …]

It runs one command after the other, by epsilon, or by synflow if epsilon does not exist. It prints
a Markdown table: wall seconds with start-up, the largest memory, the number of trials with a
score, and the median time of a score. The last line is one JSON object. If a search ends with an
error, the table has the error, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from math import isnan
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

from nas import SPACES, STRATEGIES, History


def main() -> None:
    """Run every search and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--spaces", nargs="+", choices=list(SPACES), default=list(SPACES))
    names = list(STRATEGIES)
    parser.add_argument("--strategies", nargs="+", choices=names, default=names)
    options = parser.parse_args()

    results = []
    print("| space | proxy | strategy | wall, s | memory, GB | scored | s a score |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for space in options.spaces:
        for strategy in options.strategies:
            named = f"`{space}` | {proxy_for(space)} | {strategy}"
            found = searched(space, strategy, options.budget)
            results.append({"space": space, "strategy": strategy, **found})
            if "error" in found:
                print(f"| {named} | {found['error']} | | | |", flush=True)
                continue
            figures = "{wall_s:.1f} | {memory_gb:.2f} | {scored} | {score_s:.4f}".format(**found)
            print(f"| {named} | {figures} |", flush=True)
    print(json.dumps({"budget": options.budget, "searches": results}))
    sys.exit(any("error" in result for result in results))


def proxy_for(space: str) -> str:
    """Epsilon, which is the default; synflow where epsilon does not exist."""
    return "synflow" if SPACES.build(space).shared_weights is None else "epsilon"


def searched(space: str, strategy: str, budget: int) -> dict[str, Any]:
    """One search's figures, or the last line of its error."""
    with TemporaryDirectory() as folder, (Path(folder) / "err").open("w+") as err:
        words = [f"space={space}", f"strategy={strategy}", f"budget={budget}", f"out={folder}/run"]
        words.append(f"proxy={proxy_for(space)}")
        start = perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "nas", "search", *words],
            stdout=subprocess.DEVNULL,
            stderr=err,
            cwd=sys.path[0],
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            return {"error": (err.read().strip().splitlines() or ["no output"])[-1]}
        trials = list(History.read(Path(folder) / "run" / "history.jsonl"))
    fresh = [trial.seconds for trial in trials if trial.seconds > 0]
    scored = sum(not isnan(trial.score) for trial in trials)
    return {
        "wall_s": round(wall, 2),
        "memory_gb": round(usage.ru_maxrss / 2**20, 3),
        "scored": f"{scored} of {len(trials)}",
        "score_s": round(median(fresh), 4),
    }


if __name__ == "__main__":
    main()
