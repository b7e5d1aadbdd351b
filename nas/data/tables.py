"""Tables of true figures: CSV or Parquet files, one row an architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars

from nas.data import cells
from nas.data.origins import check_origin
from nas.data.table_files import SUFFIXES as SUFFIXES
from nas.data.table_files import data_folder as data_folder
from nas.data.table_files import tables_in as tables_in
from nas.errors import UsageError, unknown

if TYPE_CHECKING:
    from nas.space import Arch, Space

LARGEST = 1e150
"""A figure of this size or more counts as missing, because its square overflows."""
COUNTED = 1000
"""Rows that are wrong in one way and counted before a table is refused for them."""
ARCH = "arch"
"""The column with architectures in the space's published notation."""


@dataclass(frozen=True)
class Table:
    """A file of true figures."""

    name: str
    path: Path
    frame: polars.DataFrame
    spoiled: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with columns that would be numbers but for some cells, by their names."""

    @property
    def figures(self) -> list[str]:
        """The columns of numbers."""
        return [name for name, kind in self.frame.schema.items() if kind.is_numeric()]


@dataclass(frozen=True)
class Truth:
    """The figures of a table's target for a space's architectures; higher is better."""

    archs: list[Arch]
    values: list[float]
    target: str
    notes: list[str]
    """Notes that count the rows that were left out."""


def find(name: str, folder: Path) -> Path | None:
    """The file of a table: a path, or a name in the folder; None if there is no such file."""
    path = Path(name).expanduser()
    if path.is_file():
        if not path.name.endswith(SUFFIXES):
            raise UsageError(f"table={name} is no table: it must end in {', '.join(SUFFIXES)}")
        return path
    if path.is_dir():
        raise UsageError(f"table={name} is a folder: a table is a file, {' or '.join(SUFFIXES)}")
    return tables_in(folder).get(name)


def read(path: Path) -> Table:
    """The table in a file; raises UsageError if it is not a table. No code in it can run."""
    name = next(path.name.removesuffix(end) for end in SUFFIXES if path.name.endswith(end))
    try:
        frame = cells.parquet(path) if path.suffix == ".parquet" else cells.csv(path)
    except (OSError, *cells.DAMAGED) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
        if isinstance(error, UnicodeError):
            first = "it is no text in UTF-8 or UTF-16"
        raise UsageError(f"{path} cannot be read as a table: {first}") from error
    columns, spoiled = {}, {}
    for column in frame:
        columns[column.name] = column
        if column.dtype == polars.String:
            try:
                columns[column.name] = cells.read_numbers(column, path)
            except UsageError as error:
                spoiled[column.name] = str(error)
    return Table(name, path, polars.DataFrame(columns), spoiled)


def truth(table: Table, space: Space, target: str, duplicates: str, foreign: str) -> Truth:
    """A column of the table for the space's architectures; `-column` if lower is better.

    Rows without a figure are left out; for duplicate and foreign rows see `recognised`.
    """
    texts = architectures(table, columns_of(table, space))
    values = numbers(table, target)
    each, notes = recognised(texts, table.path, space, duplicates, foreign)
    notes += left_out(table, target, each)
    means = {arch: mean for arch, mean in averaged(each, values).items() if mean is not None}
    return Truth(list(means), list(means.values()), target, notes)


def left_out(table: Table, target: str, archs: Sequence[Arch | None]) -> list[str]:
    """Notes that count the rows of the space that have no figure, or one that is too large."""
    name = target.removeprefix("-")
    rows = zip(_cells(table, name), archs, strict=True)
    cells = [cell for cell, arch in rows if arch is not None]
    empty = sum(cell is None or cell != cell for cell in cells)
    large = sum(cell is not None and abs(cell) >= LARGEST for cell in cells)
    counts = {
        f"without {name}": empty,
        f"left out for {name} of {LARGEST:g} or more, or infinite": large,
    }
    return [f"{_rows(count)} {what}" for what, count in counts.items() if count]


def averaged(
    archs: Sequence[Arch | None], values: Sequence[float | None]
) -> dict[Arch, float | None]:
    """The mean figure of every architecture; None if none of its rows has a figure."""
    found: dict[Arch, list[float]] = {}
    for arch, value in zip(archs, values, strict=True):
        if arch is not None:
            found.setdefault(arch, []).extend([] if value is None else [value])
    return {arch: sum(each) / len(each) if each else None for arch, each in found.items()}


def recognised(
    texts: Iterable[str], path: Path, space: Space, duplicates: str, foreign: str
) -> tuple[list[Arch | None], list[str]]:
    """The architecture of every row, None if it is not in the space, and notes on the rows.

    An architecture that occurs twice raises UsageError with `duplicates=error` and is allowed with
    `mean`. One that is not in the space raises UsageError with `foreign=error` and is None with
    `drop`. A table that `nas table` wrote of other networks raises UsageError, too.
    """
    check_origin(path, space)
    archs: list[Arch | None] = []
    seen: set[Arch] = set()
    strangers: list[str] = []
    repeated: list[str] = []
    known: dict[str, Arch | None] = {}
    for text in texts:
        if text not in known:
            known[text] = _read(space, text)
        arch = known[text]
        archs.append(arch)
        if arch is None:
            strangers.append(text)
        elif arch in seen:
            repeated.append(text)
        else:
            seen.add(arch)
        if (foreign == "error" and len(strangers) >= COUNTED) or (
            duplicates == "error" and len(repeated) >= COUNTED
        ):
            break  # as many more may come as the file is long
    if strangers and foreign == "error":
        raise UsageError(
            f"in {path} {_wrong(len(strangers))} not in this space, the first is "
            f"{strangers[0]!r}: foreign=drop leaves them out"
        )
    if repeated and duplicates == "error":
        raise UsageError(
            f"in {path} {_wrong(len(repeated))} of an architecture that was there before, "
            f"the first is {repeated[0]!r}: duplicates=mean takes the mean"
        )
    counts = {
        "not in the space": len(strangers),
        "of an architecture that was there before, of which the mean is taken": len(repeated),
    }
    return archs, [f"{_rows(count)} {what}" for what, count in counts.items() if count]


def _read(space: Space, text: str) -> Arch | None:
    try:
        return space.read(text)
    except UsageError:
        return None


def _rows(count: int) -> str:
    return f"{count:,} {'row is' if count == 1 else 'rows are'}"


def _wrong(count: int) -> str:
    """The rows for which a table is refused: as many as were counted."""
    return f"{count:,} rows or more are" if count >= COUNTED else _rows(count)


def first_figure(table: Table, space: Space) -> str:
    """The first column of numbers that is not part of the architecture and not a row number."""
    rows = ""
    for name in table.frame.columns:
        numbers = table.frame[name]
        if name in (ARCH, *space.columns):
            continue
        if name in table.spoiled:
            raise UsageError(f"{table.spoiled[name]}; target=COLUMN takes another column")
        if name not in table.figures:
            continue
        counts = numbers.dtype.is_integer() and (numbers.diff().drop_nulls() > 0).all()
        if not counts:
            return name
        rows = rows or name
    but = f" but {rows}, which may number its rows: target={rows} takes it" if rows else ""
    raise UsageError(f"{table.path} has no column of numbers{but}")


def passed_over(table: Table, space: Space, target: str) -> list[str]:
    """The columns without numbers between the architectures and the target."""
    names = table.frame.columns
    begin = max(names.index(name) for name in columns_of(table, space) if name in names) + 1
    return [name for name in names[begin : names.index(target)] if name not in table.figures]


def columns_of(table: Table, space: Space) -> tuple[str, ...]:
    """The columns with the space's architectures: those of its published table, or `arch`."""
    return space.columns if set(space.columns) <= set(table.frame.columns) else (ARCH,)


