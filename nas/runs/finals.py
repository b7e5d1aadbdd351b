"""The finals in a search's summary: as plain values, and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from nas.scoring.attempt import described
from nas.searching.finals import Standing, Standings
from nas.space import Space

SHOWN = 10
"""How many finalists the text shows."""


def finals_of(standings: Standings, space: Space) -> dict[str, Any]:
    """The standings as plain values; a missing score is None."""
    judges = [*standings.finalists[0].ranks] if standings.finalists else []
    return {
        "size": len(standings.finalists),
        "proxies": judges,
        "left_out": dict(standings.left_out),
        "finalists": [_described(standing, space) for standing in standings.finalists],
    }


def _described(standing: Standing, space: Space) -> dict[str, Any]:
    scores = {name: None if isnan(score) else score for name, score in standing.scores.items()}
    return {
        "arch": described(space, standing.arch),
        "tuple": list(standing.arch),
        "rank_sum": standing.value,
        "ranks": dict(standing.ranks),
        "scores": scores,
    }


def finals_lines(finals: Mapping[str, Any] | None, favourite: Mapping[str, Any]) -> list[str]:
    """The ten first finalists with their ranks by every judge, and the search's favourite."""
    if finals is None:
        return []
    left_out = [
        f"{name} is no judge: {why or 'it scored no finalist'}"
        for name, why in finals["left_out"].items()
    ]
    judges, panel = len(finals["proxies"]), len(finals["proxies"]) + len(left_out)
    if judges <= len(left_out):
        return [f"no finals, for only {judges} of {panel} judges can judge", *left_out, ""]
    rows = finals["finalists"]
    place = next(n for n, row in enumerate(rows, 1) if row["tuple"] == favourite["tuple"])
    return [
        f"the finals: {finals['size']} best of the search, by their ranks among each other",
        *_table(rows, finals["proxies"]),
        f"the search's favourite has place {place}: {favourite['arch']}",
        *left_out,
        "",
    ]


def _table(rows: Sequence[Mapping[str, Any]], judges: Sequence[str]) -> list[str]:
    widths = [max(len(name) + 2, 8) for name in judges]
    head = f"{'place':>7}{'rank sum':>11}"
    head += "".join(f"{name:>{width}}" for name, width in zip(judges, widths, strict=True))
    lines = [f"{head}  architecture"]
    for place, row in enumerate(rows[:SHOWN], 1):
        cells = "".join(
            f"{row['ranks'][name]:>{width}g}" for name, width in zip(judges, widths, strict=True)
        )
        lines.append(f"{place:>7}{row['rank_sum']:>11.4f}{cells}  {row['arch']}")
    return lines
