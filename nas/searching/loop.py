"""The search loop: the whole algorithm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from nas.arch import Arch
from nas.errors import UsageError, all_failed
from nas.scoring.executors.executor import Executor
from nas.scoring.objective import Objective
from nas.searching.history import History
from nas.strategy import Strategy
from nas.trial import Evaluation, Trial

PATIENCE = 20
"""A search gives up if this many first architectures all fail for the same reason."""


def trials(
    strategy: Strategy,
    objective: Objective,
    history: History,
    *,
    budget: int,
    seed: int,
    block: int = 1,
    executor: Executor = map,
    patience: int = PATIENCE,
) -> Iterator[Trial]:
    """The search as an iterator: you can watch the trials, and stop between them.

    It asks for `block` architectures at a time, scores those with a new form, appends all trials
    to the history and tells them in order. Trials that are already in the history are told again
    but not scored again. Raises UsageError if the strategy does not ask for such a trial, and
    AllFailedError if the first `patience` trials, or all of a smaller budget, fail for the same
    reason.
    """
    if budget < 1 or block < 1 or seed < 0 or patience < 1:
        raise UsageError(
            f"budget={budget}, block={block}, seed={seed} and patience={patience} must be at "
            f"least 1, 1, 0 and 1"
        )
    known = _Known(objective)
    give_up = _GiveUp(patience)
    evaluate = objective.evaluate  # one object: an executor sends the same function only once
    for start in range(0, budget, block):
        numbers = range(start, min(start + block, budget))
        archs = [_asked(strategy, Random(f"{seed}/{number}")) for number in numbers]
        recorded = history[start : start + len(archs)]
        new = known.new_forms(archs, recorded)
        evaluations = iter(executor(evaluate, new))
        for place, (number, arch) in enumerate(zip(numbers, archs, strict=True)):
            if place < len(recorded):
                trial = known.checked(recorded[place], arch)
            else:
                trial = known.trial(number, arch, evaluations)
                history.append(trial)
            known.add(trial)
            strategy.tell(trial)
            yield trial
            give_up.on(trial)
    give_up.at_the_end()


def _asked(strategy: Strategy, rng: Random) -> Arch:
    """The next architecture; raises UsageError if it is not in the space."""
    arch = strategy.ask(rng)
    if arch not in strategy.space:
        raise UsageError(
            f"{type(strategy).__name__} asks for {arch!r}, which is no architecture of "
            f"{type(strategy.space).__name__}: a tuple of whole numbers below "
            f"{strategy.space.choices}, for which valid() is true"
        )
    return arch


@dataclass
class _Known:
    """The first trial of every form, and the metrics of other architectures of these forms."""

    objective: Objective
    originals: dict[Arch, Trial] = field(default_factory=dict)
    """The first trial of each form, by form."""
    metrics: dict[Arch, Mapping[str, float]] = field(default_factory=dict)
    """Metrics of the architectures whose form was scored in another architecture's trial."""
    forms: dict[Arch, Arch] = field(default_factory=dict)
    """The form of each architecture of the present block."""

    def new_forms(self, archs: Sequence[Arch], recorded: Sequence[Trial]) -> list[Arch]:
        """The forms that must be scored, each once."""
        self.forms = {arch: self.objective.form(arch) for arch in archs}
        told = {self.forms[arch] for arch in archs[: len(recorded)]}
        asked = dict.fromkeys(self.forms[arch] for arch in archs[len(recorded) :])
        return [form for form in asked if form not in self.originals and form not in told]

    def trial(self, number: int, arch: Arch, evaluations: Iterator[Evaluation]) -> Trial:
        """The trial of an architecture: the next evaluation, or a copy of its form's original."""
        form = self.forms[arch]
        original = self.originals.get(form)
        if original is None:
            found = next(evaluations, None)
            if found is None:
                raise UsageError("the executor gives fewer results than there are architectures")
            own = found if arch == form else found.with_metrics(self.objective.metrics(arch))
            return Trial.of(number, arch, own)
        if arch == original.arch:
            return original.copied(number, arch, original.metrics)
        if arch not in self.metrics:
            self.metrics[arch] = self.objective.metrics(arch)
        return original.copied(number, arch, self.metrics[arch])

    def checked(self, trial: Trial, arch: Arch) -> Trial:
        """The recorded trial; raises UsageError if the search would not make the same one now."""
        line = f"trial {trial.number} (line {trial.number + 1}) of the history"
        if trial.arch != arch:
            raise UsageError(
                f"{line} is {trial.arch} where the search asks for {arch}: it was edited, or made "
                f"by another version"
            )
        original = self.originals.get(self.forms[arch])
        if trial.copy_of != (None if original is None else original.number):
            raise UsageError(
                f"{line} has the score of another architecture than it would have now: it was "
                f"edited, or made by another version; a search into another folder begins anew"
            )
        return trial

    def add(self, trial: Trial) -> None:
        """Remember a trial."""
        original = self.originals.setdefault(self.forms[trial.arch], trial)
        if trial.arch != original.arch:
            self.metrics.setdefault(trial.arch, trial.metrics)


@dataclass
class _GiveUp:
    """Ends a search whose first trials all fail for the same reason."""

    patience: int
    failed: int = 0
    reason: str = ""

    def on(self, trial: Trial) -> None:
        """Count a trial; raises AllFailedError at the last one that patience allows.

        A copy says nothing new and does not count.
        """
        if self.patience == 0 or trial.copy_of is not None:
            return
        same = self.failed == 0 or trial.reason == self.reason
        if not trial.failed or not same:
            self.patience = 0  # never give up
            return
        self.failed, self.reason = self.failed + 1, trial.reason
        if self.failed == self.patience:
            self.at_the_end()

    def at_the_end(self) -> None:
        """Raises AllFailedError if all trials so far have failed for the same reason."""
        if self.patience and self.failed:
            raise all_failed(self.reason, self.failed)
