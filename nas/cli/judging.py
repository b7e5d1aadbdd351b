"""What a search looks for, from its settings: its figures, objectives and constraints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.cli.build import build_ranking
from nas.cli.settings import SearchSettings
from nas.cli.surrogates import targets_of
from nas.cli.tables import table_of
from nas.errors import UsageError
from nas.metric import METRICS
from nas.metrics.table import check_clear
from nas.proxy import PROXIES
from nas.ranking import RANKINGS, Ranking
from nas.registry.options import Choice
from nas.scoring.measures import check_targets
from nas.searching.judging import SEVERAL, Aims
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.tables import Table


def with_figures(settings: SearchSettings) -> SearchSettings:
    """The settings with the metrics that objectives and constraints name, and with their ranking.

    Raises UsageError for a name that is no figure of the search.
    """
    own = {*settings.proxy.members}
    table = table_of(settings)
    columns = [] if table is None else table.table.figures
    targets = targets_of(settings.surrogate)
    try:
        named = aims(settings, [*columns, *targets]).names
    except UsageError as error:
        if table is not None:
            _check_column(table.table, str(error))
        raise
    check_clear(named, table, own)
    check_targets(named, targets, columns, own)
    wanted = [name for name in named if name not in own]
    settings = settings.with_metrics([*dict.fromkeys([*settings.metrics, *wanted])])
    if len(settings.objective) < 2 or settings.ranking.name != "score":
        return settings
    given = {name: value for name, value in settings.ranking.options.items() if value is not None}
    record = {**settings.record, "ranking": {"name": SEVERAL, **given}}
    return replace(settings, ranking=Choice(SEVERAL, given), record=record)


def _check_column(table: Table, error: str) -> None:
    """Raise UsageError if what is unknown is a column that has no numbers."""
    from nas.data.tables import check_numbers

    for name in table.frame.columns:
        if f"'{name}'" in error and name not in table.figures:
            if table.frame[name].is_null().all():
                raise UsageError(f"the column '{name}' of {table.path} is empty")
            check_numbers(table, name)


def aims(settings: SearchSettings, columns: Collection[str] = ()) -> Aims:
    """The objectives and constraints, by metrics, proxies and `columns` at hand.

    Raises UsageError for a name that is no figure.
    """
    proxies = settings.proxy
    score = "" if proxies.together else proxies.name
    units = _units(settings, columns)
    try:
        return Aims.parse(settings.objective, settings.constraints, units, score)
    except UsageError as error:
        lost = [name for name in PROXIES if f"'{name}'" in str(error)]
        if not lost or lost[0] in proxies.members:
            raise
        several = ",".join([*proxies.members, lost[0]])
        raise UsageError(
            f"{error}; a proxy must be among those that score: proxy=[{several}]"
        ) from None


def judging(settings: SearchSettings) -> Ranking:
    """The ranking by the objectives and constraints of the settings."""
    looked_for = aims(settings)
    if settings.reference is not None:
        from nas.searching.pareto import checked

        several = settings.objective or [*settings.proxy.members]
        fits = len(settings.objective) > 1 or settings.ranking.name == SEVERAL
        checked(settings.reference, several if fits else ())
    if not looked_for.objectives:
        bare = build_ranking(settings.ranking, settings.proxy, settings.metrics)
        return looked_for.before(bare)
    whole = looked_for.before(RANKINGS.bound(settings.ranking))
    # a ranking that cannot rank trials of these figures raises its error now, not after scoring
    scores = dict.fromkeys(settings.proxy.members, 1.0) if settings.proxy.together else {}
    whole([Trial(0, (), 1.0, dict.fromkeys(settings.metrics, 1.0), 0.0, scores=scores)])
    return whole


def _units(settings: SearchSettings, columns: Collection[str]) -> Mapping[str, str]:
    """The units of all figures that a trial of the search can have, by name."""
    measured = {name: METRICS[name].unit for name in METRICS}
    others = [*settings.proxy.members, *settings.metrics, *columns]
    return {**dict.fromkeys(others, ""), **measured}
