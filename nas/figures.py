"""The figures of trials by name, as a table: what rankings of several figures work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan, nan
from typing import TYPE_CHECKING

from nas.errors import UsageError, unknown
from nas.trial import Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def weighted(
    ranking: str, trials: Sequence[Trial], weights: Mapping[str, float] | None
) -> tuple[list[str], Array]:
    """The names of the figures that count, and their factors; a single proxy is called score.

    Raises UsageError, which names the ranking, if there are not two figures or more.
    """
    import numpy as np

    first = next((trial for trial in trials if trial.scores), trials[0] if trials else None)
    proxies = [*first.scores] or ["score"] if first is not None else []
    factors = dict.fromkeys(proxies, 1.0) | dict(weights or {})
    counted = {name: factor for name, factor in factors.items() if factor}
    if first is not None:
        known = {*proxies, *first.metrics}
        if lost := [name for name in factors if name not in known]:
            hint = unknown("figure of the trials", lost[0], known)
            raise UsageError(f"ranking={ranking}: {hint}; metrics=[NAME] measures others")
        if len(counted) < 2 <= len(factors):
            raise UsageError(
                f"ranking={ranking} compares two figures or more, and with weights={factors} "
                f"{', '.join(counted) or 'none'} is left: a weight of 0 takes a figure out"
            )
        if len(counted) < 2:
            raise UsageError(f"ranking={ranking} compares several proxies: give proxy=[one,other]")
    return [*counted], np.array([*counted.values()])


def over(
    trials: Sequence[Trial],
    names: Sequence[str],
    value: Callable[[Array], Array],
    *,
    partly: bool = False,
) -> list[float]:
    """`value` of the table (trials, names) of those that have all figures; -inf for others.

    `partly` also takes those that have one figure or more; what they lack is NaN in the table.
    It takes none that breaks a constraint.
    """
    import numpy as np

    table = np.array([[figure(trial, name) for name in names] for trial in trials])
    values = np.full(len(trials), -inf)
    lacking = np.isnan(table)
    if partly:
        nothing = [isnan(trial.score) and not partly_scored(trial) for trial in trials]
        out = lacking.all(axis=-1) | np.array(nothing, bool)
    else:
        out = lacking.any(axis=-1)
    whole = np.flatnonzero(~out) if trials else np.arange(0)
    if len(whole):
        values[whole] = value(table[whole])
    return [float(each) for each in values]


def partly_scored(trial: Trial) -> bool:
    """Whether there is no sum of the scores because some proxies, but not all, have none.

    A trial that breaks a constraint is none of these: its reason is not that of a proxy.
    """
    lacking = [name for name, score in trial.scores.items() if isnan(score)]
    of_proxy = not trial.reason or trial.reason.partition(": ")[0] in lacking
    return isnan(trial.score) and 0 < len(lacking) < len(trial.scores) and of_proxy


def figure(trial: Trial, name: str) -> float:
    """The trial's score by the proxy of this name, or else its metric; NaN if it has neither."""
    if name == "score" and not trial.scores:
        return trial.score
    return trial.scores[name] if name in trial.scores else float(trial.metrics.get(name, nan))
