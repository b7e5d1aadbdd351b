"""Searches under constraints: own figures, no infeasible winner, the nearest miss."""

from __future__ import annotations

from math import inf, isnan, nan

import pytest
import torch

from nas import (
    Arch,
    Batch,
    Candidate,
    Evaluation,
    History,
    Metric,
    ProxyObjective,
    Trial,
    search,
    trials,
)
from nas.errors import AllFailedError, UsageError
from nas.proxy import NoScore
from nas.ranking import by_score, ranked
from nas.scoring.constraints import Constraints, is_infeasible
from nas.searching.formulas import Formula
from nas.searching.judging import Judging
from nas.strategy import STRATEGIES
from proxies.epsilon import Epsilon
from proxies.params import Params
from tests.support.searches import SPACE

UNITS = {"params": "", "score": ""}


class Paid:
    """An objective whose metric is the architecture's own sum; equal forms share scores."""

    def __init__(self) -> None:
        self.asked: list[Arch] = []

    def form(self, arch: Arch) -> Arch:
        return SPACE.canonical(arch)

    def metrics(self, arch: Arch) -> dict[str, float]:
        return {"params": float(sum(arch))}

    def evaluate(self, arch: Arch) -> Evaluation:
        self.asked.append(arch)
        return Evaluation(float(sum(self.form(arch))), self.metrics(arch), 0.0)


@pytest.mark.parametrize("block", [1, 7])
@pytest.mark.parametrize("screened", [False, True])
@pytest.mark.parametrize("name", ["random", "evolution", "reinforce"])
def test_feasible_is_by_the_own_figures(name: str, screened: bool, block: int) -> None:
    limits = Constraints.parse(["params<=9"], UNITS)
    objective = Paid()
    options = {"population": 16} if name == "evolution" else {}
    strategy = STRATEGIES.build(name, SPACE, Judging(by_score, (), limits), **options)
    screen = objective.metrics if screened else None
    found = [
        *trials(
            strategy,
            objective,
            History(),
            budget=150,
            seed=1,
            block=block,
            constraints=limits,
            screen=screen,
        )
    ]
    for trial in found:
        assert is_infeasible(trial) == isnan(trial.score) == (sum(trial.arch) > 9)
        assert trial.metrics == objective.metrics(trial.arch)
        if not is_infeasible(trial):
            assert trial.score == sum(SPACE.canonical(trial.arch))
    winners = ranked(found, strategy.ranking)
    assert winners
    assert all(sum(trial.arch) <= 9 for trial in winners)
    if screened:
        assert sum(map(is_infeasible, found)) < 15


@pytest.mark.parametrize("stop", [0, 1, 40, 79])
@pytest.mark.parametrize("screened", [False, True])
def test_a_stopped_search_goes_on_to_the_same_history(stop: int, screened: bool) -> None:
    limits = Constraints.parse(["params<=8"], UNITS)

    def run(before: list[Trial]) -> tuple[list[Trial], Paid]:
        objective = Paid()
        ranking = Judging(by_score, (), limits)
        strategy = STRATEGIES.build("evolution", SPACE, ranking, population=16)
        history = History(None, before)
        screen = objective.metrics if screened else None
        options = {"budget": 80, "seed": 3, "block": 4, "screen": screen}
        return [
            *trials(strategy, objective, history, constraints=limits, **options)  # type: ignore[arg-type]
        ], objective

    whole, _ = run([])
    resumed, objective = run(whole[:stop])
    assert str(resumed) == str(whole)
    assert len(objective.asked) <= 80 - stop


def test_an_infeasible_trial_says_nothing_of_others_of_its_form() -> None:
    """Of one form, an infeasible architecture that comes first takes no score from the next."""
    forms: dict[Arch, list[Arch]] = {}
    for arch in SPACE.every():
        forms.setdefault(SPACE.canonical(arch), []).append(arch)
    group = next(g for g in forms.values() if len({sum(a) for a in g}) > 1)
    dear, cheap = max(group, key=sum), min(group, key=sum)
    limits = Constraints.parse([f"params<={sum(cheap)}"], UNITS)
    for starts in ([dear, cheap], [cheap, dear]):
        for block in (1, 2):
            found = [
                *trials(
                    STRATEGIES.build("random", SPACE),
                    Paid(),
                    History(),
                    budget=2,
                    seed=0,
                    block=block,
                    constraints=limits,
                    starts=starts,
                )
            ]
            assert [trial.arch for trial in found] == starts
            by_arch = {trial.arch: trial for trial in found}
            assert is_infeasible(by_arch[dear])
            assert by_arch[cheap].score == sum(SPACE.canonical(cheap))
            assert by_arch[cheap].copy_of is None


def test_what_nothing_meets_is_told_early_with_the_nearest() -> None:
    limits = Constraints.parse(["params<=-3"], UNITS)
    objective = Paid()
    ranking = Judging(by_score, (), limits)
    strategy = STRATEGIES.build("evolution", SPACE, ranking, population=8)
    history = History()
    with pytest.raises(AllFailedError, match=r"meets constraints=\[params<=-3\].*params 0"):
        list(
            trials(
                strategy,
                objective,
                history,
                budget=10_000,
                seed=0,
                constraints=limits,
                screen=objective.metrics,
            )
        )
    assert len(history) < 300


