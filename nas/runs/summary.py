"""What came out of a search, from its trials and settings alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from nas.network import FLOPS_RULE
from nas.ranking import make_ranking
from nas.space import Space
from nas.trial import Trial

TOP = 10


def summarise(
    trials: Sequence[Trial], space: Space, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The best architecture, the ten best distinct ones, and the counts, as plain values.

    `score` and `arch` are None where no trial has a score.
    """
    ranking = make_ranking(settings["ranking"])
    own = [trial for trial in trials if trial.copy_of is None]
    scored = [trial for trial in own if not isnan(trial.score)]
    values = ranking(scored)
    order = sorted(range(len(scored)), key=lambda place: (-values[place], place))[:TOP]
    best = [scored[place] for place in order]
    seconds = sum(round(trial.seconds, 6) for trial in trials)  # as the journal has them
    first = _described(best[0], space) if best else {"arch": None, "tuple": None, "score": None}
    return {
        **first,
        "flops_rule": FLOPS_RULE,
        "notes": sorted({trial.note for trial in trials if trial.note}),
        **{
            kind: label(settings[kind])
            for kind in ("space", "proxy", "strategy", "batch", "ranking")
        },
        **{key: settings[key] for key in ("seed", "repeats", "block", "budget")},
        "trials": {
            "total": len(trials),
            "scored": len(scored),
            "repeated": len(trials) - len(own),
            "no_score": len(own) - len(scored),
            "reasons": dict(Counter(t.reason for t in own if isnan(t.score)).most_common()),
        },
        "seconds": round(seconds, 3),
        "trials_per_second": round(len(trials) / seconds, 2) if seconds else None,
        "top": [_described(trial, space) for trial in best],
    }


def label(config: Mapping[str, Any]) -> str:
    """The name in a config; of proxy=[one,other] the names of all."""
    members = [name for name, value in config.items() if isinstance(value, Mapping)]
    return " + ".join(members) if config["name"] == "several" else str(config["name"])


def _described(trial: Trial, space: Space) -> dict[str, Any]:
    return {
        "arch": space.format(trial.arch),
        "tuple": list(trial.arch),
        "score": trial.score,
        "params": int(trial.metrics["params"]),
        "flops": int(trial.metrics["flops"]),
        "trial": trial.number,
        **({"scores": dict(trial.scores)} if trial.scores else {}),
    }


def rendered(summary: Mapping[str, Any]) -> str:
    """The summary as text for a terminal."""
    lines = [
        f"{summary['trials']['total']} of {summary['budget']} trials"
        f" · space {summary['space']} · proxy {summary['proxy']}"
        f" · strategy {summary['strategy']} · batch {summary['batch']} · seed {summary['seed']}"
        + (f" · ranking {summary['ranking']}" if summary["ranking"] != "score" else ""),
        "",
    ]
    if summary["arch"] is not None:
        lines += [
            f"best    {summary['arch']}",
            f"tuple   {tuple(summary['tuple'])}",
            f"score   {summary['score']:.6g}   (trial {summary['trial']})",
            f"params  {summary['params']:,}",
            f"FLOPs   {summary['flops']:,}   ({summary['flops_rule']})",
            "",
            "the ten best distinct architectures",
            *_table(summary["top"]),
            "",
        ]
    trials = summary["trials"]
    lines.append(
        f"trials  {trials['scored']} scored, {trials['repeated']} repeated, "
        f"{trials['no_score']} without a score"
    )
    lines += [f"        {count} × {reason}" for reason, count in trials["reasons"].items()]
    lines += [f"note    {note}" for note in summary["notes"]]
    if summary["trials_per_second"] is not None:
        lines.append(
            f"time    {summary['seconds']:.1f} s of scoring, "
            f"{summary['trials_per_second']:.1f} trials per second"
        )
    return "\n".join(lines)


def _table(top: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each of the best: of several proxies each one's score, else the score."""
    names = list(top[0].get("scores", {})) or ["score"]
    head = "".join(f"{name:>14}" for name in names)
    lines = [f"{head}{'params':>12}{'FLOPs':>14}  architecture"]
    for row in top:
        scores = row.get("scores") or {"score": row["score"]}
        figures = "".join(f"{scores[name]:>14.6g}" for name in names)
        lines.append(f"{figures}{row['params']:>12,}{row['flops']:>14,}  {row['arch']}")
    return lines
