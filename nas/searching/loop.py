"""The search loop: the whole algorithm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

from nas.errors import UsageError
from nas.ranking import Ranking
from nas.scoring.executors import Executor
from nas.searching.history import History
from nas.space import Arch
from nas.strategy import Strategy
from nas.trial import Evaluation, Trial

Score = Callable[[Arch], Evaluation]
"""An objective: the figures of an architecture.

It may have a method `form(arch)`: the architecture that is scored in this one's place, by default
itself. Those of one form have one score, and are copies of the first. And a method
`metrics(arch)`: figures that are the architecture's own and not its form's, such as parameters.
"""


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
    every = list(
        trials(
            strategy, objective, history, budget=budget, seed=seed, block=block, executor=executor
        )
    )
    return best(every, strategy.ranking)


def best(every: Sequence[Trial], ranking: Ranking) -> Trial:
    """The first of the trials that rank highest."""
    values = ranking(every)
    return every[max(range(len(every)), key=lambda place: values[place])]


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

    `block` architectures are asked for at a time, those of a new form are scored, all are
    appended to the history and told in order. Trials already in the history are told again, not
    scored again; one that the strategy does not ask for raises a UsageError.
    """
    if budget < 1 or block < 1 or seed < 0:
        raise UsageError(
            f"budget={budget}, block={block} and seed={seed} must be at least 1, 1 and 0"
        )
    form_of = getattr(objective, "form", lambda arch: arch)
    known: dict[Arch, Trial] = {}
    figures: dict[Arch, Mapping[str, float]] = {}  # of copies that are not their original again
    for start in range(0, budget, block):
        numbers = range(start, min(start + block, budget))
        archs = [_asked(strategy, Random(f"{seed}/{number}")) for number in numbers]
        forms = [form_of(arch) for arch in archs]
        recorded = history[start : start + len(archs)]
        for trial, arch in zip(recorded, archs, strict=False):
            _check(trial, arch)
        told, asked = forms[: len(recorded)], forms[len(recorded) :]
        new = dict.fromkeys(form for form in asked if form not in known and form not in told)
        evaluations = iter(executor(objective, new))
        for place, (number, arch, form) in enumerate(zip(numbers, archs, forms, strict=True)):
            original = known.get(form)
            if place < len(recorded):
                trial = recorded[place]
                _check_copy(trial, original)
            else:
                if original is None:
                    found = next(evaluations)
                    if arch != form:
                        found = found.owned(_own(objective, arch))
                    trial = _scored(number, arch, found)
                else:
                    own = original.metrics if arch == original.arch else figures.get(arch)
                    own = _own(objective, arch) if own is None else own
                    trial = _copied(number, arch, original, own)
                history.append(trial)
            known.setdefault(form, trial)
            if arch != known[form].arch:
                figures.setdefault(arch, trial.metrics)
            strategy.tell(trial)
            yield trial


def _asked(strategy: Strategy, rng: Random) -> Arch:
    """The next architecture; UsageError where it is none of the space."""
    arch = strategy.ask(rng)
    if arch not in strategy.space:
        raise UsageError(
            f"{type(strategy).__name__} asks for {arch!r}, which is no architecture of "
            f"{type(strategy.space).__name__}: a tuple of whole numbers below "
            f"{strategy.space.choices}, for which valid() is true"
        )
    return arch


def _check(trial: Trial, arch: Arch) -> None:
    if trial.arch != arch:
        raise UsageError(
            f"trial {trial.number} (line {trial.number + 1}) of the history is {trial.arch} "
            f"where the search asks for {arch}: it was edited, or made by another version"
        )


def _check_copy(trial: Trial, original: Trial | None) -> None:
    if trial.copy_of != (None if original is None else original.number):
        raise UsageError(
            f"trial {trial.number} (line {trial.number + 1}) of the history has the score of "
            f"another architecture than it would have now: it was edited, or made by another "
            f"version; a search into another folder begins anew"
        )


def _scored(number: int, arch: Arch, new: Evaluation) -> Trial:
    return Trial(
        number, arch, new.score, new.metrics, new.seconds, new.reason, new.scores, new.note
    )


def _own(objective: Score, arch: Arch) -> Mapping[str, float]:
    """Figures that are the architecture's own."""
    count: Callable[[Arch], Mapping[str, float]] | None = getattr(objective, "metrics", None)
    return {} if count is None else count(arch)


def _copied(number: int, arch: Arch, original: Trial, own: Mapping[str, float]) -> Trial:
    return replace(
        original,
        number=number,
        arch=arch,
        metrics={**original.metrics, **own},
        seconds=0.0,
        copy_of=original.number,
    )
