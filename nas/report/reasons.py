"""The part of a page about what has no score: why, how often, and what to do about it."""

from __future__ import annotations

import re
from math import isnan

from nas.ranking import unranked
from nas.report.page import Html, mono
from nas.report.run import Run
from nas.report.search_charts import notation
from nas.report.tables import Cell, Column, Told, table
from nas.report.words import counted
from nas.scoring.constraints import INFEASIBLE
from nas.searching.judging import lost_by
from nas.trial import Trial

SHOWN = 30
"""So many reasons are in the table, the most frequent ones."""

ADVICE = (
    (
        re.escape(INFEASIBLE),
        "Nothing: the constraint does its work, and nothing was scored. If nearly all are "
        "infeasible, give a looser limit; if they cost much time, a metric that is counted "
        "(params, flops) refuses faster than one that is measured.",
    ),
    (
        "does not reach the output|constant output|^no flow",
        "Nothing: such a network computes nothing of its input, so no score exists and the search "
        "goes round it.",
    ),
    (
        "underflows",
        "The output under the smaller weight is too small for float32. That says nothing against "
        "the architecture: proxy.underflow=none scores it all the same, where the proxy has this "
        "option (docs/no_score.md).",
    ),
    (
        "memory",
        "Give a smaller batch (batch.size=), fewer parallel workers, or another device.",
    ),
    (
        "diverged",
        "Give a smaller learning rate to the training.",
    ),
    (
        r"the table .* has no",
        "The table does not know this architecture. Another target=, or a proxy that is no table, "
        "scores it.",
    ),
    (
        "singular kernel|do not differ enough|is constant",
        "The samples look alike to this network. A larger batch (batch.size=) with real images "
        "(batch=images) tells them apart more often.",
    ),
    (
        "not finite|overflow|is inf|is -inf|is nan|NaN",
        "The numbers grew beyond what floats can hold. Another proxy has scores there; "
        "proxy.init= changes the weights, where the proxy has this option.",
    ),
    (
        "no gradient varies|no activation|features are 0|pass a block unchanged|do not move",
        "The proxy sees no difference in this network. Another proxy, or a larger batch "
        "(batch.size=), may.",
    ),
    (
        "has no value for its figures",
        "The objective's formula is not defined there, as the logarithm of 0 or a division by 0.",
    ),
)
"""What to do about a reason: the first pattern that is found in it counts."""
OTHERWISE = "The proxy's page in the documentation says when it has no score."
ERROR = (
    "An error inside the proxy, the metric or the space. The command of this search with "
    "strict=true ends at the first error, with its traceback."
)


def advice(reason: str, failed: bool) -> str:
    """What to do about a reason."""
    for pattern, text in ADVICE:
        if re.search(pattern, reason):
            return text
    return ERROR if failed else OTHERWISE


def reason_parts(run: Run) -> list[str]:
    """The reasons as a table, the most frequent first."""
    lost = lost_by(run.ranking)
    found: dict[str, list[Trial]] = {}
    for trial in unranked(run.trials, run.ranking):
        why = trial.reason if isnan(trial.score) else lost(trial)
        if why or isnan(trial.score):
            found.setdefault(why or "the proxy gave no reason", []).append(trial)
    total = sum(map(len, found.values()))
    own = sum(trial.copy_of is None for trial in run.trials)
    if not total:
        return [f"All {counted(own, 'distinct architecture')} have a score."]
    order = sorted(found, key=lambda why: -len(found[why]))
    failed = sum(trial.failed for trials in found.values() for trial in trials)
    told = (
        f"{counted(total, 'architecture')} of {own:,} distinct ones ({total / own:.1%}) "
        f"{'has' if total == 1 else 'have'} no score, and {'ranks' if total == 1 else 'rank'} "
        "below every other."
    )
    if failed:
        told += f" {counted(failed, 'time')} the reason is an error."
    rows = [_row(why, found[why], total) for why in order[:SHOWN]]
    parts: list[str] = [told, _table(rows)]
    if len(order) > SHOWN:
        parts.append(f"{len(order) - SHOWN:,} more reasons are in history.jsonl.")
    return parts


def _row(why: str, trials: list[Trial], total: int) -> list[Cell | Told]:
    share = len(trials) / total
    failed = any(trial.failed for trial in trials)
    example = mono(notation(trials[0]))
    return [why, len(trials), Told(f"{share:.1%}", share), advice(why, failed), example]


def _table(rows: list[list[Cell | Told]]) -> Html:
    columns = [
        Column("reason"),
        Column("architectures", number=True),
        Column("share", number=True),
        Column("what to do", wide=True),
        Column("for example"),
    ]
    return table(columns, rows, "Why there is no score", sorted_by=("architectures", "descending"))
