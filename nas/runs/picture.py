"""The picture of a search: the value of every trial, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from matplotlib.figure import Figure

from nas.trial import Trial


def scores_over_trials(top: Sequence[tuple[Trial, float]], best: Trial, total: int) -> Figure:
    """A figure with a point a trial, a line for the best so far, and a ring around the winner.

    `top` has the distinct trials with a score, each with its value, `total` is the number of all.
    With several proxies the values are the ranking's, over all trials together. No global state of
    matplotlib is used.
    """
    scored = sorted((trial.number, value) for trial, value in top)
    values = dict(scored)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    if scored:
        numbers, heights = zip(*scored, strict=True)
        highest = list(accumulate(heights, max))
        axes.plot(numbers, heights, ".", color="0.55", markersize=4, label="scored trials")
        axes.step(
            [*numbers, total - 1], [*highest, highest[-1]], where="post", color="C0", label="best"
        )
        winner = best.number
        if winner in values:
            axes.plot(
                [winner], [values[winner]], "o", mfc="none", mec="C3", markersize=9, label="found"
            )
        axes.legend(frameon=False)
    axes.set_xlabel("trial")
    axes.set_ylabel("score" if not best.scores else "value of the ranking")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
