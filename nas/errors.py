"""Errors that are not bugs: mistakes of the user, and searches that find nothing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(ValueError):
    """A mistake that the user can correct; its message is shown without a traceback."""


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a `name` that is not among the `known` names; it suggests the nearest."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    listed = f"there are: {', '.join(names)}" if names else "there are none"
    return UsageError(f"there is no {what} '{name}'; {hint}{listed}")


class NameTakenError(UsageError):
    """Two plugins of one kind have the same name."""


class NotApplicableError(UsageError):
    """A proxy cannot score this kind of model, whatever its weights are."""


class TooFewValuesError(NotApplicableError):
    """A batch, or its images, too small for a norm of the network."""


class DiedTooOftenError(UsageError):
    """The processes died that worked on one of several things, again and again."""


class AllFailedError(UsageError):
    """The first architectures all fail for the same reason."""

    proxy = ""
    """The proxy that fails, where there are several and one may be left out."""


def all_failed(reason: str, count: int) -> AllFailedError:
    """The error for a run whose first `count` architectures all fail for the same reason."""
    if count == 1:
        return AllFailedError(reason)
    return AllFailedError(
        f"{reason} (the first {count} architectures all fail so; strict=true shows where)"
    )


class NothingFoundError(RuntimeError):
    """A search ended and none of its architectures has a score."""
