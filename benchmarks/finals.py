"""Measures what the finals bring: true ranks of the favourite and of the winner, over seeds.

    python -m benchmarks.finals --data FOLDER [--space nasbench201] [--seeds 20] [--out FILE]
        [--strategy evolution random all] [--batch natural images] [--judges epsilon naswot …]

FOLDER has the space's table and, for `images`, `cifar10_images.npz`. Every seed is one of the
search, of the weights and of the images. `all` scores every row of the table instead of searching.
Each search adds one line of JSON to FILE: the settings, the seconds of both stages, and every
finalist from the favourite down with its true figure, its true rank among all rows, and its scores
by all judges. What is in FILE is not done again, so a stopped measurement goes on. At the end it
prints a table: median, quartiles and worst of the ranks, with finals and without.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # however this is started

import numpy as np

from nas import SPACES, Batch, History, Panel, ProxyObjective, Space, Trial
from nas import search as searched
from nas.data import tables
from nas.data.sources import make_batch
from nas.ranking import by_score
from nas.scoring.given import objective_of
from nas.searching.finals import Standings, finalists, held

TABLES = {
    "nasbench201": ("nasbench201.csv.gz", "cifar10_test"),
    "nasbench101": ("nasbench101.csv.gz", "mean_test_acc_108"),
    "transnas_micro": ("transnasbench101.csv.gz", "class_scene_test_top1"),
    "mnasnet": ("accel_nasbench.csv.gz", "val_top1"),
}


@dataclass(frozen=True)
class Job:
    """One search with its finals."""

    data: str
    space: str
    options: str
    column: str
    strategy: str
    batch: str
    size: int
    seed: int
    budget: int
    judges: tuple[str, ...]
    finalists: int

    @property
    def key(self) -> str:
        """What tells it from other jobs, as JSON."""
        told = {name: value for name, value in vars(self).items() if name != "data"}
        return json.dumps(told, sort_keys=True)


def main() -> None:
    """Do what is missing and print the table."""
    options = arguments()
    column = options.column or TABLES[options.space][1]
    jobs = [
        Job(
            options.data,
            options.space,
            options.options,
            column,
            strategy,
            batch,
            options.size,
            seed,
            options.budget,
            tuple(options.judges),
            options.finalists,
        )
        for seed, strategy, batch in product(
            range(options.first, options.first + options.seeds), options.strategy, options.batch
        )
    ]
    there = known(options.out)
    missing = [job for job in jobs if job.key not in there]
    context = get_context("spawn")
    with ProcessPoolExecutor(options.workers, context) as pool, options.out.open("a") as file:
        for job, found in zip(missing, pool.map(measured, missing), strict=True):
            there[job.key] = found
            file.write(json.dumps({"key": job.key, **found}) + "\n")
            file.flush()
    print(table(jobs, there))


def arguments() -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("NAS_DATA"))
    parser.add_argument("--space", choices=TABLES, default="nasbench201")
    parser.add_argument("--options", default="{}", help="the space's sizes, as JSON")
    parser.add_argument("--column", help="the true figure; -column if lower is better")
    parser.add_argument("--strategy", nargs="+", default=["evolution"])
    parser.add_argument("--batch", nargs="+", default=["natural", "images"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--judges", nargs="+", default=list(Panel().proxies))
    parser.add_argument("--finalists", type=int, default=Panel().size)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("finals.jsonl"))
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data or NAS_DATA must be the folder of tables")
    return options


def known(path: Path) -> dict[str, dict[str, Any]]:
    """The jobs that are in the file, by key."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {record.pop("key"): record for record in map(json.loads, lines)}


@cache
def truth(data: str, name: str, options: str, column: str) -> tuple[Space, dict[Any, float]]:
    """The space, and the true figure of every architecture in the table."""
    space = SPACES.build(name, **json.loads(options))
    found = tables.read(Path(data) / TABLES[name][0])
    facts = tables.truth(found, space, column, "mean", "drop")
    return space, dict(zip(facts.archs, facts.values, strict=True))