def test_infeasible_is_behind_feasible_and_ordered_by_violation() -> None:
    limits = Constraints.parse(["params<=100"], UNITS)
    judging = Judging(by_score, (), limits)

    def trial(score: float, params: float, reason: str = "") -> Trial:
        return Trial(0, (0,), score, {"params": params}, 0.0, reason)

    broken = limits.refusal({"params": 200.0})
    found = judging(
        [
            *(trial(5.0, 100), trial(-7.0, 1), trial(nan, 101, broken), trial(nan, 400, broken)),
            *(trial(nan, nan, broken), trial(nan, 50, "failed")),
        ]
    )
    assert found[0] == 5.0
    assert found[1] == -7.0
    assert [*found] == sorted(found, reverse=True)
    assert len({*found}) == len(found)
    assert found[-1] == -inf < found[-2]


def test_a_proxy_that_is_not_needed_is_not_asked() -> None:
    class Counted(Epsilon):
        asked = 0

        def score(self, candidate: object, batch: object) -> float:
            type(self).asked += 1
            return 1.0

    batch = SPACE.batch(4, torch.Generator())
    limits = Constraints.parse(["params<=1"], {"params": ""})
    objective = ProxyObjective(SPACE, Counted(), batch, constraints=limits)
    found = objective.evaluate((4, 3, 2, 1, 3, 2))
    assert isnan(found.score)
    assert found.reason == "infeasible: params<=1"
    assert Counted.asked == 0
    limits = Constraints.parse(["size>=1e9"], {"size": ""})
    both = {"dear": Counted(), "size": Params()}
    objective = ProxyObjective(SPACE, both, batch, constraints=limits)
    found = objective.evaluate((4, 3, 2, 1, 3, 2))
    assert Counted.asked == 0
    assert isnan(found.score)
    assert isnan(found.scores["dear"])
    assert found.scores["size"] > 0


def test_a_search_from_python_keeps_to_constraints_and_objectives() -> None:
    found = search(
        SPACE,
        "params",
        "random",
        budget=40,
        constraints=["params<=100k"],
        objective="params*flops^-0.5",
    )
    assert found.best.metrics["params"] <= 100_000
    formula = Formula.parse("params*flops^-0.5")
    values = {
        trial.arch: formula.value(trial.metrics)
        for trial in found.trials
        if not isnan(trial.score)
    }
    assert values[found.best.arch] == max(value for value in values.values() if not isnan(value))
    with pytest.raises(UsageError, match="no figure of this search"):
        search(SPACE, "params", budget=3, constraints=["weight<=3"])
    with pytest.raises(UsageError, match="no figure of this search"):
        search(SPACE, "params", budget=3, objective="weight")


def test_an_objective_of_ones_own_has_aims_too() -> None:
    found = search(SPACE, Paid(), "random", budget=30, constraints=["params<=10", "score>=2"])
    assert sum(found.best.arch) <= 10
    assert found.best.score >= 2
    found = search(SPACE, Paid(), "random", budget=30, objective="-params+0*score")
    assert sum(found.best.arch) == min(sum(trial.arch) for trial in found.trials)
    with pytest.raises(UsageError, match="there are: params, score"):
        search(SPACE, Paid(), "random", budget=30, constraints=["flops<=10"])


def test_a_strategy_that_is_given_looks_for_the_aims_too() -> None:
    given = STRATEGIES.build("evolution", SPACE, population=8)
    found = search(SPACE, "params", given, budget=40, objective="-flops")
    flops = [trial.metrics["flops"] for trial in found.trials]
    assert found.best.metrics["flops"] == min(flops)
    assert given.ranking is by_score
    given = STRATEGIES.build("nsga2", SPACE, population=8)
    found = search(SPACE, "params", given, budget=40, objective=["params", "-flops"])
    assert len(found.front().trials) > 1


class Half(Params):
    """Some numbers of parameters have no score."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        value = super().score(candidate, batch)
        return NoScore("some have none") if value % 3 == 1 else value


class Broken(Params):
    def score(self, candidate: Candidate, batch: Batch) -> float:
        raise RuntimeError("my bug")


class Boom(Metric):
    def measure(self, candidate: Candidate, batch: Batch) -> float:
        raise RuntimeError("metric bug")


def test_what_has_no_score_is_not_infeasible() -> None:
    found = search(SPACE, {"half": Half()}, "random", budget=40, constraints=["half>=9000"])
    reasons = {trial.reason for trial in found.trials if isnan(trial.score)}
    assert reasons == {"half: some have none", "infeasible: half>=9000"}
    ranking = Judging(by_score, (), Constraints.parse(["half>=9000"], {"half": ""}))
    values = ranking(found.trials)
    for trial, value in zip(found.trials, values, strict=True):
        assert (value == -inf) == (trial.reason == "half: some have none")


def test_a_bug_is_told_as_such_and_not_as_a_constraint_that_nothing_meets() -> None:
    with pytest.raises(AllFailedError, match="my bug"):
        search(SPACE, {"broken": Broken()}, budget=30, constraints=["broken>=0"])
    with pytest.raises(AllFailedError, match="metric bug"):
        search(SPACE, "params", budget=30, metrics={"boom": Boom()}, constraints=["boom<=2"])


def test_a_formula_without_any_value_is_told_early() -> None:
    with pytest.raises(AllFailedError, match=r"objective=log\(params-1e9\) has no value"):
        search(SPACE, "params", budget=1000, objective="log(params-1e9)")
