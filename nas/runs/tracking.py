"""Tells a tracker of a run: it watches the trials, and never ends the search."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, isnan, nan
from pathlib import Path
from time import strftime
from typing import Any

from nas.errors import UsageError
from nas.ranking import Ranking
from nas.runs.found import Found
from nas.runs.trackers.tracker import TRACKERS, Run, Tracker
from nas.scoring.attempt import described
from nas.searching.judging import Judging
from nas.searching.limits import is_new, own_scores
from nas.space import Space
from nas.trial import Trial


class Log:
    """The log of one run at a tracker; an error of the tracker is a warning, and ends the log."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker: Tracker | None = tracker
        self._there = 0
        self._open = False

    def open(self, run: Run) -> None:
        """Begin; raises UsageError where the user has to change something."""
        self._there = self._told(lambda tracker: tracker.open(run)) or 0
        self._open = True

    def step(
        self, number: int, figures: Mapping[str, float | None], texts: Mapping[str, str]
    ) -> None:
        """Add a step, unless the log has it; what is no finite number is left out."""
        if number < self._there:
            return
        there = {n: float(v) for n, v in figures.items() if v is not None and isfinite(v)}
        told = {name: text for name, text in texts.items() if text}
        self._told(lambda tracker: tracker.log(number, there, told))
        self._there = number + 1

    def rows(self, rows: Sequence[Mapping[str, float | None]]) -> None:
        """Add rows of a table as steps, unless the log has them."""
        for number in range(self._there, len(rows)):
            self.step(number, rows[number], {})

    def finish(self, result: Mapping[str, float | str | None]) -> None:
        """Add the result."""
        there = {n: v for n, v in result.items() if isinstance(v, str) or _is_number(v)}
        self._told(lambda tracker: tracker.finish(there))  # type: ignore[arg-type]  # no None

    def close(self) -> None:
        """End the log."""
        self._told(lambda tracker: tracker.close())

    def _told(self, action: Callable[[Tracker], Any]) -> Any:
        if self._tracker is None:
            return None
        try:
            return action(self._tracker)
        except Exception as error:  # of whatever the tracker calls
            if isinstance(error, UsageError) and not self._open:
                raise
            lines = str(error).strip().splitlines() or [""]
            name = type(self._tracker).__name__
            self._tracker = None
            print(
                f"warning: the tracker {name} failed and logs no more: "
                f"{type(error).__name__}: {lines[0][:200]}",
                file=sys.stderr,
            )
            return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value)


@contextmanager
def logged(tracker: Tracker, run: Run) -> Iterator[Log]:
    """The log of a run, which is closed at the end."""
    log = Log(tracker)
    log.open(run)
    try:
        yield log
    finally:
        log.close()


@dataclass
class Trials:
    """The trials of a search on their way to a log."""

    log: Log
    space: Space
    ranking: Ranking
    best: float = nan
    """The best value so far; where trials only rank within a set there is none."""

    def after(self, done: Sequence[Trial], every: Iterator[Trial]) -> Iterator[Trial]:
        """The trials that follow those that are done; each is logged when it is there."""
        for trial in done:
            self.tell(trial)
        return self._each(every)

    def _each(self, every: Iterator[Trial]) -> Iterator[Trial]:
        for trial in every:
            self.tell(trial)
            yield trial

    def tell(self, trial: Trial) -> None:
        """Log a trial, unless the log has it already."""
        values = self.ranking.values(trial) if isinstance(self.ranking, Judging) else {}
        if (value := self._value(trial, values)) is not None and not self.best >= value:
            self.best = value
        figures: dict[str, float | None] = {"score": trial.score, "best": self.best}
        for kind, named in (
            ("objectives", values),
            ("scores", trial.scores),
            ("metrics", trial.metrics),
        ):
            figures |= {f"{kind}/{name}": value for name, value in named.items()}
        figures["seconds"] = round(trial.seconds, 6)  # as in the journal
        texts = {"arch": described(self.space, trial.arch), "reason": trial.reason}
        self.log.step(trial.number, figures, texts)

    def _value(self, trial: Trial, values: Mapping[str, float]) -> float | None:
        """What is best when it is highest; None if there is no such single number."""
        if len(values) == 1:
            (value,) = values.values()
        elif values or not own_scores(self.ranking):
            return None
        else:
            value = trial.score
        return None if isnan(value) else value


def winner(
    summary: Mapping[str, Any], metrics: Sequence[str], trials: Sequence[Trial]
) -> dict[str, float | str | None]:
    """The winner of a search and the counts of its trials, from its summary and its trials.

    `winner/score` is the trial's own score, `winner/value` what the ranking ranked it by.
    """
    number = summary.get("trial")
    score = None if number is None else trials[number].score
    known = {"arch": summary["arch"], "score": score, "value": summary["score"], "trial": number}
    known |= {name: summary.get(name) for name in metrics}
    found: dict[str, float | str | None] = {f"winner/{n}": value for n, value in known.items()}
    if truth := summary.get("truth"):
        found["winner/truth"] = truth.get("figure")
    counts = summary["trials"]
    return found | {f"trials/{name}": counts[name] for name in ("total", "scored", "no_score")}


def winner_of(found: Found) -> dict[str, float | str | None]:
    """The same of a search in Python."""
    best = found.best
    value = next((value for trial, value in found.top if trial.number == best.number), nan)
    known = {"score": best.score, "value": value, "trial": best.number, **best.metrics}
    return {
        "winner/arch": found.arch,
        **{f"winner/{name}": float(value) for name, value in known.items()},
        "trials/total": len(found.trials),
        "trials/scored": sum(map(is_new, found.trials)),
    }


def name_of_run(out: str | Path | None) -> str:
    """The name of a run: its folder as it was given, without what is outside the present one."""
    if out is None:
        return strftime("%Y-%m-%d_%H-%M-%S")
    parts = Path(out).parts
    outside = Path(out).is_absolute() or {"..", "~"} & {*parts}
    kept = [part for part in parts if part not in (Path(out).anchor, "..", "~")]
    return "/".join(kept[-2:] if outside else kept) or "run"


def run_of(out: str | Path | None, settings: Mapping[str, Any], history: Sequence[Trial]) -> Run:
    """A search as its tracker sees it."""
    folder = None if out is None else Path(out)
    return Run(name_of_run(out), settings, folder, len(history))


def tracker_of(given: Tracker | str | None) -> Tracker:
    """The tracker, or the one of a name; none for None. UsageError where it cannot log here."""
    name = "none" if given is None else given
    tracker = TRACKERS.build(name) if isinstance(name, str) else name
    if not isinstance(tracker, Tracker):
        raise UsageError(f"tracker={given!r:.80} must be a name or a Tracker")
    if why := tracker.refusal():
        raise UsageError(why)
    return tracker
