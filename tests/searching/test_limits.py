"""When a search ends, and that it goes on from there to the same trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import STRATEGIES, Arch, Evaluation, History, Strategy, Trial, UsageError, trials
from nas.ranking import by_score, rank_sum
from nas.searching import loop
from nas.searching.limits import BARREN, Limits, is_new, seconds_of
from tests.searching.test_loop import backwards
from tests.support.searches import SPACE, Counting, run


def scored(trials: list[Trial]) -> int:
    """New scores, counted in another way: distinct forms that have one."""
    return len({SPACE.canonical(trial.arch) for trial in trials if trial.score == trial.score})


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("block", [1, 7])
def test_a_budget_of_scores(name: str, block: int) -> None:
    found = run(name, 30, block, count="scored")
    assert scored(found) == 30
    assert scored(found[:-1]) == 29
    assert len(found) > 30
    assert str(found) == str(run(name, len(found), block))
    assert str(found) == str(run(name, 30, block, count="scored", executor=backwards))


@settings(max_examples=15, deadline=None)
@given(stop=st.integers(0, 60), block=st.integers(1, 9), less=st.integers(1, 30))
def test_a_budget_of_scores_goes_on(stop: int, block: int, less: int) -> None:
    whole = run("evolution", 30, block, count="scored")
    stopped = History(None, whole[:stop])
    assert str(run("evolution", 30, block, stopped, count="scored")) == str(whole)
    shorter = History(None, run("evolution", less, block, count="scored"))
    assert str(run("evolution", 30, block, shorter, count="scored")) == str(whole)


def test_a_space_without_new_scores_ends_the_search() -> None:
    class Three(Counting):
        def form(self, arch: Arch) -> Arch:
            return (arch[0] % 3 + 1, 0, 0, 0, 0, 0)

    found = run("random", 10, count="scored", objective=Three())
    last = max(trial.number for trial in found if is_new(trial))
    assert len(found) == last + 1 + BARREN
    why = Limits(10, "scored").ended(found, by_score)
    assert why == "because 1,000 trials in a row brought no new score"


@pytest.mark.parametrize("block", [1, 7])
@pytest.mark.parametrize("patience", [1, 10, 45])
def test_patience(patience: int, block: int) -> None:
    found = run("random", 2000, block, patience=patience)
    values = [-inf if trial.score != trial.score else trial.score for trial in found]
    first = values.index(max(values)) if max(values) > -inf else -1
    assert len(found) == first + 1 + patience < 2000
    assert str(found) == str(run("random", len(found), block))
    stopped = History(None, found[: len(found) // 2])
    assert str(run("random", 2000, block, stopped, patience=patience)) == str(found)
    done = History(None, [*found])
    assert len(run("random", 2000, block, done, patience=patience)) == len(found)
    done = History(None, [*found])
    assert len(run("random", len(found) + 30, block, done)) == len(found) + 30


def test_patience_with_several_proxies_asks_the_ranking() -> None:
    """It ends at the first tenth of its patience where the best of all is so many trials back."""

    class Two(Counting):
        def evaluate(self, arch: Arch) -> Evaluation:
            found = super().evaluate(arch)
            return replace(found, scores={"one": found.score, "two": -float(sum(arch))})

    def found(stop: int = 0) -> list[Trial]:
        strategy = STRATEGIES.build("random", SPACE, rank_sum)
        history = History(None, whole[:stop]) if stop else History()
        limits: dict[str, Any] = {"budget": 2000, "patience": 50, "seed": 1}
        return [*trials(strategy, Two(), history, **limits)]

    whole: list[Trial] = []
    whole = found()
    assert len(whole) < 2000
    for total in range(50, len(whole) + 1, 5):
        values = rank_sum(whole[:total])
        stale = total - 1 - values.index(max(values)) >= 50
        assert stale == (total == len(whole))
        assert bool(Limits(2000, patience=50).ended(whole[:total], rank_sum)) == stale
    assert [str(found(stop)) for stop in (3, 33)] == [str(whole)] * 2


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counting]:
    """Time that goes on by one second at every trial."""
    now = [0.0]

    class Slow(Counting):
        def evaluate(self, arch: Arch) -> Evaluation:
            now[0] += 1
            return super().evaluate(arch)

    monkeypatch.setattr(loop, "monotonic", lambda: now[0])
    return Slow


@pytest.mark.parametrize("block", [1, 4])
def test_a_time(block: int, clock: Any) -> None:
    found = run("exhaustive", 100, block, objective=clock(), timeout=10.0)
    whole = run("exhaustive", 100, block)
    assert len(found) >= 10
    assert sum(trial.copy_of is None for trial in found) == 10
    assert str(found) == str(whole[: len(found)])
    history = History(None, [*found])
    assert len(run("exhaustive", 100, block, history, clock(), timeout=10.0, spent=10.0)) == len(
        found
    )
    longer = run("exhaustive", 100, block, history, clock(), timeout=15.0, spent=10.0)
    assert sum(trial.copy_of is None for trial in longer) == 15
    assert str(longer) == str(whole[: len(longer)])


def test_a_search_makes_one_trial_however_short_its_time() -> None:
    assert len(run("random", 100, timeout=1e-9)) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90.0), ("90", 90.0), ("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), (".5 m", 30.0)],
)
def test_times(text: object, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "10d", "-3", 0, "0s", True, nan, inf, "1m30s", [3], "1e999"]
)
def test_wrong_times(text: object) -> None:
    with pytest.raises(UsageError, match=r"timeout=.* must be a time over 0: seconds, or"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience=0 must be a whole number of at least 1"),
        ({"patience": 1.5}, "patience=1.5 must be a whole number"),
        ({"count": "copies"}, "count=copies must be trials or scored"),
        ({"timeout": -1.0}, "timeout=-1.0 must be a time over 0"),
    ],
)
def test_wrong_limits(options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run("random", 5, **options)


def test_a_history_beyond_the_budget_is_refused() -> None:
    history = History(None, run("random", 20))
    with pytest.raises(UsageError, match="history holds 20 trials already, more than budget=9"):
        run("random", 9, history=history)
    count = scored(history.trials)
    with pytest.raises(UsageError, match=f"{count} scored trials already, more than budget=3"):
        run("random", 3, history=history, count="scored")


def test_a_strategy_that_cannot_be_copied_is_refused() -> None:
    class Open(Strategy):
        def __init__(self) -> None:
            super().__init__(SPACE)
            self.lines = iter(open(__file__))  # noqa: PTH123, SIM115

        def ask(self, rng: object) -> Arch:
            return (0,) * 6

        def tell(self, trial: Trial) -> None:
            pass

    strategy = Open()
    with pytest.raises(UsageError, match="Open cannot be copied"):
        next(trials(strategy, Counting(), History(), budget=1, seed=0))
    strategy.lines.close()  # type: ignore[attr-defined]
