"""The search loop: the whole algorithm."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from time import monotonic

from nas.arch import Arch
from nas.errors import UsageError, all_failed
from nas.scoring.executors.executor import Executor
from nas.scoring.objective import Objective
from nas.searching.history import History
from nas.searching.limits import Count, Limits, Watch
from nas.strategy import Strategy
from nas.trial import Evaluation, Trial

GIVE_UP = 20
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
    give_up: int = GIVE_UP,
    count: Count = "trials",
    patience: int | None = None,
    timeout: float | None = None,
    spent: float = 0.0,
) -> Iterator[Trial]:
    """The search as an iterator: you can watch the trials, and stop between them.

    It asks for `block` architectures at a time, scores those with a new form, appends all trials
    to the history and tells them in order. Trials that are already in the history are told again
    but not scored again. The strategy itself stays as it is, because a copy of it is asked and
    told: another search with it begins anew.

    It ends with the budget of trials, or with `count="scored"` of new scores; after `patience`
    trials without a better score; or `timeout` seconds after the first new trial began, less the
    `spent` ones. Limits end no search before the end of its history. Raises UsageError if the
    strategy does not ask for such a trial, or if the history has used more than the budget; and
    AllFailedError if the first `give_up` trials, or all of a smaller budget, fail for the same
    reason.
    """
    if budget < 1 or block < 1 or seed < 0 or give_up < 1:
        raise UsageError(
            f"budget={budget}, block={block}, seed={seed} and give_up={give_up} must be at "
            f"least 1, 1, 0 and 1"
        )
    limits = Limits(budget, count, patience, timeout)
    limits.check(history)
    search = _Search(_copied(strategy), _Known(objective), limits, history, seed, block, executor)
    failures = _GiveUp(give_up)
    for trial in search.trials(spent):
        yield trial
        failures.on(trial)
    failures.at_the_end()


@dataclass
class _Search:
    """What the loop works with."""

    strategy: Strategy
    known: _Known
    limits: Limits
    history: History
    seed: int
    block: int
    executor: Executor

    def trials(self, spent: float) -> Iterator[Trial]:
        """The trials: recorded ones are checked, others scored, and all are told."""
        known, history = self.known, self.history
        evaluate = known.objective.evaluate  # one object: an executor sends it only once
        watch = Watch(self.limits, self.strategy.ranking)
        recorded = len(history)
        begun: float | None = None
        for start in itertools.count(step=self.block):
            if start >= recorded and watch.ended(spent + _since(begun)):
                return
            archs = [_asked(self.strategy, Random(f"{self.seed}/{n}")) for n in self._block(start)]
            told = history[start : start + len(archs)]
            evaluations = iter(self.executor(evaluate, known.new_forms(archs, told)))
            for number, arch in enumerate(archs, start):
                if number < recorded:
                    trial = known.checked(history[number], arch)
                else:
                    if watch.ended(spent + _since(begun)):
                        return
                    begun = monotonic() if begun is None else begun
                    trial = known.trial(number, arch, evaluations)
                    history.append(trial)
                known.add(trial)
                watch.tell(trial)
                self.strategy.tell(trial)
                yield trial

    def _block(self, start: int) -> range:
        """The numbers of a block; it is cut at the budget, if that counts trials."""
        end = start + self.block
        return range(start, min(end, self.limits.budget) if self.limits.count == "trials" else end)


def _since(begun: float | None) -> float:
    """The seconds since the first new trial began."""
    return 0.0 if begun is None else monotonic() - begun


def _copied(strategy: Strategy) -> Strategy:
    """A strategy in the same state, of the same space and ranking.

    Raises UsageError if it cannot be copied.
    """
    shared = {id(each): each for each in (strategy.space, strategy.ranking)}
    try:
        return deepcopy(strategy, shared)
    except Exception as error:  # of whatever the strategy holds
        raise UsageError(
            f"{type(strategy).__name__} cannot be copied ({error}): a search works with a copy of "
            f"its strategy, so that another search with it begins anew"
        ) from error


def _asked(strategy: Strategy, rng: Random) -> Arch:
    """The next architecture; raises UsageError if it is not in the space."""
    arch = strategy.ask(rng)
    if why := strategy.space.refusal(arch):
        raise UsageError(
            f"{type(strategy).__name__} asks for {arch!r:.100}, which is no architecture of "
            f"{strategy.space.title}: {why}"
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

    first: int
    failed: int = 0
    reason: str = ""

    def on(self, trial: Trial) -> None:
        """Count a trial; raises AllFailedError at the last one that may fail.

        A copy says nothing new and does not count.
        """
        if self.first == 0 or trial.copy_of is not None:
            return
        same = self.failed == 0 or trial.reason == self.reason
        if not trial.failed or not same:
            self.first = 0  # never give up
            return
        self.failed, self.reason = self.failed + 1, trial.reason
        if self.failed == self.first:
            self.at_the_end()

    def at_the_end(self) -> None:
        """Raises AllFailedError if all trials so far have failed for the same reason."""
        if self.first and self.failed:
            raise all_failed(self.reason, self.failed)
