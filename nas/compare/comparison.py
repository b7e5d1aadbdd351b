"""The whole comparison as one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from nas.arch import Arch
from nas.compare.sample import Comparison, sampled
from nas.compare.scores import Keyed, Scores, Task
from nas.compare.summary import summarised
from nas.compare.tables import Truth
from nas.errors import UsageError
from nas.runs.stopping import GivenUpError
from nas.scoring.executors import Executor
from nas.scoring.keys import keys
from nas.scoring.objective import ProxyObjective
from nas.searching.loop import GIVE_UP


@dataclass(frozen=True)
class Compared:
    """A sample with its scores, and the results as plain data."""

    comparison: Comparison
    result: dict[str, Any]


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
    rankings: Mapping[str, str] | None = None,
    baseline: str = "params",
    scores: Scores | None = None,
    executor: Executor = map,
    give_up: int = GIVE_UP,
    seen: Callable[[Task, int], bool | None] | None = None,
) -> Compared:
    """Score a sample by every proxy of the objective, and compare the scores with the truth.

    The sample has `sample` random architectures, or all (None). Scores that are in `scores` are
    not computed again. `combinations` has the proxies of combinations, by name, and `rankings` how
    they are combined (rank_sum). `seen` is called after every task with the task and the number of
    tasks; if it returns True, the comparison stops and raises StoppedError. Raises UsageError if
    the baseline is not among the proxies, and AllFailedError if a proxy fails for the same reason
    on each of the first `give_up` architectures.
    """
    start = perf_counter()
    if truth is not None and baseline not in objective.named:
        raise UsageError(f"differences are to the baseline {baseline}, which is not scored")
    archs = sampled(objective.space, truth, sample, objective.seed)
    scores = Scores() if scores is None else scores
    keyed = Keyed(objective, keys(objective))
    _fill(keyed, scores, archs, executor, give_up, seen)
    comparison = Comparison(
        objective.space,
        archs,
        {name: scores.of(keyed, name, archs) for name in objective.named},
        truth,
        _values(truth, archs),
        combinations or {},
        rankings or {},
    )
    result = summarised(comparison, baseline, resamples, objective.seed)
    return Compared(comparison, {**result, "seconds": round(perf_counter() - start, 3)})


def _fill(
    keyed: Keyed,
    scores: Scores,
    archs: Sequence[Arch],
    executor: Executor,
    give_up: int,
    seen: Callable[[Task, int], bool | None] | None,
) -> None:
    """Compute the missing scores."""
    tasks = keyed.missing(scores, archs)
    keyed.give_up(scores, archs, give_up)
    try:
        for done, task in enumerate(keyed.fill(scores, tasks, executor), 1):
            stop = seen is not None and seen(task, len(tasks))
            if done <= give_up:
                keyed.give_up(scores, archs, give_up)
            if stop and done < len(tasks):
                raise StoppedError(keyed.unscored(scores, archs), len(archs))
    except GivenUpError as error:
        raise StoppedError(keyed.unscored(scores, archs), len(archs)) from error


def _values(truth: Truth | None, archs: Sequence[Arch]) -> Any:
    """The truth of each architecture, or None if there is no table."""
    if truth is None:
        return None
    known = dict(zip(truth.archs, truth.values, strict=True))
    return np.array([known[arch] for arch in archs])
