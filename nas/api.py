"""What a person types in Python: search a space, score architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.arch import Arch
from nas.batch import Batch
from nas.compare.keys import keys
from nas.errors import UsageError
from nas.ranking import Ranking, by_score, rank_sum, ranked
from nas.runs.folder import opened, write_record
from nas.scoring.executors import Executor
from nas.scoring.given import Proxies, objective_of
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History
from nas.searching.loop import trials
from nas.space import Space
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
    proxy: Proxies = "epsilon",
    strategy: Callable[[Space, Ranking], Strategy] | str = "evolution",
    *,
    budget: int = 1000,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
    block: int = 1,
    folder: str | Path | None = None,
    executor: Executor = map,
) -> Found:
    """Search a space by a proxy, or by the rank sum of several; nothing is trained.

    Give plugins as objects or by name; a name means the plugin with its default options. A
    strategy is made from the space and the ranking: give its class, or a `partial` of it with
    options. If `batch` is None, the space's default input is used. `live`: without layers that
    cannot change the output (`nas.network.Network`). With `folder`, the journal of trials is kept
    there, and the same call goes on where it stopped. Raises UsageError for a wrong argument.

    >>> from nas import search
    >>> found = search("nasbench201", "params", "random", budget=3)
    >>> len(found.trials), found.arch.count("|")
    (3, 9)
    """
    objective = objective_of(space, proxy, batch, seed, live)
    ranking: Ranking = rank_sum if isinstance(objective.proxies, Mapping) else by_score
    make = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    made: Strategy = make(objective.space, ranking)
    with _history(folder, objective, made, seed, block) as history:
        settings = {"budget": budget, "seed": seed, "block": block}
        every = list(trials(made, objective, history, executor=executor, **settings))
    return Found(objective.space, every, (ranked(every, ranking) or every)[0])


def _complete(record: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    if "scores" not in record:
        raise UsageError(f"{file} is not the record of a search from Python")
    return record


@contextmanager
def _history(
    folder: str | Path | None, objective: ProxyObjective, made: Strategy, seed: int, block: int
) -> Iterator[History]:
    """The history of a search, in memory or in a folder that no other search can go on with."""
    if folder is None:
        yield History()
        return
    record = {
        "scores": keys(objective),
        "strategy": type(made).__qualname__,
        "seed": seed,
        "block": block,
    }
    with opened(Path(folder), record, (), _complete) as history:
        write_record(Path(folder), record)
        yield history


def score(
    space: Space | str,
    archs: Iterable[Arch | str],
    proxy: Proxies = "epsilon",
    *,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
) -> list[Evaluation]:
    """The figures of architectures, which are given as tuples or in the space's notation.

    The other arguments are those of `search`. If an architecture fails, its score is NaN and the
    evaluation says the reason. Raises UsageError for what is not in the space.
    """
    objective = objective_of(space, proxy, batch, seed, live)
    there = objective.space
    if isinstance(archs, str):
        archs = [archs]
    read = [there.read(arch) if isinstance(arch, str) else there.checked(arch) for arch in archs]
    return [objective.complete(arch) for arch in read]
