"""A comparison in a notebook: one table, a row for each proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.compare.text import interval
from nas.notebook import heading, shown, table

WIDEST = 12
"""For more proxies than this their agreement is not shown."""


def html(result: Mapping[str, Any]) -> str:
    """The figures of `summarised`: correlations with the truth if there is one, and costs."""
    truth = result.get("truth")
    against = truth["target"].removeprefix("-") if truth else "no true figures"
    rows = [_row(row) for row in result["rows"]]
    return shown(
        heading(f"{result['n']:,} architectures · {against}", _said(result)),
        table(rows, ["proxy", "no score"]),
        _agreement(result["agreement"]),
    )


def _said(result: Mapping[str, Any]) -> list[str]:
    """What the intervals are."""
    return [f"[{result['interval']}]"] if "interval" in result else []


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    cells = {"proxy": row["proxy"], "coverage": f"{row['coverage']:.1%}"}
    if "spearman" in row:
        more = row["difference"]
        cells |= {
            "ρ scored": interval(row["spearman"]["dropped"]),
            "ρ all": interval(row["spearman"]["last"]),
            "τ all": interval(row["kendall"]["last"]),
            f"Δρ to {more['to']}": interval(more["spearman"]["last"], sign=True),
        }
    cells["ms each"] = f"{1000 * row['seconds_per_arch']:.3g}"
    return cells | {"no score": "; ".join(row["reasons"])}


def _agreement(found: Mapping[str, Any]) -> str:
    names = found["proxies"]
    if not 1 < len(names) <= WIDEST:
        return ""
    rows = [
        {"": name, **dict(zip(names, map(_number, line), strict=True))}
        for name, line in zip(names, found["spearman"], strict=True)
    ]
    return table(rows, [""], "how far the proxies agree: Spearman's ρ of their scores")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
