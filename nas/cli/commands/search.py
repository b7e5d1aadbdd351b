"""`nas search`: finds the best architecture of a space by a proxy, without training."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from nas.cli.build import build_executor, build_objective, build_ranking
from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.cli.finals import hold, read
from nas.cli.questions import FREE, completed, question
from nas.cli.settings import SearchSettings
from nas.errors import NothingFoundError, UsageError
from nas.runs.folder import (
    BEST,
    CONFIG,
    FINALS,
    HISTORY,
    check_trials,
    opened,
    write_best,
    write_record,
)
from nas.runs.progress import Progress
from nas.runs.stopping import interrupted
from nas.runs.summary import rendered, summarise
from nas.scoring.executors import Executor
from nas.scoring.executors.spawning import end_with_parent
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import judges_of
from nas.searching.history import History
from nas.searching.loop import trials
from nas.storage.files import path_of
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Trial


def main(argv: Sequence[str]) -> None:
    """Run one search, or with `-m` one for every combination of the swept options."""

    def task(settings: SearchSettings) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        job = HydraConfig.get()
        sweep = job.mode == RunMode.MULTIRUN
        here = str(job.sweep.dir if sweep else settings.out)
        again = [word for word in argv if not word.startswith("out=")] + [f"out={quoted(here)}"]
        if sweep:
            end_with_parent()  # where a launcher runs it in another process
            out = job.runtime.output_dir
            settings = replace(settings, out=out, record={**settings.record, "out": out})
        run(settings, f"nas search {shlex.join(again)}")

    run_hydra("search", SearchSettings, task, argv)


def run(settings: SearchSettings, again: str) -> None:
    """Search as the settings say; `again` is the command that continues a stopped search."""
    ranking = build_ranking(settings.ranking, settings.proxy, settings.metrics)
    objective = build_objective(settings, settings.metrics)
    if settings.finals is not None:
        judges_of(objective, settings.finals.proxies)  # raises now, not after the search
    strategy = STRATEGIES.configured(settings.strategy, objective.space, ranking)
    folder = path_of(settings.out, "out=")
    record: Mapping[str, Any] = settings.record
    if "path" in settings.batch.options:
        record = {**record, "inputs_sha256": objective.batch.digest()}
    with (
        opened(folder, record, FREE, completed) as history,
        build_executor(settings.executor) as executor,
    ):
        if settings.finals is not None:
            with History.read(folder / FINALS):  # an edited one is refused now, not at the end
                pass
        every = _every(settings, strategy, objective, history, executor)
        done = list(islice(every, len(history)))  # this checks the recorded trials
        _say_where(history, folder)
        write_record(folder, record)
        came = _watch(settings, done, every, objective)
        history.check()
        missing = len(history) < settings.budget
        stopped = missing or (came and settings.finals is not None)
        asked = question(settings)
        summary = summarise(history, objective.space, ranking, settings.metrics, asked)
        if stopped or read(settings, history, ranking, objective.space, folder).standings is None:
            write_best(folder, summary)  # a kill in the finals leaves a result
        if not stopped:
            held = hold(settings, objective, history, ranking, folder, executor)
            stopped = bool(held.unfinished)
            summary = summarise(history, objective.space, ranking, settings.metrics, asked, *held)
            write_best(folder, summary)
    print(rendered(summary, objective.measures))
    names = [name for name in (BEST, HISTORY, FINALS, CONFIG) if (folder / name).exists()]
    print(f"files   {folder}: {', '.join(names)}")
    _end(settings, summary, again, stopped)


def _every(
    settings: SearchSettings,
    strategy: Strategy,
    objective: ProxyObjective,
    history: History,
    executor: Executor,
) -> Iterator[Trial]:
    """The trials, the recorded ones first; raises UsageError if those are of another search."""
    check_trials(history, objective.space, settings.metrics)
    if len(history) > settings.budget:
        raise UsageError(
            f"{settings.out} holds {len(history)} trials already, more than "
            f"budget={settings.budget}"
        )
    return trials(
        strategy,
        objective,
        history,
        budget=settings.budget,
        seed=settings.seed,
        block=settings.block,
        executor=executor,
        patience=settings.patience,
    )


def _watch(
    settings: SearchSettings,
    done: Sequence[Trial],
    every: Iterator[Trial],
    objective: ProxyObjective,
) -> bool:
    """Make the trials one after the other and show how far they are; whether Ctrl-C came."""
    progress = Progress(
        settings.budget,
        len(done),
        comparable=settings.ranking.name == "score",
        first=objective.preparing if len(done) < settings.budget else "",
    )
    with progress, interrupted() as stops:
        for trial in done:
            progress.update(trial)
        for trial in every:
            progress.update(trial)
            if stops:
                break
    return bool(stops)


def _end(settings: SearchSettings, summary: Mapping[str, Any], again: str, stopped: bool) -> None:
    """Exit if the search is not finished; raise NothingFoundError if no trial has a score."""
    total = summary["trials"]["total"]
    if stopped:
        where = f"after {total} of {settings.budget} trials"
        where = where if total < settings.budget else "before the end of the finals"
        print(f"stopped {where}; go on with\n  {again}")
        sys.exit(130)
    if summary["arch"] is None:
        raise NothingFoundError(
            f"none of the {settings.budget} trials has a score; the reasons are above"
        )


def _say_where(history: History, folder: Path) -> None:
    if history.torn:
        print(f"the last line of {folder}/history.jsonl was torn and is left out", file=sys.stderr)
    if len(history):
        print(f"going on in {folder} after {len(history)} trials", file=sys.stderr)
