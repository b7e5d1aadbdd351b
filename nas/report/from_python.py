"""The page of a search that Python asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.report.page import Page
from nas.report.run import Run
from nas.report.search import search_page
from nas.report.writing import PAGE, write
from nas.runs.folder import BEST, HISTORY, read_best, read_record
from nas.runs.from_python import Search
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History


@contextmanager
def leaving_page(asked: Search, out: str | Path | None) -> Iterator[None]:
    """Write the page of a search in its folder when it has ended, or when Ctrl-C has stopped it.

    A page that fails is a note. A search without a folder or a result has none.
    """
    try:
        yield
    except KeyboardInterrupt:
        if out is not None and (Path(out) / BEST).exists():
            write(lambda: _page(asked, Path(out)), Path(out) / PAGE)
        raise
    if out is not None:
        write(lambda: _page(asked, Path(out)), Path(out) / PAGE)


def _page(asked: Search, folder: Path) -> Page:
    record, made_by = read_record(folder)
    scoring = asked.objective
    metrics = scoring.measures if isinstance(scoring, ProxyObjective) else {}
    with History.read(folder / HISTORY) as history:
        run = Run(
            folder,
            read_best(folder),
            history.trials,
            asked.strategy.ranking,
            metrics,
            made_by,
            asked.space,
            asked.true,
            record,
        )
    return search_page(run)
