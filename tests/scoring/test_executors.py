"""Executors: the same results in the same order, even if workers die."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from functools import partial
from itertools import count, islice
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import UsageError
from nas.registry.options import Choice
from nas.scoring.executors import EXECUTORS, Executor, growing
from nas.scoring.executors.groups import Answer, Groups
from tests.support.functions import (
    deadly,
    first_waits,
    late_death,
    odd,
    once_deadly,
    refuse,
    refuse_seven,
    square,
    square_and_process,
    threads,
)
from tests.support.small import small

SPACE = small("nasbench201")
TWO = [{"name": "processes", "workers": 2}, {"name": "dask", "workers": 2}]


def open_executor(config: dict[str, Any]) -> AbstractContextManager[Executor]:
    """The executor that a config names."""
    options = {name: value for name, value in config.items() if name != "name"}
    return EXECUTORS.configured(Choice(config["name"], options))


pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


@pytest.mark.parametrize("config", [{"name": "serial"}, *TWO], ids=lambda config: config["name"])
def test_results_come_in_order_and_arguments_are_taken_as_needed(config: dict[str, Any]) -> None:
    with open_executor(config) as executor:
        assert list(executor(square, range(50))) == [number**2 for number in range(50)]
        assert list(executor(square, [])) == []
        assert list(islice(executor(square, count()), 5)) == [0, 1, 4, 9, 16]
        with pytest.raises(UsageError, match="7 is too much"):
            list(executor(refuse, [7]))
        for _ in range(2):  # the second time in groups
            results = iter(executor(refuse_seven, range(30)))
            assert [next(results) for _ in range(7)] == list(range(7))
            with pytest.raises(UsageError, match="7 is too much"):
                next(results)


@pytest.mark.parametrize("worth", [0.0, inf])
def test_much_work_grows_into_processes(worth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two results are made here, and say how long the rest would take."""
    monkeypatch.setattr(growing, "WORTH", worth)
    monkeypatch.setattr(growing, "cores", lambda: 2)
    with growing.growing() as executor:
        found = list(executor(square_and_process, range(5)))
    assert [square for square, _ in found] == [0, 1, 4, 9, 16]
    here = [process == os.getpid() for _, process in found]
    assert here == ([True, True, False, False, False] if worth == 0 else [True] * 5)


@given(
    number=st.integers(0, 60),
    workers=st.integers(1, 4),
    size=st.integers(1, 20),
    seconds=st.lists(st.sampled_from([0.0, 0.01, 0.2, 3.0]), min_size=1),
    losses=st.sets(st.integers(0, 20)),
)
def test_groups_hold_every_argument_once_and_in_order(
    number: int, workers: int, size: int, seconds: list[float], losses: set[int]
) -> None:
    groups = Groups(range(number), workers, size)
    results: list[int] = []
    for turn in count():
        if not groups.refill():
            break
        if turn in losses:
            groups.split()  # nothing was handed out
            continue
        arguments = groups.waiting[0].arguments
        assert arguments
        answer = Answer(list(arguments), None, seconds[turn % len(seconds)] * len(arguments))
        groups.done(answer)
        results += answer.given()
    assert results == list(range(number))


@pytest.mark.long
def test_every_process_has_one_thread() -> None:
    with open_executor(TWO[0]) as executor:
        assert set(executor(threads, range(6))) == {1}


@pytest.mark.parametrize("config", TWO, ids=lambda config: config["name"])
def test_a_worker_that_dies_loses_nothing(config: dict[str, Any], tmp_path: Path) -> None:
    function = partial(once_deadly, tmp_path)
    numbers = range(1, 8) if config["name"] == "processes" else range(1, 5)
    with open_executor(config) as executor:
        assert list(executor(function, numbers)) == [number**2 for number in numbers]
    assert (tmp_path / "3").exists()


def test_what_kills_every_process_is_an_error() -> None:
    with (
        EXECUTORS.build("processes", workers=1) as executor,
        pytest.raises(UsageError, match="a process died 4 times at 5: is there enough memory"),
    ):
        list(executor(deadly, [5]))


@pytest.mark.slow
def test_a_death_is_its_own_argument_s() -> None:
    """The argument 1 kills its process again and again; the result of 0 still arrives."""
    with open_executor(TWO[0]) as executor:
        results = iter(executor(first_waits, range(4)))
        assert next(results) == 0
        with pytest.raises(UsageError, match="a process died 4 times at 1: is there enough"):
            next(results)


@pytest.mark.long
def test_a_death_after_other_answers_is_counted() -> None:
    """The later arguments have their answers by then, and wait."""
    with (
        open_executor(TWO[0]) as executor,
        pytest.raises(UsageError, match="a process died 4 times at 0: is there enough"),
    ):
        list(executor(late_death, range(8)))


@pytest.mark.parametrize("config", TWO, ids=lambda config: config["name"])
def test_an_error_that_pickle_does_not_keep_is_told(config: dict[str, Any]) -> None:
    with (
        open_executor(config) as executor,
        pytest.raises(RuntimeError, match="OddError: this and 5") as caught,
    ):
        list(executor(odd, [5]))
    assert "in odd" in caught.value.__notes__[0]


@pytest.mark.parametrize("config", TWO, ids=lambda config: config["name"])
def test_calls_may_take_turns(config: dict[str, Any]) -> None:
    with open_executor(config) as executor:
        squares, numbers = executor(square, range(20)), executor(refuse_seven, range(7))
        found = list(islice(squares, 2))
        assert list(numbers) == list(range(7))
        assert [*found, *squares] == [number**2 for number in range(20)]


@pytest.mark.slow
def test_what_kills_every_worker_of_a_cluster_is_an_error() -> None:
    with (
        open_executor(TWO[1]) as executor,
        pytest.raises(UsageError, match="Dask's workers died at 5, again and again"),
    ):
        list(executor(deadly, [5]))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"name": "threads"}, "no executor 'threads'.* dask, processes, serial"),
        ({"name": "processes", "workers": 0}, "workers=0 must be at least 1"),
        ({"name": "processes", "workers": "many"}, "executor.workers=many must be"),
        ({"name": "dask", "workers": 0}, "workers=0 must be at least 1"),
        ({"name": "serial", "workers": 2}, "executor serial has no option 'workers'"),
    ],
)
def test_wrong_options(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence), open_executor(config):
        pass
    assert set(EXECUTORS) == {"serial", "processes", "dask"}


@pytest.mark.slow
def test_an_absent_scheduler_is_one_sentence() -> None:
    config = {"name": "dask", "address": "somewhere:1"}
    with (
        pytest.raises(UsageError, match=r"no Dask scheduler answers at executor.address=some"),
        open_executor(config),
    ):
        pass
