"""One attempt to score or measure a candidate: an error becomes NaN with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from math import isfinite, isnan
from numbers import Real
from sys import float_info
from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.candidate import Candidate
from nas.errors import NotApplicableError, UsageError
from nas.metric import Measured, Metric
from nas.proxy import NoScore, Proxy
from nas.scoring.explained import explained
from nas.space import Space

if TYPE_CHECKING:
    from nas.batch import Batch


LONGEST = 300
"""Characters of a reason."""


def scored(proxy: Proxy, candidate: Candidate, batch: Batch, strict: bool = False) -> float:
    """The proxy's score; a `NoScore` if it is not finite or the proxy raises an error.

    With `strict` the error is raised, with a note that names the architecture. It is no error if
    a proxy does not apply to the little that is live where the input cannot change the output.
    """

    def ask() -> float:
        try:
            return proxy.score(candidate, batch)
        except NotApplicableError:
            if candidate.network is None or not candidate.network.constant:
                raise
            return NoScore("the input does not reach the output")

    return _attempted(ask, "score", type(proxy).__name__, candidate, batch, strict)


def measured(metric: Metric, candidate: Candidate, batch: Batch, strict: bool = False) -> float:
    """The metric's figure; a `NoScore` if it is not finite or the metric raises an error.

    A whole number stays one. With `strict` as in `scored`.
    """
    name = type(metric).__name__
    measure = partial(metric.measure, candidate, batch)
    return _attempted(measure, "figure", name, candidate, batch, strict)


def _attempted(
    ask: Callable[[], object],
    what: str,
    name: str,
    candidate: Candidate,
    batch: Batch,
    strict: bool,
) -> float:
    try:
        answer = _number(ask())
        if not isinstance(answer, Real) or isinstance(answer, bool):
            raise UsageError(
                f"{name} gives a {type(answer).__name__}: a {what} is a float, NaN if there is "
                f"none"
            )
        if isinstance(answer, int) and abs(answer) > float_info.max:
            raise UsageError(f"{name} gives a whole number that is too large for a float")
        if isinstance(answer, Measured) and isfinite(answer):
            return answer
        # a NoScore stays, and a count stays a whole number
        return answer if isinstance(answer, NoScore | int) else finite(float(answer), what)
    except (Exception, SystemExit) as error:  # one failure must not end the search
        if strict:
            verb = "scoring" if what == "score" else "measuring"
            error.add_note(f"While {verb} {described(candidate.space, candidate.arch)} by {name}")
            raise
        why = reason(error)
        if not isinstance(error, UsageError) and not is_lack_of_memory(error):
            why = explained(error, candidate, batch) or why
        return NoScore(why, failed=True)


def _number(answer: object) -> object:
    """The number in a tensor or an array of a single one; anything else as it is."""
    count = getattr(answer, "numel", lambda: getattr(answer, "size", 0))()
    item = getattr(answer, "item", None)
    return item() if callable(item) and count == 1 else answer


def finite(value: float, what: str = "score") -> float:
    """The value; a `NoScore` if it is infinite."""
    return value if isfinite(value) or isnan(value) else NoScore(f"the {what} is {value}")


def described(space: Space, arch: Arch) -> str:
    """An architecture in the space's notation, or as a tuple if that fails."""
    try:
        return space.format(arch)
    except Exception:  # the error may be in the notation
        return str(arch)


def reason(error: BaseException) -> str:
    """An error in one line that can be printed: a user's message, else its type and last line."""
    if is_lack_of_memory(error):
        return "there is not enough memory for it"
    name, lines = type(error).__name__, _text(error).strip().splitlines()
    if isinstance(error, UsageError) and lines:
        return " ".join(lines)
    return f"{name}: {lines[-1][:LONGEST]}" if lines else name


def _text(error: BaseException) -> str:
    """An error's message, without characters that no file or terminal takes."""
    try:
        text = str(error)
    except Exception:  # of the error's own class
        return ""
    plain = (c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
    return "".join(plain)


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether Python, PyTorch or CUDA could not get memory."""
    if isinstance(error, MemoryError):
        return True
    text = _text(error)
    return isinstance(error, RuntimeError) and bool(
        re.search(r"can't allocate|not enough memory|out of memory|Cannot allocate", text)
    )
