"""From settings to objects: the only module that makes plugins for a command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import isfinite
from typing import TYPE_CHECKING, Any

from nas.cli.chosen import Proxies
from nas.cli.settings import ScoringSettings
from nas.cli.surrogates import with_targets
from nas.errors import UsageError, unknown
from nas.metric import Metric
from nas.proxy import PROXIES, Proxy
from nas.ranking import RANKINGS, Ranking
from nas.registry.options import Choice
from nas.runs.stopping import heeding
from nas.runs.summary import check_metrics
from nas.runs.trackers import TRACKERS, Tracker
from nas.runs.tracking import tracker_of
from nas.scoring.devices import device_named as device_named
from nas.scoring.executors import EXECUTORS, Executor
from nas.scoring.measures import measures_of
from nas.scoring.objective import ProxyObjective
from nas.space import SPACES, Space
from nas.storage.files import path_of
from nas.trial import Trial

if TYPE_CHECKING:
    from nas.data.lookup import Column


def build_space(choice: Choice) -> Space:
    """The space that a config names."""
    return SPACES.configured(choice)


def build_objective(
    settings: ScoringSettings,
    metrics: Mapping[str, Metric] | None = None,
    more: Sequence[str] = (),
    space: Space | None = None,
) -> ProxyObjective:
    """The objective of the settings, with `metrics` by name; `more` names further proxies.

    A `space` that is given stands in place of that of the settings.
    """
    from nas.scoring.given import surrogate_at_hand  # it needs torch

    if space is None:
        space = build_space(settings.space)  # first, because it needs no torch
    from nas.data.registry import SOURCES

    proxies = build_proxies(settings.proxy)
    if more:
        named = proxies if isinstance(proxies, Mapping) else {settings.proxy.name: proxies}
        proxies = {**named, **{name: PROXIES.build(name) for name in more if name not in named}}
    device = device_named(
        settings.device, proxies.values() if isinstance(proxies, Mapping) else [proxies]
    )
    if isinstance(path := settings.batch.options.get("path"), str):
        path_of(path, "batch.path=")
    batch = SOURCES.configured(settings.batch, space)
    if not hasattr(batch, "digest"):  # a source of another package may give anything
        raise UsageError(f"batch={settings.batch.name} gives {batch!r:.80}, which is no Batch")
    batch = batch.to(device)
    for metric in (metrics or {}).values():
        if refusal := metric.refusal():
            raise UsageError(refusal)
    return ProxyObjective(
        space,
        proxies,
        batch,
        settings.seed,
        device,
        settings.repeats,
        _factors(settings.ranking, proxies),
        metrics or {},
        settings.strict,
        settings.live,
        others=surrogate_at_hand(getattr(settings, "surrogate", None)),
    )


def build_proxies(chosen: Proxies) -> Proxy | dict[str, Proxy]:
    """The chosen proxy, or the chosen proxies by name if there are several."""
    made = {name: PROXIES.configured(choice) for name, choice in chosen.members.items()}
    return made if chosen.together else made[chosen.name]


def build_metrics(
    names: Sequence[str],
    options: Mapping[str, Mapping[str, Any]] | None = None,
    table: Column | None = None,
    surrogate: str | None = None,
) -> dict[str, Metric]:
    """The metrics by name, also columns of the `table` and targets of the `surrogate` at hand.

    Raises UsageError for a wrong name, and for options of another metric.
    """
    check_metrics(names)
    given = options or {}
    for name in given:
        if name not in names:
            raise UsageError(
                f"metric.{name} has options of a metric that is not measured: give "
                f"metrics=[{','.join([*names, name])}]"
            )
    if surrogate is None:
        return measures_of([*names], table, given)
    return measures_of(with_targets(names, surrogate, table, given), table, given)


def build_ranking(choice: Choice, proxies: Proxies, metrics: Sequence[str] = ()) -> Ranking:
    """The ranking that a config names; raises UsageError if it does not fit the proxies."""
    if choice.name not in RANKINGS:
        raise unknown("ranking", choice.name, RANKINGS)
    ranking = RANKINGS.bound(by_figure(choice, proxies))
    # a ranking that cannot rank trials of these proxies raises its error now, not after scoring
    scores = dict.fromkeys(proxies.members, 0.0) if proxies.together else {}
    ranking([Trial(0, (), 0.0, dict.fromkeys(metrics, 0.0), 0.0, scores=scores)])
    return ranking


def by_figure(choice: Choice, proxies: Proxies) -> Choice:
    """The ranking with checked weights; a trial of one proxy calls that proxy's figure score."""
    weights = choice.options.get("weights")
    if weights is None or choice.name == "score":
        return choice
    checked = check_weights(weights)
    if not proxies.together and proxies.name in checked:
        checked["score"] = checked.pop(proxies.name)
    return Choice(choice.name, {**choice.options, "weights": checked})


def check_weights(weights: object) -> dict[str, float]:
    """`ranking.weights` as numbers by name; raises UsageError for anything else."""
    if not isinstance(weights, Mapping):
        raise UsageError(f"ranking.weights={weights} must be like {{epsilon: 1, naswot: 0.01}}")
    for name, weight in weights.items():
        number = not isinstance(weight, bool) and isinstance(weight, int | float)
        if not number or not isfinite(weight):
            raise UsageError(f"ranking.weights.{name}={weight} must be a finite number")
    return {str(name): float(weight) for name, weight in weights.items()}


def build_tracker(choice: Choice) -> Tracker:
    """The tracker that a config names; raises UsageError where it cannot log here."""
    if choice.name not in TRACKERS:
        raise unknown("tracker", choice.name, TRACKERS)
    return tracker_of(TRACKERS.configured(choice))


@contextmanager
def build_executor(choice: Choice) -> Iterator[Executor]:
    """The executor that a config names; it gives no result of work that Ctrl-C ended."""
    if choice.name not in EXECUTORS:
        raise unknown("executor", choice.name, EXECUTORS)
    executor = EXECUTORS.configured(choice)
    if not isinstance(executor, AbstractContextManager):
        raise UsageError(f"executor={choice.name} gives {executor!r:.80}, no context manager")
    with executor as made:
        yield heeding(made)


def _factors(ranking: Choice, proxies: Proxy | Mapping[str, Proxy]) -> dict[str, float]:
    """The factor of each of several proxies; raises UsageError for a wrong `ranking.weights`."""
    weights = ranking.options.get("weights")
    if weights is None or ranking.name != "score":
        return {}
    if not isinstance(proxies, Mapping):
        raise UsageError("ranking.weights is for several proxies: give proxy=[one,other]")
    factors = check_weights(weights)
    for name in factors:
        if name not in proxies:
            raise unknown("proxy in this search", name, list(proxies))
    return factors
