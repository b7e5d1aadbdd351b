"""The names of a trial's figures: each of them means one figure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nas.errors import UsageError
from nas.metric import METRICS, Measured, Metric
from nas.proxy import PROXIES, Proxy


def check_names(
    measures: Mapping[str, Metric], proxies: Mapping[str, Proxy], repeats: int
) -> None:
    """Raise UsageError if a name is that of two figures.

    A single proxy has an empty name here. Figures that others have beside them count: the
    interquartile range of a metric that is measured, and the deviation of repeated scores.
    """
    for name, metric in measures.items():
        if name in proxies and not are_one(name, proxies[name], metric):
            check_once([name], measures)
        if metric.measured:
            check_further(name, ["iqr"], {*measures, *proxies})
    for name in proxies if repeats > 1 else ():
        check_further(name, ["sd"], {*measures, *proxies})


def check_once(names: Collection[str], metrics: Collection[str], what: str = "a proxy") -> None:
    """Raise UsageError if one of the names, of `what`, is that of a metric, too."""
    for name in names:
        if name in metrics:
            raise UsageError(
                f"{name} is {what} and another figure among the metrics: give one of them "
                f"another name"
            )


def check_further(name: str, further: Collection[str], taken: Collection[str]) -> None:
    """Raise UsageError if a figure that NAME has beside it has the name of another figure."""
    for key in further:
        if (beside := f"{name}_{key}" if name else key) in taken:
            owner = name or "the score"
            raise UsageError(
                f"{owner} has a figure {beside} beside it, so {beside} can be no other figure: "
                f"give that another name (nas convert renames columns of a table)"
            )


def are_one(name: str, proxy: Proxy, metric: Metric | None) -> bool:
    """Whether a proxy and a metric are the same figure: the registered ones, such as params."""
    if name not in PROXIES or name not in METRICS:
        return False
    return type(proxy) is PROXIES[name] and type(metric) is METRICS[name]


def beside(name: str, figure: float, taken: Collection[str]) -> dict[str, float]:
    """The further figures of a metric's one; raises UsageError if another has one's name."""
    if not isinstance(figure, Measured):
        return {}
    check_further(name, figure.more, taken)
    return {f"{name}_{key}": value for key, value in figure.more.items()}
