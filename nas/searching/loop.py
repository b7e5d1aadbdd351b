"""The search loop: the whole algorithm."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import nan
from time import monotonic
from typing import NamedTuple

from nas.arch import Arch
from nas.errors import UsageError, all_failed
from nas.scoring.constraints import Constraints, is_infeasible
from nas.scoring.executors.executor import Executor
from nas.scoring.objective import Objective
from nas.searching.feasibility import Feasibility, Screen
from nas.searching.history import History
from nas.searching.judging import lost_by
from nas.searching.limits import Count, Limits, Watch
from nas.strategy import Strategy
from nas.trial import NONE, Evaluation, Trial

NO_CONSTRAINTS = Constraints()
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
    constraints: Constraints = NO_CONSTRAINTS,
    screen: Screen | None = None,
    starts: Sequence[Arch] = (),
) -> Iterator[Trial]:
    """The search as an iterator: you can watch the trials, and stop between them.

    It asks for `block` architectures at a time, scores those with a new form, appends all trials
    to the history and tells them in order. Trials that are already in the history are told again
    but not scored again. The strategy itself stays as it is, because a copy of it is asked and
    told: another search with it begins anew.

    The first architectures are those of `starts`, and the strategy is told of them as of its own.
    With `constraints` an architecture that breaks one has no score; the strategy is asked again,
    some times, while the figures that `screen` gives of its answer break one.

    It ends with the budget of trials, or with `count="scored"` of new scores; after `patience`
    trials without a better score; or `timeout` seconds after the first new trial began, less the
    `spent` ones. Limits end no search before the end of its history. Raises UsageError if the
    strategy does not ask for such a trial, or if the history has used more than the budget; and
    AllFailedError if the first `give_up` trials, or all of a smaller budget, fail for the same
    reason, or if the search finds nothing feasible and comes no nearer.
    """
    if budget < 1 or block < 1 or seed < 0 or give_up < 1:
        raise UsageError(
            f"budget={budget}, block={block}, seed={seed} and give_up={give_up} must be at "
            f"least 1, 1, 0 and 1"
        )
    limits = Limits(budget, count, patience, timeout)
    limits.check(history)
    copied = _copied(strategy)
    feasibility = Feasibility(constraints, screen, copied.first_random)
    copied.move = feasibility.before(copied.move)
    copied.expected = ()
    asking = _Asking(copied, feasibility, seed, starts)
    search = _Search(
        asking,
        _Known(objective, constraints),
        limits,
        history,
        block,
        executor,
        GiveUp(give_up, lost_by(copied.ranking)),
    )
    yield from search.whole(spent)


@dataclass
class _Search:
    """What the loop works with."""

    asking: _Asking
    known: _Known
    limits: Limits
    history: History
    block: int
    executor: Executor
    failures: GiveUp

    def whole(self, spent: float) -> Iterator[Trial]:
        """The trials; raises AllFailedError if they all fail, or if none can be feasible."""
        feasibility, strategy = self.asking.feasibility, self.asking.strategy
        for trial in self.trials(spent):
            yield trial
            self.failures.on(trial)
            feasibility.tell(trial, strategy)
        self.failures.at_the_end()
        feasibility.at_the_end(strategy)

    def trials(self, spent: float) -> Iterator[Trial]:
        """The trials: recorded ones are checked, others scored, and all are told."""
        known, history, strategy = self.known, self.history, self.asking.strategy
        answer = Answering(known.objective)  # one for the search: an executor sends it only once
        watch = Watch(self.limits, strategy.ranking)
        recorded = len(history)
        begun: float | None = None
        for start in itertools.count(step=self.block):
            if start >= recorded and watch.ended(spent + _since(begun)):
                return
            numbers = self._block(start)
            told = history[numbers.start : numbers.stop]
            before = [trial.arch for trial in told] + [None] * len(numbers)
            archs = [self.asking.asked(n, arch) for n, arch in zip(numbers, before, strict=False)]
            answers = iter(self.executor(answer, known.new(archs, told)))
            for number, arch in enumerate(archs, start):
                if number < recorded:
                    trial = known.checked(history[number], arch)
                else:
                    if watch.ended(spent + _since(begun)):
                        return
                    begun = monotonic() if begun is None else begun
                    trial = known.trial(number, arch, answers)
                    history.append(trial)
                known.add(trial)
                watch.tell(trial)
                self.asking.tell(trial)
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


@dataclass
class _Asking:
    """Where architectures come from, the starts, then the strategy, and who is told of them."""

    strategy: Strategy
    feasibility: Feasibility
    seed: int
    starts: Sequence[Arch]

    def asked(self, number: int, recorded: Arch | None) -> Arch:
        """The architecture of a trial, expected from now; raises UsageError for a stray one."""
        space = self.strategy.space
        if number < len(self.starts):
            arch, who = self.starts[number], "the list of first architectures has"
        else:
            name = f"{self.seed}/{number}"
            arch = self.feasibility.asked(self.strategy.ask, name, recorded)
            who = f"{type(self.strategy).__name__} asks for"
        if why := space.refusal(arch):
            raise UsageError(
                f"{who} {arch!r:.100}, which is no architecture of {space.title}: {why}"
            )
        self.strategy.expected += (arch,)
        return arch

    def tell(self, trial: Trial) -> None:
        """Tell the strategy a trial, the first of those that it expects."""
        self.strategy.expected = self.strategy.expected[1:]
        self.strategy.tell(trial)


@dataclass
class _Known:
    """The first feasible trial of every form, and what is known of other architectures."""

    objective: Objective
    constraints: Constraints
    originals: dict[Arch, Trial] = field(default_factory=dict)
    """The first feasible trial of each form, by form."""
    infeasible: dict[Arch, Trial] = field(default_factory=dict)
    """The first trial of each infeasible architecture: it says nothing of others of its form."""
    metrics: dict[Arch, Mapping[str, float]] = field(default_factory=dict)
    """Metrics of the architectures whose form was scored in another architecture's trial."""
    forms: dict[Arch, Arch] = field(default_factory=dict)
    """The form of each architecture of the present block."""
    sent: dict[Arch, Task] = field(default_factory=dict)
    """What was asked for about architectures of the block, and is not used yet."""

    def new(self, archs: Sequence[Arch], recorded: Sequence[Trial]) -> list[Task]:
        """What must be computed, in the order of the architectures.

        It is the evaluation of the first one of each new form, and the metrics of others that
        have the form of another one.
        """
        self.forms = {arch: self.objective.form(arch) for arch in archs}
        first: dict[Arch, Arch] = {}
        for trial in recorded:
            if not is_infeasible(trial) and trial.arch in self.forms:
                first.setdefault(self.forms[trial.arch], trial.arch)
        self.sent = {}
        for arch in archs[len(recorded) :]:
            if arch in self.infeasible or arch in self.sent:
                continue
            form = self.forms[arch]
            known = self.originals[form].arch if form in self.originals else first.get(form)
            if known is None:
                first[form] = self.sent[arch] = arch
            elif arch != known and arch not in self.metrics:
                self.sent[arch] = Own(arch)
        return [*self.sent.values()]

    def trial(self, number: int, arch: Arch, answers: Iterator[Evaluation | Figures]) -> Trial:
        """The trial of an architecture: the next evaluation, or a copy of an earlier trial."""
        found = self._next(arch, answers) if arch in self.sent else None
        if found is not None and not isinstance(found, Evaluation):
            self.metrics[arch] = found
        if arch in self.infeasible:
            before = self.infeasible[arch]
            return before.copied(number, arch, before.metrics)
        original = self.originals.get(self.forms[arch])
        if original is None:  # one that was sent as a copy is not one if the first is infeasible
            if not isinstance(found, Evaluation):
                found = self.objective.evaluate(arch)
            return Trial.of(number, arch, self.constraints.checked(found))
        if arch == original.arch:
            return original.copied(number, arch, original.metrics)
        if arch not in self.metrics:
            self.metrics[arch] = self.objective.metrics(arch)
        own = self.metrics[arch]
        if reason := self.constraints.refusal(own):
            scores = dict.fromkeys(original.scores, nan)
            return Trial(number, arch, nan, {**own}, 0.0, reason, scores or NONE)
        return original.copied(number, arch, own)

    def _next(self, arch: Arch, answers: Iterator[Evaluation | Figures]) -> Evaluation | Figures:
        """The next answer, which is about this architecture."""
        del self.sent[arch]
        found = next(answers, None)
        if found is None:
            raise UsageError("the executor gives fewer results than there are architectures")
        return found

    def checked(self, trial: Trial, arch: Arch) -> Trial:
        """The recorded trial; raises UsageError if the search would not make the same one now."""
        line = f"trial {trial.number} (line {trial.number + 1}) of the history"
        if trial.arch != arch:
            raise UsageError(
                f"{line} is {trial.arch} where the search asks for {arch}: it was edited, or made "
                f"by another version"
            )
        original = self.infeasible.get(arch)
        if original is None and not is_infeasible(trial):
            original = self.originals.get(self.forms[arch])
        if trial.copy_of != (None if original is None else original.number):
            raise UsageError(
                f"{line} has the score of another architecture than it would have now: it was "
                f"edited, or made by another version; a search into another folder begins anew"
            )
        return trial

    def add(self, trial: Trial) -> None:
        """Remember a trial."""
        if is_infeasible(trial):
            self.infeasible.setdefault(trial.arch, trial)
            return
        original = self.originals.setdefault(self.forms[trial.arch], trial)
        if trial.arch != original.arch:
            self.metrics.setdefault(trial.arch, trial.metrics)


