"""A study as plain data: its table, its curves, its tests; what is undefined is None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.study.curves import INTERVAL, Curve, curve, incumbents, interval, mean, so_far
from nas.study.run import Figure, Run, by_score
from nas.study.significance import TEST, differences, holm, smallest, wilcoxon
from nas.study.text import searches
from nas.study.variants import comparable, variants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEW = 6
"""With fewer pairs no p-value can be below 0.05."""


def studied(runs: Sequence[Run], figure: Figure) -> dict[str, Any]:
    """The runs as one study of plain data.

    `figure` is compared; curves are of it and of the score that the searches go by. `rows` has one
    row for each variant, the best first; `pairs` every two variants with the test; `curves` the
    means by figure and variant; `searches` each search's own end. The order of the runs does not
    matter.
    """
    names = variants([run.settings for run in runs])
    pairs_of = sorted(zip(names, runs, strict=True), key=lambda pair: (pair[0], pair[1].seed))
    by_name: dict[str, list[Run]] = {}
    for name, run in pairs_of:
        by_name.setdefault(name, []).append(run)
    why = _incomparable(runs, figure)
    ends = {name: _ends(each, figure) for name, each in by_name.items()}
    pairs = [] if why else _pairs(ends, figure)
    rows = [_row(name, by_name[name], ends[name], figure) for name in by_name]
    rows.sort(key=lambda row: _place(row, figure))
    for row in rows:
        row["to_best"] = _to_best(row["variant"], rows[0]["variant"], pairs)
    judged = _judged(by_name, ends, figure, bool(why))
    return {
        "report": figure.name,
        "of": _of(runs, figure),
        "lower_is_better": figure.lower,
        "best": _plain(figure.best),
        **({} if figure.whole is None else {"reference": dict(figure.whole.reference)}),
        "searches_in_all": len(runs),
        "unfinished": sum(not run.over for run in runs),
        **({} if judged is None else {"judged": judged}),
        "interval": INTERVAL,
        "test": TEST,
        "notes": _notes(runs, by_name, rows, figure, why),
        "rows": rows,
        "pairs": pairs,
        "curves": _curves({row["variant"]: by_name[row["variant"]] for row in rows}, figure),
        "searches": [_search(name, run, figure) for name, each in by_name.items() for run in each],
    }


def _judged(
    by_name: Mapping[str, Sequence[Run]],
    ends: Mapping[str, Mapping[int, float]],
    figure: Figure,
    untested: bool,
) -> dict[str, Any] | None:
    """The rows and pairs of the seeds on which the search of every variant is over.

    None where these are all seeds: then the rows of all searches say the same.
    """
    begun = {name: {run.seed for run in each if not run.over} for name, each in by_name.items()}
    fair = {
        seed
        for seed in set.intersection(*({*each} for each in ends.values()))
        if not any(seed in each for each in begun.values())
    }
    if len(by_name) < 2 and not any(begun.values()):
        return None
    if all({*ends[name], *begun[name]} == fair for name in by_name):
        return None
    kept = {
        name: {seed: each[seed] for seed in each if seed in fair} for name, each in ends.items()
    }
    those = {name: [run for run in by_name[name] if run.seed in fair] for name in by_name}
    pairs = [] if untested or not fair else _pairs(kept, figure)
    rows = [_row(name, those[name], kept[name], figure) for name in by_name] if fair else []
    rows.sort(key=lambda row: _place(row, figure))
    for row in rows:
        row["to_best"] = _to_best(row["variant"], rows[0]["variant"], pairs)
    return {"seeds": sorted(fair), "rows": rows, "pairs": pairs}


def _of(runs: Sequence[Run], figure: Figure) -> str:
    """What a search's figure is of, in words."""
    if figure.whole is not None:
        return "the front that a search finds"
    if figure.is_score and any(run.winner is not None for run in runs):
        return "a search's favourite before its finals"
    return "what a search returns"


