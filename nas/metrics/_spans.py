"""Memory over the steps of a pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Span:
    """Memory, from the step that makes it to the last one that reads it."""

    size: int
    begin: int
    end: int
    first: bool = True
    """Whether it is the first output of what made it."""


def peak(spans: Iterable[Span]) -> int:
    """The most bytes at a step; memory that nobody reads and that is no first output is none."""
    changes: dict[int, int] = {}
    for span in spans:
        if span.first or span.end > span.begin:
            changes[span.begin] = changes.get(span.begin, 0) + span.size
            changes[span.end + 1] = changes.get(span.end + 1, 0) - span.size
    most = now = 0
    for step in sorted(changes):
        now += changes[step]
        most = max(most, now)
    return most
