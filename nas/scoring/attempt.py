"""One attempt to score a candidate: an error becomes a missing score with the reason."""

from __future__ import annotations

import re
from math import isfinite, isnan
from numbers import Real
from typing import TYPE_CHECKING

from nas.candidate import Candidate
from nas.errors import UsageError
from nas.proxy import NoScore, Proxy

if TYPE_CHECKING:
    from nas.batch import Batch


def scored(proxy: Proxy, candidate: Candidate, batch: Batch, strict: bool = False) -> float:
    """The proxy's score; a `NoScore` if it is infinite or the proxy raises an error.

    With `strict` the error is raised, with a note that names the architecture.
    """
    try:
        score: object = proxy.score(candidate, batch)
        if not isinstance(score, Real) or isinstance(score, bool):
            raise UsageError(
                f"{type(proxy).__name__} gives a {type(score).__name__}: a score is a float, NaN "
                f"where there is none"
            )
    except (Exception, SystemExit) as error:  # one failure must not end the search
        if strict:
            error.add_note(f"While scoring {described(candidate)} by {type(proxy).__name__}")
            raise
        return NoScore(reason(error), failed=True)
    if isinstance(score, NoScore):
        return score
    value = float(score)
    return value if isfinite(value) or isnan(value) else NoScore(f"the score is {value}")


def described(candidate: Candidate) -> str:
    """The candidate's architecture in the space's notation, or as a tuple if that fails."""
    try:
        return candidate.space.format(candidate.arch)
    except Exception:  # the error may be in the notation
        return str(candidate.arch)


def reason(error: BaseException) -> str:
    """An error in one line: the message for the user, else its type and last line."""
    lines = str(error).strip().splitlines()
    if is_lack_of_memory(error):
        return "there is not enough memory for it"
    if isinstance(error, UsageError) and lines:
        return " ".join(lines)
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether Python, PyTorch or CUDA could not get memory."""
    if isinstance(error, MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and bool(
        re.search(r"can't allocate|not enough memory|out of memory|Cannot allocate", text)
    )
