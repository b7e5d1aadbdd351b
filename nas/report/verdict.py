"""What a study says, in some sentences: over the seeds that every variant has, and is over on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from nas.report.page import Html, bold, html
from nas.report.tables import MISSING, written
from nas.report.words import counted, listed
from nas.study.text import p, searches

CERTAIN = 0.05
"""A p-value below it is called a difference."""
SAME = 1e-12
"""Means that differ by less, relative to them, are equal: sums have rounding errors."""

Row = Mapping[str, Any]


def verdict(study: Row) -> Html:
    """What the study says: what is not over first, then its best and what the seeds can tell."""
    judged = study.get("judged")
    begun = _unfinished(study)
    if judged is None:
        found = _best(study["rows"], bool(study["pairs"]))
        return Html(f"{begun} {found}") if begun else found
    if seeds := judged["seeds"]:
        over = " is over on" if study.get("unfinished") else " has"
        which = f"Over the {counted(len(seeds), 'seed')} that every variant{over}: "
        return Html(f"{begun} {which}{_best(judged['rows'], bool(judged['pairs']))}".lstrip())
    if begun:
        return Html(f"{begun} There is no seed on which every variant is over: no verdict yet.")
    return Html(f"The variants have no seed in common. {_best(study['rows'], tested=False)}")


def _unfinished(study: Row) -> str:
    """That searches are not over; empty if all are."""
    there = study["searches_in_all"]
    planned = study.get("planned", there)
    left = planned - there + study.get("unfinished", 0)
    if not left:
        return ""
    are = "is" if left == 1 else "are"
    return f"{bold(f'{left:,} of {searches(planned)} {are} not over')}."


def _best(every: Sequence[Row], tested: bool) -> Html:
    """The best variant of these rows, and whether the others are told from it."""
    rows = [row for row in every if row["mean"] is not None]
    if not rows:
        return Html("No search has a figure.")
    first = rows[0]
    ties = [row for row in rows if isclose(row["mean"], first["mean"], rel_tol=SAME)]
    rest = rows[len(ties) :]
    if len(ties) > 1:
        return _tied(ties, rest, tested)
    own = f"{bold(first['variant'])} has a mean of {bold(written(first['mean']))}{_ends(first)}"
    own += f" over {searches(first['searches'])}"
    if not rest:
        return Html(f"{own}.")
    if not tested:
        return Html(f"{own}, the best mean; the variants are not tested against each other.")
    worse = [row for row in rest if _is_certain(row["to_best"])]
    if len(worse) == len(rest):
        all_ = "the other variant" if len(rest) == 1 else f"each of the {len(rest)} others"
        return Html(f"{own}: better than {all_}, beyond what the seeds explain (p &lt; 0.05).")
    second = rest[0]["to_best"]
    close = f"It differs from {len(worse)} of the {len(rest)} others beyond what the seeds explain"
    if second and not _is_certain(second):
        close = (
            f"These seeds do not tell it from {bold(rest[0]['variant'])} "
            f"(p = {html(p(second['p_holm']))})"
        )
    return Html(f"{own}, the best mean. {close}.")


def _tied(ties: Sequence[Row], rest: Sequence[Row], tested: bool) -> Html:
    """Several variants with one mean: none of them is the best."""
    names = listed([bold(row["variant"]) for row in ties])
    own = f"{names} have equal means, {bold(written(ties[0]['mean']))}"
    if not rest:
        return Html(f"{own}: none is better.")
    if not tested:
        return Html(f"{own}, the best; the variants are not tested against each other.")
    worse = sum(_is_certain(row["to_best"]) for row in rest)
    return Html(
        f"{own}, and better ones than {counted(len(rest), 'other variant')}; {worse} of these "
        f"{'differs' if worse == 1 else 'differ'} from {bold(ties[0]['variant'])} beyond what the "
        f"seeds explain."
    )


def _is_certain(other: Row | None) -> bool:
    return other is not None and other["p_holm"] is not None and other["p_holm"] < CERTAIN


def _ends(row: Row) -> str:
    return f" {interval(row)}" if row["low"] is not None else ""


def interval(row: Mapping[str, Any], sign: str = "") -> str:
    """The ends of the interval of a mean."""
    if row["low"] is None or row["high"] is None:
        return MISSING
    return f"[{written(row['low'], sign + '.5g')}, {written(row['high'], sign + '.5g')}]"
