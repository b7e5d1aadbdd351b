"""The search loop: the whole algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from random import Random

from nas.errors import UsageError
from nas.history import History, Trial
from nas.objective import Evaluation
from nas.space import Arch
from nas.strategy import Strategy

Score = Callable[[Arch], Evaluation]
"""An objective: the figures of an architecture."""

Executor = Callable[[Score, Iterable[Arch]], Iterable[Evaluation]]
"""Applies an objective to architectures, results in order; the built-in `map` is one."""


def search(
    strategy: Strategy,
    objective: Score,
    history: History,
    *,
    budget: int,
    seed: int,
    block: int = 1,
    executor: Executor = map,
) -> Trial:
    """Search until the history holds `budget` trials and return the best of them.

    The best may have no score (NaN), if no trial has one. Arguments as for `trials`.
    """
    every = trials(
        strategy, objective, history, budget=budget, seed=seed, block=block, executor=executor
    )
    return max(every, key=lambda trial: trial.rank_key)


def trials(
    strategy: Strategy,
    objective: Score,
    history: History,
    *,
    budget: int,
    seed: int,
    block: int = 1,
    executor: Executor = map,
) -> Iterator[Trial]:
    """The search as an iterator, for who wants to watch it or to stop between trials.

    `block` architectures are asked for at a time, those of a new function are scored, all are
    appended to the history and told in order. Trials already in the history are told again, not
    scored again; one that the strategy does not ask for raises a UsageError.
    """
    if budget < 1 or block < 1 or seed < 0:
        raise UsageError(
            f"budget={budget}, block={block} and seed={seed} must be at least 1, 1 and 0"
        )
    known: dict[Arch, Trial] = {}
    for start in range(0, budget, block):
        numbers = range(start, min(start + block, budget))
        archs = [strategy.ask(Random(f"{seed}/{number}")) for number in numbers]
        forms = [strategy.space.canonical(arch) for arch in archs]
        recorded = history[start : start + len(archs)]
        for trial, arch in zip(recorded, archs, strict=False):
            _check(trial, arch)
        new: dict[Arch, Arch] = {}
        for form, arch in zip(forms[len(recorded) :], archs[len(recorded) :], strict=True):
            if form not in known and form not in forms[: len(recorded)]:
                new.setdefault(form, arch)
        evaluations = iter(executor(objective, new.values()))
        for place, (number, arch, form) in enumerate(zip(numbers, archs, forms, strict=True)):
            if place < len(recorded):
                trial = recorded[place]
            else:
                trial = _trial(number, arch, known.get(form) or next(evaluations))
                history.append(trial)
            known.setdefault(form, trial)
            strategy.tell(trial)
            yield trial


def _check(trial: Trial, arch: Arch) -> None:
    if trial.arch != arch:
        raise UsageError(
            f"trial {trial.number} (line {trial.number + 1}) of the history is {trial.arch} "
            f"where the search asks for {arch}: it was edited, or made by another version"
        )


def _trial(number: int, arch: Arch, source: Evaluation | Trial) -> Trial:
    """A trial from fresh figures, or as a copy of the trial that has them."""
    copy_of = source.number if isinstance(source, Trial) else None
    seconds = 0.0 if isinstance(source, Trial) else source.seconds
    return Trial(number, arch, source.score, source.metrics, seconds, source.reason, copy_of)
