"""The warm-up: which architectures it draws, scores and keeps; and what `move` chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf, nan
from pathlib import Path

import pytest

from nas import STRATEGIES, Arch, History, Proxy, ProxyObjective, UsageError, WarmUp
from nas.candidate import Candidate
from nas.scoring.given import objective_of
from nas.searching import scores as module
from nas.searching.scores import ProxyScores
from nas.searching.warmup import best, drawn
from nas.strategy import Strategy, moved_by
from nas.testing import conversation
from nas.trial import Trial
from tests.support.searches import SPACE, run


class Sum(Proxy):
    """A proxy that counts its calls; it may draw from the seed."""

    by_function = True

    def __init__(self, draws: bool = False) -> None:
        self.draws = draws

    def score(self, candidate: Candidate, batch: object) -> float:
        CALLS.append(candidate.arch)
        if self.draws:
            _ = candidate.seed
        return nan if sum(candidate.arch) % 7 == 0 else float(sum(candidate.arch))


CALLS: list[Arch] = []


def objective(proxy: Proxy, seed: int = 0) -> ProxyObjective:
    return objective_of(SPACE, proxy, None, seed, True, ())


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_remembered", {})
    CALLS.clear()


def test_a_warm_up_depends_on_its_seed_alone() -> None:
    assert drawn(SPACE, 50, 0) == drawn(SPACE, 80, 0)[:50]
    assert drawn(SPACE, 50, 0) != drawn(SPACE, 50, 1)
    assert all(arch in SPACE for arch in drawn(SPACE, 50, 0))


def test_what_is_not_feasible_is_drawn_again() -> None:
    archs = drawn(SPACE, 40, 0, lambda arch: arch[0] == 0)
    assert len(archs) == 40
    assert {arch[0] for arch in archs} == {0}
    seen: list[Arch] = []

    def never(arch: Arch) -> bool:
        seen.append(arch)
        return False

    assert drawn(SPACE, 10**6, 0, never) == []
    assert len(seen) == len(set(seen)) <= 1100


@pytest.mark.parametrize("keep", [1, 5, 1000])
def test_the_best_functions_are_kept_best_first(keep: int) -> None:
    archs = drawn(SPACE, 300, 2)
    scores = ProxyScores(objective(Sum()), History())
    kept = best(archs, scores, SPACE, keep)
    values = {form: t.score for form, t in scores.known.items() if t.score == t.score}
    forms = [SPACE.canonical(arch) for arch in kept]
    assert {*kept} <= {*archs}
    assert len({*forms}) == len(forms) == min(keep, len(values))
    assert [values[form] for form in forms] == sorted(values.values(), reverse=True)[:keep]


def test_each_form_is_scored_once_and_a_stop_loses_nothing(tmp_path: Path) -> None:
    archs, path = drawn(SPACE, 60, 0), tmp_path / "warmup.jsonl"
    forms = {*map(SPACE.canonical, archs)}
    with History.read(path) as journal:
        scores = ProxyScores(objective(Sum()), journal)
        for number, _ in enumerate(scores.filled(archs)):
            if number == 9:
                break
    assert len(CALLS) == 10
    with History.read(path) as journal:
        scores = ProxyScores(objective(Sum()), journal)
        assert len(scores.missing(archs)) == len(forms) - 10
        scores(archs)
    assert len(CALLS) == len(forms) == len({*CALLS})
    with History.read(path) as journal:
        assert not ProxyScores(objective(Sum()), journal).missing(archs)
        assert len(ProxyScores(objective(Sum(draws=True)), journal).missing(archs)) == len(forms)


@pytest.mark.parametrize(("draws", "again"), [(False, 0), (True, 1)])
def test_another_search_of_the_process_knows_the_scores(
    draws: bool, again: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROXIES", {"sum": Sum})
    archs = drawn(SPACE, 40, 0)
    first = ProxyScores(objective(Sum(draws)), History())(archs)
    count = len(CALLS)
    assert ProxyScores(objective(Sum(draws)), History())(archs) == first
    assert len(CALLS) == count
    other = ProxyScores(objective(Sum(draws), seed=1), History())
    assert other(archs) == first
    assert len(CALLS) == count * (1 + again)
    assert len(other.journal) == count


def test_a_proxy_that_is_not_registered_may_change_and_is_asked_again() -> None:
    archs = drawn(SPACE, 20, 0)
    ProxyScores(objective(Sum()), History())(archs)
    count = len(CALLS)
    ProxyScores(objective(Sum()), History())(archs)
    assert len(CALLS) == 2 * count


def test_the_executor_scores_what_is_missing() -> None:
    batches: list[list[Arch]] = []

    def executor(function: Callable[[Arch], object], given: Iterable[Arch]) -> Iterator[object]:
        batches.append([*given])
        return map(function, batches[-1])

    archs = drawn(SPACE, 40, 0)
    scores = ProxyScores(objective(Sum()), History())
    list(scores.filled(archs[:20]))
    list(scores.filled(archs, executor))  # type: ignore[arg-type]
    assert batches == [[*dict.fromkeys(CALLS[-len(batches[0]) :])]]
    assert not {*batches[0]} & {*map(SPACE.canonical, archs[:20])}


def test_the_search_begins_with_the_starts_and_tells_the_strategy() -> None:
    starts = drawn(SPACE, 16, 5)
    for block in (1, 7):
        first = run("evolution", 40, block, starts=starts)
        assert [trial.arch for trial in first[:16]] == starts
        history = History(trials=first[:11])
        assert [t.arch for t in run("evolution", 40, block, history, starts=starts)] == [
            t.arch for t in first
        ]
    children = [trial.arch for trial in run("evolution", 17, starts=starts)[16:]]
    near = min(sum(a != b for a, b in zip(children[0], each, strict=True)) for each in starts)
    assert near == 1


@pytest.mark.parametrize("name", ["random", "evolution", "reinforce", "local"])
def test_move_chooses_among_draws(name: str) -> None:
    seen: list[Sequence[Arch]] = []

    def last_is_best(archs: Sequence[Arch]) -> list[float]:
        seen.append(archs)
        return [-inf, *range(len(archs) - 1)] if len(archs) > 1 else [0.0]

    options = {"population": 8, "tournament": 4} if name == "evolution" else {}
    strategy = STRATEGIES.build(name, SPACE, **options)
    moved = moved_by(strategy, last_is_best)
    archs = conversation(moved, [1.0, 2.0], 30)
    assert strategy.move is None
    assert {len(each) for each in seen} == ({4} if name == "evolution" else {10})
    if name == "evolution":
        for child, draws in zip(archs[8:], seen, strict=True):
            assert sum(a != b for a, b in zip(child, draws[-1], strict=True)) == 1
    else:
        assert archs == [draws[-1] for draws in seen]


def test_a_strategy_that_knows_nothing_of_move_refuses_it() -> None:
    class Own(Strategy):
        def ask(self, rng: object) -> Arch:
            return (0,) * 6

        def tell(self, trial: Trial) -> None:
            pass

    with pytest.raises(UsageError, match=r"Own chooses by trials alone.*evolution"):
        moved_by(Own(SPACE), lambda archs: [0.0] * len(archs))


def test_how_many_are_kept() -> None:
    evolution = STRATEGIES.build("evolution", SPACE, population=16, tournament=2)
    random = STRATEGIES.build("random", SPACE)
    assert WarmUp(300).before(evolution).keep == 16
    assert WarmUp(300).before(random).keep == 64
    assert WarmUp(10).before(random).keep == 10
    assert WarmUp(300, keep=3).before(evolution).keep == 3


def test_a_space_that_draws_what_it_refuses() -> None:
    class Odd(type(SPACE)):  # type: ignore[misc]
        def sample(self, rng: object) -> Arch:
            return (9,) * 6

    with pytest.raises(UsageError, match=r"draws .*, which it refuses"):
        drawn(Odd(), 3, 0)
