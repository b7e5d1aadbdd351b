"""Tables of numbers: columns of inputs, and one of labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray

from nas.data import cells
from nas.data.examples import Raw
from nas.data.folders import reason
from nas.data.loaders import LABELS
from nas.errors import UsageError, unknown

UNNAMED = ("", "unnamed: 0", "index", "__index_level_0__")
"""Names of a column that numbers the rows, as pandas writes it."""


def read(path: Path, inputs: str | Sequence[str] | None, labels: str | None) -> Raw:
    """The columns of inputs, all but that of the labels if none are named, as (rows, columns).

    A single column of Parquet may have a list of numbers in every row. The column of labels is
    the one that is called label, labels, y, target, targets or class, or none; texts there are
    names of classes. UsageError for cells that are empty or no numbers.
    """
    frame = _frame(path)
    if not frame.height:
        raise UsageError(f"{path} holds no rows")
    label = _label(path, frame, labels)
    names, remarks = _inputs(path, frame, inputs, label)
    columns = [_numbers(path, frame[name]) for name in names]
    values = columns[0] if len(columns) == 1 and columns[0].ndim > 1 else np.stack(columns, axis=1)
    own = None if label is None else _labels(path, frame[label])
    return Raw(values, own, remarks, tuple(names), label)


def _frame(path: Path) -> polars.DataFrame:
    try:
        if path.name.lower().endswith(".parquet"):
            return cells.parquet(path)
        return cells.csv(path, header=False)
    except cells.DAMAGED as error:
        why = (
            "it is no text in UTF-8 or UTF-16, so save it in UTF-8"
            if isinstance(error, UnicodeError)
            else ""
        )
        why = why or reason(error).rstrip(".:")
        raise UsageError(f"{path} cannot be read as a table: {why}") from error


def _label(path: Path, frame: polars.DataFrame, wanted: str | None) -> str | None:
    """The column of the labels, or None."""
    if wanted is None:
        return None
    if wanted != "auto":
        if wanted not in frame.columns:
            raise unknown(f"column in {path}", wanted, frame.columns)
        return wanted
    found = [name for name in frame.columns if name.strip().lower() in LABELS]
    if len(found) > 1:
        raise UsageError(
            f"{path} has the columns {', '.join(found)}: say by batch.labels=NAME which has the "
            "labels"
        )
    return found[0] if found else None


def _inputs(
    path: Path, frame: polars.DataFrame, wanted: str | Sequence[str] | None, label: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """The columns of the inputs, and a remark if a column that numbers the rows is left out."""
    if wanted is not None:
        names = [wanted] if isinstance(wanted, str) else [*wanted]
        for name in names:
            if name not in frame.columns:
                raise unknown(f"column in {path}", name, frame.columns)
        if not names or len({*names}) < len(names) or label in names:
            raise UsageError(
                f"batch.inputs={names} must be different columns without that of the labels"
            )
        return names, ()
    names = [name for name in frame.columns if name != label]
    first = frame.columns[0]
    if names and first == names[0] and first.strip().lower() in UNNAMED and len(names) > 1:
        return names[1:], (f"the first column, '{first}', numbers the rows and is left out",)
    if not names:
        raise UsageError(f"{path} has no column but that of the labels, {label}")
    return names, ()


def _numbers(path: Path, column: polars.Series) -> NDArray[Any]:
    """A column of inputs; UsageError where a cell is empty or no number."""
    name = column.name
    if column.dtype == polars.String:
        column = cells.read_numbers(column, path)
    if missing := column.null_count():
        row = (column.is_null().arg_max() or 0) + 1
        raise UsageError(
            f"column '{name}' of {path} has {missing:,} empty cells, the first in row {row:,}: "
            "fill them, or leave the rows or the column out"
        )
    if isinstance(column.dtype, polars.List | polars.Array):
        return _nested(path, column)
    if column.dtype == polars.Boolean:
        column = column.cast(polars.Int64)
    if not column.dtype.is_numeric():
        raise UsageError(
            f"column '{name}' of {path} holds {str(column.dtype).lower()} such as "
            f"{str(column[0])[:30]!r} and no numbers: name others, batch.inputs=[a,b]"
        )
    if column.dtype.is_decimal():
        column = column.cast(polars.Float64)
    found: NDArray[Any] = column.to_numpy()
    return found


def _nested(path: Path, column: polars.Series) -> NDArray[Any]:
    """A column of lists of numbers, of equal lengths."""
    try:
        array = np.array(column.to_list())
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "biuf" or array.ndim < 2:
        raise UsageError(
            f"column '{column.name}' of {path} has lists of different lengths, or not of numbers"
        )
    return array


def _labels(path: Path, column: polars.Series) -> NDArray[Any]:
    """The column of the labels: numbers, or texts."""
    name = column.name
    if column.dtype == polars.String:
        try:
            numbers = cells.read_numbers(column, path)
        except UsageError:  # texts, of which some look like numbers
            numbers = column
        texts = column.str.strip_chars()
        column = texts if numbers.dtype == polars.String else numbers
    if missing := column.null_count():
        raise UsageError(f"column '{name}' of {path} has {missing:,} rows without a label")
    if column.dtype in (polars.Categorical, polars.Enum):
        column = column.cast(polars.String)
    if column.dtype == polars.String:
        return np.array(column.to_list(), dtype=str)
    if column.dtype.is_decimal():
        column = column.cast(polars.Float64)
    found: NDArray[Any] = column.to_numpy()
    return found
