"""Comparisons in several spaces as one leaderboard: plain data, CSV and text."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
from scipy.stats import rankdata

from nas.compare.correlations import BEST
from nas.compare.text import interval, table

Result = Mapping[str, Any]
Board = Mapping[str, Any]
Row = dict[str, Any]

NO_TABLE = "there is no table of true figures"
NOTHING = {"value": None, "low": None, "high": None}
RANKING = (
    "mean rank over the spaces with true figures: by rho over all in each, 1 is best; equal "
    "proxies share the mean of their ranks, those without a figure that of the last ranks"
)


def leaderboard(results: Mapping[str, Result]) -> dict[str, Any]:
    """The results of `compare` by space as one board of plain data; what is undefined is None.

    `rows` has one row for each proxy and space, `proxies` the mean ranks with the best first,
    `spaces` what was compared. Ranks in a space are by Spearman's rho over all architectures,
    those without a score last; equal proxies share the mean of their ranks (Demšar, "Statistical
    comparisons of classifiers over multiple data sets", 2006). A proxy without a figure is last,
    and its row has the `reason`. A space without true figures has no ranks and does not count in
    the means.
    """
    names = [row["proxy"] for result in results.values() for row in result["rows"]]
    names += [name for result in results.values() for name in result.get("left_out", {})]
    proxies = list(dict.fromkeys(names))
    rows = {space: _rows(space, result, proxies) for space, result in results.items()}
    ranks = [[row["rank"] for row in each] for each in rows.values() if each[0]["rank"]]
    means = np.mean(ranks, axis=0).tolist() if ranks else [None] * len(proxies)
    ordered = sorted(range(len(proxies)), key=lambda place: means[place] or 0)
    return {
        "spaces": [_space(space, result) for space, result in results.items()],
        "ranking": RANKING,
        "proxies": [{"proxy": proxies[place], "mean_rank": means[place]} for place in ordered],
        "rows": [each[place] for each in rows.values() for place in ordered],
    }


def _space(space: str, result: Result) -> Row:
    names = ("table", "target", "n", "batch", "seed", "interval")
    best = max((row["ndcg"]["of"] for row in result["rows"] if "ndcg" in row), default=BEST)
    return {"space": space, **{name: result.get(name) for name in names}, "ndcg_of": best}


def _rows(space: str, result: Result, proxies: Sequence[str]) -> list[Row]:
    """One row a proxy, with its rank in this space."""
    found = {row["proxy"]: row for row in result["rows"]}
    left = result.get("left_out", {})
    rows = [
        {"proxy": name, "space": space, **_figures(found.get(name), left.get(name, ""))}
        for name in proxies
    ]
    known = [row["rho_all"]["value"] for row in rows]
    ranks: Sequence[float | None] = [None] * len(rows)
    if any(rho is not None for rho in known):
        ranks = rankdata([np.inf if rho is None else -rho for rho in known]).tolist()
    for row, rank in zip(rows, ranks, strict=True):
        row["rank"] = rank
    return rows


def _figures(row: Result | None, why: str) -> Row:
    """The figures of a proxy in a space; None where there are none, with the reason."""
    row = row or {}
    spearman, favourite = row.get("spearman"), row.get("favourite")
    rho = dict(NOTHING) if spearman is None else spearman["last"]
    if rho["value"] is None:
        why = why or _reason(row)
    return {
        "rho_all": rho,
        "rho_scored": dict(NOTHING) if spearman is None else spearman["dropped"],
        "coverage": row.get("coverage"),
        "favourite_rank": None if favourite is None else favourite["rank"],
        "ndcg": dict(NOTHING) if "ndcg" not in row else row["ndcg"]["last"],
        "seconds_per_arch": row.get("seconds_per_arch"),
        **({"fitted_to": row["fitted"]["to"]} if "fitted" in row else {}),
        **({"reason": why} if rho["value"] is None else {}),
    }


def _reason(row: Result) -> str:
    """Why a proxy has no rho over all."""
    if not row:
        return "it was not compared"
    if not row["scored"]:
        return next(iter(row["reasons"]), "it has no score")
    return str(row.get("undefined", NO_TABLE))


COLUMNS = (
    *("proxy", "space", "target", "n", "mean_rank", "rank"),
    *("rho_all", "rho_all_low", "rho_all_high", "rho_scored", "rho_scored_low"),
    *("rho_scored_high", "coverage", "favourite_rank", "ndcg", "ndcg_low", "ndcg_high"),
    *("seconds_per_arch", "fitted_to", "reason"),
)


def as_csv(board: Board) -> str:
    """One row for each proxy and space; a cell is empty where there is no figure."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    means = {each["proxy"]: each["mean_rank"] for each in board["proxies"]}
    spaces = {each["space"]: each for each in board["spaces"]}
    for row in board["rows"]:
        about = spaces[row["space"]]
        flat = {"target": about["target"], "n": about["n"], "mean_rank": means[row["proxy"]]}
        for name, value in row.items():
            if isinstance(value, Mapping):
                flat |= {name: value["value"]}
                flat |= {f"{name}_{end}": value[end] for end in ("low", "high")}
            else:
                flat[name] = value
        writer.writerow(flat)
    return text.getvalue()


def cells(board: Board) -> dict[tuple[str, str], Row]:
    """The rows by proxy and space."""
    return {(row["proxy"], row["space"]): row for row in board["rows"]}


def rendered(board: Board) -> str:
    """The leaderboard as text: the ranks, then each space with all its figures."""
    spaces = [each["space"] for each in board["spaces"]]
    every = cells(board)
    lines = [
        [
            each["proxy"],
            _number(each["mean_rank"], ".2f"),
            *(_number(every[each["proxy"], name]["rho_all"]["value"], ".3f") for name in spaces),
        ]
        for each in board["proxies"]
    ]
    first = (
        f"Spearman's ρ over all architectures, no score ranked last\n[{RANKING}]\n"
        f"{table(['proxy', 'mean rank', *spaces], lines)}"
    )
    rest = [_in_space(board, about) for about in board["spaces"]]
    return "\n\n".join([first, *rest, *([notes] if (notes := _notes(board)) else [])])


def _in_space(board: Board, about: Row) -> str:
    every = cells(board)
    lines = []
    for each in board["proxies"]:
        row = every[each["proxy"], about["space"]]
        place = row["favourite_rank"]
        lines.append(
            [
                row["proxy"],
                _number(row["rank"], "g"),
                _interval(row["rho_all"]),
                _interval(row["rho_scored"]),
                _number(row["coverage"], ".1%"),
                "–" if place is None else f"{place:,}",
                _interval(row["ndcg"]),
                _number(row["seconds_per_arch"], ".2g"),
            ]
        )
    gained = f"nDCG@{about['ndcg_of']}"
    heads = ["proxy", "rank", "ρ all", "ρ scored", "coverage", "favourite's rank", gained]
    against = f"{about['target']} of {about['table']}" if about["target"] else NO_TABLE
    count = "–" if about["n"] is None else f"{about['n']:,}"
    return (
        f"{about['space']} · {count} architectures · {against}\n"
        f"{table([*heads, 's per architecture'], lines)}"
    )


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def _interval(figure: Mapping[str, float | None]) -> str:
    return "–" if figure["value"] is None else interval(figure)


def _notes(board: Board) -> str:
    """What is no test, and why there are no figures; one reason of a whole space is said once."""
    lines: dict[str, None] = {}
    for row in board["rows"]:
        if "fitted_to" in row:
            many = f"{row['fitted_to']:,} of the architectures compared in {row['space']}"
            lines[f"{row['proxy']}: fitted to {many}, so it is not tested there"] = None
        if "reason" in row:
            who = f"no figure in {row['space']}"
            alone = row["reason"] == NO_TABLE
            lines[f"{who}: {NO_TABLE}" if alone else f"{row['proxy']}: {who}, {row['reason']}"] = (
                None
            )
    return "\n".join(lines)
