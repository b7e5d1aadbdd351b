"""Scores of given architectures by several proxies, kept as they come."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from math import isnan, nan
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import nas
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.proxy import Proxy
from nas.scoring.executors import Executor
from nas.scoring.objective import draws
from nas.seeding import one_thread
from nas.space import Arch, Space
from nas.storage.journal import Journal, sealed, unsealed

if TYPE_CHECKING:
    from nas.batch import Batch
    from nas.network import Network


@dataclass(frozen=True, slots=True)
class Scored:
    """What a proxy makes of an architecture."""

    proxy: str
    arch: Arch
    draws: tuple[float, ...]
    """The score under every draw of weights; one where none are drawn. NaN is none, the last."""
    seconds: float
    """What one draw took."""
    reason: str = ""
    """Why there is no score."""
    note: str = ""
    """What the proxy was given in place of what it asked for."""

    @property
    def score(self) -> float:
        """The mean over the draws; NaN where one has no score."""
        return fmean(self.draws)

    def to_json(self, key: str) -> str:
        """One line of JSON under the settings that `key` stands for; no score is null."""
        record: dict[str, Any] = {"proxy": self.proxy, "key": key, "arch": self.arch}
        record["draws"] = [None if isnan(score) else score for score in self.draws]
        if self.reason:
            record["reason"] = self.reason
        if self.note:
            record["note"] = self.note
        return sealed(record, self.seconds)

    @staticmethod
    def from_json(line: str | bytes) -> tuple[str, Scored]:
        """Key and score of a line; ValueError, KeyError or TypeError if it was not written so."""
        record, seconds = unsealed(line)
        scored = Scored(
            record["proxy"],
            tuple(record["arch"]),
            tuple(nan if score is None else score for score in record["draws"]),
            seconds,
            record.get("reason", ""),
            record.get("note", ""),
        )
        return record["key"], scored


Task = tuple[Arch, Sequence[str]]
"""An architecture, and the names of the proxies that are to score it."""


@dataclass(frozen=True)
class Scorer:
    """Scores architectures of a space by proxies on a batch; can be sent to other processes."""

    space: Space
    proxies: Mapping[str, Proxy]
    batch: Batch
    seed: int = 0
    device: str = "cpu"
    repeats: int = 1

    def __call__(self, task: Task) -> list[Scored]:
        """The architecture's scores by the proxies named, each under `repeats` draws, in order.

        On one thread, as in a search: the same digits on every machine.
        """
        arch, names = task
        with one_thread():
            start = perf_counter()
            candidate = Candidate(self.space, arch, self.seed, self.device)
            network = candidate.network
            seconds = perf_counter() - start
            return [self._scored(candidate, network, name, seconds) for name in names]

    def form(self, name: str, arch: Arch) -> Arch:
        """What a proxy scores for an architecture: its canonical form where the function is all.

        As in a search (`nas.scoring.objective`): equal functions are scored once.
        """
        return self.space.canonical(arch) if self.proxies[name].by_function else arch

    def _scored(
        self, candidate: Candidate, network: Network | None, name: str, layers: float
    ) -> Scored:
        """A proxy's score, with the seconds it takes by itself: `layers` is the layers' share."""
        self.batch.notes.clear()
        start = perf_counter()
        alone = replace(candidate, memo={"network": network})
        found = draws(self.proxies[name], alone, self.batch, self.repeats)
        seconds = layers + (perf_counter() - start) / len(found)
        why = getattr(found[-1], "reason", "the proxy returned NaN") if isnan(found[-1]) else ""
        scores = tuple(float(score) for score in found)
        note = "; ".join(sorted(self.batch.notes))
        return Scored(name, candidate.arch, scores, seconds, why, note)

    @cached_property
    def keys(self) -> dict[str, str]:
        """For every proxy, what stands for all that its scores depend on, its source included."""
        shared = [repr(self.space), _source(type(self.space)), self.batch.digest()]
        shared += [str(self.batch.seed), str(self.seed), str(self.repeats), self.device, _core()]
        return {
            name: _digest(*shared, _source(type(proxy)), repr(sorted(vars(proxy).items())))
            for name, proxy in self.proxies.items()
        }


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


SCORING = ("network", "collapse", "data", "metrics", "registry", "scoring")
"""The rooms of `nas` that scores are made in, with the nouns, which are files."""


@cache
def _core() -> str:
    """The source of what all scores are made by."""
    here = Path(nas.__file__).parent
    rooms = [path for name in SCORING for path in sorted((here / name).rglob("*.py"))]
    return _texts([*sorted(here.glob("*.py")), *rooms])


def _source(cls: type) -> str:
    """A class's name, its file and the helpers (_*.py) beside it: edited, they score otherwise."""
    try:
        file = Path(inspect.getfile(cls))
        return cls.__qualname__ + _texts([file, *sorted(file.parent.glob("_*.py"))])
    except (OSError, TypeError):  # typed in, not written in a file
        return cls.__qualname__


def _texts(files: Iterable[Path]) -> str:
    return "\n".join(file.read_text() for file in files)


@dataclass
class Scores:
    """Scores by settings, proxy and architecture; given a journal, on disk as well."""

    journal: Journal | None = None
    known: dict[tuple[str, str, Arch], Scored] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> Scores:
        """The scores in the file at `path`, which may be absent; nothing is written.

        A last line without its end is torn and left out; any other bad line is an error.
        """
        scores = Scores(Journal(path))
        assert scores.journal is not None
        for number, line in enumerate(scores.journal.read(), 1):
            try:
                key, scored = Scored.from_json(line)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(
                    f"line {number} of {path} is no score ({error}): put back what was there, or "
                    f"cut the file before that line"
                ) from error
            scores.known[key, scored.proxy, scored.arch] = scored
        return scores

    def add(self, key: str, scored: Scored) -> None:
        """Keep a score; UsageError where the journal cannot be written to."""
        if self.journal is not None:
            self.journal.append(scored.to_json(key))
        self.known[key, scored.proxy, scored.arch] = scored

    def missing(self, scorer: Scorer, archs: Iterable[Arch]) -> list[Task]:
        """What is left to score, by architecture."""
        tasks: dict[Arch, dict[str, None]] = {}
        for arch in archs:
            for name in scorer.proxies:
                form = scorer.form(name, arch)
                if (scorer.keys[name], name, form) not in self.known:
                    tasks.setdefault(form, {})[name] = None
        return [(arch, list(names)) for arch, names in tasks.items()]

    def unscored(self, scorer: Scorer, archs: Iterable[Arch]) -> int:
        """How many architectures have not all of their scores."""
        return sum(bool(self.missing(scorer, [arch])) for arch in archs)

    def filled(
        self, scorer: Scorer, tasks: Sequence[Task], executor: Executor = map
    ) -> Generator[Task, None, None]:
        """Score the tasks and keep the scores; each task is yielded when it is done."""
        try:
            for task, found in zip(tasks, executor(scorer, tasks), strict=True):
                for scored in found:
                    self.add(scorer.keys[scored.proxy], scored)
                yield task
        finally:
            if self.journal is not None:
                self.journal.close()

    def of(self, scorer: Scorer, name: str, archs: Iterable[Arch]) -> list[Scored]:
        """A proxy's scores of architectures, all of which are there."""
        key = scorer.keys[name]
        return [self.known[key, name, scorer.form(name, arch)] for arch in archs]
