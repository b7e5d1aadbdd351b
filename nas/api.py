"""What a person types in Python: search a space, score architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from nas.batch import Batch
from nas.errors import UsageError
from nas.ranking import Ranking, by_score, rank_sum, ranked
from nas.runs.journals import journals
from nas.scoring.executors import Executor
from nas.scoring.given import Proxies, objective_of
from nas.scoring.keys import keys
from nas.scoring.scores import read, score
from nas.searching.finals import PANEL, Panel, Standings, held, judged, judges_of, jury, standings
from nas.searching.found import Found
from nas.searching.history import History
from nas.searching.loop import trials
from nas.space import Space
from nas.strategy import STRATEGIES, Strategy

__all__ = ["finals", "score", "search"]


def search(
    space: Space | str,
    proxy: Proxies = "epsilon",
    strategy: Callable[[Space, Ranking], Strategy] | str = "evolution",
    *,
    budget: int = 1000,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
    finals: Panel | None = PANEL,
    block: int = 1,
    folder: str | Path | None = None,
    executor: Executor = map,
) -> Found:
    """Search a space by a proxy, or by the rank sum of several; nothing is trained.

    Give plugins as objects or by name; a name means the plugin with its default options. A
    strategy is made from the space and the ranking: give its class, or a `partial` of it with
    options. If `batch` is None, the space's default input is used. `live`: without layers that
    cannot change the output (`nas.network.Network`). `finals`: the panel that judges the best
    trials among each other; None for no finals. With `folder`, the journals are kept there, and
    the same call goes on where it stopped. Raises UsageError for a wrong argument.

    >>> from nas import search
    >>> found = search("nasbench201", "params", "random", budget=3, finals=None)
    >>> len(found.trials), found.arch.count("|")
    (3, 9)
    """
    objective = objective_of(space, proxy, batch, seed, live)
    ranking: Ranking = rank_sum if isinstance(objective.proxies, Mapping) else by_score
    if finals is not None:
        judges_of(objective, finals.proxies)  # raises now, not after the search
    make = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    made: Strategy = make(objective.space, ranking)
    kind, scores = type(made).__qualname__, partial(keys, objective)
    with journals(folder, kind, seed, block, scores) as (history, journal):
        settings = {"budget": budget, "seed": seed, "block": block}
        every = list(trials(made, objective, history, executor=executor, **settings))
        places = None
        if finals is not None:
            places = held(every, ranking, objective, finals, journal, executor)
    return Found(objective.space, every, (ranked(every, ranking) or every)[0], places)


def finals(
    space: Space | str,
    archs: Iterable[object],
    judges: Proxies = PANEL.proxies,
    *,
    batch: Batch | None = None,
    seed: int = 0,
    live: bool = True,
    executor: Executor = map,
) -> Standings:
    """Rank a set of architectures by the sum of the logarithms of their ranks by every judge.

    The arguments are those of `score`; every example of the batch counts. Raises UsageError for
    what is not in the space, or without an architecture.

    >>> from nas import finals
    >>> places = finals("nasbench201", ["1,1,1,1,1,1", "3,3,3,3,3,3"], ["params", "flops"])
    >>> [(place.arch, place.ranks["params"]) for place in places.finalists]
    [((3, 3, 3, 3, 3, 3), 1.0), ((1, 1, 1, 1, 1, 1), 2.0)]
    """
    objective = objective_of(space, judges, batch, seed, live)
    proxies = objective.proxies
    judging = proxies if isinstance(proxies, Mapping) else {type(proxies).__name__: proxies}
    examples = len(objective.batch.inputs)
    given = read(objective.space, archs)
    if not given:
        raise UsageError("archs= must have an architecture or more")
    panel = jury(objective, judging, examples)
    return standings([*judged(dict.fromkeys(given), panel, History(), executor)])
