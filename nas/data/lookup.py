"""A column of a table as figures that an architecture is looked up in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from math import nan
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from nas.arch import Arch
from nas.data.tables import (
    Table,
    architectures,
    averaged,
    columns_of,
    data_folder,
    find,
    first_figure,
    left_out,
    numbers,
    read,
    recognised,
)
from nas.errors import UsageError
from nas.storage.files import path_of

if TYPE_CHECKING:
    from nas.space import Space

T = TypeVar("T")
KEPT = 8
"""Tables that a process keeps: to read 15,625 rows and their architectures takes a second."""
_TABLES: dict[tuple[object, ...], Table] = {}
_RECOGNISED: dict[tuple[object, ...], Recognised] = {}


@dataclass(frozen=True)
class Recognised:
    """A table whose rows are architectures of a space; None where a row is not in the space."""

    table: Table
    archs: list[Arch | None]
    notes: list[str]
    columns: dict[str, Figures] = field(default_factory=dict)
    """The columns that were asked for, by target."""


class Cell(NamedTuple):
    """What a table has for an architecture."""

    value: float
    """Higher is better; NaN if there is none."""
    reason: str = ""
    """Why there is none."""
    own: bool = True
    """Whether it is of the architecture's own row, and not of one with the same form."""


@dataclass(frozen=True)
class Figures:
    """The figures of a table's target for architectures of a space; higher is better."""

    space: Space
    table: str
    """The table's name."""
    target: str
    """The column, with - in front if lower is better."""
    values: Mapping[Arch, float | None]
    """None where the cell is empty."""
    notes: list[str]
    """Notes that count the rows that were left out or merged."""

    @property
    def column(self) -> str:
        """The name of the column."""
        return self.target.removeprefix("-")

    def own(self, value: float) -> float:
        """A value as the table has it: with `-column` its negative."""
        return -value if self.target.startswith("-") else value

    def cell(self, arch: Arch) -> Cell:
        """The figure of the architecture's own row, or else of a row with the same form.

        A table may hold one row for all architectures that compute the same function, such as one
        matrix a graph in NAS-Bench-101. Then the row of the canonical form counts, or the first
        row that has the same canonical form and a figure.
        """
        if arch in self.values:
            return self._filled(arch, own=True)
        form = self.space.canonical(arch)
        row = form if form in self.values else self._rows.get(form)
        if row is None:
            return Cell(nan, f"the table {self.table} has no row of it")
        return self._filled(row, own=False)

    def _filled(self, row: Arch, own: bool) -> Cell:
        value = self.values[row]
        if value is None:
            return Cell(nan, f"the table {self.table} has no {self.column} of it", own)
        return Cell(value, own=own)

    @cached_property
    def _rows(self) -> dict[Arch, Arch]:
        """A row of every canonical form; one with a figure where there is one."""
        rows: dict[Arch, Arch] = {}
        empty: dict[Arch, Arch] = {}
        for arch, value in self.values.items():
            (empty if value is None else rows).setdefault(self.space.canonical(arch), arch)
        return empty | rows

    @cached_property
    def ordered(self) -> list[float]:
        """All figures, from the lowest up."""
        return sorted(value for value in self.values.values() if value is not None)

    def rank(self, value: float) -> int:
        """The place of a value among all figures: 1 for the best, equal ones share the first."""
        return len(self.ordered) - bisect_right(self.ordered, value) + 1


@dataclass(frozen=True)
class Column:
    """A column of a table in a file: its name and target, and what the file has to hold.

    `target` is the column, `-column` if lower is better, or None for the first column of figures.
    Can be sent to other processes, which read the file again; UsageError if it changed meanwhile.
    """

    path: Path = field(repr=False)
    target: str | None
    duplicates: str
    foreign: str
    sha256: str
    """Of the file."""
    _known: list[Figures] = field(default_factory=list, init=False, repr=False, compare=False)
    """The figures of the space that was asked for last."""

    @classmethod
    def of(
        cls,
        table: str | Path,
        target: str | None = None,
        data_dir: str | None = None,
        duplicates: str = "error",
        foreign: str = "error",
    ) -> Column:
        """The column of a file, or of a table in the folder `data_dir`.

        If that is None, the folder is NAS_DATA, or else the user's data folder. For `duplicates`
        and `foreign` see `nas.data.tables.recognised`. Raises UsageError if there is no such file.
        """
        there = path_of(str(table), "table=").exists()
        folder = Path() if there else data_folder(data_dir or environ.get("NAS_DATA"))
        path = find(str(table), folder)
        if path is None:
            raise UsageError(
                f"no table of true figures is named {table} in {folder}: give table=FILE, a CSV "
                f"or Parquet file with a column 'arch' and columns of numbers"
            )
        return cls(path.resolve(), target, duplicates, foreign, digest(path))

    def with_target(self, target: str | None) -> Column:
        """Another column of the same table."""
        return Column(self.path, target, self.duplicates, self.foreign, self.sha256)

    def figures(self, space: Space) -> Figures:
        """The figures of the space's architectures.

        Raises UsageError if the file changed, if its rows are not in the space, or if it has no
        such column of numbers.
        """
        if self._known and self._known[0].space is space:
            return self._known[0]
        rows = self._recognised(space)
        target = first_figure(rows.table, space) if self.target is None else self.target
        if target not in rows.columns:
            values = averaged(rows.archs, numbers(rows.table, target))
            notes = [*rows.notes, *left_out(rows.table, target, rows.archs)]
            rows.columns[target] = Figures(space, rows.table.name, target, values, notes)
        self._known[:] = [rows.columns[target]]
        return rows.columns[target]

    @property
    def table(self) -> Table:
        """The table; raises UsageError if the file changed, or if it is no table."""
        key = self._file()
        if key not in _TABLES:
            if digest(self.path) != self.sha256:
                raise UsageError(
                    f"{self.path} does not hold what it held: put back that table, or start anew"
                )
            _keep(_TABLES, key, read(self.path))
        return _TABLES[key]

    def _file(self) -> tuple[object, ...]:
        """What stands for the file as it is now."""
        try:
            found = self.path.stat()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read as a table: {error}") from error
        return self.path, found.st_mtime_ns, found.st_size, self.sha256

    def _recognised(self, space: Space) -> Recognised:
        key = *self._file(), type(space), repr(space), self.duplicates, self.foreign
        if key not in _RECOGNISED:
            table = self.table
            texts = architectures(table, columns_of(table, space))
            rows = recognised(texts, self.path, space, self.duplicates, self.foreign)
            _keep(_RECOGNISED, key, Recognised(table, *rows))
        return _RECOGNISED[key]

    def __getstate__(self) -> dict[str, Any]:
        """The state without figures: another process reads the file."""
        return {**vars(self), "_known": []}


def _keep(kept: dict[tuple[object, ...], T], key: tuple[object, ...], new: T) -> None:
    """Keep what was read, and of others the latest."""
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]
    kept[key] = new


def digest(path: Path) -> str:
    """SHA-256 of a file; raises UsageError if it cannot be read."""
    try:
        with path.open("rb") as file:
            content = sha256()
            while part := file.read(1 << 20):
                content.update(part)
            return content.hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read as a table: {error}") from error
