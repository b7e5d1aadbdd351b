"""What a notebook shows: a title, some lines and a table, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = (
    ".nas-shown{color:inherit;line-height:1.45;overflow-x:auto}"
    ".nas-shown p{margin:.3em 0;overflow-wrap:anywhere}"
    ".nas-shown table{border-collapse:collapse;margin:.5em 0;font-size:.92em;color:inherit}"
    ".nas-shown caption{text-align:left;padding:.2em 0;color:inherit;white-space:nowrap}"
    ".nas-shown th,.nas-shown td{padding:.2em .7em;text-align:right;background:transparent;"
    "color:inherit;font-variant-numeric:tabular-nums}"
    ".nas-shown th{border-bottom:1px solid currentColor;white-space:nowrap}"
    ".nas-shown .text{text-align:left}"
    ".nas-shown td.text{overflow-wrap:anywhere;min-width:6em}"
    ".nas-shown tbody tr:nth-child(even){background:rgba(127,127,127,.13)}"
    ".nas-shown svg{max-width:100%;height:auto}"
)
"""Colours are those of the page, so that the text has the contrast of the notebook's own."""


def shown(*parts: str) -> str:
    """Parts of HTML as one result."""
    return f'<div class="nas-shown"><style>{STYLE}</style>{"".join(parts)}</div>'


def heading(title: str, lines: Iterable[str] = ()) -> str:
    """A title in bold and lines below it."""
    return f"<p>{'<br>'.join([f'<b>{escape(title)}</b>', *map(escape, lines)])}</p>"


def table(rows: Sequence[Mapping[str, str]], texts: Iterable[str] = (), caption: str = "") -> str:
    """Rows of cells by column; the columns of `texts` begin at the left. Empty without rows.

    Columns without a cell are left out.
    """
    if not rows:
        return ""
    left = {*texts}
    there = [name for name in rows[0] if any(row[name] for row in rows)]
    kinds = {name: ' class="text"' if name in left else "" for name in there}
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in kinds.items())
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{escape(row[n])}</td>' for n, kind in kinds.items())}</tr>"
        for row in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
