"""The warm-up of a search's folder: what is scored before the first trial, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from nas.arch import Arch
from nas.cli.settings import SearchSettings
from nas.runs.stopping import interrupted
from nas.runs.warmup import UNIT, Scores, outcome
from nas.scoring.executors import Executor
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import judges_of
from nas.strategy import Strategy, check_moves


class Begun(NamedTuple):
    """How far the warm-up is."""

    starts: Sequence[Arch] = ()
    """The architectures that begin the search."""
    outcome: Mapping[str, Any] | None = None
    """For the summary; None without a warm-up."""
    stopped: str = ""
    """Where Ctrl-C came, in words that follow "stopped"; empty if it did not come."""


def checked(
    settings: SearchSettings, objective: ProxyObjective, strategy: Strategy
) -> SearchSettings:
    """The settings with the warm-up's `keep`; raises UsageError for what cannot be done."""
    if settings.move is not None:
        judges_of(objective, [settings.move])
        check_moves(strategy)
    if settings.warmup is None:
        return settings
    judges_of(objective, [settings.warmup.proxy])
    warmup = settings.warmup.before(strategy)
    return replace(settings, warmup=warmup, record={**settings.record, "warmup": asdict(warmup)})


def warm_up(
    settings: SearchSettings,
    scores: Scores,
    objective: ProxyObjective,
    executor: Executor,
    write: Callable[[], None],
    quiet: bool = False,
) -> Begun:
    """Score what the folder lacks; `write` is called before the first score. `quiet`: no bar.

    Raises AllFailedError if the first scores all fail for the same reason.
    """
    warmup = settings.warmup
    if warmup is None or scores.warm is None:
        return Begun()
    archs = scores.drawn(warmup, objective, settings.seed)
    done, total = scores.count(archs)
    if done < total:
        write()
        with interrupted() as stops:
            give_up = settings.give_up
            scores.fill(archs, executor, give_up, not quiet, lambda: bool(stops))
        if stops:
            return Begun(stopped=f"after {scores.count(archs)[0]} of {total} {UNIT}")
    found = outcome(warmup, objective.space, scores.warm.journal)
    return Begun(scores.starts(archs, warmup), found)
