"""Shows the progress of a long job: a bar on a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
from math import isnan, nan
from os import get_terminal_size
from time import monotonic
from types import TracebackType
from typing import NoReturn

from tqdm import tqdm

from nas.trial import Trial

LINE_EVERY = 10.0
"""Seconds between lines if the output is not a terminal."""


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
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self.bar: tqdm[NoReturn] | None = None
        if terminal:  # some terminals report a width of 0
            width = None if get_terminal_size(sys.stderr.fileno()).columns else 80
            self.bar = tqdm(
                total=budget, initial=done, unit=f" {unit}", ncols=width, desc=first or None
            )
        elif first and done < budget:
            print(first, file=sys.stderr, flush=True)

    def update(self, trial: Trial) -> None:
        """Count a trial; of trials of an earlier run only the score is used."""
        if self.comparable and not isnan(trial.score) and not self.best >= trial.score:
            self.best = trial.score
            if self.bar is not None:
                self.bar.set_postfix_str(f"best {self.best:.6g}", refresh=False)
        if trial.number >= self.done:
            self.advance()

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
            + (f", best {self.best:.6g}" if self.comparable else ""),
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
