"""Scores of architectures that are no trials: each form is scored once, and kept in a journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan

from nas.arch import Arch
from nas.proxy import PROXIES
from nas.scoring.constraints import Constraints
from nas.scoring.executors.executor import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import KEY, judges_of
from nas.searching.history import History
from nas.trial import Evaluation, Trial

LARGEST = 500_000
"""How many scores a process remembers for its later searches."""

_remembered: dict[tuple[str, Arch], Evaluation] = {}
"""Evaluations by the key of the scores and the form."""


def scoring_by(objective: ProxyObjective, name: str) -> ProxyObjective:
    """What scores by one proxy, on the batch of a search with this objective.

    A proxy that the search uses too has the options that it has there. Raises UsageError if there
    is no such proxy.
    """
    only = judges_of(objective, [name])[name]
    return replace(objective, proxies=only, factors={}, measures={}, constraints=Constraints())


@dataclass(eq=False)
class ProxyScores:
    """The scores by one proxy. They count as known if nothing has changed that they depend on.

    A score is in the journal, from an earlier run of the search, or this process has computed it
    for another search, or it is computed now.
    """

    objective: ProxyObjective
    journal: History
    key: str = field(init=False)
    known: dict[Arch, Trial] = field(init=False)
    """The trial of every form in the journal."""

    def __post_init__(self) -> None:
        from nas.scoring.keys import keys

        self.key = next(iter(keys(self.objective).values()))
        # what draws nothing from the seed has the same score under all of them
        unseeded = next(iter(keys(replace(self.objective, seed=-1)).values()))
        registered = type(next(iter(self.objective.named.values()))) in PROXIES.values()
        self._keys = (unseeded, self.key) if registered else ()  # another may change its source
        self.known = of_key(self.journal, self.key)

    def __deepcopy__(self, _: object) -> ProxyScores:
        """The same object: a search's copy of its strategy asks the same scores."""
        return self

    def missing(self, archs: Sequence[Arch]) -> list[Arch]:
        """The forms of these architectures that have to be scored, each once."""
        forms = dict.fromkeys(map(self.objective.form, archs))
        return [form for form in forms if form not in self.known]

    def filled(self, archs: Sequence[Arch], executor: Executor = map) -> Iterator[Trial]:
        """Score the forms that are missing; each trial is in the journal when it comes.

        The iterator can be stopped between trials; the same call goes on there.
        """
        missing = self.missing(archs)
        evaluate = self.objective.evaluate  # one object: an executor sends it only once
        ready = {form: found for form in missing if (found := self._remembered(form))}
        new = [form for form in missing if form not in ready]
        evaluations = iter(executor(evaluate, new)) if new else iter(())
        for form in missing:
            if form in ready:
                found = ready[form]
            else:
                found = next(evaluations)
                self._remember(form, found)
            trial = Trial.of(len(self.journal), form, found)
            note = "; ".join(part for part in (f"{KEY}{self.key}", trial.note) if part)
            trial = replace(trial, note=note)
            self.journal.append(trial)
            self.known[form] = trial
            yield trial

    def __call__(self, archs: Sequence[Arch]) -> list[float]:
        """The architectures' scores; -inf where there is none.

        What is missing is scored in this process: the processes of an executor know one function
        only, and are made anew for another.
        """
        for _ in self.filled(archs):
            pass
        scores = [self.known[self.objective.form(arch)].score for arch in archs]
        return [-inf if isnan(score) else score for score in scores]

    def _remembered(self, form: Arch) -> Evaluation | None:
        return next((_remembered[k, form] for k in self._keys if (k, form) in _remembered), None)

    def _remember(self, form: Arch, found: Evaluation) -> None:
        if not self._keys:
            return
        if len(_remembered) >= LARGEST:
            _remembered.clear()
        unseeded, seeded = self._keys
        _remembered[seeded if found.seeded else unseeded, form] = replace(found, seconds=0.0)


def of_key(journal: Sequence[Trial], key: str | None = None) -> dict[Arch, Trial]:
    """The journal's trials with this key, or else with the latest, by architecture."""
    if key is None and journal:
        key = _key(journal[-1])
    return {trial.arch: trial for trial in journal if _key(trial) == key}


def _key(trial: Trial) -> str:
    return trial.note.partition("; ")[0].removeprefix(KEY)
