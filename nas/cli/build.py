"""From settings to objects: the one place where plugins are made for a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from math import isfinite

from nas.cli.chosen import Proxies
from nas.cli.settings import ScoringSettings
from nas.errors import UsageError, unknown
from nas.metric import METRICS, Metric
from nas.proxy import PROXIES, Proxy
from nas.ranking import RANKINGS, Ranking
from nas.registry.options import Choice
from nas.scoring.executors import EXECUTORS, Executor
from nas.scoring.objective import ProxyObjective
from nas.space import SPACES, Space
from nas.storage.files import path_of
from nas.trial import Trial


def build_space(choice: Choice) -> Space:
    """The space that a config names."""
    return SPACES.configured(choice)


def build_objective(
    settings: ScoringSettings, metrics: Sequence[str] = (), more: Sequence[str] = ()
) -> ProxyObjective:
    """The objective that settings name, with metrics, and proxies by name besides the chosen."""
    space = build_space(settings.space)  # first, for it needs no torch
    from nas.data.registry import SOURCES

    proxies = build_proxies(settings.proxy)
    if more:
        named = proxies if isinstance(proxies, Mapping) else {settings.proxy.name: proxies}
        proxies = {**named, **{name: PROXIES.build(name) for name in more if name not in named}}
    device = device_named(settings.device)
    if isinstance(path := settings.batch.options.get("path"), str):
        path_of(path, "batch.path=")
    batch = SOURCES.configured(settings.batch, space).to(device)
    return ProxyObjective(
        space,
        proxies,
        replace(batch, seed=settings.seed),
        settings.seed,
        device,
        settings.repeats,
        _factors(settings.ranking.options.get("weights"), proxies),
        build_metrics(metrics),
        settings.strict,
    )


def build_proxies(chosen: Proxies) -> Proxy | dict[str, Proxy]:
    """The proxy that was chosen, or those by name where they are several."""
    made = {name: PROXIES.configured(choice) for name, choice in chosen.members.items()}
    return made if chosen.together else made[chosen.name]


def build_metrics(names: Sequence[str]) -> dict[str, Metric]:
    """The metrics by name."""
    return {name: METRICS.build(name) for name in names}


def build_ranking(choice: Choice, proxies: Proxies) -> Ranking:
    """The ranking that a config names; UsageError where it does not go with the proxies."""
    if choice.name not in RANKINGS:
        raise unknown("ranking", choice.name, RANKINGS)
    ranking = RANKINGS.bound(choice)
    # a ranking that refuses such trials does so before there are any
    scores = dict.fromkeys(proxies.members, 0.0) if proxies.together else {}
    ranking([Trial(0, (), 0.0, {}, 0.0, scores=scores)])
    return ranking


def build_executor(choice: Choice) -> AbstractContextManager[Executor]:
    """The executor that a config names, to be entered."""
    if choice.name not in EXECUTORS:
        raise unknown("executor", choice.name, EXECUTORS)
    return EXECUTORS.configured(choice)


def _factors(weights: object, proxies: Proxy | Mapping[str, Proxy]) -> dict[str, float]:
    """How often each of several proxies counts; UsageError for a wrong `ranking.weights`."""
    if weights is None:
        return {}
    names = list(proxies) if isinstance(proxies, Mapping) else []
    if not isinstance(weights, Mapping):
        raise UsageError(f"ranking.weights={weights} must be like {{epsilon: 1, naswot: 0.01}}")
    for name, weight in weights.items():
        if name not in names:
            raise unknown("proxy in this search", str(name), names)
        number = not isinstance(weight, bool) and isinstance(weight, int | float)
        if not number or not isfinite(weight):
            raise UsageError(f"ranking.weights.{name}={weight} must be a finite number")
    return {str(name): float(weight) for name, weight in weights.items()}


def device_named(name: str) -> str:
    """`cpu` or `cuda`; `auto` is cuda where there is one."""
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device={name} must be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("device=cuda needs a CUDA device, and PyTorch sees none: use device=cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
