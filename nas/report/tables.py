"""Tables that a reader sorts, by a click on a heading or by the keyboard."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite, isnan

from nas.report.page import Html, html

Cell = str | float | int | None
"""A text (HTML as `Html`), a number, or None for what is missing."""
DIGITS = ",.6g"
"""How numbers are written where nothing else is said."""
MISSING = "–"
MARKED = ' class="marked"'


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    number: bool = False
    """Whether its cells are numbers: to the right, sorted by size, and from the highest first."""
    format: str = DIGITS
    """How a number is written, as in Python; missing ones are a dash."""
    lowest_first: bool = False
    """Whether the first click sorts the lowest to the top: a rank, a cost."""
    wide: bool = False
    """Whether its cells are sentences."""
    about: str = ""
    """What the column has, shown over its heading."""


@dataclass(frozen=True)
class Told:
    """A cell that shows a text and is sorted by a number."""

    text: str
    value: float | None


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell | Told]],
    caption: str,
    *,
    sorted_by: tuple[str, str] | None = None,
    marked: Collection[int] = (),
) -> Html:
    """A table as HTML; the first cell of a row names the row, and stays in sight at all widths.

    `caption` says what the table is. `sorted_by`: the title of the column by which the rows are
    sorted already, and "ascending" or "descending". The rows whose places are in `marked` stand
    out, such as the winner's.
    """
    heads = "".join(_head(column, sorted_by) for column in columns)
    lines = "\n".join(
        f"<tr{MARKED if place in marked else ''}>"
        + "".join(
            _cell(column, cell, "th" if at == 0 else "td")
            for at, (column, cell) in enumerate(zip(columns, row, strict=True))
        )
        + "</tr>"
        for place, row in enumerate(rows)
    )
    return Html(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table class="sortable"><caption><span>{html(caption)}</span></caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )


def written(value: float | None, format: str = DIGITS) -> str:
    """A number as a reader wants it: a minus sign, a dash for what is missing."""
    if value is None or isnan(value):
        return MISSING
    if not isfinite(value):
        return "∞" if value > 0 else "−∞"
    return format_number(value, format)


def format_number(value: float, form: str) -> str:
    """A finite number in a format of Python, with the sign that mathematics uses."""
    if form == DIGITS and (isinstance(value, int) or 1e6 <= abs(value) < 1e12):
        form = ",.0f"  # no powers of ten, which a count does not need
    return f"{value:{form}}".replace("-", "−")


def _head(column: Column, sorted_by: tuple[str, str] | None) -> str:
    first = "descending" if column.number and not column.lowest_first else "ascending"
    now = sorted_by is not None and sorted_by[0] == column.title
    order = f' aria-sort="{sorted_by[1]}"' if now and sorted_by else ""
    kind = ' class="number"' if column.number else ""
    about = f' title="{escape(column.about)}"' if column.about else ""
    return f'<th scope="col" data-first="{first}"{kind}{order}{about}>{html(column.title)}</th>'


def _cell(column: Column, cell: Cell | Told, tag: str) -> str:
    scope = ' scope="row"' if tag == "th" else ""
    kind = ' class="number"' if column.number else ' class="wide"' if column.wide else ""
    text, value = _told(column, cell)
    key = f' data-value="{value}"' if column.number else ""
    shown = html(text)
    if tag == "th" and not isinstance(text, Html):
        shown = Html(re.sub(r"(?<=[=,/])", "<wbr>", shown))  # where a long name may break
    return f"<{tag}{scope}{kind}{key}>{shown}</{tag}>"


def _told(column: Column, cell: Cell | Told) -> tuple[str, str]:
    """The text of a cell, and what it is sorted by where its column has numbers."""
    if isinstance(cell, Told):
        return cell.text, _key(cell.value)
    if cell is None:
        return MISSING, ""
    if isinstance(cell, str):
        return cell, ""
    return written(cell, column.format), _key(cell)


def _key(value: float | None) -> str:
    if value is None or isnan(value):
        return ""
    return repr(value).replace("inf", "Infinity")
