"""`nas search`: finds the best architecture of a space by a proxy, without training."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from nas.arch import Arch
from nas.cli.build import build_executor, build_metrics, build_objective, build_tracker
from nas.cli.composition import run_hydra
from nas.cli.finals import hold, read
from nas.cli.judging import aims, judging, with_figures
from nas.cli.questions import completed, question
from nas.cli.repeating import go_on
from nas.cli.settings import SearchSettings
from nas.cli.studying import print_sweep
from nas.cli.tables import table_of
from nas.cli.warmup import Begun, checked, warm_up
from nas.errors import NothingFoundError
from nas.metric import Metric
from nas.metrics.table import lower_is_better
from nas.ranking import Ranking
from nas.report.writing import PAGE
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
from nas.runs.trackers import Tracker
from nas.runs.tracking import Log, Trials, logged, run_of, winner
from nas.runs.truth import told_of_fits, with_digests
from nas.runs.warmup import opened_scores, too_short
from nas.scoring.executors import Executor
from nas.scoring.executors.spawning import end_with_parent
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import judges_of
from nas.searching.history import History
from nas.searching.judging import check_directions
from nas.searching.loop import trials
from nas.storage.files import path_of
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.lookup import Column, Figures

Shown = Literal["summary", "line", "nothing"]
"""What a search prints: its summary, one line as a part of a sweep, or not even its progress."""


def main(argv: Sequence[str]) -> None:
    """Run one search, or with `-m` one for every combination of the swept options.

    A sweep ends with one table of its searches.
    """
    made: list[Path] = []

    def task(settings: SearchSettings) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        job = HydraConfig.get()
        sweep = job.mode == RunMode.MULTIRUN
        here = str(job.sweep.dir if sweep else settings.out)
        again = go_on("search", argv, here, settings.record)
        if sweep:
            end_with_parent()  # where a launcher runs it in another process
            out = job.runtime.output_dir
            settings = replace(settings, out=out, record={**settings.record, "out": out})
        run(settings, again, "line" if sweep else "summary")
        made.append(Path(out if sweep else settings.out))

    swept = run_hydra("search", SearchSettings, task, argv)
    if swept is not None:
        print_sweep(made, swept)


@dataclass(frozen=True)
class _Ready:
    """What a search works with."""

    settings: SearchSettings
    objective: ProxyObjective
    ranking: Ranking
    strategy: Strategy
    folder: Path
    record: Mapping[str, Any]
    true: Figures | None
    """The table at hand."""
    tracker: Tracker


def check(settings: SearchSettings) -> None:
    """Raise UsageError if no search can have these settings; nothing is written."""
    _ready(settings)


def _ready(settings: SearchSettings) -> _Ready:
    """The whole settings, and the objects that they name; raises UsageError for wrong ones."""
    settings = with_figures(settings)
    ranking = judging(settings)
    table = table_of(settings)
    named = settings.metrics, settings.metric, table, settings.surrogate
    objective = build_objective(settings, build_metrics(*named))
    looked_for = aims(settings)
    check_directions(looked_for.objectives, lower_is_better(objective.measures, table))
    objective = replace(objective, constraints=looked_for.constraints)
    settings = settings.with_finals(all(proxy.decides for proxy in objective.named.values()))
    if settings.finals is not None:
        judges_of(objective, settings.finals.proxies)  # raises now, not after the search
    strategy = STRATEGIES.configured(settings.strategy, objective.space, ranking)
    settings = checked(settings, objective, strategy)
    true = None if table is None else told_of_fits(table.figures(objective.space), objective)
    folder = path_of(settings.out, "out=")
    record = _record(settings, objective, table)
    tracker = build_tracker(settings.tracker)
    return _Ready(settings, objective, ranking, strategy, folder, record, true, tracker)


def run(settings: SearchSettings, again: str, shown: Shown = "summary") -> bool:
    """Search as the settings say; `again` is the command that continues a stopped search.

    Returns whether it came to its end; one that was stopped exits, unless it shows nothing.
    """
    ready = _ready(settings)
    settings, folder, objective = ready.settings, ready.folder, ready.objective
    with (
        opened(folder, ready.record, FREE, completed) as history,
        build_executor(settings.executor) as executor,
        opened_scores(objective, settings.warmup, settings.move, folder) as scores,
        logged(ready.tracker, run_of(settings.out, ready.record, history)) as log,
    ):
        if settings.finals is not None:
            with History.read(folder / FINALS):  # an edited one is refused now, not at the end
                pass
        write = partial(write_record, folder, ready.record)
        quiet = shown == "nothing"
        begun = warm_up(settings, scores, objective, executor, write, quiet)
        if not begun.stopped:
            strategy = scores.moving(ready.strategy)
            summary, stopped = _searched(
                replace(ready, strategy=strategy), begun, history, executor, shown, log
            )
    if quiet:
        return not (begun.stopped or stopped)
    _stop(begun.stopped, again)
    note = too_short(strategy, len(history), settings.block, len(begun.starts))
    _print(summary, objective.measures, folder, shown, note)
    _end(summary, again, stopped)
    return not stopped


def _searched(
    ready: _Ready, begun: Begun, history: History, executor: Executor, shown: Shown, log: Log
) -> tuple[dict[str, Any], str]:
    """Make the trials and hold the finals; the summary, and where it was stopped, if it was."""
    settings, objective, ranking = ready.settings, ready.objective, ready.ranking
    folder = ready.folder
    spent = read_elapsed(folder) if history else 0.0
    every = _every(settings, ready.strategy, objective, history, executor, spent, begun.starts)
    done = list(islice(every, len(history)))  # this checks the recorded trials
    _say_where(history, folder, shown)
    write_record(folder, ready.record)
    every = Trials(log, objective.space, ranking).after(done, every)
    came, seconds = _watch(settings, done, every, objective, shown)
    elapsed = spent + seconds
    history.check()
    ended = settings.limits.ended(history, ranking, elapsed)
    stopped = not ended or (came and settings.finals is not None)
    figures = objective.space, ranking, settings.metrics, question(settings, begun.outcome)
    summary = summarise(history, *figures, elapsed=elapsed, true=ready.true)
    before = read(settings, history, ranking, objective.space, folder, elapsed)
    if stopped or before.standings is None:
        write_best(folder, summary)  # a kill in the finals leaves a result
    if not stopped:
        quiet = shown == "nothing"
        held = hold(settings, objective, history, ranking, folder, executor, quiet)
        stopped = bool(held.unfinished)
        summary = summarise(history, *figures, *held, elapsed, ready.true)
        write_best(folder, summary)
    if not stopped:
        log.finish(winner(summary, settings.metrics, history))
    write_front(folder, history, ranking, summary)
    if shown != "nothing":
        from nas.cli.reporting import leave_page

        seen = history.trials, summary, ready.true, stopped
        leave_page(folder, objective, ranking, *seen)
    where = "before the end of the finals" if ended else f"after {used(summary)}"
    return summary, where if stopped else ""


def _print(
    summary: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    folder: Path,
    shown: Shown,
    note: str,
) -> None:
    """The summary and the names of the files; of a part of a sweep one line on stderr."""
    if note:
        print(f"note: {note}", file=sys.stderr)
    if shown == "line" and summary["arch"] is not None:
        print(f"{folder.name}: {_value(summary)}  {summary['arch']}", file=sys.stderr)
        return
    print(rendered(summary, metrics))
    front = [TABLE, PICTURE] if summary["front"] else []
    kept = [PAGE, BEST, *front, HISTORY, WARMUP, MOVE, FINALS, CONFIG]
    print(f"files   {folder}: {', '.join(name for name in kept if (folder / name).exists())}")


def _value(summary: Mapping[str, Any]) -> str:
    """The score of what was found, or the values of its several objectives."""
    points = summary["front"]["points"] if summary["front"] else []
    for point in points:
        if point["tuple"] == summary["tuple"]:
            return ", ".join(f"{name} = {value:.6g}" for name, value in point["values"].items())
    return f"{summary['score']:.6g}"


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
    shown: Shown,
) -> tuple[bool, float]:
    """Make the trials one after the other and show how far they are.

    Returns whether Ctrl-C came, and the seconds that the new trials took.
    """
    start, seconds = monotonic(), 0.0
    comparable = settings.ranking.name == "score" and not settings.objective
    with interrupted() as stops:
        if shown == "nothing":
            for _ in every:
                if stops:
                    break
            seconds = monotonic() - start
        else:
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


def _stop(stopped: str, again: str) -> None:
    if stopped:
        print(f"stopped {stopped}; go on with\n  {again}")
        sys.exit(130)


def _say_where(history: History, folder: Path, shown: Shown) -> None:
    if shown == "nothing":
        return
    if history.torn:
        print(f"the last line of {folder}/history.jsonl was torn and is left out", file=sys.stderr)
    if len(history):
        print(f"going on in {folder} after {len(history)} trials", file=sys.stderr)
