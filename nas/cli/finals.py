"""The finals of a search's folder: judged after the search, read again for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from nas.arch import Arch
from nas.cli.settings import SearchSettings
from nas.ranking import Ranking
from nas.runs.folder import FINALS
from nas.runs.progress import Progress
from nas.runs.stopping import heeding, interrupted
from nas.scoring.executors import Executor
from nas.scoring.executors.growing import growing
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import (
    Standings,
    finalists,
    judged,
    judges_of,
    jury,
    key_of,
    recorded,
    standings,
)
from nas.searching.history import History
from nas.space import Space
from nas.trial import Trial


class Held(NamedTuple):
    """How far the finals are."""

    standings: Standings | None = None
    """None if they are not over, or if there are none."""
    unfinished: str = ""
    """A sentence if they are not over."""


def hold(
    settings: SearchSettings,
    objective: ProxyObjective,
    trials: Sequence[Trial],
    ranking: Ranking,
    folder: Path,
    executor: Executor,
    quiet: bool = False,
) -> Held:
    """Judge the best trials, until Ctrl-C; there are no finals of fewer than two.

    The scores are kept in the folder: what is there is not computed again. A search on one core
    has its finals on all, unless it is `quiet`, as beside other searches.
    """
    panel = settings.finals
    archs = _archs(settings, trials, ranking, objective.space)
    if panel is None or len(archs) < 2:
        return Held()
    judging = jury(objective, judges_of(objective, panel.proxies), panel.examples)
    serial, key = settings.executor.name == "serial" and not quiet, key_of(judging)
    with (
        History.read(folder / FINALS) as journal,
        growing() if serial else nullcontext(executor) as everywhere,
    ):
        done = len({*archs} & recorded(journal, panel.proxies, key).keys())
        waits = judging.preparing if done < len(archs) else ""
        progress = None if quiet else Progress(len(archs), done, False, "finalists", waits)
        with progress or nullcontext(), interrupted() as stops:
            for _ in judged(archs, judging, journal, heeding(everywhere)):
                if progress is not None:
                    progress.advance()
                if stops:
                    break
        journal.check()
        return _held(archs, recorded(journal, panel.proxies, key))


def read(
    settings: SearchSettings,
    trials: Sequence[Trial],
    ranking: Ranking,
    space: Space,
    folder: Path,
    elapsed: float,
) -> Held:
    """How far the finals in a folder are, whose search took `elapsed` seconds so far."""
    archs = _archs(settings, trials, ranking, space)
    over = settings.limits.ended(trials, ranking, elapsed)
    if settings.finals is None or not over or len(archs) < 2:
        return Held()
    with History.read(folder / FINALS) as journal:
        return _held(archs, recorded(journal, settings.finals.proxies))


def _archs(
    settings: SearchSettings, trials: Sequence[Trial], ranking: Ranking, space: Space
) -> list[Arch]:
    """The finalists, from the best down."""
    panel = settings.finals
    best = [] if panel is None else finalists(trials, ranking, space, panel.size)
    return [trial.arch for trial in best]


def _held(archs: Sequence[Arch], known: Mapping[Arch, Trial]) -> Held:
    done = sum(arch in known for arch in archs)
    if done == len(archs):
        return Held(standings([known[arch] for arch in archs]))
    return Held(None, f"the finals are not over: {done} of {len(archs)} finalists are judged")