class Own(NamedTuple):
    """In place of an architecture: its own metrics are asked for, and no score."""

    arch: Arch


Task = Arch | Own
Figures = Mapping[str, float]


class Answering:
    """What a search asks of its executor; equal for the same objective."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def __call__(self, task: Task) -> Evaluation | Figures:
        """The evaluation of an architecture, or the metrics of an `Own` one."""
        if isinstance(task, Own):
            return self.objective.metrics(task.arch)
        return self.objective.evaluate(task)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answering) and other.objective is self.objective

    def __hash__(self) -> int:
        return hash((Answering, id(self.objective)))


@dataclass
class GiveUp:
    """Ends a search whose first trials all fail for the same reason."""

    first: int
    lost: Callable[[Trial], str] = lambda _: ""
    """Why a trial with a score has no value of the objectives; empty if it has."""
    failed: int = 0
    reason: str = ""

    def on(self, trial: Trial) -> None:
        """Count a trial; raises AllFailedError at the last one that may fail.

        A copy says nothing new and does not count.
        """
        if self.first == 0 or trial.copy_of is not None:
            return
        lost = self.lost(trial)
        reason = lost or trial.reason
        same = self.failed == 0 or reason == self.reason
        if not (trial.failed or lost) or not same:
            self.first = 0  # never give up
            return
        self.failed, self.reason = self.failed + 1, reason
        if self.failed == self.first:
            self.at_the_end()

    def at_the_end(self) -> None:
        """Raises AllFailedError if all trials so far have failed for the same reason."""
        if self.first and self.failed:
            raise all_failed(self.reason, self.failed)
