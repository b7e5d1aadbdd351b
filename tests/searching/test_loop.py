"""The loop: replay, blocks, copies, executors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isnan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import STRATEGIES, Arch, Evaluation, History, Strategy, Trial, UsageError, trials
from nas.scoring.executors.executor import A, B
from tests.support.searches import SPACE, Counting, run, search


def backwards(function: Callable[[A], B], arguments: Iterable[A], /) -> list[B]:
    """An executor that begins at the end of a block."""
    return [function(argument) for argument in reversed(list(arguments))][::-1]


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_best_has_the_highest_score_and_nan_ranks_last(name: str) -> None:
    history = History()
    strategy = STRATEGIES.build(name, SPACE)
    best = search(strategy, Counting(), history, budget=60, seed=0)
    assert [trial.number for trial in history] == list(range(60))
    assert any(isnan(trial.score) for trial in history)
    assert best.score == max(trial.score for trial in history if not isnan(trial.score))


def test_copies_count_but_are_not_scored() -> None:
    objective = Counting()
    history = run("evolution", objective=objective)
    forms = Counter(SPACE.canonical(arch) for arch in objective.calls)
    assert set(forms.values()) == {1}
    assert len(history) == 120 > len(objective.calls)
    originals = [trial for trial in history if trial.copy_of is None]
    assert [trial.arch for trial in originals] == objective.calls
    assert any(trial.arch != SPACE.canonical(trial.arch) for trial in originals)
    assert all(trial.metrics == Counting.metrics(trial.arch) for trial in history)
    for trial in history:
        if trial.copy_of is not None:
            original = history[trial.copy_of]
            assert original.copy_of is None
            assert original.number < trial.number
            assert SPACE.canonical(original.arch) == SPACE.canonical(trial.arch)
            own = Counting.metrics(trial.arch)
            same = replace(
                original,
                number=trial.number,
                arch=trial.arch,
                metrics=own,
                seconds=0.0,
                copy_of=original.number,
            )
            assert str(same) == str(trial)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=15, deadline=None)
@given(stop=st.integers(0, 60), block=st.integers(1, 9))
def test_a_stopped_search_goes_on_to_the_same_history(name: str, stop: int, block: int) -> None:
    whole = run(name, 60, block)
    objective = Counting()
    resumed = run(name, 60, block, History(None, whole[:stop]), objective)
    assert str(resumed) == str(whole)
    fresh = [trial.arch for trial in whole[stop:] if trial.copy_of is None]
    assert objective.calls == fresh


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_executor_does_not_matter(name: str) -> None:
    assert str(run(name, block=7)) == str(run(name, block=7, executor=backwards))


def test_a_strategy_knows_what_it_was_asked_for_and_not_told() -> None:
    seen: list[tuple[Arch, ...]] = []
    left: list[int] = []

    class Watching(Strategy):
        """It notes what it expects."""

        def ask(self, rng: Random) -> Arch:
            seen.append(self.expected)
            return self.space.sample(rng)

        def tell(self, trial: Trial) -> None:
            left.append(len(self.expected))

    strategy = Watching(SPACE)
    archs = [t.arch for t in trials(strategy, Counting(), History(), budget=8, seed=0, block=3)]
    blocks = [archs[:3], archs[3:6], archs[6:]]
    assert seen == [tuple(block[:place]) for block in blocks for place in range(len(block))]
    assert left == [2, 1, 0, 2, 1, 0, 1, 0]


@pytest.mark.parametrize("name", ["guided", "local", "nsga2"])
def test_a_block_has_different_architectures(name: str) -> None:
    archs = [trial.arch for trial in run(name, 120, 8)]
    assert len({*archs}) == 120


def test_a_larger_budget_goes_on() -> None:
    history = History(None, run(budget=50, block=4))
    assert str(run(budget=90, block=4, history=history)) == str(run(budget=90, block=4))


def test_a_history_of_another_search_is_refused() -> None:
    whole = run()
    whole[40] = replace(whole[40], arch=SPACE.mutate(whole[40].arch, Random(0)))
    with pytest.raises(UsageError, match=r"trial 40 \(line 41\) .* was edited"):
        run(history=History(None, whole))


def test_a_search_can_be_watched_and_left() -> None:
    history = History()
    strategy = STRATEGIES.build("random", SPACE)
    for trial in trials(strategy, Counting(), history, budget=100, seed=3, block=10):
        assert history[-1] is trial
        if trial.number == 13:
            break
    assert len(history) == 14
    assert str(run("random", 100, 10, history)) == str(run("random", 100, 10))


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"seed": -1}, {"block": 0}, {"give_up": 0}])
def test_wrong_settings(wrong: dict[str, int]) -> None:
    right = {"budget": 1, "seed": 0, "block": 1}
    strategy = STRATEGIES.build("random", SPACE)
    with pytest.raises(UsageError, match="must be at least"):
        search(strategy, Counting(), History(), **(right | wrong))  # type: ignore[arg-type]


def test_a_journal_of_other_copies_is_refused() -> None:
    whole = run("evolution")
    copy = next(trial.number for trial in whole if trial.copy_of is not None)
    edited = [*whole[:copy], replace(whole[copy], copy_of=None), *whole[copy + 1 :]]
    with pytest.raises(UsageError, match=rf"trial {copy} \(line {copy + 1}\) .* another version"):
        run("evolution", history=History(None, edited))


def test_without_a_form_only_the_same_architecture_is_a_copy() -> None:
    class Plain(Counting):
        def evaluate(self, arch: Arch) -> Evaluation:
            self.calls.append(arch)
            return Evaluation(float(sum(arch)), {}, 0.25)

        def form(self, arch: Arch) -> Arch:
            return arch

    objective = Plain()
    history = run("evolution", objective=objective)
    asked = objective.calls
    assert asked == list(dict.fromkeys(trial.arch for trial in history))
    assert len(asked) < len(history)
    assert all(trial.score == sum(trial.arch) for trial in history)


@pytest.mark.parametrize("wrong", [(5,) * 6, (1.0,) * 6, (True,) * 6, [1] * 6, (1,) * 5, None])
def test_what_is_no_architecture_is_neither_scored_nor_kept(wrong: object) -> None:
    class Stray(Strategy):
        def ask(self, rng: Random) -> Arch:
            return wrong if rng.random() < 0.5 else (1,) * 6  # type: ignore[return-value]

        def tell(self, trial: Trial) -> None:
            pass

    history, objective = History(), Counting()
    text = re.escape(f"Stray asks for {wrong!r}, which is no architecture of NASBench201")
    with pytest.raises(UsageError, match=text):
        search(Stray(SPACE), objective, history, budget=50, seed=0, block=1)
    assert all(trial.arch == (1,) * 6 for trial in history)
    assert objective.calls in ([], [SPACE.canonical((1,) * 6)], [(1,) * 6])
