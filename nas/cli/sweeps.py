"""The words of a study as variants: values with commas are combined with each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from urllib.parse import quote
from zlib import crc32

from nas.cli.arguments import for_hydra
from nas.errors import UsageError

AND = "+"
"""The word between options that hold for all variants and those that belong together."""
LONGEST = 180
"""A folder's name is at most so long before its end is shortened."""
MOST = 10_000
"""A study has at most so many variants."""


def apart(argv: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The words before the first +, which hold for all, and those after each.

    Raises UsageError for an option of the whole study after a +, and where nothing is after one.
    """
    found: list[list[str]] = [[]]
    for word in argv:
        if word == AND:
            found.append([])
        else:
            found[-1].append(word)
    common, *others = found
    for other in others:
        if not other:
            raise UsageError(
                "after the word + come options that belong together, and here is none"
            )
        for word in other:
            if word.startswith("-") or _key(word) in ONCE:
                raise UsageError(f"{word} is for the whole study: put it before the first +")
    return common, others


def combined(common: Sequence[str], others: Sequence[Sequence[str]]) -> list[list[str]]:
    """The words of every variant: each group's words stand in place of common ones.

    Within a group all values with commas are combined. A variant that is there twice is one.
    Raises UsageError for values of an option that a study has only once.
    """
    whole = [_without(common, other) for other in others] or [list(common)]
    apart: list[list[str]] = []
    for words, other in zip(whole, others or [[]], strict=True):
        apart += _spread([*words, *other])
    unique = list({tuple(sorted(each)): each for each in apart}.values())
    if len(unique) > MOST:
        raise UsageError(f"these are {len(unique)} variants: a study has at most {MOST}")
    return unique


def regrouped(words: Sequence[str], fits: Callable[[Sequence[str]], bool]) -> list[str]:
    """The words that give options of a plugin to those of its kind that have them, after a +.

    `fits` says whether the words of a variant can be composed. Empty where that is no help: where
    no kind has several names, or where an option fits none of them.
    """
    for word in words:
        own = [each for each in words if _key(each).startswith(f"{_key(word)}.")]
        names = _values(word)
        rest = [each for each in words if each != word and each not in own]
        if len(names) < 2 or not own:
            continue
        having = {
            name: [each for each in own if fits(_spread([*rest, name, each])[0])] for name in names
        }
        if all(any(each in mine for mine in having.values()) for each in own):
            return [part for name, mine in having.items() for part in (AND, name, *mine)]
    return []


def _without(common: Sequence[str], other: Sequence[str]) -> list[str]:
    """The common words but for those whose option a group has, too."""
    keys = {_key(word) for word in other}
    return [word for word in common if "=" not in word or _key(word) not in keys]


def _key(word: str) -> str:
    return word.partition("=")[0].lstrip("+")


def _spread(words: Sequence[str]) -> list[list[str]]:
    """One list of words for every combination of the values with commas."""
    choices = [[word] if word.startswith("-") else _values(word) for word in for_hydra(words)]
    found = []
    for each in product(*choices):
        found.append(list(each))
        if len(found) > MOST:
            raise UsageError(f"these are more variants than {MOST}, which is the most")
    return found


def _values(word: str) -> list[str]:
    """A word for each of its values; one that Hydra cannot read stays, and Hydra says why."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException:
        return [word]
    if not override.is_sweep_override():
        return [word]
    key = override.get_key_element()
    if key in ONCE:
        raise UsageError(f"{word} has several values: a study has {ONCE[key]}")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


ONCE = {
    "seed": "one first seed, and seeds=10 says how many follow",
    "seeds": "one number of seeds",
    "out": "one folder",
    "report": "one figure that is compared",
    "executor": "one place where all run",
}
"""Options that have one value in a study."""


def folder_name(own: Sequence[str], seed: int) -> str:
    """The name of a search's folder: the words that not all variants have, and the seed."""
    words = ",".join(sorted(own))
    name = quote(words, safe="=,+@:")
    if len(name) > LONGEST:
        name = f"{name[:LONGEST]}~{crc32(words.encode()):08x}"
    return f"{name},seed={seed}" if name else f"seed={seed}"
