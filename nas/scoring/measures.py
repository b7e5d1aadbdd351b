"""The metrics that a person names or gives: registered ones, and columns of the table at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError
from nas.metric import Metric
from nas.metrics.table import check_clear, measure_named
from nas.scoring.objective import METRICS_SHOWN

if TYPE_CHECKING:
    from nas.data.lookup import Column

Metrics = Sequence[str] | Mapping[str, Metric | str]
"""Metrics by their registered names, or under names of your own."""


def measures_of(
    metrics: object,
    table: Column | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Metric]:
    """The metrics by name, with their `options`; a column of the table at hand is one, too.

    Raises UsageError for what is no metric, and for a name that is one and a column. If all
    default metrics are given, their names are those of the metrics.
    """
    if isinstance(metrics, str) or not isinstance(metrics, Iterable):
        raise UsageError(f"metrics={metrics!r:.80} must be a list of names, such as ['params']")
    given = metrics if isinstance(metrics, Mapping) else {name: name for name in metrics}
    default = {*METRICS_SHOWN} if {*METRICS_SHOWN} <= {*given} else set()
    named = [each for name, each in given.items() if isinstance(each, str) and name not in default]
    check_clear(named, table)
    found, known = {}, options or {}
    for name, each in given.items():
        made = measure_named(each, table, **known.get(name, {})) if isinstance(each, str) else each
        if not isinstance(name, str) or not isinstance(made, Metric):
            raise UsageError(
                f"{made!r:.80} among metrics= must be a name, or an instance of a Metric under a "
                f"name, as {{'cost': Cost()}}"
            )
        if refusal := made.refusal():
            raise UsageError(refusal)
        found[name] = made
    return found
