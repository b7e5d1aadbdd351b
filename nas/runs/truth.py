"""What a table says of a search's winner: its true figure, its rank, its regret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

from nas.arch import Arch
from nas.metric import Metric
from nas.proxy import Proxy
from nas.scoring.objective import ProxyObjective

if TYPE_CHECKING:
    from nas.data.lookup import Column, Figures


DIGESTS = "tables_sha256"
"""The key of a record that has what the tables held that the run depends on."""


@dataclass(frozen=True)
class TrueFigure:
    """The figure of an architecture in a table, and its place among all figures there."""

    table: str
    target: str
    """The column, with - in front if lower is better."""
    figure: float
    """As the table has it; NaN if it has none."""
    rank: int | None
    """1 for the best of the table, equal ones share the first; None without a figure."""
    of: int
    """How many architectures of the space have a figure in the table."""
    best: float
    """The best figure of the table."""
    regret: float
    """How far the figure is from the best one, never negative; NaN without a figure."""
    reason: str = ""
    """Why there is no figure."""

    @classmethod
    def of_arch(cls, figures: Figures, arch: Arch) -> TrueFigure:
        """What a table has for an architecture."""
        cell, count = figures.cell(arch), len(figures.ordered)
        best = figures.ordered[-1] if count else nan
        named = figures.table, figures.target
        if cell.reason:
            return cls(*named, nan, None, count, figures.own(best), nan, cell.reason)
        value, rank = figures.own(cell.value), figures.rank(cell.value)
        return cls(*named, value, rank, count, figures.own(best), best - cell.value)


def told_of_fits(figures: Figures, objective: object) -> Figures:
    """The same with a note for every proxy that was fitted to some of these architectures."""
    proxies = objective.named if isinstance(objective, ProxyObjective) else {}
    notes = []
    for name, proxy in proxies.items():
        count = sum(arch in figures.values for arch in proxy.fitted_to(figures.space))
        if count:
            notes.append(
                f"{name or 'the proxy'} was fitted to {count:,} architectures of this table, and "
                f"for these the figure is no test of it"
            )
    return replace(figures, notes=[*figures.notes, *notes]) if notes else figures


def truth_of(
    figures: Figures | None, winner: Mapping[str, Any], favourite: Mapping[str, Any]
) -> dict[str, Any]:
    """The entry `truth` of a summary: of the winner, and of the favourite if that is another.

    Empty without a table or a winner.
    """
    if figures is None or winner["tuple"] is None:
        return {}
    truth = _plain(TrueFigure.of_arch(figures, tuple(winner["tuple"])))
    if favourite["tuple"] != winner["tuple"]:
        other = _plain(TrueFigure.of_arch(figures, tuple(favourite["tuple"])))
        truth["favourite"] = {key: other[key] for key in ("figure", "rank", "regret", "reason")}
    return {"truth": {**truth, "notes": figures.notes}}


def _plain(found: TrueFigure) -> dict[str, Any]:
    """As plain values: a missing number is None."""
    return {key: None if value != value else value for key, value in vars(found).items()}


def with_digests(
    record: Mapping[str, Any], objective: object, table: Column | None
) -> Mapping[str, Any]:
    """The record of a search, with what its tables and surrogates hold: files may change."""
    known = [] if table is None else [table.sha256]
    if isinstance(objective, ProxyObjective):
        asked = _asked(record)
        parts: list[Proxy | Metric] = [*objective.named.values(), *objective.measures.values()]
        parts += [proxy for name, proxy in objective.others.items() if name in asked]
        own = [each for part in parts for each in vars(part).values()]
        known += sorted(each.sha256 for each in own if hasattr(each, "sha256"))
    return {**record, DIGESTS: list(dict.fromkeys(known))} if known else record


def _asked(record: Mapping[str, Any]) -> list[str]:
    """The proxies that a search asks beside those that score its trials."""
    warmup, finals = record.get("warmup") or {}, record.get("finals") or {}
    return [str(record.get("move")), str(warmup.get("proxy")), *(finals.get("proxies") or ())]


def truth_lines(truth: Mapping[str, Any] | None) -> list[str]:
    """The lines of a summary that say it; none without a table."""
    if truth is None:
        return []
    column = truth["target"].removeprefix("-")
    lines = [
        f"truth   {column} {_told(truth, truth['of'])}   (table {truth['table']}, best "
        f"{_best(truth)})"
    ]
    if "favourite" in truth:
        lines.append(
            f"        of the search's favourite: {_told(truth['favourite'], truth['of'])}"
        )
    return [*lines, *(f"        {note}" for note in truth["notes"]), ""]


def _best(truth: Mapping[str, Any]) -> str:
    return "none" if truth["best"] is None else f"{truth['best']:,.6g}"


def _told(found: Mapping[str, Any], count: int) -> str:
    if found["rank"] is None:
        return f"unknown: {found['reason']}"
    place = f"rank {found['rank']:,} of {count:,}, regret {found['regret']:,.4g}"
    return f"{found['figure']:,.6g}, {place}"
