"""A study as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from nas.compare.page import STYLE
from nas.storage.files import replace_file
from nas.study.text import ends, number, p

TABLES = """
table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; display: block;
        overflow-x: auto } td, th { padding: .25rem .7rem; text-align: right;
        border-bottom: 1px solid #ddd } td:first-child, th:first-child { text-align: left }
"""


def write_page(path: Path, study: Mapping[str, Any], picture: Path | None) -> None:
    """Write the page with its picture (SVG) inside; it loads nothing from elsewhere."""
    title = f"{study['report']} of {study['searches_in_all']} searches"
    svg = "" if picture is None else picture.read_text(encoding="utf-8")
    figure = "" if picture is None else f"<figure>{svg[svg.index('<svg') :]}</figure>"
    notes = "".join(f"<p>{escape(note)}</p>" for note in study["notes"])
    pairs = f"<h2>Every pair</h2>{_pairs(study)}" if study["pairs"] else ""
    replace_file(
        path,
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f'</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}{TABLES}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"{_rows(study)}{notes}\n{figure}\n{pairs}\n"
        f"<p>{escape(study['interval'])}. {escape(study['test'])}.</p></body></html>\n",
    )


def _rows(study: Mapping[str, Any]) -> str:
    heads = ["variant", "searches", "mean", "95 %", "median", "sd", "regret", "95 %", "trials"]
    lines = [
        [
            row["variant"],
            str(row["searches"]),
            number(row["mean"]),
            ends(row),
            number(row["median"]),
            number(row["sd"]),
            *(["–", "–"] if row["regret"] is None else _regret(row["regret"])),
            number(row["trials"]),
        ]
        for row in study["rows"]
    ]
    return _table(heads, lines)


def _regret(figure: Mapping[str, Any]) -> list[str]:
    return [number(figure["mean"]), ends(figure)]


def _pairs(study: Mapping[str, Any]) -> str:
    heads = ["one", "other", "seeds", "difference", "95 %", "better", "worse", "p", "p (Holm)"]
    lines = [
        [
            pair["one"],
            pair["other"],
            str(pair["seeds"]),
            number(pair["difference"]["mean"], "+"),
            ends(pair["difference"], "+"),
            str(pair["better"]),
            str(pair["worse"]),
            p(pair["p"]),
            p(pair["p_holm"]),
        ]
        for pair in study["pairs"]
    ]
    return _table(heads, lines)


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    first = "".join(f"<th>{escape(head)}</th>" for head in heads)
    rest = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>\n" for line in lines
    )
    return f"<table><tr>{first}</tr>\n{rest}</table>"
