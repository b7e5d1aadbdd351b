"""Tables made of other tables and of official releases."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars

from nas.data.tables import ARCH, Table, architectures, check_numbers, columns_of, recognised
from nas.errors import UsageError

if TYPE_CHECKING:
    from nas.space import Space


@dataclass(frozen=True)
class Converted:
    """A table that is ready to write: the architecture first, then columns of numbers."""

    frame: polars.DataFrame
    notes: list[str]
    """Notes that count the rows that were left out or merged."""


def table_of(path: Path, rows: Iterable[tuple[str, Mapping[str, float]]]) -> Table:
    """The table of an official release, made from its architectures and their figures."""
    names, figures = [], []
    for name, row in rows:
        names.append(name)
        figures.append(row)
    numbers = {
        column: polars.Series([row.get(column) for row in figures], dtype=polars.Float64)
        for column in dict.fromkeys(chain.from_iterable(figures))
    }
    texts = polars.Series(names, dtype=polars.String)
    return Table(path.name, path, polars.DataFrame({ARCH: texts, **numbers}))


def converted(
    table: Table,
    space: Space,
    arch: str = ARCH,
    columns: object = None,
    duplicates: str = "error",
    foreign: str = "error",
) -> Converted:
    """The table with the architectures of the column `arch` in the published notation.

    If `arch` is "arch", the space's own columns are used if the table has them.

    `columns` chooses columns of numbers by name, or as a mapping from new names to old names; None
    takes all that are no part of the architecture. Duplicate and foreign rows are as in
    `tables.recognised`. If an architecture occurs twice, the mean of its figures is taken; a
    figure that is not finite counts as missing.
    """
    parts = columns_of(table, space) if arch == ARCH else (arch,)
    texts = architectures(table, parts)
    chosen = _chosen(table, columns, parts)
    archs, notes = recognised(texts, table.path, space, duplicates, foreign)
    names = [None if each is None else space.format(each) for each in archs]
    frame = table.frame.select(
        polars.Series(ARCH, names, dtype=polars.String),
        *(_finite(table, old).alias(new) for new, old in chosen.items()),
    ).filter(polars.col(ARCH).is_not_null())
    for new, old in chosen.items():
        if lost := _infinite(table, old):
            notes.append(
                f"{lost:,} {'cell' if lost == 1 else 'cells'} of {new} left empty: infinite"
            )
    if not len(frame):
        raise UsageError(f"{table.path} has no row with an architecture of this space")
    if frame[ARCH].n_unique() < len(frame):
        frame = frame.group_by(ARCH, maintain_order=True).mean()
    return Converted(frame, notes)


def content(frame: polars.DataFrame) -> bytes:
    """A frame as compressed CSV; the same frame gives the same bytes."""
    return gzip.compress(frame.write_csv().encode(), mtime=0)


def _infinite(table: Table, column: str) -> int:
    """How many of a column's numbers are infinite."""
    numbers = table.frame[column]
    return int(numbers.is_infinite().sum()) if numbers.dtype.is_float() else 0


def _finite(table: Table, column: str) -> polars.Expr:
    number = polars.col(column)
    if not table.frame.schema[column].is_float():
        return number
    return polars.when(number.is_finite()).then(number)


def _chosen(table: Table, columns: object, parts: Sequence[str]) -> dict[str, str]:
    """The chosen columns: new names and the names in the table; `parts` have the architecture."""
    if columns is None:
        for name, wrong in table.spoiled.items():
            if name not in (ARCH, *parts):
                raise UsageError(f"{wrong}; columns=[…] takes other columns")
        pairs = [(name, name) for name in table.figures if name not in parts]
    elif isinstance(columns, dict):
        pairs = [(str(new), str(old)) for new, old in columns.items()]
    elif isinstance(columns, Iterable) and not isinstance(columns, str):
        pairs = [(str(name), str(name)) for name in columns]
    else:
        raise UsageError(f"columns={columns} must be a list of columns, or {{new: old, …}}")
    if not pairs:
        raise UsageError(
            f"{table.path} has no column of numbers"
            if columns is None
            else f"columns={columns} names no column"
        )
    for new, old in pairs:
        check_numbers(table, old)
        if new in ("", ARCH) or new.startswith("-"):
            raise UsageError(
                f"a column of numbers cannot be named '{new}': columns='{{name: {old}}}' "
                f"gives it another name"
            )
    return dict(pairs)
