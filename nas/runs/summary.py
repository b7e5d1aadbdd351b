"""The summary of a search, made from its trials alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from nas.errors import UsageError
from nas.metric import Metric
from nas.network import FLOPS_RULE
from nas.ranking import Ranking, unranked, valued
from nas.runs.finals import finals_lines, finals_of
from nas.runs.front import front_in, front_lines
from nas.runs.truth import truth_lines, truth_of
from nas.runs.warmup import warmup_lines
from nas.scoring.attempt import described
from nas.searching.finals import Standings
from nas.searching.judging import SEVERAL, lost_by
from nas.searching.limits import Count, Limits
from nas.space import Space
from nas.trial import Trial, nullable

if TYPE_CHECKING:
    from nas.data.lookup import Figures

TOP = 10
KEYS = {
    *("arch", "tuple", "score", "scores", "spreads", "trial", "trials", "reason", "note", "notes"),
    *(
        "space",
        "proxy",
        "strategy",
        "batch",
        "ranking",
        "seed",
        "repeats",
        "block",
        "budget",
        "count",
        "timeout",
        "patience",
        "live",
        "objective",
        "constraints",
        "reference",
        "front",
    ),
    *("warmup", "move", "truth"),
    *("flops_rule", "elapsed", "seconds", "trials_per_second", "top", "favourite", "finals"),
}
"""The names in a summary that no metric can have."""


def check_metrics(names: Iterable[str]) -> None:
    """Raise UsageError for a name that a summary or a trial has for something else."""
    for name in names:
        if name in KEYS or name == "sd" or name.endswith("_sd"):
            raise UsageError(f"a metric cannot be called '{name}': a summary has that already")


@dataclass(frozen=True)
class Question:
    """What a search has to find: the names of its space, plugins and budget."""

    space: str
    proxy: str
    strategy: str
    batch: str
    ranking: str
    seed: int
    repeats: int
    block: int
    budget: int
    count: Count = "trials"
    timeout: float | None = None
    patience: int | None = None
    live: bool = True
    warmup: Mapping[str, Any] | None = None
    """What came of the warm-up (`nas.runs.warmup`); None without one."""
    move: str | None = None
    objective: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    reference: tuple[float, ...] | None = None

    @property
    def limits(self) -> Limits:
        """What the search may spend."""
        return Limits(self.budget, self.count, self.patience, self.timeout)


def summarise(
    trials: Sequence[Trial],
    space: Space,
    ranking: Ranking,
    metrics: Sequence[str],
    question: Question,
    standings: Standings | None = None,
    unfinished: str = "",
    elapsed: float = 0.0,
    true: Figures | None = None,
) -> dict[str, Any]:
    """What the run returns, the ten best distinct architectures, and the counts, as plain values.

    It returns the winner of the finals, or without finals its own favourite. `score` and `arch`
    are None if no trial has a score. With another ranking than score, `score` is its value. With
    `true` figures it has the winner's, its rank and its regret.
    """
    scored = valued(trials, ranking)
    best = [_described(trial, value, space, metrics) for trial, value in scored[:TOP]]
    favourite = best[0] if best else {"arch": None, "tuple": None, "score": None}
    held = None if standings is None else finals_of(standings, space)
    winner = favourite
    if standings is not None and standings.decisive and held is not None:
        first = tuple(held["finalists"][0]["tuple"])
        trial, value = next(each for each in scored if each[0].arch == first)
        winner = _described(trial, value, space, metrics)
    early = _early(question.limits, trials, ranking, elapsed)
    seconds = sum(round(trial.seconds, 6) for trial in trials)  # rounded as in the journal
    return {
        **winner,
        "favourite": favourite,
        "finals": held,
        **truth_of(true, winner, favourite),
        **({"flops_rule": FLOPS_RULE} if "flops" in metrics else {}),
        "notes": [
            *(part for part in (early, unfinished) if part),
            *sorted({part for trial in trials for part in trial.note.split("; ") if part}),
        ],
        **asdict(question),
        "objective": [*question.objective],
        "constraints": [*question.constraints],
        "front": front_in(trials, space, ranking, question.reference, winner.get("trial")),
        "trials": _counts(trials, ranking, scored, question.limits),
        "elapsed": round(elapsed, 3),
        "seconds": round(seconds, 3),
        "trials_per_second": round(len(trials) / seconds, 2) if seconds else None,
        "top": best,
    }


def _counts(
    trials: Sequence[Trial],
    ranking: Ranking,
    scored: Sequence[tuple[Trial, float]],
    limits: Limits,
) -> dict[str, Any]:
    """How many trials there are of each kind, and how much of the budget they have used."""
    own = [trial for trial in trials if trial.copy_of is None]
    there = sum(trial.copy_of is None for trial, _ in scored)
    return {
        "total": len(trials),
        "used": limits.used(trials),
        "scored": there,
        "repeated": len(trials) - len(own),
        "no_score": len(own) - there,
        "reasons": dict(_reasons(own, ranking).most_common()),
    }


def _reasons(trials: Sequence[Trial], ranking: Ranking) -> Counter[str]:
    """How often each reason is there why a trial has no score, or no value of an objective."""
    lost = lost_by(ranking)
    without = unranked(trials, ranking)
    each = (trial.reason if isnan(trial.score) else lost(trial) for trial in without)
    found = Counter(each)
    del found[""]
    return found + Counter({"": sum(isnan(t.score) and not t.reason for t in without)})


def _early(limits: Limits, trials: Sequence[Trial], ranking: Ranking, elapsed: float) -> str:
    """A sentence if the search ended before its budget was used, else nothing."""
    ended = limits.ended(trials, ranking, elapsed)
    return f"the search ended {ended}" if ended and limits.left(trials) else ""


def figures(values: Mapping[str, float], metrics: Sequence[str]) -> dict[str, float | int | None]:
    """The metrics as plain values: counts are whole numbers, a missing figure is None.

    A metric that is measured has its interquartile range beside it, as NAME_iqr.
    """
    names = [each for name in metrics for each in (name, f"{name}_iqr")]
    return {name: _plain(values[name]) for name in names if name in metrics or name in values}


def _plain(value: float) -> float | int | None:
    if isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def _described(trial: Trial, value: float, space: Space, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "arch": described(space, trial.arch),
        "tuple": list(trial.arch),
        "score": value,
        **figures(trial.metrics, metrics),
        "trial": trial.number,
        **(
            {"scores": {n: nullable(each) for n, each in trial.scores.items()}}
            if trial.scores
            else {}
        ),
    }


def rendered(summary: Mapping[str, Any], metrics: Mapping[str, Metric]) -> str:
    """The summary as text for a terminal."""
    lines = [
        f"{used(summary)}"
        f" · space {summary['space']} · proxy {summary['proxy']}"
        f" · strategy {summary['strategy']} · batch {summary['batch']} · seed {summary['seed']}"
        + (f" · ranking {summary['ranking']}" if summary["ranking"] != "score" else "")
        + (f" · objective {', '.join(summary['objective'])}" if summary["objective"] else "")
        + (f" · constraints {', '.join(summary['constraints'])}" * bool(summary["constraints"]))
        + (f" · move {summary['move']}" if summary.get("move") else "")
        + ("" if summary["live"] else " · live false"),
        "",
    ]
    if summary["arch"] is not None:
        lines += [
            f"best    {summary['arch']}",
            f"tuple   {tuple(summary['tuple'])}",
            *_value_lines(summary),
            *metric_lines(summary, metrics, width=8),
            "",
            *truth_lines(summary.get("truth")),
            *finals_lines(summary["finals"], summary["favourite"]),
            *(
                front_lines(summary["front"])
                if summary["front"]
                else _best_lines(summary, metrics)
            ),
            "",
        ]
    trials = summary["trials"]
    lines += warmup_lines(summary.get("warmup"))
    lines.append(
        f"trials  {trials['scored']} scored, {trials['repeated']} repeated, "
        f"{trials['no_score']} without a score"
    )
    reasons = [f"        {count} × {reason}" for reason, count in trials["reasons"].items()]
    lines += reasons[:TOP]
    if len(reasons) > TOP:
        lines.append(f"        … and {len(reasons) - TOP} more reasons, each in history.jsonl")
    lines += [f"note    {note}" for note in summary["notes"][:TOP]]
    if len(summary["notes"]) > TOP:
        lines.append(f"        … and {len(summary['notes']) - TOP} more notes in history.jsonl")
    if summary["trials_per_second"] is not None:
        lines.append(
            f"time    {summary['seconds']:.1f} s of scoring, "
            f"{summary['trials_per_second']:.1f} trials per second"
        )
    return "\n".join(lines)


def _value_lines(summary: Mapping[str, Any]) -> list[str]:
    """The best architecture's value by what ranks, and its values in several objectives.

    The pareto ranking's own value says less than that the winner is the front's best.
    """
    where, front = f"(trial {summary['trial']})", summary["front"]
    own = (front and front.get("winner")) or {}
    lines = [f"{name:<7} {value:.6g}" for name, value in own.items()]
    if lines and summary["ranking"] == SEVERAL and not summary["finals"]:
        return [f"{lines[0]}   {where}: the front's best by its first objective", *lines[1:]]
    return [f"{_word(summary):<7} {summary['score']:.6g}   {where}", *lines]


def _best_lines(summary: Mapping[str, Any], metrics: Mapping[str, Metric]) -> list[str]:
    """The ten best, or with several objectives the front."""
    if summary["front"]:
        return front_lines(summary["front"])
    return [
        f"the ten best distinct architectures{' of the search' * bool(summary['finals'])}",
        *_table(summary["top"], metrics, _word(summary)),
    ]


def used(summary: Mapping[str, Any]) -> str:
    """How much of the budget was used."""
    trials, budget = summary["trials"], summary["budget"]
    if summary["count"] == "scored":
        new = trials.get("used", trials["scored"])
        return f"{new} of {budget} new scores in {trials['total']} trials"
    return f"{trials['total']} of {budget} trials"


def _word(summary: Mapping[str, Any]) -> str:
    """What the value that ranks is called."""
    formulas = summary["objective"]
    return str(formulas[0] if len(formulas) == 1 else summary["ranking"])


def metric_lines(
    values: Mapping[str, Any], metrics: Mapping[str, Metric], *, width: int
) -> list[str]:
    """A line for each metric: its title, its figure, its unit."""
    return [
        f"{metric.title or name:<{max(width, len(metric.title or name) + 1)}}{shown(values[name])}"
        + (f"   ({unit})" if (unit := _unit(values, name, metric)) else "")
        for name, metric in metrics.items()
    ]


def _unit(values: Mapping[str, Any], name: str, metric: Metric) -> str:
    """The unit of a metric; of a measured one also how far its measurements spread."""
    spread = values.get(f"{name}_iqr")
    between = [] if spread is None else [f"interquartile range {spread:.3g}"]
    return ", ".join([metric.unit] * bool(metric.unit) + between)


def shown(value: float | int | None) -> str:
    """A metric's figure as text."""
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _table(
    top: Sequence[Mapping[str, Any]], metrics: Mapping[str, Metric], ranking: str
) -> list[str]:
    """A line for each of the best; with several proxies it has the score of each."""
    names = list(top[0].get("scores", {})) or [ranking]
    widths = {name: max(metric.width, len(name) + 2) for name, metric in metrics.items()}
    head = "".join(f"{name:>14}" for name in names)
    head += "".join(f"{m.title or name:>{widths[name]}}" for name, m in metrics.items())
    lines = [f"{head}  architecture"]
    for row in top:
        scores = row.get("scores") or {ranking: row["score"]}
        each = (scores[name] for name in names)
        cells = "".join(f"{'none':>14}" if one is None else f"{one:>14.6g}" for one in each)
        cells += "".join(f"{shown(row[name]):>{widths[name]}}" for name in metrics)
        lines.append(f"{cells}  {row['arch']}")
    return lines
