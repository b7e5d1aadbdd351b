"""The cells of tables as people write them: signs for missing figures, numbers, separators."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import polars

from nas.errors import UsageError
from nas.storage.reading import check_regular, check_size, content, decoded

MISSING = ("", "n/a", "na", "n.a.", "#n/a", "nan", "null", "none", "nil", "-", "--", "?", "–", "—")
"""What stands for a figure that is not there, in small or large letters."""
SEPARATORS = ",;\t"
COMMENTS = 100
"""Lines at the start of a table that may be comments."""
DAMAGED = (
    polars.exceptions.PolarsError,
    polars.exceptions.PanicException,
    UnicodeError,
    EOFError,
    zlib.error,
)
"""The errors that reading a file of another kind raises."""
LIKE_A_NUMBER = r"^[-+−]?[0-9.,][0-9.,'_ ]*%?$"
"""What a column of figures has in every row, if none of them can be read."""
NUMBERS = 4
"""A column is one of numbers if one in so many of its texts is."""
CELL = 8
"""Bytes that a cell is counted as: more of them than the file's limit are not read."""


def parquet(path: Path) -> polars.DataFrame:
    """A Parquet file; polars' errors where it is none."""
    check_regular(path)
    lazy = polars.scan_parquet(path)
    rows = lazy.select(polars.len()).collect().item()
    _check_cells(path, rows * len(lazy.collect_schema()))
    return polars.read_parquet(path)


def csv(path: Path, header: bool = True) -> polars.DataFrame:
    """A CSV file, gzipped or not: all cells as texts, without empty lines.

    Commas, semicolons or tabs separate the cells, as the first line tells; with semicolons figures
    may have decimal commas. Without a `header`, a first line of numbers alone is no header, and
    columns are column_1, column_2, …. UnicodeError where it is no text, and polars' errors where
    it is no table.
    """
    check_regular(path)
    with path.open("rb") as file:
        packing = "gz" if file.read(2) == b"\x1f\x8b" else ""
    text = decoded(content(path, packing))
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")
    if text[:4].lower() == "sep=" and text[5:6] == "\n":  # written for Excel
        text = text[6:].lstrip("\n")
    text = _without_comments(text)
    head = text.partition("\n")[0]
    separator = _separator(head)
    _check_cells(path, text.count("\n") + text.count(separator))
    if re.search(rf'{separator} +"', head):  # polars takes a quote after a blank for a letter
        text = re.sub(rf'(^|{separator}) +(?=")', r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"\n[ \n]*\n", "\n", text)
    headed = header or not all(map(_is_figure, head.split(separator)))
    try:
        frame = polars.read_csv(
            text.encode("utf-8"), separator=separator, infer_schema=False, has_header=headed
        )
    except polars.exceptions.ComputeError as error:
        raise _uneven(path, text, separator) or error from None
    if not headed:
        frame.columns = [f"column_{number}" for number in range(1, frame.width + 1)]
    if separator == ";":
        frame = frame.select(_with_points(column) for column in frame)
    return frame.rename({name: name.strip() for name in frame.columns})


def _without_comments(text: str) -> str:
    """The text without first lines that begin with #; the last of them may name the columns."""
    lines = text.split("\n", COMMENTS)
    first = next((i for i, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
    if first and first < len(lines):
        separator = _separator(lines[first])
        named = 1 <= lines[first].count(separator) == lines[first - 1].count(separator)
        first -= named
    return "\n".join(lines[first:])


def _separator(line: str) -> str:
    return max(SEPARATORS, key=re.sub('"[^"]*"', "", line).count)


def _uneven(path: Path, text: str, separator: str) -> UsageError | None:
    """The sentence about the first line with more cells than the header, if there is one."""
    head, *lines = (re.sub('"[^"]*"', "", line) for line in text.split("\n"))
    cells = head.count(separator) + 1
    for number, line in enumerate(lines, 2):
        if (found := line.count(separator) + 1) > cells:
            return UsageError(
                f"{path} has {found} cells in its line {number} ({line[:40]!r}), and {cells} in "
                f"its first: give all lines as many"
            )
    return None


def _is_figure(cell: str) -> bool:
    """Whether a cell of the first line is a number, and so no name of a column."""
    try:
        float(cell.strip().strip('"').replace(",", "."))
    except ValueError:
        return False
    return True


def _with_points(texts: polars.Series) -> polars.Series:
    """A column with decimal points, where it has decimal commas and nothing else."""
    cells = texts.str.strip_chars()
    known = cells.filter(cells.str.to_lowercase().is_in(MISSING).not_())
    if not known.str.contains(r"^[-+]?[0-9]*(,[0-9]+)?([eE][-+]?[0-9]+)?$").all():
        return texts
    return cells.str.replace(",", ".", literal=True)


def _check_cells(path: Path, cells: int) -> None:
    check_size(path, CELL * cells, f"bytes, counting {CELL} a cell")


def read_numbers(texts: polars.Series, path: Path) -> polars.Series:
    """A column of texts as numbers, null where one is missing, or the same texts if it is none.

    UsageError where it is one of numbers except for some cells.
    """
    cells = texts.str.strip_chars()
    known = cells.is_not_null() & cells.str.to_lowercase().is_in(MISSING).not_()
    cells = cells.set(known.not_(), None)
    figures = cells.cast(polars.Float64, strict=False)
    bad = known & figures.is_null()
    count, good = int(bad.sum()), int(figures.is_not_null().sum())
    if not count:
        whole = cells.cast(polars.Int64, strict=False)
        if not good:
            return texts
        return whole if whole.is_not_null().sum() == good else figures
    like = bool(cells.filter(bad).str.contains(LIKE_A_NUMBER).all())
    if NUMBERS * good < count + good and not like:
        return texts
    row = bad.arg_max() or 0
    more = f" (and {count - 1:,} more such cells)" if count > 1 else ""
    raise UsageError(
        f"column '{texts.name}' of {path} has {cells[row]!r} in row {row + 1:,}{more}, which is "
        f"no number: put one there, with a decimal point, or leave the cell empty"
    )
