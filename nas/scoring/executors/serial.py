"""Scoring in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nas.scoring.executors.executor import EXECUTORS, Executor


@EXECUTORS.register("serial")
@contextmanager
def serial() -> Iterator[Executor]:
    """Score in this process, one architecture after the other."""
    yield map