def inputs(job: Job, space: Space) -> Batch:
    """Natural inputs of the seed, or real images that the seed chooses."""
    if job.batch == "natural":
        return make_batch(space, "natural", size=job.size, seed=job.seed)
    path = str(Path(job.data) / "cifar10_images.npz")
    batch = make_batch(space, "images", path=path, size=1024)
    rows = Random(job.seed).sample(range(len(batch.inputs)), job.size)
    assert batch.labels is not None
    return replace(batch, inputs=batch.inputs[rows], labels=batch.labels[rows])


def measured(job: Job) -> dict[str, Any]:
    """Search, hold the finals, and look the finalists up."""
    space, facts = truth(job.data, job.space, job.options, job.column)
    batch = inputs(job, space)
    objective = objective_of(space, "epsilon", batch, job.seed, live=True)
    start = perf_counter()
    if job.strategy == "all":
        trials = list(scored(objective, facts))
    else:
        found = searched(
            space,
            "epsilon",
            job.strategy,
            finals=None,
            budget=job.budget,
            batch=batch,
            seed=job.seed,
        )
        trials = list(found.trials)
    search_s, start = perf_counter() - start, perf_counter()
    panel = Panel(job.finalists, job.judges)
    standings = held(trials, by_score, objective, panel, History())
    finals_s = perf_counter() - start
    best = [trial.arch for trial in finalists(trials, by_score, space, job.finalists)]
    assert standings is not None
    return {
        "search_s": round(search_s, 1),
        "finals_s": round(finals_s, 1),
        "winner": best.index(standings.finalists[0].arch),
        "left_out": dict(standings.left_out),
        **looked_up(best, standings, facts),
    }


def scored(objective: ProxyObjective, archs: Mapping[Any, float]) -> Iterator[Trial]:
    """A trial for every function of the table."""
    forms = dict.fromkeys(objective.form(arch) for arch in archs)
    first = {objective.form(arch): arch for arch in reversed(list(archs))}
    for number, form in enumerate(forms):
        yield Trial.of(number, first[form], objective.evaluate(form))


def looked_up(best: list[Any], standings: Standings, facts: Mapping[Any, float]) -> dict[str, Any]:
    """The finalists' true figures and ranks, and their scores by every judge."""
    figures = np.sort(np.array([*facts.values()]))
    places = {standing.arch: standing for standing in standings.finalists}
    return {
        "true": [facts.get(arch) for arch in best],
        "rank": [
            int(len(figures) - np.searchsorted(figures, facts[arch], "right")) + 1
            if arch in facts
            else None
            for arch in best
        ],
        "scores": {
            name: [places[arch].scores[name] for arch in best]
            for name in standings.finalists[0].scores
        },
    }


def table(jobs: list[Job], found: Mapping[str, Mapping[str, Any]]) -> str:
    """A Markdown table: a row for each strategy and batch."""
    lines = [
        "| strategy | batch | seeds | favourite: median rank [quartiles], worst | winner | s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    kinds = dict.fromkeys((job.strategy, job.batch) for job in jobs)
    for strategy, batch in kinds:
        rows = [found[job.key] for job in jobs if (job.strategy, job.batch) == (strategy, batch)]
        favourites = spread([row["rank"][0] for row in rows])
        winners = spread([row["rank"][row["winner"]] for row in rows])
        seconds = (
            np.median([row["search_s"] for row in rows]),
            np.median([row["finals_s"] for row in rows]),
        )
        took = f"{seconds[0]:.0f} + {seconds[1]:.0f}"
        lines.append(f"| {strategy} | {batch} | {len(rows)} | {favourites} | {winners} | {took} |")
    return "\n".join(lines)


def spread(ranks: list[int]) -> str:
    """Median, quartiles and the worst."""
    low, middle, high = np.quantile(ranks, [0.25, 0.5, 0.75])
    return f"{middle:g} [{low:g}, {high:g}], {max(ranks)}"


if __name__ == "__main__":
    main()
