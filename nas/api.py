"""What a person types in Python: search a space, score architectures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.arch import Arch
from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.proxy import PROXIES, Proxy
from nas.ranking import Ranking, by_score, rank_sum
from nas.registry.options import Choice
from nas.scoring.executors import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History
from nas.searching.loop import best, trials
from nas.space import SPACES, Space
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Evaluation, Trial


@dataclass(frozen=True)
class Found:
    """What came of a search."""

    space: Space
    trials: Sequence[Trial]
    best: Trial
    """The first of the trials that rank highest; its score is NaN if no trial has a score."""

    @property
    def arch(self) -> str:
        """The best architecture in the space's notation."""
        return self.space.format(self.best.arch)


def search(
    space: Space | str,
    proxy: Proxy | str | Sequence[str] = "epsilon",
    strategy: type[Strategy] | str = "evolution",
    *,
    budget: int = 1000,
    batch: Batch | None = None,
    seed: int = 0,
    block: int = 1,
    path: str | Path | None = None,
    executor: Executor = map,
) -> Found:
    """Search a space by a proxy, or by the rank sum of several; nothing is trained.

    Give plugins as objects or by name; a name means the plugin with its default options. If
    `batch` is None, the space's default input is used. With `path`, the journal of trials is kept
    there, and the same call goes on where it stopped. Raises UsageError for a wrong argument.

    >>> from nas import search
    >>> found = search("nasbench201", "params", "random", budget=3)
    >>> len(found.trials), found.arch.count("|")
    (3, 9)
    """
    objective = _objective(space, proxy, batch, seed)
    ranking: Ranking = rank_sum if isinstance(objective.proxies, dict) else by_score
    kind = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    history = History() if path is None else History.read(Path(path))
    with history:
        steps = trials(
            kind(objective.space, ranking),
            objective,
            history,
            budget=budget,
            seed=seed,
            block=block,
            executor=executor,
        )
        every = list(steps)
    return Found(objective.space, every, best(every, ranking))


def score(
    space: Space | str,
    archs: Iterable[Arch | str],
    proxy: Proxy | str | Sequence[str] = "epsilon",
    *,
    batch: Batch | None = None,
    seed: int = 0,
) -> list[Evaluation]:
    """The figures of architectures, which are given as tuples or in the space's notation.

    The other arguments are those of `search`. If an architecture fails, its score is NaN and the
    evaluation says the reason.
    """
    objective = _objective(space, proxy, batch, seed)
    read = objective.space.read
    return [objective.complete(read(arch) if isinstance(arch, str) else arch) for arch in archs]


def _objective(
    space: Space | str, proxy: Proxy | str | Sequence[str], batch: Batch | None, seed: int
) -> ProxyObjective:
    there = SPACES.build(space) if isinstance(space, str) else space
    if batch is None:
        batch = SOURCES.configured(Choice("natural"), there)
    if isinstance(proxy, Proxy | str):
        one = PROXIES.build(proxy) if isinstance(proxy, str) else proxy
        return ProxyObjective(there, one, batch, seed)
    return ProxyObjective(there, {name: PROXIES.build(name) for name in proxy}, batch, seed)
