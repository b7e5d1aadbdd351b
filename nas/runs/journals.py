"""The journals of a search in Python: in memory, or in a folder of that search alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nas.errors import UsageError
from nas.runs.folder import FINALS, opened, write_record
from nas.searching.history import History


@contextmanager
def journals(
    folder: str | Path | None,
    strategy: str,
    seed: int,
    block: int,
    scores: Callable[[], Mapping[str, str]],
) -> Iterator[tuple[History, History]]:
    """The trials of a search and of its finals.

    `scores` gives the keys of what the scores depend on. Raises UsageError if the folder has
    another search.
    """
    if folder is None:
        yield History(), History()
        return
    record = {"scores": scores(), "strategy": strategy, "seed": seed, "block": block}
    with opened(Path(folder), record, (), _complete) as history:
        write_record(Path(folder), record)
        with History.read(Path(folder) / FINALS) as journal:
            yield history, journal


def _complete(record: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    if "scores" not in record:
        raise UsageError(f"{file} is not the record of a search from Python")
    return record
