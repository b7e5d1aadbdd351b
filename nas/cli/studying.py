"""The searches in the folders of a sweep or a study, as one study with its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_space
from nas.cli.comparing import drawing
from nas.cli.finals import read
from nas.cli.judging import judging
from nas.cli.questions import is_of_program, recorded
from nas.cli.repeating import again
from nas.cli.reported import figure_named
from nas.cli.settings import SearchSettings
from nas.cli.study_commands import Asked, asked_of
from nas.errors import UsageError
from nas.ranking import Ranking
from nas.report.writing import PAGE, write
from nas.runs.folder import CONFIG, HISTORY, SCORES, read_elapsed, read_record, read_trials
from nas.searching.judging import Judging
from nas.space import Space
from nas.storage.files import check_replaceable, remove_file, replace_file

if TYPE_CHECKING:
    from nas.data.lookup import Column
    from nas.report.page import Page
    from nas.study.run import Run
    from nas.trial import Trial

RESULT, TABLE, SEARCHES, CURVES, _ = (
    *("study.json", "study.csv", "searches.csv", "curves.csv", PAGE),
)
PICTURE = "curves"
FILES = (RESULT, TABLE, SEARCHES, CURVES, PAGE, f"{PICTURE}.png", f"{PICTURE}.svg")


@dataclass(frozen=True)
class Searches:
    """Searches that were read from their folders."""

    settings: Sequence[SearchSettings]
    runs: Sequence[Run]
    versions: Mapping[str, str]
    """Of the packages that the last of them began with."""
    asked: Asked
    """What their study was asked for."""


def searches_in(folder: Path) -> list[Path]:
    """The folders of searches in the folder of a sweep or a study, by their names."""
    if not folder.is_dir() or (folder / HISTORY).exists() or (folder / CONFIG).exists():
        return []
    return sorted(path.parent for path in folder.glob(f"*/{HISTORY}") if _has_record(path.parent))


def _has_record(folder: Path) -> bool:
    return (folder / CONFIG).exists()


def read_searches(folders: Sequence[Path]) -> Searches:
    """The searches in these folders; one without a trial is left out.

    Raises UsageError where a folder's files are not of a search, or its space is of a program.
    """
    from nas.study.run import Run

    every, runs = [], []
    made_by: Mapping[str, str] = {}
    spaces: dict[str, Space] = {}
    for folder in folders:
        record, made_by = read_record(folder)
        settings = recorded(record, folder / CONFIG)
        if is_of_program(record):
            raise UsageError(
                f"{folder} is of a space, objective or constraint that only its own program knows"
            )
        key = repr(settings.space)
        if key not in spaces:
            spaces[key] = build_space(settings.space)
        space = spaces[key]
        history = read_trials(folder, space, settings.metrics)
        ranking = judging(settings)
        elapsed = read_elapsed(folder)
        held = read(settings, history, ranking, space, folder, elapsed)
        over = bool(settings.limits.ended(history, ranking, elapsed)) and not held.unfinished
        standings = held.standings
        winner = standings.finalists[0].arch if standings and standings.decisive else None
        value = _value(settings, ranking)
        runs.append(Run(record, settings.seed, history.trials, ranking, value, winner, over))
        every.append(settings)
    return Searches(every, runs, made_by, asked_of(folders))


def _value(settings: SearchSettings, ranking: Ranking) -> Callable[[Trial], float] | None:
    """What a search's trials compare by; None if that needs all of them, as ranks do."""
    if settings.ranking.name != "score":
        return None
    if not isinstance(ranking, Judging):
        return attrgetter("score")
    return lambda trial: ranking.seen(trial).score


def study_of(found: Searches, report: str | None, table: Column | None = None) -> dict[str, Any]:
    """The searches as one study of plain data; `report` names what is compared.

    `table` stands in place of the tables of the searches.
    """
    from nas.study.result import studied
    from nas.study.text import searches

    records = [run.settings for run in found.runs]
    figure = figure_named(found.settings, records, report, table, found.runs)
    result = studied(found.runs, figure)
    planned = max(found.asked.planned, len(found.runs))
    result["planned"] = planned
    if left := planned - len(found.runs) + result["unfinished"]:
        are = "is" if left == 1 else "are"
        result["notes"].insert(0, f"{left} of {searches(planned)} {are} not over")
    return result


def print_sweep(made: Sequence[Path], folder: str) -> None:
    """Print the one table of a sweep; `made` are its folders, empty if others have made them."""
    from nas.study.text import rendered

    places = list(dict.fromkeys(path.parent for path in made))
    if places in ([], [Path(folder).absolute()]):
        places = [Path(folder)]  # as it was written
    folders = [path for place in places for path in searches_in(place)]
    if not folders:
        return
    print(rendered(study_of(read_searches(folders), None)))
    for place in places:
        print(f"files   {place}: a folder for each search; nas report {place} prints this again")


def check_folder(folder: Path) -> None:
    """Raise UsageError where the files of a study cannot be written into a folder."""
    for name, what in ((HISTORY, "search"), (SCORES, "comparison")):
        if (folder / name).exists():
            raise UsageError(f"{folder} holds a {what}: give another out= to a study")
    for name in FILES:
        check_replaceable(folder / name)


def write_study(study: Mapping[str, Any], folder: Path, found: Searches) -> list[str]:
    """Write the files of a study and return their names; the pictures of earlier ones go."""
    from nas.study import text

    whole = json.dumps(study, ensure_ascii=False, allow_nan=False)
    replace_file(folder / RESULT, whole + "\n")
    replace_file(folder / TABLE, text.table_csv(study))
    replace_file(folder / SEARCHES, text.searches_csv(study))
    replace_file(folder / CURVES, text.curves_csv(study))
    for kind in ("png", "svg"):
        remove_file(folder / f"{PICTURE}.{kind}")
    pictures = drawing(True, "pictures", "study")
    drawn = [] if pictures is None else pictures.draw(study, folder, PICTURE)
    page = [PAGE] if write_page(study, folder, found) else []
    return [RESULT, TABLE, SEARCHES, CURVES, *drawn, *page]


def write_page(study: Mapping[str, Any], folder: Path, found: Searches) -> bool:
    """Write the page of a study into a folder; whether that went well. A failure is a note."""

    def page() -> Page:
        from nas.report.study import study_page

        return study_page(study, commands_of(found), found.versions, found.asked.commands)

    return write(page, folder / PAGE)


def commands_of(found: Searches) -> dict[str, str]:
    """The command of one search of each variant, with its lowest seed."""
    from nas.study.variants import variants

    records = [run.settings for run in found.runs]
    named = sorted(zip(variants(records), found.runs, strict=True), key=lambda one: one[1].seed)
    commands: dict[str, str] = {}
    for name, run in named:
        commands.setdefault(name, again(run.settings))
    return {name: words for name, words in sorted(commands.items()) if words}


def is_another(study: Mapping[str, Any], folder: Path) -> bool:
    """Whether a folder has a study of another figure, whose page stays."""
    try:
        before = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(before, dict) and before.get("report") != study["report"]
