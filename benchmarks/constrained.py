"""How often does a constrained search end on the best feasible architecture?

    python -m benchmarks.constrained --constraint "params<=500000" --seeds 50

Every architecture of NAS-Bench-201 is scored once, with its own metrics. Then the same search runs
under many seeds with these figures, and its winner is compared with the best feasible score of
the whole space.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from statistics import median

from nas import Arch, Evaluation, History, ProxyObjective, trials
from nas.metric import METRICS
from nas.proxy import PROXIES
from nas.ranking import by_score, ranked
from nas.scoring.constraints import Constraints
from nas.scoring.given import objective_of
from nas.searching.judging import Aims
from nas.space import SPACES, Space
from nas.storage.files import replace_file
from nas.strategy import STRATEGIES


class Known:
    """The figures of a whole space as an objective, with constraints checked as in a search."""

    def __init__(
        self, space: Space, scores: Mapping[Arch, float], own: Mapping[Arch, float], metric: str
    ) -> None:
        self.space, self.scores, self.own, self.metric = space, scores, own, metric

    def form(self, arch: Arch) -> Arch:
        return self.space.canonical(arch)

    def metrics(self, arch: Arch) -> dict[str, float]:
        return {self.metric: self.own[arch]}

    def evaluate(self, arch: Arch) -> Evaluation:
        score = self.scores[self.form(arch)]
        reason = "no score" if isnan(score) else ""
        return Evaluation(score, self.metrics(arch), 0.0, reason)


def measured(
    objective: ProxyObjective, metric: str, kept: Path
) -> tuple[dict[Arch, float], dict[Arch, float]]:
    """The score of every form and the own figure of every architecture; kept in a file."""
    space = objective.space
    every = [*space.every()]
    if kept.exists():
        scores, own = json.loads(kept.read_text(encoding="utf-8"))
    else:
        forms = sorted({space.canonical(arch) for arch in every})
        scores = [objective.evaluate(form).score for form in forms]
        own = [float(objective.metrics(arch)[metric]) for arch in every]
        replace_file(kept, json.dumps([scores, own]))
    forms = sorted({space.canonical(arch) for arch in every})
    return dict(zip(forms, scores, strict=True)), dict(zip(every, own, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", default="epsilon")
    parser.add_argument("--constraint", default="params<=500000")
    parser.add_argument("--strategy", default="evolution")
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--kept", type=Path, required=True, help="a file for the figures")
    given = parser.parse_args()
    space = SPACES.build("nasbench201")
    units = {name: METRICS[name].unit for name in METRICS} | dict.fromkeys(PROXIES, "")
    aims = Aims.parse([], [given.constraint], {**units})
    metric = aims.constraints.each[0].name
    objective = objective_of(space, given.proxy, None, 0, True, [metric])
    scores, own = measured(objective, metric, given.kept)
    feasible = [arch for arch in own if not aims.constraints.refusal({metric: own[arch]})]
    best = max(s for arch in feasible if not isnan(s := scores[space.canonical(arch)]))
    known = Known(space, scores, own, metric)
    wins, infeasible, shares = 0, 0, []
    for seed in range(given.seeds):
        strategy = STRATEGIES.build(given.strategy, space, aims.before(by_score))
        history = History()
        options = {"budget": given.budget, "seed": seed, "screen": known.metrics}
        for _ in trials(strategy, known, history, constraints=aims.constraints, **options):
            pass
        winner = ranked(history, strategy.ranking)[0]
        wins += winner.score == best
        infeasible += bool(Constraints.refusal(aims.constraints, {metric: own[winner.arch]}))
        better = {s for arch in feasible if (s := scores[space.canonical(arch)]) > winner.score}
        shares.append(len(better) + 1)
    print(
        f"{len(feasible):,} of {len(own):,} architectures meet {given.constraint}; "
        f"{given.strategy}, {given.budget} trials, {given.seeds} seeds: {wins} end on the best "
        f"feasible {given.proxy} ({best:.6g}), {infeasible} on an infeasible one; "
        f"place of the winner among the feasible scores: median {median(shares):g}, "
        f"worst {max(shares)}"
    )


if __name__ == "__main__":
    main()
