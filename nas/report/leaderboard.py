"""The page of comparisons in several spaces: one leaderboard, and a table for each space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.compare.leaderboard import NO_TABLE, cells
from nas.compare.text import glued
from nas.compare.verdict import board_verdict, brief, share
from nas.report.charts import Axis, Chart, Layer
from nas.report.compare_tables import figure, short
from nas.report.page import (
    Html,
    Page,
    Section,
    bold,
    command,
    facts,
    html,
    link,
    listing,
    mono,
    paragraph,
)
from nas.report.tables import Cell, Column, Told, table
from nas.report.writing import PAGE

Board = Mapping[str, Any]
Row = Mapping[str, Any]
FILES = {
    "leaderboard.json": "all figures of this page",
    "leaderboard.csv": "one row for each proxy and space",
    "leaderboard.png": "the heat map as a picture",
}


def board_page(board: Board, pages: Sequence[str] = (), files: Sequence[str] = ()) -> Page:
    """The page of a leaderboard; the spaces in `pages` have a page of their own beside it."""
    first, dot, rest = glued(board.get("verdict") or board_verdict(board)).partition(". ")
    lead = [
        Html(f'<p class="lead" id="verdict">{bold(first + dot.strip())} {html(rest)}</p>'),
        paragraph(str(board["ranking"]).capitalize() + ".", "quiet"),
    ]
    sections = [Section("Settings", [*_command(board), _spaces(board, pages)])]
    sections.append(Section("Leaderboard", [_ranks(board), _heat_map(board).html]))
    sections += [
        Section(about["space"], _in_space(board, about, pages)) for about in board["spaces"]
    ]
    if lines := _reasons(board):
        sections.append(Section("Without a figure", [listing(lines)]))
    told: dict[str, str] = {link(name, name): FILES[name] for name in files if name in FILES}
    sections += [Section("Files", [facts(told)])] if told else []
    return Page(f"How well proxies rank {len(board['spaces'])} spaces", lead, sections)


def _command(board: Board) -> list[str]:
    return [command(board["command"])] if board.get("command") else []


def _spaces(board: Board, pages: Sequence[str]) -> Html:
    """What was compared in each space."""
    columns = [
        Column("space"),
        Column("architectures", True, ",d"),
        Column("true figures"),
        Column("batch"),
        Column("seed", True, "d"),
    ]
    rows: list[list[Cell | Told]] = [
        [
            link(about["space"], f"{about['space']}/{PAGE}")
            if about["space"] in pages
            else about["space"],
            about["n"],
            f"{about['target']} of {about['table']}" if about["target"] else NO_TABLE,
            about["batch"],
            about["seed"],
        ]
        for about in board["spaces"]
    ]
    return table(columns, rows, "What was compared")


def _ranks(board: Board) -> Html:
    """Mean ranks, and rho over all in each space."""
    every = cells(board)
    spaces = [about["space"] for about in board["spaces"]]
    columns = [
        Column("proxy"),
        Column("mean rank", True, ".2f", lowest_first=True),
        *(Column(space, True, about="ρ over all") for space in spaces),
    ]
    rows: list[list[Cell | Told]] = [
        [
            each["proxy"],
            each["mean_rank"],
            *(short(every[each["proxy"], space]["rho_all"]) for space in spaces),
        ]
        for each in board["proxies"]
    ]
    best = [
        place
        for place, each in enumerate(board["proxies"])
        if each["mean_rank"] is not None and each["mean_rank"] == board["proxies"][0]["mean_rank"]
    ]
    caption = "Mean rank, and Spearman's ρ over all with its 95 % interval. A heading sorts."
    shown = table(columns, rows, caption, sorted_by=("mean rank", "ascending"), marked=best)
    return Html(f'<div class="compact">{shown}</div>')


def _heat_map(board: Board) -> Chart:
    """Rho over all: one row a proxy, one column a space."""
    every = cells(board)
    proxies = [each["proxy"] for each in board["proxies"]]
    spaces = [about["space"] for about in board["spaces"]]
    known = [
        (proxy, space, every[proxy, space]["rho_all"]["value"])
        for proxy in proxies
        for space in spaces
        if every[proxy, space]["rho_all"]["value"] is not None
    ]
    data: dict[str, list[Any]] = {
        "space": [space for _, space, _ in known],
        "proxy": [proxy for proxy, *_ in known],
        "ρ": [rho for *_, rho in known],
        "_shade": [0.4 * max(0.0, rho) for *_, rho in known],
        "_text": [brief(rho) for *_, rho in known],
    }
    text = "ρ over all, no score ranked last; the stronger the shade, the better."
    return Chart(
        "ρ by space",
        text,
        Axis("", "names", names=spaces, bands=True, grid=False, rotate=-30),
        Axis("", "names", names=proxies, bands=True, grid=False),
        [
            Layer("cells", data, "space", "proxy", shade="_shade"),
            Layer("words", data, "space", "proxy", text="_text", tip=False, halo=False),
        ],
        height=110 + 24 * len(proxies),
    )


def _in_space(board: Board, about: Row, pages: Sequence[str]) -> list[str]:
    every = cells(board)
    columns = [
        Column("proxy"),
        Column("rank", True, "g", lowest_first=True),
        Column("ρ all", True),
        Column("ρ scored", True),
        Column("scored", True),
        Column("favourite's rank", True, ",d", lowest_first=True),
        Column(f"nDCG@{about['ndcg_of']}", True),
        Column("s", True, ".2g", lowest_first=True, about="seconds that one score takes"),
    ]
    rows: list[list[Cell | Told]] = []
    found = [every[each["proxy"], about["space"]] for each in board["proxies"]]
    for row in sorted(found, key=lambda row: row["rank"] or 0):
        covered = row["coverage"]
        rows.append(
            [
                row["proxy"],
                row["rank"],
                figure(row["rho_all"]),
                figure(row["rho_scored"]),
                None if covered is None else Told(share(covered), covered),
                row["favourite_rank"],
                figure(row["ndcg"]),
                row["seconds_per_arch"],
            ]
        )
    name = about["space"]
    more = [Html(f"<p>{link('All figures and charts of this space', f'{name}/{PAGE}')}</p>")]
    shown = table(columns, rows, f"Proxies in {name}", sorted_by=("rank", "ascending"))
    return [shown, *(more if name in pages else [])]


def _reasons(board: Board) -> list[str]:
    """Why there are no figures; what holds for a whole space is said once."""
    lines: dict[str, None] = {}
    for row in board["rows"]:
        if "reason" in row:
            where = f"no figure in {row['space']}"
            alone = row["reason"] == NO_TABLE
            who = "" if alone else f"{mono(row['proxy'])}: "
            lines[
                Html(f"{who}{html(f'{where}: ' if alone else f'{where}, ')}{html(row['reason'])}")
            ] = None
    return list(lines)
