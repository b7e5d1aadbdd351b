"""Searches with an objective that costs nothing."""

from __future__ import annotations

from math import isnan, nan
from random import Random
from typing import Any

from nas import STRATEGIES, Arch, Evaluation, History, Strategy, Trial, trials
from nas.ranking import ranked
from nas.scoring.executors import Executor
from nas.scoring.objective import Objective
from nas.searching.loop import GIVE_UP
from tests.support.small import small

SPACE = small("nasbench201")


class Counting:
    """A cheap objective that remembers what it was asked; some cells have no score."""

    def __init__(self) -> None:
        self.calls: list[Arch] = []

    def evaluate(self, arch: Arch) -> Evaluation:
        self.calls.append(arch)
        form = SPACE.canonical(arch)
        score = nan if sum(form) % 5 == 0 else Random(str(form)).random()
        reason = "by design" if isnan(score) else ""
        return Evaluation(score, self.metrics(arch), 0.25, reason)

    def form(self, arch: Arch) -> Arch:
        return SPACE.canonical(arch)

    @staticmethod
    def metrics(arch: Arch) -> dict[str, float]:
        return {"params": sum(arch)}


def run(
    name: str = "evolution",
    budget: int = 120,
    block: int = 1,
    history: History | None = None,
    objective: Objective | None = None,
    **options: object,
) -> list[Trial]:
    population = {"population": 16, "tournament": 4} if name == "evolution" else {}
    strategy = STRATEGIES.build(name, SPACE, **population)
    history = History() if history is None else history
    search(
        strategy,
        objective or Counting(),
        history,
        budget=budget,
        seed=3,
        block=block,
        **options,  # type: ignore[arg-type]
    )
    return list(history)


def search(
    strategy: Strategy,
    objective: Objective,
    history: History,
    *,
    budget: int,
    seed: int,
    block: int = 1,
    executor: Executor = map,
    give_up: int = GIVE_UP,
    **limits: Any,
) -> Trial:
    """The best of a search, or its first trial if none has a score; arguments as for `trials`."""
    steps = trials(
        strategy,
        objective,
        history,
        budget=budget,
        seed=seed,
        block=block,
        executor=executor,
        give_up=give_up,
        **limits,
    )
    every = list(steps)
    return (ranked(every, strategy.ranking) or every)[0]
