"""The metrics that a person names or gives: registered ones, and columns of the table at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError
from nas.metric import METRICS, Metric
from nas.metrics.table import check_clear, measure_named
from nas.scoring.objective import METRICS_SHOWN

if TYPE_CHECKING:
    from nas.data.lookup import Column

Metrics = Sequence[str] | Mapping[str, Metric | str]
"""Metrics by their registered names, or under names of your own."""


def with_more(
    names: Iterable[str], more: Mapping[str, Metric], table: Column | None
) -> dict[str, Metric | str]:
    """The names of metrics, with a target of `more` in place of its name.

    If all default metrics are given, their names are those of the metrics. Raises UsageError for
    another name that is also one of a metric, or of a column of the table.
    """
    given = [*names]
    default = shown_by_default(given)
    columns = [] if table is None else table.table.figures
    check_targets([name for name in given if name not in default], more, columns)
    return {name: name if name in default else more.get(name, name) for name in given}


def shown_by_default(names: Iterable[str]) -> set[str]:
    """The default metrics if all are among the names, and else none: then each was asked for."""
    return {*METRICS_SHOWN} if {*METRICS_SHOWN} <= {*names} else set()


def check_targets(
    names: Iterable[str],
    targets: Collection[str],
    columns: Collection[str],
    proxies: Collection[str] = (),
) -> None:
    """Raise UsageError if a name is a target's, and one of a metric, a column or a proxy too."""
    for name in names:
        several = {"metric": METRICS, "proxy": proxies, "column of the table": columns}
        what = next((kind for kind, known in several.items() if name in known), None)
        if name in targets and what is not None:
            raise UsageError(
                f"{name} is a {what} and a target of the surrogate: leave it out, or fit the "
                f"surrogate to a column with another name, which nas convert FILE "
                f"'columns={{NEW: {name}}}' writes"
            )


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
    default = shown_by_default(given)
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
