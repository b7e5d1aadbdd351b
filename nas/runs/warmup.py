"""What a search scores besides its trials: the warm-up, and what `move=` chooses by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from nas.arch import Arch
from nas.runs.folder import MOVE, WARMUP
from nas.runs.progress import Progress
from nas.scoring.executors import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.history import History
from nas.searching.loop import GiveUp
from nas.searching.scores import ProxyScores, of_key, scoring_by
from nas.searching.warmup import WarmUp, best, drawn
from nas.space import Space
from nas.strategy import Strategy, moved_by, no_more_than_random
from nas.trial import Trial

UNIT = "scores of the warm-up"


@dataclass(frozen=True)
class Scores:
    """The scores of the warm-up and those of `move`; None if they are not asked for."""

    warm: ProxyScores | None
    move: ProxyScores | None

    def drawn(self, warmup: WarmUp | None, objective: ProxyObjective, seed: int) -> list[Arch]:
        """The random architectures of the warm-up, without those that a constraint refuses."""
        if warmup is None:
            return []

        def feasible(arch: Arch) -> bool:
            return not objective.constraints.refusal(objective.screen(arch))

        limited = feasible if objective.constraints else None
        return drawn(objective.space, warmup.size, seed, limited)

    def count(self, archs: Sequence[Arch]) -> tuple[int, int]:
        """How many scores of the warm-up there are, and how many there will be."""
        if self.warm is None:
            return 0, 0
        total = len({*map(self.warm.objective.form, archs)})
        return total - len(self.warm.missing(archs)), total

    def fill(
        self,
        archs: Sequence[Arch],
        executor: Executor,
        give_up: int,
        shown: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Score what is missing of the warm-up, show how far it is, and stop if asked to.

        Raises AllFailedError if the first `give_up` scores all fail for the same reason.
        """
        done, total = self.count(archs)
        if self.warm is None or done == total:
            return
        failures, waits = GiveUp(give_up), self.warm.objective.preparing
        with ExitStack() as bar:
            progress = Progress(total, done, True, UNIT, waits) if shown else None
            if progress is not None:
                bar.enter_context(progress)
            for trial in self.warm.filled(archs, executor):
                failures.on(trial)
                if progress is not None:
                    progress.see(trial)
                    progress.advance()
                if stop():
                    break
        self.warm.journal.check()

    def starts(self, archs: Sequence[Arch], warmup: WarmUp | None) -> list[Arch]:
        """The architectures that begin the search, the best first."""
        if self.warm is None or warmup is None:
            return []
        return best(archs, self.warm, self.warm.objective.space, warmup.keep or warmup.size)

    def moving(self, strategy: Strategy) -> Strategy:
        """The strategy; with `move` a copy that heeds it, and knows the scores of the warm-up."""
        if self.move is None:
            return strategy
        if self.warm is not None and self.warm.key == self.move.key:
            self.move.known = self.warm.known | self.move.known
        return moved_by(strategy, self.move)


@contextmanager
def opened_scores(
    objective: ProxyObjective, warmup: WarmUp | None, move: str | None, folder: str | Path | None
) -> Iterator[Scores]:
    """The scores of a search with this objective, kept in the folder, if there is one.

    Raises UsageError for an edited file, and where there is no such proxy.
    """
    with ExitStack() as files:

        def by(proxy: str | None, name: str) -> ProxyScores | None:
            if proxy is None:
                return None
            journal = History() if folder is None else History.read(Path(folder) / name)
            return ProxyScores(scoring_by(objective, proxy), files.enter_context(journal))

        yield Scores(by(None if warmup is None else warmup.proxy, WARMUP), by(move, MOVE))


def outcome(
    warmup: WarmUp | None, space: Space, journal: Sequence[Trial]
) -> dict[str, Any] | None:
    """What came of a warm-up that is over, as plain values.

    How many of the random architectures differ for the proxy (`distinct`), how many of these have
    a score, and how many functions among them begin the search (`starts`).
    """
    if warmup is None:
        return None
    trials = of_key(journal).values()
    scored = [trial.arch for trial in trials if not isnan(trial.score)]
    functions = {space.canonical(arch) for arch in scored}
    return {
        **asdict(warmup),
        "distinct": len(trials),
        "scored": len(scored),
        "starts": min(warmup.keep or warmup.size, len(functions)),
        "seconds": round(sum(round(trial.seconds, 6) for trial in trials), 3),
    }


def read_outcome(warmup: WarmUp | None, space: Space, folder: Path) -> dict[str, Any] | None:
    """What came of the warm-up in a search's folder; nothing is written."""
    if warmup is None:
        return None
    with History.read(folder / WARMUP) as journal:
        return outcome(warmup, space, journal)


def warmup_lines(found: Mapping[str, Any] | None) -> list[str]:
    """A line of a summary about the warm-up."""
    if found is None:
        return []
    starts = found["starts"]
    begin = f"the best {starts} begin the search" if starts else "none begins the search"
    return [
        f"warm-up {found['size']} random architectures, {found['distinct']} distinct, "
        f"{found['scored']} with a score by {found['proxy']}: {begin}"
    ]


def too_short(strategy: Strategy, total: int, block: int, starts: int) -> str:
    """A sentence if so many trials gave the strategy nothing to choose; else empty."""
    if not starts:
        return no_more_than_random(strategy, total, block)
    if total > starts:
        return ""
    return (
        f"the first {starts} trials are the best of the warm-up, so {type(strategy).__name__} "
        f"chose none of these {total}: allow more trials, or give a smaller warmup.keep"
    )
