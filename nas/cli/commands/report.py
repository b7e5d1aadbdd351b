"""`nas report`: a search, several side by side, or a sweep's table, again from folders alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.arguments import names_a_path
from nas.cli.composition import positional, run_hydra
from nas.cli.study_settings import ReportSettings
from nas.errors import UsageError
from nas.storage.files import path_of, working_in

if TYPE_CHECKING:
    from nas.cli.studying import Searches
    from nas.data.lookup import Column
    from nas.metric import Metric

OPEN = "--open"
"""A short way to write open=true."""
SIDE_BY_SIDE = "side_by_side.html"


def main(argv: Sequence[str]) -> None:
    """Print the summary of the run in the folder that the arguments name, and write its page."""
    plain = ["open=true" if word == OPEN else word for word in argv]
    words, rest = positional(plain, names_a_path)  # a sweep's have =

    def task(settings: ReportSettings) -> None:
        if not words:
            raise UsageError("report needs a run's folder: nas report RUN, or nas report RUN RUN2")
        folders = [path_of(word) for word in words]
        if len(folders) == 1:
            run(folders[0], settings)
        else:
            run_several(folders, settings)

    run_hydra("report", ReportSettings, task, rest)


def run(folder: Path, settings: ReportSettings) -> None:
    """Print the summary of the run, or the table of a sweep's runs, as text or JSON."""
    from nas.cli.compared_folder import again, is_comparison
    from nas.cli.reporting import renewed
    from nas.cli.studying import searches_in
    from nas.report.search import search_page
    from nas.report.writing import PAGE, write

    if folders := searches_in(folder):
        _show_study(folder, folders, settings)
        return
    for option in ("report", "table", "out"):
        if getattr(settings, option) is not None:
            raise UsageError(f"{option}= is for a sweep or a study, and {folder} is neither")
    if is_comparison(folder):
        if again(folder, settings.json):
            _tell(folder / PAGE, settings)
        return
    found = renewed(folder)
    # the page first: whoever reads the summary may end the command, as head does
    new = found.whole or not (folder / PAGE).exists()  # else the page that is there says more
    written = new and write(lambda: search_page(found), folder / PAGE)
    _show(found.summary, found.metrics, settings)
    if written:
        _tell(folder / PAGE, settings)
    elif settings.open and not new:
        _open(folder / PAGE)


def run_several(folders: Sequence[Path], settings: ReportSettings) -> None:
    """Print a table of several runs, and write a page with all side by side."""
    from nas.cli.compared_folder import is_comparison
    from nas.cli.reporting import read_run
    from nas.cli.studying import searches_in
    from nas.report.side_by_side import side_by_side, table_text
    from nas.report.writing import write

    for option in ("report", "table"):
        if getattr(settings, option) is not None:
            raise UsageError(f"{option}= is for one sweep or study, and not for several runs")
    for folder in folders:
        if is_comparison(folder):
            raise UsageError(f"{folder} holds a comparison: report it alone")
        if searches_in(folder):
            raise UsageError(f"{folder} holds several searches: report them alone, or name them")
    found = [read_run(folder) for folder in folders]
    out = path_of(settings.out or ".", "out=")
    with working_in(out):
        written = write(lambda: side_by_side(found), out / SIDE_BY_SIDE)
    if settings.json:
        print(json.dumps([run.summary for run in found], ensure_ascii=False))
    else:
        print(table_text(found))
    if written:
        _tell(out / SIDE_BY_SIDE, settings)


def _tell(path: Path, settings: ReportSettings) -> None:
    """Say where a page is, and open it if that is asked."""
    if not settings.json:
        print(f"files   {path.parent}: {path.name}")
    if settings.open:
        _open(path)


def _open(path: Path) -> None:
    """Open a page in the user's browser; a note where there is none."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        print(f"note: no browser can be opened here: open {path} in one", file=sys.stderr)


def _show_study(folder: Path, folders: Sequence[Path], settings: ReportSettings) -> None:
    """Print the one table of the searches in a folder, and write its page.

    All its files are written if a folder is given for them.
    """
    from nas.cli.studying import (
        check_folder,
        is_another,
        read_searches,
        study_of,
        write_page,
        write_study,
    )
    from nas.report.writing import PAGE
    from nas.study.text import rendered

    if settings.out is not None:
        check_folder(path_of(settings.out, "out="))
    found = read_searches(folders)
    study = study_of(found, settings.report, _table(settings, found))
    shown = json.dumps(study, ensure_ascii=False) if settings.json else rendered(study)
    if settings.out is None:
        # the page there may be of another figure, and stays
        written = not is_another(study, folder) and write_page(study, folder, found)
        print(shown)
        if written:
            _tell(folder / PAGE, settings)
        return
    out = path_of(settings.out, "out=")
    with working_in(out):
        names = write_study(study, out, found)
    print(shown)
    if not settings.json:
        print(f"files   {out}: {', '.join(names)}")
    if settings.open:
        _open(out / PAGE)


def _table(settings: ReportSettings, found: Searches) -> Column | None:
    """The table that is given for the report, read as the searches read theirs."""
    from nas.data.lookup import Column

    if settings.table is None:
        return None
    rules = found.settings[0].duplicates, found.settings[0].foreign
    return Column.of(settings.table, None, settings.data_dir, *rules)


def _show(
    summary: Mapping[str, Any], metrics: Mapping[str, Metric], settings: ReportSettings
) -> None:
    from nas.runs.summary import rendered

    if settings.json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        print(rendered(summary, metrics))
