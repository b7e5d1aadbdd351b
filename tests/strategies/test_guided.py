"""Model-based search: the model against plain formulas, and what the search does with it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, nan
from random import Random
from statistics import mean
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import strategies.guided as guided
from nas import RANKINGS, STRATEGIES, Arch, Evaluation, History, Space, Trial, UsageError, trials
from nas.dominance import hypervolume
from nas.searching.judging import Aims
from nas.strategy import moved_by
from strategies._gaussian_process import (
    NOISES,
    RATES,
    Encoding,
    GaussianProcess,
    Kernel,
    chosen,
    improvement,
    quantiles,
)
from tests.support.small import small

SPACE = small("nasbench201")
TARGET = (3, 1, 4, 1, 2, 0)
ARCHS = [SPACE.sample(Random(number)) for number in range(40)]
Array = Any


def hits(arch: Arch) -> float:
    """How many decisions agree with the target."""
    return float(sum(a == b for a, b in zip(arch, TARGET, strict=True)))


def plain(one: Arch, other: Arch, kernel: Kernel, space: Space = SPACE) -> float:
    """The kernel of two architectures, decision by decision."""
    shares = []
    for a, b in ((one, other), (space.canonical(one), space.canonical(other))):
        for left, right, count in zip(a, b, space.choices, strict=True):
            apart, steps = float(left != right), abs(left - right) / (count - 1)
            shares.append((apart + steps) / 2 if kernel.ordered else apart)
    return float(np.exp(-kernel.rate * mean(shares)))


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_expected_is_the_conditional_normal(ordered: bool) -> None:
    kernel = Kernel(rate=2.0, ordered=ordered, noise=0.1)
    values = np.array([hits(arch) for arch in ARCHS[:25]])
    values = (values - values.mean()) / values.std()
    whole = np.array([[plain(one, other, kernel) for other in ARCHS] for one in ARCHS])
    noisy = whole[:25, :25] + 0.1 * np.eye(25)
    gain = np.linalg.solve(noisy, whole[:25, 25:]).T
    scale = values @ np.linalg.solve(noisy, values) / 25
    spread = np.sqrt(scale * np.diag(whole[25:, 25:] - gain @ whole[:25, 25:]))
    encoding = Encoding(SPACE)
    model = GaussianProcess(kernel, encoding.rows(ARCHS[:25]), values)
    found = model.predict(encoding.rows(ARCHS[25:]))
    assert found[0] == pytest.approx(gain @ values)
    assert found[1] == pytest.approx(spread)


def test_functions_of_the_posterior_have_its_means_and_spreads() -> None:
    encoding, rng = Encoding(SPACE), np.random.default_rng(0)
    values = quantiles([hits(arch) for arch in ARCHS[:30]])
    model = GaussianProcess(Kernel(), encoding.rows(ARCHS[:30]), values)
    new = encoding.rows(ARCHS[30:])
    means, spreads = model.predict(new)
    drawn = np.array([model.sample(new, rng.normal(size=10)) for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx(means, abs=0.05)
    assert drawn.std(axis=0) == pytest.approx(spreads, rel=0.05)


def test_the_kernel_is_the_one_under_which_the_values_are_most_likely() -> None:
    rows = Encoding(SPACE).rows(ARCHS)
    values = quantiles([hits(arch) + Random(str(arch)).random() for arch in ARCHS])

    def likelihood(kernel: Kernel) -> float:
        noisy = kernel.between(rows, rows) + kernel.noise * np.eye(40)
        scale = values @ np.linalg.solve(noisy, values) / 40
        return float(multivariate_normal.logpdf(values, cov=noisy * scale))

    grid = [Kernel(r, o, 0.0, n) for r in RATES for o in (False, True) for n in NOISES]
    assert chosen(rows, values) == max(grid, key=likelihood)


def test_order_counts_only_where_the_values_follow_it() -> None:
    space = small("nats_size")
    archs = [space.sample(Random(number)) for number in range(60)]
    rows = Encoding(space).rows(archs)
    assert chosen(rows, quantiles([sum(arch) for arch in archs])).ordered
    odd = [sum(option % 2 for option in arch) for arch in archs]
    assert not chosen(rows, quantiles(odd)).ordered


def test_a_proxy_counts_as_much_as_it_is_right() -> None:
    encoding, rng = Encoding(SPACE), np.random.default_rng(0)
    values = rng.normal(size=40)  # no architecture says anything of another one
    right = np.stack([values, np.zeros(40)], axis=1)
    wrong = np.stack([rng.normal(size=40), np.zeros(40)], axis=1)
    assert chosen(encoding.rows(ARCHS, right), values).trend > 0
    assert chosen(encoding.rows(ARCHS, wrong), values).trend == 0


def test_expected_improvement_is_the_integral() -> None:
    x = np.linspace(-12, 12, 100_001)
    for mean_, spread, best in ((0.0, 1.0, 0.0), (0.5, 0.3, 1.0), (-1.0, 2.0, 1.5)):
        gains = np.maximum(mean_ + spread * x - best, 0) * norm.pdf(x)
        found = improvement(np.array([mean_]), np.array([spread]), best)
        assert found[0] == pytest.approx(gains.sum() * (x[1] - x[0]), rel=1e-6)


def test_quantiles_see_the_order_alone() -> None:
    assert quantiles([1.0, 5.0, -inf]) == pytest.approx(norm.ppf([1 / 2, 5 / 6, 1 / 6]))
    assert quantiles([2.0, 2.0]) == pytest.approx([0.0, 0.0])


class Known:
    """A score for every architecture, one of each form with `forms`."""

    def __init__(self, score: Any = hits, forms: bool = False) -> None:
        self.score, self.forms = score, forms

    def form(self, arch: Arch) -> Arch:
        return SPACE.canonical(arch) if self.forms else arch

    def metrics(self, arch: Arch) -> dict[str, float]:
        return {}

    def evaluate(self, arch: Arch) -> Evaluation:
        found = self.score(self.form(arch))
        return Evaluation(found, {}, 0.0, "none" if np.isnan(found) else "")


class Sums(Known):
    """The sum of the options."""

    def form(self, arch: Arch) -> Arch:
        return arch

    def evaluate(self, arch: Arch) -> Evaluation:
        return Evaluation(float(sum(arch)), {}, 0.0)


def searched(
    seed: int, budget: int, objective: Any = None, block: int = 1, **options: Any
) -> list[Trial]:
    options = {"candidates": 60, **options}
    loop = {"block": block, "give_up": options.pop("give_up", 20)}
    strategy = STRATEGIES.build("guided", SPACE, **options)
    return [*trials(strategy, objective or Known(), History(), budget=budget, seed=seed, **loop)]


@pytest.mark.parametrize("acquisition", ["improvement", "thompson"])
def test_it_finds_the_top_of_a_hill_soon(acquisition: str) -> None:
    tops = [max(t.score for t in searched(s, 60, acquisition=acquisition)) for s in range(4)]
    assert tops == [6.0] * 4


def test_it_begins_at_random_and_asks_for_nothing_twice() -> None:
    found = [trial.arch for trial in searched(3, 70)]
    strategy = STRATEGIES.build("random", SPACE)
    chance = [t.arch for t in trials(strategy, Known(), History(), budget=16, seed=3)]
    assert found[:16] == chance
    assert len({*found}) == 70


def test_only_the_order_of_the_scores_counts() -> None:
    def bent(arch: Arch) -> float:
        return -1e6 / (1 + hits(arch)) ** 9

    one, other = searched(0, 40), searched(0, 40, Known(bent))
    assert [trial.arch for trial in one] == [trial.arch for trial in other]


def test_what_has_no_score_ranks_lowest() -> None:
    def half(arch: Arch) -> float:
        return nan if arch[0] == 2 else hits(arch)

    found = searched(1, 80, Known(half))
    assert max(trial.score for trial in found if trial.score == trial.score) == 6
    late = [trial for trial in found[40:] if np.isnan(trial.score)]
    assert len(late) < 8  # at random it were 8


def test_a_form_whose_score_was_copied_is_not_asked_for_again() -> None:
    found = searched(1, 90, Known(forms=True))
    late = [trial for trial in found[50:] if trial.copy_of is not None]
    assert len(late) <= 1


@pytest.mark.parametrize("ranking", ["score", "objectives"])
def test_forms_are_alike_unless_objectives_see_that_their_copies_differ(ranking: str) -> None:
    aims = Aims.parse(["score", "-params"], (), {"score": "", "params": ""}, "score")
    judging = aims.before(RANKINGS["pareto"]) if ranking == "objectives" else RANKINGS["score"]
    strategy: Any = STRATEGIES.build("guided", SPACE, judging, start=3)
    archs = [(0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1), (1, 1, 1, 1, 1, 1)]
    assert SPACE.canonical(archs[0]) == SPACE.canonical(archs[1])
    for number, arch in enumerate(archs):
        copy = 0 if number == 1 else None
        figures = {"params": float(sum(arch))}
        strategy.tell(Trial(number, arch, hits(arch), figures, 0.0, copy_of=copy))
    known = strategy._known()
    other = next(SPACE.neighbours(archs[2]))
    twin = (0, 0, 0, 0, 0, 4)
    assert SPACE.canonical(twin) == SPACE.canonical(archs[0])
    assert [known(arch) for arch in (archs[1], twin, other)] == [True, ranking == "score", False]


@pytest.mark.parametrize("forms", [False, True])
@pytest.mark.parametrize("acquisition", ["improvement", "thompson"])
def test_nothing_is_asked_for_twice_in_blocks(acquisition: str, forms: bool) -> None:
    options: dict[str, Any] = {"acquisition": acquisition, "candidates": 40}
    found = [t.arch for t in searched(1, 60, Known(forms=forms), block=8, **options)]
    assert len({*found}) == 60
    for start in range(0, 60, 8):
        block = [SPACE.canonical(arch) for arch in found[start : start + 8]]
        assert len({*block}) == len(block)


def test_what_is_expected_is_not_asked_for() -> None:
    strategy: Any = STRATEGIES.build("guided", SPACE, start=2, candidates=20)
    for number, arch in enumerate(ARCHS[:10]):
        strategy.tell(Trial(number, arch, hits(arch), {}, 0.0))
    first = strategy.ask(Random(0))
    assert strategy.ask(Random(0)) == first  # asking alone changes nothing
    strategy.expected = (first,)
    second = strategy.ask(Random(0))
    assert SPACE.canonical(second) != SPACE.canonical(first)


class Few(type(small("nats_size"))):  # type: ignore[misc]
    """A space of few architectures."""

    choices = (3, 3, 3, 2, 1)


@pytest.mark.parametrize("block", [1, 7])
def test_a_space_is_gone_through_to_its_last_architecture(block: int) -> None:
    strategy = STRATEGIES.build("guided", Few(), start=5, candidates=10)
    steps = trials(strategy, Sums(), History(), budget=60, seed=0, block=block)
    archs = [trial.arch for trial in steps]
    assert len({*archs[:54]}) == 54
    assert all(arch in Few() for arch in archs[54:])


def test_a_space_smaller_than_the_start_is_gone_through_too() -> None:
    strategy = STRATEGIES.build("guided", Few(), start=60)
    archs = [t.arch for t in trials(strategy, Sums(), History(), budget=60, seed=0, block=8)]
    assert len({*archs[:54]}) == 54


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("start", [16, 60])
def test_move_does_not_choose_the_same_few_in_the_start(start: int, block: int) -> None:
    def ups(archs: Sequence[Arch]) -> list[float]:
        return [float(sum(arch)) for arch in archs]

    strategy = moved_by(STRATEGIES.build("guided", Few(), start=start, candidates=10), ups)
    steps = trials(strategy, Sums(), History(), budget=60, seed=0, block=block)
    archs = [trial.arch for trial in steps]
    assert len({*archs[:54]}) == 54
    early, late = (sum(map(sum, part)) for part in (archs[:8], archs[8:16]))
    assert early > late


@pytest.mark.parametrize("score", [nan, 1.0])
def test_equal_scores_and_no_scores_are_explored(score: float) -> None:
    found = searched(0, 40, Known(lambda _: score), give_up=50, start=8)
    assert len({trial.arch for trial in found}) == 40


def test_a_long_search_has_a_model_of_the_best_and_the_latest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guided, "ROWS", 20)
    strategy: Any = STRATEGIES.build("guided", SPACE, start=4, candidates=20)
    told = [SPACE.sample(Random(number)) for number in range(60)]
    for number, arch in enumerate(told):
        strategy.tell(Trial(number, arch, -float(number), {}, 0.0))
    assert strategy.ask(Random(0)) in SPACE
    assert strategy.fitted.archs == told[:10] + told[-10:]
    assert strategy.fitted.parents == told[:10]


def test_move_is_a_feature_and_chooses_the_first() -> None:
    seen: list[Sequence[Arch]] = []

    def proxy(archs: Sequence[Arch]) -> list[float]:
        seen.append(archs)
        return [-inf if arch[0] == 0 else log(1 + hits(arch)) for arch in archs]

    strategy = STRATEGIES.build("guided", SPACE, start=4, candidates=30)
    steps = [*trials(moved_by(strategy, proxy), Known(), History(), budget=24, seed=0)]
    assert {len(each) for each in seen[:4]} == {10}
    assert max(trial.score for trial in steps) == 6
    assert max(trial.score for trial in steps[:4]) >= 3


def two(arch: Arch) -> dict[str, float]:
    """Two objectives at odds."""
    zeros = sum((option == 0) * weight for weight, option in enumerate(arch, 1))
    fours = sum((option == 4) * weight for weight, option in enumerate(arch, 1))
    return {"zeros": float(zeros), "fours": float(fours) - 0.1 * zeros * zeros}


class Two(Known):
    """Both objectives as scores."""

    def evaluate(self, arch: Arch) -> Evaluation:
        return Evaluation(0.0, {}, 0.0, scores=two(arch))


def test_several_objectives() -> None:
    every = np.array([[*two(arch).values()] for arch in SPACE.every()])
    reference = every.min(axis=0)

    def share(name: str, seed: int, **options: Any) -> float:
        strategy = STRATEGIES.build(name, SPACE, RANKINGS["pareto"], **options)
        steps = trials(strategy, Two(), History(), budget=90, seed=seed)
        points = np.array([[*trial.scores.values()] for trial in steps])
        return hypervolume(points, reference) / hypervolume(every, reference)

    led = mean(share("guided", seed, candidates=60) for seed in range(3))
    assert led > mean(share("random", seed) for seed in range(3)) + 0.1
    assert led > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 1}, "start=1 must be at least 2"),
        ({"candidates": 0}, "candidates=0 must be from 1 to 10000"),
        ({"candidates": 20_000}, "candidates=20000 must be from 1 to 10000"),
        ({"acquisition": "luck"}, "strategy.acquisition=luck must be one of improvement, thom"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        STRATEGIES.build("guided", SPACE, **options)
