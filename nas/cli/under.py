"""What `under=`, `limits=` and `finals=` of a comparison ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.cli.build import build_metrics
from nas.cli.limits import in_unit
from nas.cli.settings import CompareSettings
from nas.cli.surrogates import targets_of
from nas.errors import UsageError, unknown
from nas.metric import METRICS
from nas.scoring.measures import check_targets
from nas.space import Space

if TYPE_CHECKING:
    from nas.compare.judging import Finals
    from nas.compare.under import Cost
    from nas.data.tables import Table
    from nas.scoring.objective import ProxyObjective


def costs(
    settings: CompareSettings, space: Space, table: Table | None, bring: str
) -> tuple[Cost, ...]:
    """The figures that are limited; `bring` says how to give a table if there is none.

    Raises UsageError for a name that is no column and no metric, or both.
    """
    if settings.under and table is None:
        raise UsageError(f"under={settings.under[0]} compares true figures: {bring}")
    if len(settings.under) > 1 and not isinstance(settings.limits, int):
        raise UsageError("a list of limits= is for one figure: under= names several")
    names = [each.removeprefix("-") for each in settings.under]
    if lost := [name for name in settings.metric if name not in names]:
        raise UsageError(f"metric.{lost[0]} has options of a metric that under= does not name")
    return tuple(_cost(each, settings, space, table) for each in settings.under if table)


def _cost(under: str, settings: CompareSettings, space: Space, table: Table) -> Cost:
    from nas.compare.under import Cost
    from nas.data.tables import check_numbers, truth

    name = under.removeprefix("-")
    column = name in table.figures or name in table.spoiled
    least = under.startswith("-")
    if column and name in METRICS:
        raise UsageError(
            f"under={name} means two things, a metric and a column of {table.path}: give the "
            f"column another name (nas convert)"
        )
    options = {each: given for each, given in settings.metric.items() if each == name}
    targets = targets_of(settings.surrogate)
    check_targets([name], targets, table.figures)
    if name in METRICS or name in targets:
        metric = build_metrics([name], options, None, settings.surrogate)[name]
        limits = in_unit(settings.limits, name, metric.unit)
        return Cost(name, limits, metric=metric, at_least=least)
    if options:
        raise UsageError(f"metric.{name} has options, and {name} is no metric")
    if not column:
        known = [*METRICS, *targets, *table.figures]
        raise unknown(f"metric, or column of numbers in {table.path},", name, known)
    check_numbers(table, name)
    found = truth(table, space, name, settings.duplicates, settings.foreign)
    figures = dict(zip(found.archs, found.values, strict=True))
    limits = in_unit(settings.limits, name, "")
    return Cost(name, limits, figures, at_least=least)


def finals_of(settings: CompareSettings, objective: ProxyObjective, proxy: str) -> Finals | None:
    """The finals of the best by a proxy, or None.

    Raises UsageError if there are no limits, or if a judge is no proxy.
    """
    from nas.compare.judging import Finals
    from nas.searching.finals import judges_of

    if settings.finals is None:
        return None
    if not settings.under:
        raise UsageError("finals= of a comparison are held under limits: give under=NAME too")
    judges_of(objective, settings.finals.proxies)
    return Finals(proxy, settings.finals)
