"""`nas search`: finds the best architecture of a space by a proxy, without training."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from nas.arch import Arch
from nas.cli.build import build_executor, build_metrics, build_objective
from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.cli.finals import hold, read
from nas.cli.judging import aims, judging, with_figures
from nas.cli.questions import completed, question
from nas.cli.settings import SearchSettings
from nas.cli.tables import table_of
from nas.cli.warmup import checked, warm_up
from nas.errors import NothingFoundError
from nas.runs.folder import (
    BEST,
    CONFIG,
    FINALS,
    FREE,
    HISTORY,
    MOVE,
    WARMUP,
    check_trials,
    opened,
    read_elapsed,
    write_best,
    write_record,
)
from nas.runs.front import PICTURE, TABLE, write_front
from nas.runs.progress import watched
from nas.runs.stopping import interrupted
from nas.runs.summary import rendered, summarise, used
from nas.runs.truth import with_digests
from nas.runs.warmup import opened_scores, too_short
from nas.scoring.executors import Executor
from nas.scoring.executors.spawning import end_with_parent
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import judges_of
from nas.searching.history import History
from nas.searching.loop import trials
from nas.storage.files import path_of
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.lookup import Column


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
    settings, objective, strategy = _made(settings)
    ranking = judging(settings)
    table = table_of(settings)
    true = None if table is None else table.figures(objective.space)
    folder = path_of(settings.out, "out=")
    record = _record(settings, objective, table)
    with (
        opened(folder, record, FREE, completed) as history,
        build_executor(settings.executor) as executor,
        opened_scores(objective, settings.warmup, settings.move, folder) as scores,
    ):
        if settings.finals is not None:
            with History.read(folder / FINALS):  # an edited one is refused now, not at the end
                pass
        spent = read_elapsed(folder) if history else 0.0
        write = partial(write_record, folder, record)
        begun = warm_up(settings, scores, objective, executor, write)
        _stop(begun.stopped, again)
        strategy = scores.moving(strategy)
        every = _every(settings, strategy, objective, history, executor, spent, begun.starts)
        done = list(islice(every, len(history)))  # this checks the recorded trials
        _say_where(history, folder)
        write()
        came, seconds = _watch(settings, done, every, objective)
        elapsed = spent + seconds
        history.check()
        ended = settings.limits.ended(history, ranking, elapsed)
        stopped = not ended or (came and settings.finals is not None)
        figures = objective.space, ranking, settings.metrics, question(settings, begun.outcome)
        summary = summarise(history, *figures, elapsed=elapsed, true=true)
        before = read(settings, history, ranking, objective.space, folder, elapsed)
        if stopped or before.standings is None:
            write_best(folder, summary)  # a kill in the finals leaves a result
        if not stopped:
            held = hold(settings, objective, history, ranking, folder, executor)
            stopped = bool(held.unfinished)
            summary = summarise(history, *figures, *held, elapsed, true)
            write_best(folder, summary)
        write_front(folder, history, ranking, summary)
    if note := too_short(strategy, len(history), settings.block, len(begun.starts)):
        print(f"note: {note}", file=sys.stderr)
    print(rendered(summary, objective.measures))
    _say_files(folder, summary)
    where = "before the end of the finals" if ended else f"after {used(summary)}"
    _end(summary, again, where if stopped else "")


def _made(settings: SearchSettings) -> tuple[SearchSettings, ProxyObjective, Strategy]:
    """The whole settings, the objective and the strategy; raises UsageError for wrong ones."""
    settings = with_figures(settings)
    ranking = judging(settings)
    metrics = build_metrics(settings.metrics, settings.metric, table_of(settings))
    objective = build_objective(settings, metrics)
    objective = replace(objective, constraints=aims(settings).constraints)
    settings = settings.with_finals(all(proxy.decides for proxy in objective.named.values()))
    if settings.finals is not None:
        judges_of(objective, settings.finals.proxies)  # raises now, not after the search
    strategy = STRATEGIES.configured(settings.strategy, objective.space, ranking)
    return checked(settings, objective, strategy), objective, strategy


def _record(
    settings: SearchSettings, objective: ProxyObjective, table: Column | None
) -> Mapping[str, Any]:
    """The settings with the content of the files that the scores depend on."""
    record = with_digests(settings.record, objective, table)
    if "path" not in settings.batch.options:
        return record
    return {**record, "inputs_sha256": objective.batch.digest()}


def _every(
    settings: SearchSettings,
    strategy: Strategy,
    objective: ProxyObjective,
    history: History,
    executor: Executor,
    spent: float,
    starts: Sequence[Arch],
) -> Iterator[Trial]:
    """The trials, the recorded ones first; raises UsageError if those are of another search."""
    check_trials(history, objective.space, settings.metrics)
    settings.limits.check(history, settings.out)
    return trials(
        strategy,
        objective,
        history,
        seed=settings.seed,
        block=settings.block,
        executor=executor,
        give_up=settings.give_up,
        spent=spent,
        constraints=objective.constraints,
        screen=objective.screen,
        starts=starts,
        **asdict(settings.limits),
    )


def _watch(
    settings: SearchSettings,
    done: Sequence[Trial],
    every: Iterator[Trial],
    objective: ProxyObjective,
) -> tuple[bool, float]:
    """Make the trials one after the other and show how far they are.

    Returns whether Ctrl-C came, and the seconds that the new trials took.
    """
    start, seconds = monotonic(), 0.0
    comparable = settings.ranking.name == "score" and not settings.objective
    with interrupted() as stops:
        seconds = watched(
            every, done, settings.limits, comparable, lambda: bool(stops), objective.preparing
        )
    return bool(stops), monotonic() - start if stops else seconds


def _end(summary: Mapping[str, Any], again: str, stopped: str) -> None:
    """Exit if the search was `stopped` somewhere; raise NothingFoundError if it has no score."""
    _stop(stopped, again)
    if summary["arch"] is None:
        total = summary["trials"]["total"]
        raise NothingFoundError(f"none of the {total} trials has a score; the reasons are above")


def _say_files(folder: Path, summary: Mapping[str, Any]) -> None:
    front = [TABLE, PICTURE] if summary["front"] else []
    kept = [BEST, *front, HISTORY, WARMUP, MOVE, FINALS, CONFIG]
    print(f"files   {folder}: {', '.join(name for name in kept if (folder / name).exists())}")


def _stop(stopped: str, again: str) -> None:
    if stopped:
        print(f"stopped {stopped}; go on with\n  {again}")
        sys.exit(130)


def _say_where(history: History, folder: Path) -> None:
    if history.torn:
        print(f"the last line of {folder}/history.jsonl was torn and is left out", file=sys.stderr)
    if len(history):
        print(f"going on in {folder} after {len(history)} trials", file=sys.stderr)
