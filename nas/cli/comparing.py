"""One comparison: what its settings say that it compares, and what it leaves in its folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_executor, build_objective, build_ranking, by_figure
from nas.cli.settings import CompareSettings
from nas.cli.under import costs, finals_of
from nas.errors import AllFailedError, UsageError
from nas.registry.options import Choice
from nas.report.writing import PAGE
from nas.runs.folder import CONFIG, HISTORY, SCORES, write_record
from nas.runs.progress import Progress
from nas.runs.stopping import interrupted
from nas.storage.files import (
    check_folder_place,
    check_replaceable,
    path_of,
    remove_file,
    replace_file,
    working_in,
)

if TYPE_CHECKING:
    from nas.compare import Compared, Scores, Truth
    from nas.compare.judging import Finals
    from nas.compare.scores import Task
    from nas.compare.under import Cost
    from nas.data.tables import Table
    from nas.scoring.objective import ProxyObjective
    from nas.space import Space

CSV, RESULT, PICTURES, UNDER = "scores.csv", "compare.json", "pictures", "under.csv"
OLD_PAGE = "compare.html"
"""What the page was called in earlier versions."""


@dataclass(frozen=True)
class Prepared:
    """What is compared with what. Mistakes in the settings are found before it is there."""

    settings: CompareSettings
    objective: ProxyObjective
    table: str | None
    truth: Truth | None
    bring: str
    """One sentence: how to give a table of true figures."""
    seconds: float
    """How long this took."""
    under: tuple[Cost, ...] = ()
    finals: Finals | None = None


def prepared(settings: CompareSettings) -> Prepared:
    """The proxies, the space, the batch and the truth of a comparison; nothing is written."""
    start = perf_counter()
    objective = _objective(settings)
    table, truth, bring = _truth(settings, objective.space)
    under = costs(settings, objective.space, table, bring)
    finals = finals_of(settings, objective, _first(settings))
    name, took = None if table is None else table.name, perf_counter() - start
    return Prepared(settings, objective, name, truth, bring, took, under, finals)


def compared(
    task: Prepared, command: str = "", leave_out: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Compare, and write the files of the comparison; the result and the names of the files.

    `command` makes the comparison again; its page shows it. Raises StoppedError after Ctrl-C, and
    AllFailedError if a proxy fails for all first architectures; with `leave_out` only if all
    proxies do, and such a proxy is among the `left_out` of the result, with its error.
    """
    from nas.compare import Scores
    from nas.compare.verdict import verdict

    start = perf_counter()
    folder = path_of(task.settings.out, "out=")
    with working_in(folder):
        _check(folder)
        fresh = not (folder / SCORES).exists()
        scores = Scores.read(folder / SCORES)
        try:
            found, left = _tried(task, scores, leave_out)
        except AllFailedError:
            if fresh:
                (folder / SCORES).unlink(missing_ok=True)
            raise
        if scores.journal is not None:
            scores.journal.check()
        result = {
            **({"command": command} if command else {}),
            "table": task.table,
            "target": None if task.truth is None else task.truth.target,
            **_described(task.settings),
            **found.result,
            **({"left_out": left} if left else {}),
        }
        result["verdict"] = verdict(result)
        result["seconds"] = round(task.seconds + perf_counter() - start, 3)
        return result, _write(folder, task.settings, found, result)


def _check(folder: Path) -> None:
    """Raise UsageError if the folder has files that are not from a comparison."""
    if (folder / HISTORY).exists():
        raise UsageError(f"{folder} holds a search: give another out= to a comparison")
    for name in (RESULT, CSV, CONFIG, PAGE, OLD_PAGE, PICTURES, UNDER):
        if (folder / name).exists() and not (folder / SCORES).exists():
            raise UsageError(f"{folder} holds a {name} that is no comparison's: give another out=")
    for name in (RESULT, CSV, CONFIG, PAGE, OLD_PAGE, UNDER):
        check_replaceable(folder / name)
    check_folder_place(folder / PICTURES)


def _described(settings: CompareSettings) -> dict[str, Any]:
    return {
        "space": settings.space.name,
        "batch": settings.batch.name,
        "seed": settings.seed,
        "repeats": settings.repeats,
        "live": settings.live,
        "baselines": list(settings.baselines),
        "sample": "all" if settings.sample is None else settings.sample,
    }


def _objective(settings: CompareSettings) -> ProxyObjective:
    """The objective with the chosen proxies and the baselines."""
    if settings.ranking.name == "score" and settings.ranking.options.get("weights") is not None:
        raise UsageError(
            "ranking.weights needs ranking=rank_sum here: nas compare shows each proxy by itself"
        )
    build_ranking(settings.ranking, settings.proxy)  # raises if it cannot rank them
    for name, ranking in settings.proxy.rankings.items():
        build_ranking(ranking, settings.proxy.within(name))
    return build_objective(settings, more=settings.baselines)


def _combinations(settings: CompareSettings) -> dict[str, tuple[str, ...]]:
    """The proxies of every combination that has a row of its own, by its name."""
    combinations = dict(settings.proxy.combinations)
    if settings.ranking.name != "score":
        combinations[_whole(settings)] = tuple(settings.proxy.members)
    return combinations


def _whole(settings: CompareSettings) -> str:
    """The name of all proxies together."""
    several = settings.proxy.name == "several"
    return settings.ranking.name if several else settings.proxy.name


def _first(settings: CompareSettings) -> str:
    """The row that has finals: all proxies together if they are ranked, or else the first."""
    parts = settings.proxy.parts
    return parts[0] if parts and settings.ranking.name == "score" else _whole(settings)


