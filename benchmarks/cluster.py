"""Measures where the throughput of a search on a large cluster ends, by a simulated one.

    python -m benchmarks.cluster [--slots 1 10 100 1000] [--seconds 0.003 0.05 1]
                                 [--before CHECKOUT]

The scheduler is Dask's, in a process of its own, and so is the search, with its strategy, its
canonical forms and its journal on disk. The workers are `--processes` real ones of Dask with as
many threads as are needed for so many slots, and a score is replaced by so many seconds of sleep.
It leaves out what a network between machines costs, a worker's own memory and the heartbeats of a
thousand worker processes, and all processes share this machine's cores. For each case it prints
trials a second, the share of what the slots could do, and the processor time of a trial in the
search and in the scheduler. It then measures the main process's own work for a trial in each of
`--spaces` without any executor. With `--before` both are measured in an older version's folder,
too, in turns. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

SIMULATED = """
import json, os, subprocess, sys, tempfile
from pathlib import Path
from time import perf_counter, process_time, sleep
import torch
from nas import PROXIES, SPACES, STRATEGIES, History, ProxyObjective
from nas.scoring.executors import EXECUTORS
from nas.searching.loop import trials
from nas.trial import Evaluation

class Sleeping:
    def __init__(self, seconds):
        self.seconds = seconds
    def __call__(self, arch):
        sleep(self.seconds)
        return Evaluation((hash(arch) % 1000003) / 1e6, {"params": 1, "flops": 1}, self.seconds)

class Objective:
    def __init__(self, space, seconds):
        self.form, self.sleeping = space.canonical, Sleeping(seconds)
        self.space = space
    def __reduce__(self):
        return Objective, (self.space, self.sleeping.seconds)
    def evaluate(self, arch):
        return self.sleeping(arch)
    def metrics(self, arch):
        return {"params": 1, "flops": 1}

def cpu(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def main():
    case = json.loads(sys.argv[1])
    space = SPACES.build("darts")
    folder = Path(sys.argv[2])
    file = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard",
               "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(command, **quiet)
    while not file.exists():
        sleep(0.1)
    slots = case["slots"]
    several = min(case["processes"], slots)
    workers = [subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file),
         "--no-nanny", "--no-dashboard", "--memory-limit", "0", "--local-directory", str(folder),
         "--nthreads", str(slots // several + (number < slots % several))], **quiet)
        for number in range(several)]
    try:
        address = json.loads(file.read_text())["address"]
        with EXECUTORS.build("dask", address=address) as executor:
            executor.client.wait_for_workers(several, timeout=120)
            objective = Objective(space, case["seconds"])
            budget = case["budget"]
            strategy = STRATEGIES.build("random", space)
            executor.client.run(__import__, "simulated_cluster")  # they import torch only once
            for _ in trials(strategy, objective, History(), budget=2 * slots, seed=1,
                            block=2 * slots, executor=executor):
                pass  # so that it is known how long a score takes
            with History.read(folder / "journal.jsonl") as history:
                found = trials(strategy, objective, history, budget=budget, seed=0, block=budget,
                               executor=executor)
                next(found)
                wall, own, its = perf_counter(), process_time(), cpu(scheduler)
                for _ in found:
                    pass
                wall = perf_counter() - wall
                own, its = process_time() - own, cpu(scheduler) - its
        print(json.dumps({"per_s": budget / wall, "share": budget / wall * case["seconds"] / slots,
                          "search_ms": 1e3 * own / budget, "scheduler_ms": 1e3 * its / budget}))
    finally:
        for each in (*workers, scheduler):
            each.kill()

if __name__ == "__main__":
    main()
"""
OWN = """
import json, sys, tempfile
from pathlib import Path
from time import process_time
import torch
from nas import PROXIES, SPACES, STRATEGIES, History, ProxyObjective
from nas.searching.loop import trials
from nas.trial import Evaluation

def instead(function, tasks):
    for task in tasks:
        if type(task) is tuple:
            yield Evaluation((hash(task) % 1000003) / 1e6, {"params": 1, "flops": 1}, 0.01)
        else:
            yield {"params": 1, "flops": 1}

space, budget = SPACES.build(sys.argv[1]), int(sys.argv[2])
objective = ProxyObjective(space, PROXIES.build("epsilon"), space.batch(2, torch.Generator()))
result = {}
for name in ("random", "evolution"):
    strategy = STRATEGIES.build(name, space)
    with tempfile.TemporaryDirectory() as folder:
        with History.read(Path(folder) / "journal.jsonl") as history:
            start = process_time()
            for _ in trials(strategy, objective, history, budget=budget, seed=0, block=64,
                            executor=instead):
                pass
            result[name] = 1e3 * (process_time() - start) / budget
print(json.dumps(result))
"""


def main() -> None:
    """Run every case, in turns with an older version if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slots", nargs="+", type=int, default=[1, 10, 100, 1000])
    parser.add_argument("--seconds", nargs="+", type=float, default=[0.003, 0.05, 1.0])
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--last", type=float, default=15.0, help="about how long a case takes, s")
    parser.add_argument("--spaces", nargs="*", default=["nasbench201", "darts", "nasbench_nlp"])
    parser.add_argument("--trials", type=int, default=1000, help="of the main process's own work")
    parser.add_argument("--before", type=Path, help="a folder of an older version")
    options = parser.parse_args()
    versions = {"after": Path(sys.path[0])}
    if options.before:
        versions = {"before": options.before.resolve(), **versions}
    clusters: list[dict[str, Any]] = []
    for seconds in options.seconds:
        for slots in options.slots:
            budget = int(max(10, min(slots / seconds, 2000) * options.last))
            case = {"slots": slots, "seconds": seconds, "budget": budget}
            found: dict[str, Any] = dict(case)
            for name, checkout in versions.items():
                task = {**case, "processes": options.processes}
                found[name] = simulated(task, checkout)
                figures = [f"{key}={value:.3g}" for key, value in found[name].items()]
                print(f"{slots} slots, {seconds} s, {name}:", *figures, flush=True)
            clusters.append(found)
    own: dict[str, dict[str, Any]] = {space: {} for space in options.spaces}
    for space in options.spaces:
        for name, checkout in versions.items():
            own[space][name] = in_folder(OWN, checkout, space, str(options.trials))
            print(f"own work in {space}, ms a trial, {name}: {own[space][name]}", flush=True)
    print(json.dumps({"clusters": clusters, "own_ms": own}))


def simulated(case: dict[str, Any], checkout: Path) -> dict[str, float]:
    """The figures of a search on a cluster of sleeping workers."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        script = Path(folder) / "simulated_cluster.py"  # a module that workers can import
        script.write_text(SIMULATED)
        code = "from simulated_cluster import main; main()"
        return in_folder(code, checkout, json.dumps(case), folder)


def in_folder(code: str, checkout: Path, *arguments: str) -> dict[str, float]:
    """What code prints that imports the version in a folder."""
    path = os.pathsep.join([str(checkout), *arguments[-1:]])
    where = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=where, cwd=checkout, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments} in {checkout} ended with {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
