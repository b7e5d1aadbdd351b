"""Scores of given architectures by several proxies, kept as soon as they are computed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from nas.arch import Arch
from nas.errors import UsageError, all_failed
from nas.scoring.executors import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.loop import GIVE_UP
from nas.storage.journal import Journal, sealed, unsealed
from nas.trial import NONE, Evaluation, nullable, number

Task = tuple[Arch, Sequence[str]]
"""An architecture, and the names of the proxies that must score it."""


@dataclass
class Scores:
    """Scores by key (`nas.scoring.keys`), proxy and form; with a journal, also on disk."""

    journal: Journal | None = None
    known: dict[tuple[str, str, Arch], Evaluation] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> Scores:
        """The scores in the file at `path`, which may be absent; nothing is written.

        A last line without a line end is torn and left out. Raises UsageError for any other bad
        line.
        """
        journal = Journal(path)
        scores = Scores(journal)
        for count, line in enumerate(journal.read(), 1):
            try:
                place, found = from_json(line)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(
                    f"line {count} of {path} is no score ({error}): put back what was there, or "
                    f"cut the file before that line"
                ) from error
            scores.known[place] = found
        return scores

    def add(self, key: str, proxy: str, form: Arch, found: Evaluation) -> None:
        """Keep a score; raises UsageError if the journal cannot be written to.

        Its seconds are rounded as in the journal: who asks again gets the same.
        """
        if self.journal is not None:
            self.journal.append(to_json(key, proxy, form, found))
        self.known[key, proxy, form] = replace(found, seconds=round(found.seconds, 6))

    def of(self, keyed: Keyed, proxy: str, archs: Iterable[Arch]) -> list[Evaluation]:
        """A proxy's scores of architectures; all of these scores must be kept already."""
        return [self.known[keyed.place(proxy, arch)] for arch in archs]


@dataclass(frozen=True)
class Keyed:
    """An objective of several proxies, with a key for the scores of each."""

    objective: ProxyObjective
    keys: dict[str, str]

    def place(self, proxy: str, arch: Arch) -> tuple[str, str, Arch]:
        """Where a score is kept; architectures of the same form share one score."""
        return self.keys[proxy], proxy, self.objective.form(arch, [proxy])

    def missing(self, scores: Scores, archs: Iterable[Arch]) -> list[Task]:
        """The tasks that are left: each form with the proxies that have not scored it."""
        tasks: dict[Arch, dict[str, None]] = {}
        for arch in archs:
            for proxy in self.keys:
                place = self.place(proxy, arch)
                if place not in scores.known:
                    tasks.setdefault(place[2], {})[proxy] = None
        return [(form, list(names)) for form, names in tasks.items()]

    def unscored(self, scores: Scores, archs: Iterable[Arch]) -> int:
        """The number of architectures that lack at least one score."""
        return sum(bool(self.missing(scores, [arch])) for arch in archs)

    def fill(
        self, scores: Scores, tasks: Sequence[Task], executor: Executor = map
    ) -> Generator[Task, None, None]:
        """Score the tasks and keep the scores; each task is yielded when it is done."""
        try:
            results = executor(self.objective.each, tasks)
            for task, found in zip(tasks, results, strict=True):
                for proxy, evaluation in zip(task[1], found, strict=True):
                    scores.add(self.keys[proxy], proxy, task[0], evaluation)
                yield task
        finally:
            if scores.journal is not None:
                scores.journal.close()

    def give_up(self, scores: Scores, archs: Sequence[Arch], count: int = GIVE_UP) -> None:
        """Raise AllFailedError if a proxy fails for the same reason on all first architectures.

        These are the first `count` architectures, or all if there are fewer.
        """
        first = archs[:count]
        for proxy in self.keys:
            found = [scores.known.get(self.place(proxy, arch)) for arch in first]
            reasons = {each.reason if each and each.failed else None for each in found}
            if len(reasons) == 1 and (reason := reasons.pop()) is not None:
                error = all_failed(reason, len(first))
                error.proxy = proxy
                raise error


def to_json(key: str, proxy: str, form: Arch, found: Evaluation) -> str:
    """One line of JSON; `key` represents the settings, a missing score is null."""
    record: dict[str, Any] = {"proxy": proxy, "key": key, "arch": form}
    record["draws"] = [nullable(score) for score in found.draws]
    for name in ("reason", "note", "failed"):
        if getattr(found, name):
            record[name] = getattr(found, name)
    return sealed(record, found.seconds)


def from_json(line: str | bytes) -> tuple[tuple[str, str, Arch], Evaluation]:
    """Place and score of a line; raises ValueError, KeyError or TypeError for any other line."""
    record, seconds = unsealed(line)
    draws = tuple(number(score) for score in record["draws"])
    found = Evaluation(
        fmean(draws),
        NONE,
        seconds,
        record.get("reason", ""),
        note=record.get("note", ""),
        failed=record.get("failed", False),
        draws=draws,
    )
    return (record["key"], record["proxy"], tuple(record["arch"])), found