def _rankings(settings: CompareSettings) -> dict[str, Choice]:
    """The ranking of every combination, by its name."""
    inside = settings.proxy
    others = {
        name: by_figure(ranking, inside.within(name)) for name, ranking in inside.rankings.items()
    }
    return {**others, _whole(settings): by_figure(settings.ranking, settings.proxy)}


def _truth(settings: CompareSettings, space: Space) -> tuple[Table | None, Truth | None, str]:
    """The table, its truth, and a sentence that says how to give another table."""
    from nas.data.tables import (
        data_folder,
        find,
        first_figure,
        passed_over,
        read,
        tables_in,
        truth,
    )

    name, target = settings.table, settings.target
    if name is None:
        if target is not None:
            raise UsageError(f"target={target} needs a table, and table=null is none")
        return None, None, "table=null: without true figures; table=auto takes the space's table"
    wanted = settings.space.name if name == "auto" else name
    there = name != "auto" and path_of(wanted, "table=").exists()
    folder = Path() if there else data_folder(settings.data_dir)
    bring = (
        f"no table of true figures is named {wanted} in {folder}: {space.release} "
        f"Or give table=FILE, a CSV or Parquet file with a column 'arch' and columns of numbers"
    )
    path = tables_in(folder).get(wanted) if name == "auto" else find(wanted, folder)
    if path is None:
        if name != "auto":
            raise UsageError(bring)
        if target is not None:
            raise UsageError(f"target={target} needs a table: {bring}")
        return None, None, bring
    found = read(path)
    first = first_figure(found, space) if target is None else target
    facts = truth(found, space, first, settings.duplicates, settings.foreign)
    if target is None and (passed := passed_over(found, space, first)):
        print(
            f"note: {first} is the target, because {' and '.join(passed)} of {path} "
            f"{'have' if len(passed) > 1 else 'has'} no numbers; target=COLUMN takes another",
            file=sys.stderr,
        )
    return found, facts, bring


def _tried(task: Prepared, scores: Scores, leave_out: bool) -> tuple[Compared, dict[str, str]]:
    """The comparison; with `leave_out` without the proxies that fail for all, and their errors."""
    objective = task.objective
    left: dict[str, str] = {}
    while True:
        parts = _combinations(task.settings)
        whole = {name: each for name, each in parts.items() if not left.keys() & {*each}}
        try:
            found = _compared(task, objective, scores, whole)
        except AllFailedError as error:
            rest = {name: each for name, each in objective.named.items() if name != error.proxy}
            if not leave_out or not rest or len(rest) == len(objective.named):
                raise  # where no proxy is to blame, a metric of under= is
            left[error.proxy] = str(error)
            objective = replace(objective, proxies=rest)
            continue
        lost = [name for name in parts if name not in whole]
        return found, {**left, **dict.fromkeys(lost, "one of its parts is left out")}


def _compared(
    task: Prepared,
    objective: ProxyObjective,
    scores: Scores,
    combinations: Mapping[str, tuple[str, ...]],
) -> Compared:
    """Compare; raises StoppedError after Ctrl-C."""
    from nas.compare import compare

    settings = task.settings
    baselines = [name for name in settings.baselines if name in objective.named]
    there = task.finals is not None and task.finals.proxy in {*objective.named, *combinations}

    with ExitStack() as stack:
        executor = stack.enter_context(build_executor(settings.executor))
        stops = stack.enter_context(interrupted())
        bars: list[Progress] = []
        if waits := objective.preparing:
            print(waits, file=sys.stderr, flush=True)

        def seen(_: Task, total: int) -> bool:
            if not bars or bars[-1].done + bars[-1].told == bars[-1].budget:
                unit = "finalists" if bars else "architectures"
                bars.append(stack.enter_context(Progress(total, comparable=False, unit=unit)))
            bars[-1].advance()
            return bool(stops)

        return compare(
            objective,
            truth=task.truth,
            sample=settings.sample,
            resamples=settings.resamples,
            combinations=combinations,
            rankings=_rankings(settings),
            baseline=(baselines or [*objective.named])[0],
            under=task.under,
            finals=task.finals if there else None,
            scores=scores,
            executor=executor,
            give_up=settings.give_up,
            seen=seen,
        )
    raise KeyboardInterrupt  # it was given up after the last score


def _write(
    folder: Path, settings: CompareSettings, compared: Compared, result: Mapping[str, Any]
) -> list[str]:
    """Write all files into the folder and return their names."""
    from nas.cli.compared_folder import leave_page
    from nas.compare.under import as_csv
    from nas.report.points import Points

    files = [RESULT, CSV, SCORES, CONFIG]
    for name in (PAGE, OLD_PAGE, UNDER):  # from an earlier comparison
        remove_file(folder / name)
    pictures = drawing(settings.pictures)
    if pictures is not None:
        pictures.clear(folder / PICTURES)
    if settings.pictures and pictures is not None:
        pictures.draw(compared.comparison, result, folder / PICTURES)
        files = [f"{PICTURES}/", *files]
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / RESULT, text + "\n")
    replace_file(folder / CSV, compared.comparison.csv())
    if "under" in result:
        replace_file(folder / UNDER, as_csv(result["under"]))
        files.insert(files.index(CSV) + 1, UNDER)
    write_record(folder, settings.record)
    there = leave_page(folder, result, lambda: Points.of(compared.comparison))
    return [PAGE, *files] if there else files


def drawing(wanted: bool, name: str = "pictures", room: str = "compare") -> ModuleType | None:
    """A module of a room of `nas` that draws; None, and a note, where it cannot be imported."""
    try:
        return import_module(f"nas.{room}.{name}")
    except Exception as error:  # other packages' broken metadata stop matplotlib
        if wanted:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            print(f"note: no pictures: matplotlib cannot be imported ({why})", file=sys.stderr)
        return None
