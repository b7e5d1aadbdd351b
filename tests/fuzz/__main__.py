"""`python -m tests.fuzz FILES LINES`: totals of each class of so many cases, as a table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.fuzz import files, lines


def main(file_cases: int, line_cases: int) -> None:
    """Print a row for every kind of file, one for the lines, and what failed."""
    print("| class | cases | result | refused | failed | seconds |\n|---|---|---|---|---|---|")
    for kind in files.KINDS:
        with TemporaryDirectory() as name:
            _row(kind, file_cases, partial(_read, kind, Path(name)))
    with TemporaryDirectory() as name, lines.workplace(Path(name)) as inner:
        _row("command line", line_cases, partial(lines.attempt, inner=inner))


def _read(kind: str, folder: Path, seed: int) -> str:
    (folder / str(seed)).mkdir()
    return files.attempt(kind, seed, folder / str(seed))


def _row(name: str, cases: int, attempt: Callable[[int], str]) -> None:
    begin, totals = perf_counter(), Counter[str]()
    for seed in range(cases):
        try:
            totals[attempt(seed)] += 1
        except Exception as error:
            totals["failed"] += 1
            print(f"{name}, seed {seed}: {type(error).__name__}: {error}", file=sys.stderr)
    refused, failed = totals["refused"], totals["failed"]
    result = cases - refused - failed
    seconds = perf_counter() - begin
    print(f"| {name} | {cases} | {result} | {refused} | {failed} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