def architectures(table: Table, columns: Sequence[str] = (ARCH,)) -> list[str]:
    """The texts of the columns with architectures, joined by spaces; empty if a row has none."""
    for column in columns:
        if column not in table.frame.columns:
            raise UsageError(
                f"{table.path} has no column '{column}' with architectures; its columns: "
                f"{', '.join(table.frame.columns)}: nas convert FILE arch=COLUMN takes another one"
            )
    kind = table.frame[columns[0]].dtype
    if len(columns) == 1 and kind != polars.String:
        raise UsageError(f"column '{columns[0]}' of {table.path} holds {kind}, no text")
    parts = [polars.col(column).cast(polars.String).fill_null("") for column in columns]
    return table.frame.select(polars.concat_str(parts, separator=" ")).to_series().to_list()


def check_numbers(table: Table, name: str) -> None:
    """Raises UsageError if a column is missing, or has cells that are no numbers."""
    if name in table.spoiled:
        raise UsageError(table.spoiled[name])
    if name not in table.figures:
        raise unknown(f"column of numbers in {table.path}", name, table.figures)


def numbers(table: Table, target: str) -> list[float | None]:
    """The column's numbers, higher is better; a missing number is None."""
    name, sign = (target[1:], -1) if target.startswith("-") else (target, 1)
    check_numbers(table, name)
    return [
        None if each is None or not abs(each) < LARGEST else sign * each
        for each in _cells(table, name)
    ]


def _cells(table: Table, name: str) -> list[float | None]:
    """A column of numbers as it is; a missing number is None or NaN."""
    found: list[float | None] = table.frame[name].cast(polars.Float64).to_list()
    return found
