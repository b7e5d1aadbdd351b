"""The finals: a panel of proxies judges the best architectures of a search among themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import inf, isnan, nan
from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.errors import UsageError
from nas.proxy import PROXIES, Proxy
from nas.ranking import Ranking, ranked, shares
from nas.scoring.executors.executor import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History
from nas.space import Space
from nas.trial import Evaluation, Trial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FAILED = " failed"
"""It follows a judge's name in a reason if the judge raised an error."""
KEY = "key "
"""The note of a judged trial begins with it: the key of its scores follows."""


@dataclass(frozen=True)
class Panel:
    """Who judges how many finalists on how many examples."""

    size: int = 128
    proxies: tuple[str, ...] = ("epsilon", "naswot", "swap", "flops")
    examples: int = 64

    def __post_init__(self) -> None:
        """Raises UsageError for numbers that are too small, and for no judge."""
        for name, least in (("size", 2), ("examples", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise UsageError(
                    f"finals.{name}={value} must be a whole number of at least {least}"
                )
        if isinstance(self.proxies, str) or len({*self.proxies}) != len(self.proxies):
            raise UsageError(f"finals.proxies={self.proxies} must be different names of proxies")
        if not self.proxies:
            raise UsageError("finals.proxies must have a proxy or more")


PANEL = Panel()
"""The finals of every search, if nothing else is asked for."""


@dataclass(frozen=True)
class Standing:
    """A finalist and its place in the finals."""

    arch: Arch
    value: float
    """Sum over judges of log(rank / n), where the best of n has rank n."""
    ranks: Mapping[str, float]
    """Its rank by every judge: 1 is the best; equal scores share the mean of their ranks."""
    scores: Mapping[str, float]
    """Every judge's score; NaN if there is none."""


@dataclass(frozen=True)
class Standings:
    """The outcome: the finalists from the winner down, and who could not judge."""

    finalists: Sequence[Standing]
    left_out: Mapping[str, str]
    """Judges that failed for a finalist, or have no score for any, each with the first reason."""

    @property
    def decisive(self) -> bool:
        """Whether more than half of the panel judges: a lone judge must not overrule a search."""
        judges = len(self.finalists[0].ranks) if self.finalists else 0
        return judges > len(self.left_out)


def finalists(trials: Sequence[Trial], ranking: Ranking, space: Space, size: int) -> list[Trial]:
    """The best `size` trials of distinct functions (`Space.canonical`), from the best down."""
    first: dict[Arch, Trial] = {}
    for trial in ranked(trials, ranking):
        first.setdefault(space.canonical(trial.arch), trial)
        if len(first) == size:
            break
    return [*first.values()]


def jury(objective: ProxyObjective, judges: Mapping[str, Proxy], examples: int) -> ProxyObjective:
    """What judges: these proxies on the first `examples` of the search's batch, or all."""
    batch = objective.batch
    labels = None if batch.labels is None else batch.labels[:examples]
    first = replace(batch, inputs=batch.inputs[:examples], labels=labels)
    return replace(objective, proxies=judges, batch=first, repeats=1, factors={}, measures={})


def judges_of(objective: ProxyObjective, names: Sequence[str]) -> dict[str, Proxy]:
    """The proxies by name; those that the search has at hand have the options of there.

    Raises UsageError if there is no such proxy.
    """
    used = [*objective.named.values(), *objective.others.values()]
    return {
        name: next((proxy for proxy in used if type(proxy) is PROXIES[name]), None)
        or PROXIES.build(name)
        for name in names
    }


def judged(
    archs: Iterable[Arch], panel: ProxyObjective, journal: History, executor: Executor = map
) -> Iterator[Trial]:
    """Score the finalists that the journal lacks, and append each to it; `panel` is a `jury`.

    The iterator can be stopped between trials; the same call goes on there. The trials have the
    scores of all judges and no score of their own. Scores count as known if nothing has changed
    that they depend on (`nas.scoring.keys`): their key is in the note of every trial.
    """
    names, key = tuple(panel.named), key_of(panel)
    known = recorded(journal, names, key)
    new = [arch for arch in archs if arch not in known]
    tasks = [(arch, names) for arch in new]
    each = panel.each  # one object: an executor sends the same function only once
    for arch, found in zip(new, executor(each, tasks), strict=True):
        trial = verdict(len(journal), arch, key, dict(zip(names, found, strict=True)))
        journal.append(trial)
        yield trial


def held(
    trials: Sequence[Trial],
    ranking: Ranking,
    objective: ProxyObjective,
    panel: Panel,
    journal: History,
    executor: Executor = map,
) -> Standings | None:
    """Judge the best trials of a search, whose `objective` this is; None if they are fewer than 2.

    What the journal has already is not scored again.
    """
    archs = [each.arch for each in finalists(trials, ranking, objective.space, panel.size)]
    if len(archs) < 2:
        return None
    judging = jury(objective, judges_of(objective, panel.proxies), panel.examples)
    for _ in judged(archs, judging, journal, executor):
        pass
    known = recorded(journal, panel.proxies, key_of(judging))
    return standings([known[arch] for arch in archs])


def verdict(number: int, arch: Arch, key: str, found: Mapping[str, Evaluation]) -> Trial:
    """What the judges find in a finalist; the reason has a line for every one without a score."""
    lost = [
        f"{name}{FAILED * each.failed}: {each.reason}"
        for name, each in found.items()
        if isnan(each.score)
    ]
    notes = {part for each in found.values() for part in each.note.split("; ") if part}
    return Trial(
        number,
        arch,
        nan,
        {},
        sum(each.seconds for each in found.values()),
        "\n".join(lost),
        {name: each.score for name, each in found.items()},
        "; ".join([f"{KEY}{key}", *sorted(notes)]),
    )


def key_of(panel: ProxyObjective) -> str:
    """A hash of all that the judges' scores depend on, in any order of the judges."""
    from nas.scoring.keys import keys

    return sha256(" ".join(sorted(keys(panel).values())).encode()).hexdigest()[:16]


def recorded(
    journal: Sequence[Trial], judges: Collection[str], key: str | None = None
) -> dict[Arch, Trial]:
    """The trials by these judges with this key, or else with the latest, by architecture."""
    theirs = [trial for trial in journal if trial.scores.keys() == {*judges}]
    if key is None and theirs:
        key = _key(theirs[-1])
    return {trial.arch: trial for trial in theirs if _key(trial) == key}


def _key(trial: Trial) -> str:
    return trial.note.partition("; ")[0].removeprefix(KEY)


def standings(trials: Sequence[Trial]) -> Standings:
    """The finalists by the sum of the logarithms of their ranks within exactly this set.

    A finalist without a judge's score is behind all that have one. Equal ones keep their order. A
    judge is left out if it scored no finalist, or failed for one: what does not apply to a network
    says nothing about it. Without any judge there are no finalists.
    """
    import numpy as np

    names = [*trials[0].scores]
    table = np.array([[trial.scores[name] for name in names] for trial in trials])
    failed = {name: why for name in names if (why := _reason(trials, name + FAILED))}
    empty = np.isnan(table).all(axis=0)
    none = {name: _reason(trials, name) for name, no in zip(names, empty, strict=True) if no}
    left_out = none | failed
    judging = [name not in left_out for name in names]
    names = [name for name in names if name not in left_out]
    if not names:
        return Standings([], left_out)
    portions = shares(np.where(np.isnan(table), -inf, table)[:, judging])
    values = np.log(portions).sum(axis=1)
    ranks = len(trials) + 1 - portions * len(trials)
    order = np.argsort(-values, kind="stable")
    return Standings([_standing(trials[n], names, values[n], ranks[n]) for n in order], left_out)


def _standing(
    trial: Trial, names: Sequence[str], value: float, ranks: NDArray[np.float64]
) -> Standing:
    placed = {name: float(rank) for name, rank in zip(names, ranks, strict=True)}
    scores = {name: trial.scores[name] for name in names}
    return Standing(trial.arch, float(value), placed, scores)


def _reason(trials: Sequence[Trial], judge: str) -> str:
    """Why a judge has no score for the first finalist without one."""
    lines = [line.partition(": ") for trial in trials for line in trial.reason.splitlines()]
    return next((why for name, _, why in lines if name == judge), "")
