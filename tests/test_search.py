"""The loop: replay, blocks, copies, executors."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import STRATEGIES, Arch, Evaluation, History, Strategy, Trial, UsageError, search, trials
from nas.searching.loop import Score
from tests.conftest import small

SPACE = small("nasbench201")


class Counting:
    """A cheap objective that remembers what it was asked; some cells have no score."""

    def __init__(self) -> None:
        self.calls: list[Arch] = []

    def __call__(self, arch: Arch) -> Evaluation:
        self.calls.append(arch)
        score = nan if sum(arch) % 5 == 0 else Random(str(SPACE.canonical(arch))).random()
        reason = "by design" if isnan(score) else ""
        return Evaluation(score, self.metrics(arch), 0.25, reason)

    def form(self, arch: Arch) -> Arch:
        return SPACE.canonical(arch)

    @staticmethod
    def metrics(arch: Arch) -> dict[str, float]:
        return {"params": sum(arch)}


def backwards(objective: Score, archs: Iterable[Arch]) -> list[Evaluation]:
    """An executor that scores a block from its end."""
    return [objective(arch) for arch in reversed(list(archs))][::-1]


def run(
    name: str = "evolution",
    budget: int = 120,
    block: int = 1,
    history: History | None = None,
    objective: Score | None = None,
    **options: object,
) -> list[Trial]:
    population = {"population": 16, "tournament": 4} if name == "evolution" else {}
    strategy = STRATEGIES.build(name, SPACE, **population)
    history = History() if history is None else history
    search(
        strategy,
        objective or Counting(),
        history,
        budget=budget,
        seed=3,
        block=block,
        **options,  # type: ignore[arg-type]
    )
    return list(history)


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
    assert [SPACE.canonical(trial.arch) for trial in originals] == objective.calls
    assert any(trial.arch not in objective.calls for trial in originals)
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
    assert objective.calls == [SPACE.canonical(arch) for arch in fresh]


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_executor_does_not_matter(name: str) -> None:
    assert str(run(name, block=7)) == str(run(name, block=7, executor=backwards))


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


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"seed": -1}, {"block": 0}])
def test_wrong_settings(wrong: dict[str, int]) -> None:
    right = {"budget": 1, "seed": 0, "block": 1}
    strategy = STRATEGIES.build("random", SPACE)
    with pytest.raises(UsageError, match="must be at least"):
        search(strategy, Counting(), History(), **(right | wrong))  # type: ignore[arg-type]


def test_a_journal_is_what_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(history=history)
    with History.read(path) as again:
        assert str(list(again)) == str(run())
        assert [trial.to_json() for trial in again] == path.read_text().splitlines()
    assert path.read_text().count("\n") == 120
    assert "NaN" not in path.read_text()


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(1, 3000))
def test_a_torn_last_line_is_dropped(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("torn") / "history.jsonl"
    with History.read(path) as history:
        run(budget=20, history=history)
    content = path.read_bytes()
    kept = content[: max(len(content) - cut, 0)]
    path.write_bytes(kept)
    with History.read(path) as history:
        assert history.torn == (bool(kept) and not kept.endswith(b"\n"))
        assert len(history) == kept.count(b"\n")
        assert path.read_bytes() == kept  # reading changes nothing
        run(budget=20, history=history)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"score":', '"score":1'),
        ('"arch":[', '"arch":[4,'),
        ('"seconds":0', '"seconds":-1'),
        ('"params":', '"params":1'),
        ("{", '{"x":1,'),
        ('"check":"', '"check":"0'),
        ('"score":null', '"score":Infinity'),
    ],
)
def test_any_edit_is_refused_with_its_line_number(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(budget=5, history=history)
    lines = path.read_text().splitlines()
    assert before in lines[3]
    lines[3] = lines[3].replace(before, after, 1)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"line 4 of .*history.jsonl is no trial"):
        History.read(path)


@pytest.mark.parametrize(
    "line",
    ["", "{}", "null", '{"number":7}', "not json", '{"number":3,"arch":[1],"score":1}', "[1]"],
)
def test_any_other_bad_line_is_refused_with_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with History.read(path) as history:
        run(budget=5, history=history)
    lines = path.read_text().splitlines()
    lines[3] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"line 4 of .*history.jsonl is no trial"):
        History.read(path)


def test_a_journal_of_other_copies_is_refused() -> None:
    whole = run("evolution")
    copy = next(trial.number for trial in whole if trial.copy_of is not None)
    edited = [*whole[:copy], replace(whole[copy], copy_of=None), *whole[copy + 1 :]]
    with pytest.raises(UsageError, match=rf"trial {copy} \(line {copy + 1}\) .* another version"):
        run("evolution", history=History(None, edited))


def test_without_a_form_only_the_same_architecture_is_a_copy() -> None:
    asked: list[Arch] = []

    def objective(arch: Arch) -> Evaluation:
        asked.append(arch)
        return Evaluation(float(sum(arch)), {}, 0.25)

    history = run("evolution", objective=objective)
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