def _incomparable(runs: Sequence[Run], figure: Figure) -> str:
    """Why the figures of these runs do not compare; empty if they do."""
    records = [run.settings for run in runs]
    if figure.is_score and any(run.value is None for run in runs):
        return "this ranking gives values that hold within one search"
    differs = comparable(records, figure.scale)
    return f"the searches differ in {differs}" if differs else ""


def _ends(runs: Sequence[Run], figure: Figure) -> dict[int, float]:
    """The figure of what each search returns, by seed; the mean where a seed is there twice."""
    found: dict[int, list[float]] = {}
    for run in runs:
        if not isnan(value := _end(run, figure)):
            found.setdefault(run.seed, []).append(value)
    return {seed: float(np.mean(values)) for seed, values in found.items()}


def _end(run: Run, figure: Figure) -> float:
    """The figure of what a search returns; NaN if there is none."""
    if figure.whole is not None:
        return float(figure.whole.so_far(run)[-1]) if run.trials else nan
    trial = _returned(run, figure)
    return nan if trial is None else figure.in_run(run)(trial)


def _course(run: Run, figure: Figure) -> Array:
    """The figure of the best so far after each trial (trials,)."""
    if figure.whole is not None:
        return figure.whole.so_far(run)
    return so_far(run, figure.in_run(run))


def _returned(run: Run, figure: Figure) -> Any:
    """The trial that a search returns: its finals' winner, or else its own best.

    Scores are compared before the finals, which go by other figures.
    """
    if run.winner is not None and not figure.is_score:
        return next(trial for trial in run.trials if trial.arch == run.winner)
    found = incumbents(run)
    return found[-1] if found else None


def _row(
    name: str, runs: Sequence[Run], ends: Mapping[int, float], figure: Figure
) -> dict[str, Any]:
    values = np.array([*ends.values()])
    lost = figure.sign * (figure.best - values)
    trials = [len(run.trials) for run in runs]
    return {
        "variant": name,
        "searches": len(runs),
        "with_figure": len(values),
        **_summary(values),
        "median": _plain(np.median(values)) if len(values) else None,
        "sd": _plain(values.std(ddof=1)) if len(values) > 1 else None,
        "regret": _summary(lost) if not isnan(figure.best) else None,
        "trials": float(np.mean(trials)),
        "seconds": round(float(np.mean([sum(t.seconds for t in r.trials) for r in runs])), 6),
    }


def _summary(values: Array) -> dict[str, float | None]:
    """The mean with its interval."""
    if not len(values):
        return {"mean": None, "low": None, "high": None}
    column = values[:, None]
    low, high = interval(column)
    return {"mean": _plain(mean(column)[0]), "low": _plain(low[0]), "high": _plain(high[0])}


def _place(row: Mapping[str, Any], figure: Figure) -> tuple[float, str]:
    value = row["mean"]
    return (np.inf if value is None else -figure.sign * value), row["variant"]


def _pairs(ends: Mapping[str, Mapping[int, float]], figure: Figure) -> list[dict[str, Any]]:
    """Every two variants on the seeds that both have."""
    found: list[dict[str, Any]] = []
    for one, other in combinations(ends, 2):
        seeds = [seed for seed in ends[one] if seed in ends[other]]
        less = differences(*(np.array([ends[v][seed] for seed in seeds]) for v in (one, other)))
        wins = int((figure.sign * less > 0).sum())
        losses = int((figure.sign * less < 0).sum())
        found.append(
            {
                **{"one": one, "other": other, "seeds": len(seeds), "difference": None},
                **{"difference": _summary(less), "better": wins, "worse": losses},
                "p": wilcoxon(less),
            }
        )
    for pair, corrected in zip(found, holm([pair["p"] for pair in found]), strict=True):
        pair["p"], pair["p_holm"] = _plain(pair["p"]), _plain(corrected)
    return found


