"""Architectures as tuples of decisions, and sets of them that can be sampled and listed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from math import prod
from random import Random

from nas.errors import UsageError

Arch = tuple[int, ...]
"""An architecture: the i-th number is the option taken at the i-th decision."""

TRIES = 10_000
"""`sample` draws so many tuples before it raises that the set has no valid architecture."""
CACHED = {"choices", "_counted"}
"""Attributes that are computed once and are no fields."""
LISTED = 1_000_000
"""A set with more tuples than this cannot be listed."""

SHOWN = 60
"""So many characters of an architecture are in a message."""


class ArchSet:
    """The set of all tuples within `choices` for which `valid` is true."""

    @property
    def title(self) -> str:
        """What messages call the set: the name of its class."""
        return type(self).__name__

    @cached_property  # not a property, so that a class or __post_init__ can set it
    def choices(self) -> tuple[int, ...]:
        """How many options each decision has."""
        raise NotImplementedError(f"{type(self).__name__} has neither decisions nor choices")

    def valid(self, arch: Arch) -> bool:
        """Whether the decisions fit together; each of them is in its range already."""
        return True

    def canonical(self, arch: Arch) -> Arch:
        """The form: one representative of all the architectures that compute the same function."""
        return arch

    @property
    def size(self) -> int:
        """Number of valid architectures; number of all tuples if these are too many to list."""
        plain = type(self).valid is ArchSet.valid
        return prod(self.choices) if plain or prod(self.choices) > LISTED else self._counted

    @cached_property
    def _counted(self) -> int:
        return sum(1 for _ in self.every())

    def every(self) -> Iterator[Arch]:
        """All valid architectures in the order of tuples.

        Raises UsageError if there are more than `LISTED` tuples.
        """
        if prod(self.choices) > LISTED:
            raise UsageError(
                f"{type(self).__name__} has {prod(self.choices):,} tuples, which are too many to "
                f"go through: give a number of architectures"
            )
        return filter(self.valid, product(*map(range, self.choices)))

    def __contains__(self, arch: object) -> bool:
        return (
            isinstance(arch, tuple)
            and len(arch) == len(self.choices)
            and all(
                type(option) is int and 0 <= option < count
                for option, count in zip(arch, self.choices, strict=True)
            )
            and self.valid(arch)
        )

    def refusal(self, arch: object) -> str:
        """Why this is no architecture of the set, in words; empty if it is one."""
        if arch in self:
            return ""
        if not isinstance(arch, tuple):
            return "it is no tuple of numbers"
        needed = len(self.choices)
        if len(arch) != needed:
            there = "1 number" if len(arch) == 1 else f"{len(arch)} numbers"
            commas = len(arch) == 1 and len(str(arch[0])) == needed
            hint = ": write commas between them" if commas else ""
            return f"it has {there} instead of {needed}{hint}"
        for place, (option, count) in enumerate(zip(arch, self.choices, strict=True), start=1):
            if type(option) is not int or not 0 <= option < count:
                names = [*getattr(self, "decisions", ())]  # a space without has no names
                where = f"its number {place}{f' ({names[place - 1]})' if names else ''}"
                what = f"must be a whole number from 0 to {count - 1}"
                return f"{where} is {option!r:.40} and {what}"
        return f"{self.title}.valid is not true for it: its decisions do not fit together"

    def checked(self, arch: Arch) -> Arch:
        """The architecture itself; raises UsageError if it is not in the space."""
        if why := self.refusal(arch):
            text = str(arch)
            shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
            raise UsageError(f"{shown} is not in the space: {why}")
        return arch

    def sample(self, rng: Random) -> Arch:
        """A random valid architecture, all equally likely unless the space says otherwise.

        Raises UsageError if none of `TRIES` random tuples is valid.
        """
        for _ in range(TRIES):
            arch = tuple(rng.randrange(count) for count in self.choices)
            if self.valid(arch):
                return arch
        raise UsageError(
            f"{type(self).__name__} has no valid architecture among {TRIES:,} random ones: its "
            f"`valid` is true too seldom, and a space of such needs a `sample` of its own"
        )

    def neighbours(self, arch: Arch) -> Iterator[Arch]:
        """Every valid architecture that differs in one decision."""
        for index, count in enumerate(self.choices):
            for option in range(count):
                near = (*arch[:index], option, *arch[index + 1 :])
                if option != arch[index] and self.valid(near):
                    yield near

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        """A random neighbour, all equally likely; the architecture itself if it has none."""
        own = type(self)
        if own.valid is ArchSet.valid and own.neighbours is ArchSet.neighbours:
            return self._nth(arch, rng)  # the same one without a list of all
        near = list(self.neighbours(arch))
        return rng.choice(near) if near else arch

    def _nth(self, arch: Arch, rng: Random) -> Arch:
        """A random one of all neighbours, where every tuple is valid."""
        total = sum(self.choices) - len(self.choices)
        place = rng.randrange(total) if total else 0
        for index, count in enumerate(self.choices):
            if place < count - 1:
                option = place + (place >= arch[index])
                return (*arch[:index], option, *arch[index + 1 :])
            place -= count - 1
        return arch
