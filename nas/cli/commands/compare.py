"""`nas compare`: how well proxies agree with true figures, with coverage and uncertainty."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_executor, build_objective, build_ranking
from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.cli.settings import CompareSettings
from nas.errors import AllFailedError, UsageError
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
    from nas.compare.scores import Task
    from nas.scoring.objective import ProxyObjective
    from nas.space import Space

CSV, RESULT, PAGE, PICTURES = "scores.csv", "compare.json", "compare.html", "pictures"


def main(argv: Sequence[str]) -> None:
    """Run one comparison."""

    def task(settings: CompareSettings) -> None:
        again = [word for word in argv if not word.startswith("out=")]
        again.append(f"out={quoted(settings.out)}")
        run(settings, f"nas compare {shlex.join(again)}")

    run_hydra("compare", CompareSettings, task, argv)


def run(settings: CompareSettings, again: str) -> None:
    """Compare as the settings say; `again` is the command that continues a stopped comparison."""
    from nas.compare import Scores, StoppedError
    from nas.compare.text import rendered

    start = perf_counter()
    objective = _objective(settings)
    table, truth, how_to_bring = _truth(settings, objective.space)
    folder = path_of(settings.out, "out=")
    with working_in(folder):
        _check(folder)
        fresh = not (folder / SCORES).exists()
        scores = Scores.read(folder / SCORES)
        try:
            compared = _compared(settings, objective, truth, scores)
        except StoppedError as stopped:
            print(f"{stopped}; go on with\n  {again}")
            sys.exit(130)
        except AllFailedError:
            if fresh:
                (folder / SCORES).unlink(missing_ok=True)
            raise
        if scores.journal is not None:
            scores.journal.check()
        result = {
            "table": table,
            "target": None if truth is None else truth.target,
            **_described(settings),
            **compared.result,
        }
        result["seconds"] = round(perf_counter() - start, 3)
        files = _write(folder, settings, compared, result)
    print(rendered(result))
    print(f"\nfiles  {folder}: {', '.join(files)}")
    if truth is None:
        print(how_to_bring)


def _check(folder: Path) -> None:
    """Raise UsageError if the folder has files that are not from a comparison."""
    if (folder / HISTORY).exists():
        raise UsageError(f"{folder} holds a search: give another out= to a comparison")
    for name in (RESULT, CSV, CONFIG, PAGE, PICTURES):
        if (folder / name).exists() and not (folder / SCORES).exists():
            raise UsageError(f"{folder} holds a {name} that is no comparison's: give another out=")
    for name in (RESULT, CSV, CONFIG, PAGE):
        check_replaceable(folder / name)
    check_folder_place(folder / PICTURES)


def _described(settings: CompareSettings) -> dict[str, Any]:
    return {
        "space": settings.space.name,
        "batch": settings.batch.name,
        "seed": settings.seed,
        "repeats": settings.repeats,
        "sample": "all" if settings.sample is None else settings.sample,
    }


def _objective(settings: CompareSettings) -> ProxyObjective:
    """The objective with the chosen proxies and the baselines."""
    if settings.ranking.options.get("weights") is not None:
        raise UsageError("ranking.weights is for a search: nas compare shows each proxy by itself")
    build_ranking(settings.ranking, settings.proxy)  # raises if it cannot rank them
    return build_objective(settings, more=settings.baselines)


def _combinations(settings: CompareSettings) -> dict[str, tuple[str, ...]]:
    """The proxies of every combination that is ranked by rank sum, by its name."""
    chosen = settings.proxy
    combinations = dict(chosen.combinations)
    if settings.ranking.name == "rank_sum":
        name = "rank_sum" if chosen.name == "several" else chosen.name
        combinations[name] = tuple(chosen.members)
    return combinations


def _truth(settings: CompareSettings, space: Space) -> tuple[str | None, Truth | None, str]:
    """The table's name, its truth, and a sentence that says how to give another table."""
    from nas.compare.tables import (
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
    return found.name, facts, bring


def _compared(
    settings: CompareSettings, objective: ProxyObjective, truth: Truth | None, scores: Scores
) -> Compared:
    """Compare; raises StoppedError after Ctrl-C."""
    from nas.compare import compare

    with ExitStack() as stack:
        executor = stack.enter_context(build_executor(settings.executor))
        stops = stack.enter_context(interrupted())
        bars: list[Progress] = []

        def seen(_: Task, total: int) -> bool:
            if not bars:
                bar = Progress(total, comparable=False, unit="architectures")
                bars.append(stack.enter_context(bar))
            bars[0].advance()
            return bool(stops)

        return compare(
            objective,
            truth=truth,
            sample=settings.sample,
            resamples=settings.resamples,
            combinations=_combinations(settings),
            baseline=settings.baselines[0],
            scores=scores,
            executor=executor,
            patience=settings.patience,
            seen=seen,
        )


def _write(
    folder: Path, settings: CompareSettings, compared: Compared, result: Mapping[str, Any]
) -> list[str]:
    """Write all files into the folder and return their names."""
    from nas.compare.page import write_page

    files = [RESULT, CSV, SCORES, CONFIG]
    remove_file(folder / PAGE)  # from an earlier comparison
    pictures = _pictures(settings.pictures)
    if pictures is not None:
        pictures.clear(folder / PICTURES)
    if settings.pictures and pictures is not None:
        drawn = pictures.draw(compared.comparison, result, folder / PICTURES)
        write_page(folder / PAGE, result, drawn)
        files = [PAGE, f"{PICTURES}/", *files]
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / RESULT, text + "\n")
    replace_file(folder / CSV, compared.comparison.csv())
    write_record(folder, settings.record)
    return files


def _pictures(wanted: bool) -> ModuleType | None:
    """The module that draws; None, and a note, where what it draws with cannot be imported."""
    try:
        return import_module("nas.compare.pictures")
    except Exception as error:  # other packages' broken metadata stop matplotlib
        if wanted:
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            print(f"note: no pictures: matplotlib cannot be imported ({why})", file=sys.stderr)
        return None
