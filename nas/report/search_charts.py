"""The charts of one search, and of several beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from math import isfinite, nan

from nas.report.charts import Axis, Chart, Layer
from nas.report.numbers import histogram, kind, outside, span, thinned, undominated
from nas.report.run import Run
from nas.report.tables import written
from nas.report.words import counted, short
from nas.trial import Trial

FAR_NOTE = "{count} far below the others {are} drawn at the edge."


def best_so_far(run: Run) -> Chart:
    """The value of every distinct trial, and the best so far."""
    scored = sorted((trial.number, value) for trial, value in run.levels)
    numbers, values, name = [n for n, _ in scored], [v for _, v in scored], run.value_name
    corners = rises(scored, len(run.trials))
    steps: dict[str, list[float]] = {
        "trial": [n for n, _ in corners],
        name: [v for _, v in corners],
    }
    ends = span(values, high=False)
    winner = [p for p, number in enumerate(numbers) if run.trials[number].arch == run.winner][:1]
    drawn = thinned(range(len(numbers)), winner)
    dots: dict[str, list[float]] = {
        "trial": [numbers[p] for p in drawn],
        name: [values[p] for p in drawn],
    }
    text = (
        f"The best value rose {counted(len(corners) - 2, 'time')} after the first and ended at "
        f"{written(corners[-1][1])}, found in trial {corners[-2][0]}."
    )
    return Chart(
        "Best so far",
        " ".join([text, *_thin(len(drawn), len(numbers)), *far_note(outside(values, ends))]),
        Axis("trial"),
        Axis(name, low=ends and ends[0], high=ends and ends[1]),
        [
            Layer("dots", dots, "trial", name, name="trials", look=None, size=2.2),
            Layer("line", steps, "trial", name, name="best so far", steps=True, tip=False),
            _ring("trial", [numbers[p] for p in winner], name, [values[p] for p in winner]),
        ],
    )


def rises(scored: Sequence[tuple[int, float]], total: int) -> list[tuple[int, float]]:
    """The trials where the best value rose, with it, and at last the last of all trials."""
    best = [*accumulate((value for _, value in scored), max)]
    corners = [
        (number, value)
        for place, ((number, _), value) in enumerate(zip(scored, best, strict=True))
        if place == 0 or value > best[place - 1]
    ]
    return [*corners, (total - 1, best[-1])]


def _ring(x: str, xs: Sequence[float], y: str, ys: Sequence[float]) -> Layer:
    """A ring around the winner."""
    data = {x: xs, y: ys}
    return Layer("dots", data, x, y, name="winner", look=1, size=7, hollow=True, tip=False)


def _thin(drawn: int, there: int) -> list[str]:
    return [] if drawn == there else [f"{drawn:,} of {there:,} trials are drawn."]


def far_note(count: int) -> list[str]:
    are = "is" if count == 1 else "are"
    return [FAR_NOTE.format(count=counted(count, "value"), are=are)] if count else []


def distribution(run: Run) -> Chart:
    """How many architectures have which value."""
    values = [value for _, value in run.levels]
    data = histogram(values)
    own = next((value for trial, value in run.levels if trial.arch == run.winner), None)
    below = sum(value < own for value in values) if own is not None else 0
    text = f"{counted(len(values), 'architecture')} with a score."
    if own is not None:
        text += f" {below / len(values):.1%} of them are below the winner's {written(own)}."
    rule = [Layer("at_x", {"value": [own]}, "value", name="winner", look=1, tip=False)]
    return Chart(
        "Distribution",
        text,
        Axis(run.value_name),
        Axis("architectures"),
        [
            Layer("columns", data, "from", "architectures", x2="to", name="architectures", look=0),
            *(rule if own is not None else []),
        ],
    )


def against_metric(run: Run, metric: str) -> Chart | None:
    """The value against a metric, with what no other beats in both; None without figures."""
    there = [(t, v) for t, v in run.levels if isfinite(t.metrics.get(metric, nan))]
    costs = [float(trial.metrics[metric]) for trial, _ in there]
    if len({*costs}) < 2:
        return None
    values, name = [value for _, value in there], run.value_name
    best = undominated(costs, values)
    drawn = thinned(range(len(there)), best)
    rest = [place for place in drawn if place not in {*best}]
    ends = span(values, high=False)
    others, front = (_columns(run, [there[p][0] for p in each], metric) for each in (rest, best))
    winner = [p for p in range(len(there)) if there[p][0].arch == run.winner][:1]
    text = (
        f"{counted(len(best), 'architecture')} of {len(there):,} "
        f"{'has' if len(best) == 1 else 'have'} a higher value than all that cost less: from "
        f"{short(costs[best[0]])} to {short(costs[best[-1]])}."
    )
    dots = partial(Layer, "dots", x=metric, y=name)
    return Chart(
        f"{name} against {metric}",
        " ".join([text, *_thin(len(drawn), len(there)), *far_note(outside(values, ends))]),
        Axis(run.metric_title(metric), kind(costs)),
        Axis(name, low=ends and ends[0], high=ends and ends[1]),
        [
            dots(others, name="architectures", look=None, size=2.6),
            Layer("line", front, metric, name, steps=True, tip=False),
            dots(front, name="the front", size=3.6),
            _ring(metric, [costs[p] for p in winner], name, [values[p] for p in winner]),
        ],
    )


def _columns(run: Run, trials: Sequence[Trial], name: str) -> dict[str, list[object]]:
    """The columns of some trials beside a metric: its figure, the value, who it is."""
    return {
        name: [trial.metrics.get(name) for trial in trials],
        run.value_name: [run.values[trial.number] for trial in trials],
        "trial": [trial.number for trial in trials],
        "architecture": [notation(trial) for trial in trials],
    }


def notation(trial: Trial) -> str:
    """An architecture as its tuple, which every command reads and which needs little space."""
    return f"({','.join(map(str, trial.arch))})"


def against_truth(run: Run) -> tuple[Chart, float] | None:
    """The value against the true figures, and Spearman's ρ; None with fewer than three."""
    there = [(trial, value, run.truth(trial.arch)) for trial, value in run.levels]
    there = [each for each in there if isfinite(each[2])]
    if run.true is None or len({value for _, value, _ in there}) < 3:
        return None
    from scipy.stats import spearmanr

    values, truths = [value for _, value, _ in there], [truth for _, _, truth in there]
    rho = float(spearmanr(values, truths).statistic)
    column, name = run.true.column, run.value_name
    winner = [place for place, each in enumerate(there) if each[0].arch == run.winner][:1]
    drawn = thinned(range(len(there)), winner)
    data: dict[str, list[object]] = {
        name: [values[p] for p in drawn],
        column: [truths[p] for p in drawn],
        "trial": [there[p][0].number for p in drawn],
        "architecture": [notation(there[p][0]) for p in drawn],
    }
    across, up = span(values, high=False), span(truths)
    text = (
        f"Spearman's ρ is {written(rho, '.2f')} over the {len(there):,} architectures of this "
        f"search that the table {run.true.table} has. A search sees few poor ones, so this is "
        "lower than over the whole table."
    )
    chart = Chart(
        f"{column} in the table against {name}",
        " ".join([text, *_thin(len(drawn), len(there))]),
        Axis(name, low=across and across[0], high=across and across[1]),
        Axis(column, low=up and up[0], high=up and up[1]),
        [
            Layer("dots", data, name, column, name="architectures", size=2.6, opacity=0.7),
            _ring(name, [values[p] for p in winner], column, [truths[p] for p in winner]),
        ],
    )
    return chart, rho