def _to_best(name: str, best: str, pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """A variant less the best one, with the test; None for the best itself and where none is."""
    for pair in pairs:
        if {pair["one"], pair["other"]} == {name, best} and name != best:
            turned = pair["one"] == best
            figures = pair["difference"]
            value, low, high = (figures[key] for key in ("mean", "low", "high"))
            if turned:
                value, low, high = (None if x is None else 0.0 - x for x in (value, high, low))
            return {
                **{"mean": value, "low": low, "high": high, "seeds": pair["seeds"]},
                **{"p": pair["p"], "p_holm": pair["p_holm"]},
            }
    return None


def _notes(
    runs: Sequence[Run],
    by_name: Mapping[str, Sequence[Run]],
    rows: Sequence[Mapping[str, Any]],
    figure: Figure,
    why: str,
) -> list[str]:
    notes = []
    if why:
        notes.append(
            f"{why}, so the figures are not tested against each other: report=COLUMN with "
            f"table=NAME compares true figures"
        )
    notes += [
        f"{row['variant']}: {row['searches'] - row['with_figure']} of {searches(row['searches'])} "
        f"{'has' if row['searches'] - row['with_figure'] == 1 else 'have'} no figure"
        for row in rows
        if row["with_figure"] < row["searches"]
    ]
    seeds = min(len({run.seed for run in each}) for each in by_name.values())
    if not why and len(rows) > 1 and seeds < FEW:
        notes.append(
            f"{seeds} {'seed gives' if seeds == 1 else 'seeds give'} no p-value below "
            f"{smallest(seeds):.3g}: more seeds tell more"
        )
    if figure.whole is not None:
        point = figure.whole.reference.items()
        notes.append(
            f"the {figure.name} is above {', '.join(f'{k} = {v:.6g}' for k, v in point)}: "
            + ("given" if figure.whole.given else "the worst of all scored trials in each")
        )
    elif any(run.winner is not None for run in runs):
        notes.append(
            "the finals go by other figures, so the table and the curves are without them: "
            "report=NAME compares a metric or a column of a table, of their winners"
            if figure.is_score
            else "the table is of the winners of the finals, the curves are without finals"
        )
    return notes


def _curves(by_name: Mapping[str, Sequence[Run]], figure: Figure) -> dict[str, dict[str, Any]]:
    """The curves by figure and variant; scores that do not compare have none."""
    every = [run for runs in by_name.values() for run in runs]
    found: dict[str, dict[str, Any]] = {}
    for each in (figure, by_score()):
        if each.name in found or (each.is_score and _incomparable(every, each)):
            continue
        rows = {name: [_course(run, each) for run in runs] for name, runs in by_name.items()}
        found[each.name] = {name: _points(curve(values)) for name, values in rows.items()}
        if not isnan(each.best):
            lost = {n: [each.sign * (each.best - v) for v in vs] for n, vs in rows.items()}
            regrets = {name: _points(curve(values)) for name, values in lost.items()}
            found[f"regret of {each.name}"] = regrets
    return found


def _points(found: Curve) -> dict[str, list[Any]]:
    return {
        "trials": found.trials.tolist(),
        "mean": [_plain(value) for value in found.mean],
        "low": [_plain(value) for value in found.low],
        "high": [_plain(value) for value in found.high],
        "searches": found.count.tolist(),
    }


def _search(name: str, run: Run, figure: Figure) -> dict[str, Any]:
    about = {"variant": name, "seed": run.seed, "trials": len(run.trials)}
    if figure.whole is not None:
        return {**about, figure.name: _plain(_end(run, figure)), "front": figure.whole.front(run)}
    trial = _returned(run, figure)
    return {
        **about,
        figure.name: None if trial is None else _plain(figure.in_run(run)(trial)),
        "score": None if trial is None else _plain(by_score().in_run(run)(trial)),
        "tuple": None if trial is None else list(trial.arch),
    }


def _plain(value: Any) -> float | None:
    """A number as JSON has it: NaN is None."""
    return None if isnan(value) else float(value)
