"""The finals of a search's folder: judged after the search, read again for a report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from nas.arch import Arch
from nas.cli.settings import SearchSettings
from nas.ranking import Ranking
from nas.runs.folder import FINALS
from nas.runs.progress import Progress
from nas.scoring.executors import Executor
from nas.scoring.executors.growing import growing
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import (
    Panel,
    Standings,
    finalists,
    judged,
    judges_of,
    jury,
    recorded,
    standings,
)
from nas.searching.history import History
from nas.space import Space
from nas.trial import Trial


def hold(
    settings: SearchSettings,
    objective: ProxyObjective,
    trials: Sequence[Trial],
    ranking: Ranking,
    folder: Path,
    executor: Executor,
    stops: Sequence[int],
) -> Standings | None:
    """Judge the best trials and give the standings; None if there are too few, or after Ctrl-C.

    The scores are kept in the folder: what is there is not computed again. A search on one core
    has its finals on all.
    """
    panel = settings.finals
    best = [] if panel is None else _best(panel, trials, ranking, objective.space)
    if panel is None or len(best) < 2:
        return None
    judging = jury(objective, judges_of(objective, panel.proxies), panel.examples)
    serial = settings.executor.name == "serial"
    with (
        History.read(folder / FINALS) as journal,
        growing() if serial else nullcontext(executor) as everywhere,
    ):
        known = recorded(journal, panel.proxies, panel.examples)
        done = sum(trial.arch in known for trial in best)
        archs = [trial.arch for trial in best]
        with Progress(len(best), done, comparable=False, unit="finalists") as progress:
            for _ in judged(archs, judging, panel.examples, journal, everywhere):
                progress.advance()
                if stops:
                    break
        journal.check()
        return _standings(panel, archs, journal)


def read(
    settings: SearchSettings, trials: Sequence[Trial], ranking: Ranking, space: Space, folder: Path
) -> Standings | None:
    """The standings of the finals in a folder; None if they are not over."""
    panel = settings.finals
    if panel is None or not (folder / FINALS).exists():
        return None
    with History.read(folder / FINALS) as journal:
        best = _best(panel, trials, ranking, space)
        return _standings(panel, [trial.arch for trial in best], journal)


def _best(panel: Panel, trials: Sequence[Trial], ranking: Ranking, space: Space) -> list[Trial]:
    return finalists(trials, ranking, space, panel.size)


def _standings(panel: Panel, archs: Sequence[Arch], journal: History) -> Standings | None:
    """The standings if all of these finalists were judged."""
    known = recorded(journal, panel.proxies, panel.examples)
    if len(archs) < 2 or not known.keys() >= {*archs}:
        return None
    return standings([known[arch] for arch in archs])
