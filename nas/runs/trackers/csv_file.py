"""A run's steps as a CSV file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import TextIO

from nas.runs.trackers.tracker import TRACKERS, Run, Tracker
from nas.storage.files import check_replaceable, made_folder, replace_file

STEPS, ABOUT = "steps.csv", "steps.json"
STEP = "number"


@TRACKERS.register("csv")
class CsvFile(Tracker):
    """A table, `steps.csv`, with a row for every step; `steps.json` has settings and result.

    A row is there as soon as its step is over. `path`: a folder in which every run gets one of its
    own; null: the run's own folder.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._table, self._about = Path(), Path()
        self._columns: list[str] = []
        self._known: dict[str, object] = {}

    def open(self, run: Run) -> int:
        """Go on after the last whole row."""
        folder = run.place(self.path)
        made_folder(folder)
        self._table, self._about = folder / STEPS, folder / ABOUT
        check_replaceable(self._table)
        self._columns, rows = _read(self._table)
        if len(rows) > run.steps or not rows:
            self._columns, rows = [], []
        self._write([self._columns, *rows] if rows else [])
        self._known = {"name": run.name, "settings": dict(run.settings)}
        self._say()
        return len(rows)

    def log(self, step: int, figures: Mapping[str, float], texts: Mapping[str, str]) -> None:
        """Add a row; a figure that no earlier step had gets a column of its own."""
        row: dict[str, object] = {STEP: step, **figures, **texts}
        if new := [name for name in row if name not in self._columns]:
            _, rows = _read(self._table)
            self._columns = [STEP, *(name for name in new if name != STEP), *self._columns[1:]]
            empty = [""] * (len(self._columns) - len(rows[0])) if rows else []
            self._write([self._columns, *([each[0], *empty, *each[1:]] for each in rows)])
        if self._file is None:
            self._file = self._table.open("a", encoding="utf-8", newline="")
        self._file.write(_lines([[_cell(row.get(name)) for name in self._columns]]))
        self._file.flush()

    def finish(self, result: Mapping[str, float | str]) -> None:
        """Write the result beside the table."""
        self._known["result"] = dict(result)
        self._say()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, rows: Iterable[Iterable[str]]) -> None:
        self.close()
        replace_file(self._table, _lines(rows))

    def _say(self) -> None:
        text = json.dumps(self._known, indent=2, ensure_ascii=False, default=repr)
        replace_file(self._about, f"{text}\n")


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """The columns and the whole rows; a last row without a line end is torn and left out."""
    if not path.exists():
        return [], []
    text = path.read_text(encoding="utf-8", errors="replace")
    rows = [*csv.reader(StringIO(text, newline=""))]
    whole = rows if text.endswith("\n") else rows[:-1]
    if not whole or whole[0][:1] != [STEP]:
        return [], []
    return whole[0], [row for row in whole[1:] if len(row) == len(whole[0])]


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
