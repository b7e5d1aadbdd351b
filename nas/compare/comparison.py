"""The whole comparison as one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from nas.arch import Arch
from nas.compare.judging import Finals, under_limits
from nas.compare.notebook import html
from nas.compare.sample import Comparison, sampled
from nas.compare.scores import Keyed, Scores, Task
from nas.compare.summary import summarised
from nas.compare.under import Cost, check, limited, measuring
from nas.data.tables import Truth
from nas.errors import UsageError
from nas.registry.options import Choice
from nas.runs.stopping import GivenUpError
from nas.scoring.executors import Executor
from nas.scoring.keys import keys
from nas.scoring.objective import ProxyObjective
from nas.searching.loop import GIVE_UP
from nas.trial import Evaluation


@dataclass(frozen=True)
class Compared:
    """A sample with its scores, and the results as plain data."""

    comparison: Comparison
    result: dict[str, Any]

    def _repr_html_(self) -> str:
        """The results as a table, for a notebook."""
        return html(self.result)


class StoppedError(Exception):
    """A comparison was stopped before all architectures had their scores."""

    def __init__(self, left: int, total: int) -> None:
        super().__init__(f"stopped with {left} of {total} architectures left")
        self.left, self.total = left, total


def compare(
    objective: ProxyObjective,
    *,
    truth: Truth | None = None,
    sample: int | None = 1000,
    resamples: int = 1000,
    combinations: Mapping[str, Sequence[str]] | None = None,
    rankings: Mapping[str, Choice] | None = None,
    baseline: str = "params",
    under: Sequence[Cost] = (),
    finals: Finals | None = None,
    scores: Scores | None = None,
    executor: Executor = map,
    give_up: int = GIVE_UP,
    seen: Callable[[Task, int], bool | None] | None = None,
) -> Compared:
    """Score a sample by every proxy of the objective, and compare the scores with the truth.

    The sample has `sample` random architectures, or all (None). Scores that are in `scores` are
    not computed again. `combinations` has the proxies of combinations, by name, and `rankings` how
    they are combined (rank_sum). `under` has costs with limits: the result says what every proxy
    chooses under these, and `finals` adds what a panel chooses of a proxy's best ones. `seen` is
    called after every task with the task and the number of tasks; if it returns True, the
    comparison stops and raises StoppedError. Raises UsageError if the baseline is not among the
    proxies, or if nothing meets the limits, and AllFailedError if a proxy fails for the same
    reason on each of the first `give_up` architectures.
    """
    start = perf_counter()
    if truth is not None and baseline not in objective.named:
        raise UsageError(f"differences are to the baseline {baseline}, which is not scored")
    archs = sampled(objective.space, truth, sample, objective.seed)
    check(under, archs, truth)
    filling = Filling(Scores() if scores is None else scores, executor, give_up, seen)
    found = filling.of(measuring(objective, under), archs)
    limits = [limited(cost, archs, found.get(cost.key, ())) for cost in under]
    comparison = Comparison(
        objective.space,
        archs,
        {name: found[name] for name in objective.named},
        truth,
        _values(truth, archs),
        combinations or {},
        rankings or {},
        {each.name: each.sign * each.costs for each in limits},
        {name: proxy.fitted_to(objective.space) for name, proxy in objective.named.items()},
    )
    result = summarised(comparison, baseline, resamples, objective.seed)
    if limits:
        result |= under_limits(
            comparison, limits, objective, finals, replace(filling, give_up=0).of
        )
    return Compared(comparison, {**result, "seconds": round(perf_counter() - start, 3)})


@dataclass(frozen=True)
class Filling:
    """How missing scores are computed, and where they are kept."""

    scores: Scores
    executor: Executor
    give_up: int
    seen: Callable[[Task, int], bool | None] | None

    def of(self, objective: ProxyObjective, archs: Sequence[Arch]) -> dict[str, list[Evaluation]]:
        """Every proxy's evaluations of the architectures; those that are missing are computed."""
        keyed = Keyed(objective, keys(objective))
        tasks = keyed.missing(self.scores, archs)
        keyed.give_up(self.scores, archs, self.give_up)
        try:
            for done, task in enumerate(keyed.fill(self.scores, tasks, self.executor), 1):
                stop = self.seen is not None and self.seen(task, len(tasks))
                if done <= self.give_up:
                    keyed.give_up(self.scores, archs, self.give_up)
                if stop and done < len(tasks):
                    raise StoppedError(keyed.unscored(self.scores, archs), len(archs))
        except GivenUpError as error:
            raise StoppedError(keyed.unscored(self.scores, archs), len(archs)) from error
        return {name: self.scores.of(keyed, name, archs) for name in objective.named}


def _values(truth: Truth | None, archs: Sequence[Arch]) -> Any:
    """The truth of each architecture, or None if there is no table."""
    if truth is None:
        return None
    known = dict(zip(truth.archs, truth.values, strict=True))
    return np.array([known[arch] for arch in archs])
