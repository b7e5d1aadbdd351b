"""What a search from Python looks for: the formulas and constraints over its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from nas.metric import METRICS, Metric
from nas.metrics.table import check_clear, lower_is_better
from nas.proxy import PROXIES
from nas.runs.entries import name_of
from nas.runs.summary import check_metrics
from nas.scoring.measures import check_targets, measures_of, with_more
from nas.scoring.names import are_one, check_once
from nas.scoring.objective import Objective, ProxyObjective
from nas.searching.judging import Aims, check_directions
from nas.space import Space

if TYPE_CHECKING:
    from nas.data.lookup import Column

SCORE = "score"
"""What formulas and constraints call the score of an objective that is not made of proxies."""


def aimed_at(
    space: Space,
    objective: Objective,
    formulas: Sequence[str],
    constraints: Sequence[str],
    table: Column | None,
    at_hand: Mapping[str, Metric],
) -> tuple[Objective, Aims]:
    """The objective with the metrics and constraints that are asked for, and what is looked for.

    Raises UsageError for a name that is no figure.
    """
    if not isinstance(objective, ProxyObjective):
        if not formulas and not constraints:
            return objective, Aims()
        own = objective.metrics(space.sample(Random("figures")))
        aims = Aims.parse(formulas, constraints, dict.fromkeys([*own, SCORE], ""), SCORE)
        check_once({*aims.names} & {SCORE}, own, "the objective's score")
        return objective, aims
    single = not isinstance(objective.proxies, Mapping)
    score = name_of(PROXIES, objective.named[""]) if single else ""
    names = [score] if single else [*objective.named]
    units = {name: METRICS[name].unit for name in METRICS}
    measured = {**at_hand, **objective.measures}
    units |= {name: measure.unit for name, measure in measured.items()}
    columns = [] if table is None else table.table.figures
    units |= dict.fromkeys(columns, "") | units
    aims = Aims.parse(formulas, constraints, {**dict.fromkeys(names, ""), **units}, score)
    check_clear(aims.names, table, names)
    check_targets(aims.names, at_hand, columns, names)
    same = single and are_one(score, objective.named[""], objective.measures.get(score))
    check_once({*aims.names} & {score} if single and not same else (), objective.measures)
    more = [name for name in aims.names if name not in {*names, *objective.measures}]
    measures = {**objective.measures, **measures_of(with_more(more, at_hand, table), table)}
    check_metrics(measures)
    check_directions(aims.objectives, lower_is_better(measures, table))
    return replace(objective, measures=measures, constraints=aims.constraints), aims
