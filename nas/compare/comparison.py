"""The whole comparison as one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from nas.compare.sample import gathered, sampled
from nas.compare.scores import Scorer, Scores, Task
from nas.compare.summary import summarised
from nas.compare.tables import Truth
from nas.scoring.executors import Executor


def compare(
    scorer: Scorer,
    *,
    truth: Truth | None = None,
    sample: int | None = 1000,
    resamples: int = 1000,
    combinations: Mapping[str, Sequence[str]] | None = None,
    baseline: str = "params",
    scores: Scores | None = None,
    executor: Executor = map,
    seen: Callable[[Task], object] = bool,
) -> dict[str, Any]:
    """Score a sample by every proxy of the scorer and say how they agree with the truth.

    The result is plain data, what `nas compare` writes to compare.json but for the settings there.
    Scores that are in `scores` are not computed again; `seen` is called with every task that is
    done. UsageError where the baseline is not among the proxies.
    """
    start = perf_counter()
    archs = sampled(scorer.space, truth, sample, scorer.seed)
    scores = Scores() if scores is None else scores
    for task in scores.filled(scorer, scores.missing(scorer, archs), executor):
        seen(task)
    comparison = gathered(scorer, archs, scores, truth, combinations or {})
    result = summarised(comparison, baseline, resamples, scorer.seed)
    return {**result, "seconds": round(perf_counter() - start, 3)}
