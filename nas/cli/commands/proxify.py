"""`nas proxify`: the cheapest training that still ranks architectures as a full one does."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_executor
from nas.cli.chosen import space_words
from nas.cli.composition import run_hydra
from nas.cli.config_files import quoted
from nas.cli.proxify_settings import ProxifySettings
from nas.cli.repeating import go_on
from nas.errors import AllFailedError, NothingFoundError, UsageError
from nas.runs.folder import CONFIG, HISTORY, write_record
from nas.runs.progress import Progress
from nas.runs.stopping import interrupted
from nas.storage.files import check_replaceable, path_of, remove_file, replace_file, working_in

if TYPE_CHECKING:
    from nas.training.ways import Trainings, Ways

RESULT, TABLE, RECIPE = "proxify.json", "proxify.csv", "recipe.yaml"
TRAININGS = "trainings.jsonl"
"""Every training that was made: it is not made again."""
STOPPED = 130
"""The exit code after Ctrl-C."""


class _StoppedError(Exception):
    """Trainings were stopped by Ctrl-C."""


def main(argv: Sequence[str]) -> None:
    """Look for the cheapest training among those that the arguments name."""

    def task(settings: ProxifySettings) -> None:
        run(settings, go_on("proxify", argv, settings.out, settings.record))

    run_hydra("proxify", ProxifySettings, task, argv)


def run(settings: ProxifySettings, again: str) -> None:
    """Look for it as the settings say; `again` is the command that continues after Ctrl-C."""
    from nas.training.proxify import proxified, rendered

    folder = path_of(settings.out, "out=")
    with working_in(folder):
        _check(folder)
        fresh = not (folder / TRAININGS).exists()
        try:
            with _ways(settings, folder) as ways:
                result = proxified(ways, settings.tau, settings.seed)
        except AllFailedError:
            if fresh:  # what failed because of a mistake is not to be kept
                remove_file(folder / TRAININGS)
            raise
        except _StoppedError:
            print(f"stopped; what was trained is kept; go on with\n  {again}")
            sys.exit(STOPPED)
        files = _write(folder, settings, result, ways)
    print(rendered(result, _title(settings, result)))
    print(f"files   {folder}: {', '.join(files)}")
    if result["chosen"] is None:
        best = max(result["rows"], key=lambda row: -2 if row["tau"] is None else row["tau"])
        shown = "none" if best["tau"] is None else f"{best['tau']:.3f}"
        raise NothingFoundError(
            f"no training that is cheaper has tau of at least {settings.tau:g}; the best, "
            f"{best['way']}, has {shown}: try dearer ones, or give a lower tau="
        )
    if RECIPE in files:
        recipe = quoted(str(folder / RECIPE))
        space = shlex.join(space_words(settings.space))
        print(f"use it  nas search {space} proxy=training proxy.recipe={recipe}")


@contextmanager
def _ways(settings: ProxifySettings, folder: Path) -> Iterator[Ways]:
    """What is tried; trainings that are not over when Ctrl-C comes raise _StoppedError."""
    from nas.cli.proxifying import columns

    if settings.columns or settings.costs:
        yield columns(settings)
        return
    with _trainings(settings, folder) as ways:
        yield ways


@contextmanager
def _trainings(settings: ProxifySettings, folder: Path) -> Iterator[Trainings]:
    from nas.cli.proxifying import trainings
    from nas.compare import Scores

    over = False
    with ExitStack() as stack:
        scores = Scores.read(folder / TRAININGS)
        executor = stack.enter_context(build_executor(settings.executor))
        stops = stack.enter_context(interrupted())
        bars: list[Progress] = []

        def seen(done: int, total: int) -> None:
            if done == 1:
                unit = "trainings"
                bars.append(stack.enter_context(Progress(total, comparable=False, unit=unit)))
            bars[-1].advance()
            if stops and done < total:
                raise _StoppedError

        yield trainings(settings, scores, executor, seen)
        over = True
    if not over:  # a training was given up, which nobody is told of
        raise _StoppedError


def _check(folder: Path) -> None:
    """Raise UsageError if the folder has files of something else."""
    if (folder / HISTORY).exists():
        raise UsageError(f"{folder} holds a search: give another out=")
    ours = (folder / RESULT).exists() or (folder / TRAININGS).exists()
    for name in (RESULT, TABLE, RECIPE, CONFIG):
        check_replaceable(folder / name)
        if (folder / name).exists() and not ours:
            raise UsageError(
                f"{folder} holds a {name} that is not of nas proxify: give another out="
            )


def _write(
    folder: Path, settings: ProxifySettings, result: Mapping[str, Any], ways: Ways
) -> list[str]:
    """Write the files and return their names; without a chosen recipe an earlier one goes."""
    from nas.training.ways import Trainings

    whole = {"space": settings.space.name, "seed": settings.seed, **result}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(folder / RESULT, text + "\n")
    replace_file(folder / TABLE, _csv(result["rows"]))
    remove_file(folder / RECIPE)
    write_record(folder, settings.record)
    files = [RESULT, TABLE, CONFIG]
    if not isinstance(ways, Trainings):
        return files
    if result["chosen"] is not None:
        row = result["rows"][0]
        head = (
            f"# Kendall's tau with the full training is {row['tau']:.3f} on {row['archs']} "
            f"architectures of {settings.space.name}, at {row['cost']:.1%} of its cost.\n"
        )
        replace_file(folder / RECIPE, head + ways.recipes[result["chosen"]].text)
        files.insert(0, RECIPE)
    return [*files, TRAININGS]


COLUMNS = ("way", "state", "archs", "tau", "low", "high", "cost", "speed_up")


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    more = [
        name for name in ("left_out", "seconds", "tau_of_all") if any(name in row for row in rows)
    ]
    text = StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *more], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _title(settings: ProxifySettings, result: Mapping[str, Any]) -> str:
    full = settings.full or "the full training"
    return (
        f"{result['archs']} architectures · space {settings.space.name} · agreement with {full} · "
        f"τ ≥ {settings.tau:g} wanted · seed {settings.seed}"
    )
