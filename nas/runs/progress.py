"""Shows the progress of a long job: a bar on a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from math import isnan, nan
from os import get_terminal_size
from time import monotonic
from types import TracebackType
from typing import NoReturn

from tqdm import tqdm

from nas.searching.limits import Limits, is_new
from nas.trial import Trial

LINE_EVERY = 10.0
"""Seconds between lines if the output is not a terminal."""


def is_watched() -> bool:
    """Whether somebody looks at stderr: it is a terminal, or the cell of a notebook."""
    if sys.stderr is None:
        return False
    return sys.stderr.isatty() or type(sys.stderr).__module__.startswith("ipykernel")


class Progress:
    """Shows units done, units per second, time left and the best score so far, on stderr."""

    def __init__(
        self,
        budget: int,
        done: int = 0,
        comparable: bool = True,
        unit: str = "trials",
        first: str = "",
    ) -> None:
        """`comparable`: whether scores compare by themselves; then the best one is shown.

        `first` says what the first unit waits for, such as a compiler; it is shown until then.
        """
        self.budget, self.done, self.comparable, self.unit = budget, done, comparable, unit
        self.told = 0
        self.best = nan
        self.start = self.last = monotonic()
        self.bar: tqdm[NoReturn] | None = None
        if is_watched():  # some terminals report a width of 0, and a notebook has none
            known = sys.stderr.isatty() and get_terminal_size(sys.stderr.fileno()).columns
            width = None if known else 80
            self.bar = tqdm(
                total=budget, initial=done, unit=f" {unit}", ncols=width, desc=first or None
            )
        elif first and done < budget:
            print(first, file=sys.stderr, flush=True)

    def see(self, trial: Trial) -> None:
        """Take a trial's score, whether it is of this run or an earlier one."""
        if self.comparable and not isnan(trial.score) and not self.best >= trial.score:
            self.best = trial.score
            if self.bar is not None:
                self.bar.set_postfix_str(f"best {self.best:.6g}", refresh=False)

    def advance(self) -> None:
        """Count one more.

        The first is in no rate: it may wait for a compiler, and for what others find ready.
        """
        self.told += 1
        if self.told == 1:
            self.start = monotonic()
            if self.bar is not None:
                self.bar.set_description_str(refresh=False)
                self.bar.unpause()
                self.bar.initial += 1
        count = self.done + self.told
        if self.bar is not None:
            self.bar.update()
        elif monotonic() - self.last > LINE_EVERY or count == self.budget:
            self._line(count)

    def _line(self, count: int) -> None:
        self.last = monotonic()
        rate = (self.told - 1) / max(self.last - self.start, 1e-9)
        left = f", {rate:.1f} per second, {(self.budget - count) / (rate or 1):.0f} s left"
        print(
            f"{count}/{self.budget} {self.unit}"
            + (left if rate else "")
            + (f", best {self.best:.6g}" if self.comparable and not isnan(self.best) else ""),
            file=sys.stderr,
            flush=True,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.close()


def watched(
    every: Iterator[Trial],
    done: Sequence[Trial],
    limits: Limits,
    comparable: bool,
    stop: Callable[[], bool] = lambda: False,
    first: str = "",
) -> float:
    """Make the trials that follow those that are done, show how far they are; stop if asked to.

    `first` says what the first new trial waits for. Returns the seconds that it took, 0 if there
    was no new trial.
    """
    scored = limits.count == "scored"
    unit = "new scores" if scored else "trials"
    made, start = False, monotonic()
    used = limits.used(done)
    waits = first if used < limits.budget else ""
    with Progress(limits.budget, used, comparable, unit, waits) as progress:
        for trial in done:
            progress.see(trial)
        for trial in every:
            made = True
            progress.see(trial)
            if not scored or is_new(trial):
                progress.advance()
            if stop():
                break
    return monotonic() - start if made else 0.0
