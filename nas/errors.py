"""The one exception that a user's mistake raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


class UsageError(ValueError):
    """Something the user can put right; its message is one sentence, shown without a traceback."""


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a `name` that is not among the `known` ones, the nearest of them first."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    listed = f"there are: {', '.join(names)}" if names else "there are none"
    return UsageError(f"there is no {what} '{name}'; {hint}{listed}")


class NameTakenError(UsageError):
    """Two plugins of one kind and one name."""


class NotApplicableError(UsageError):
    """A proxy that cannot score this kind of model, whatever its weights."""


class NothingFoundError(RuntimeError):
    """A search came to its end and no architecture has a score."""


def at_least(settings: Mapping[str, Any], key: str, least: int) -> int:
    """The setting `key`, a whole number of at least `least`; otherwise a UsageError."""
    value = settings[key]
    if type(value) is not int or value < least:
        raise UsageError(f"{key}={value} must be a whole number of at least {least}")
    return value
