"""What a search space is: architectures as tuples of decisions, and how to build them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from math import prod
from random import Random
from typing import TYPE_CHECKING

from nas.errors import UsageError
from nas.network import Network
from nas.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import nn

    from nas.batch import Batch

Arch = tuple[int, ...]
"""An architecture: the i-th number is the option taken at the i-th decision."""


class Space(ABC):
    """A set of architectures. Subclasses are frozen dataclasses whose fields are macro sizes."""

    choices: tuple[int, ...]
    """How many options each decision has."""

    weights: tuple[float, float] | None = (1e-7, 1.0)
    """The low and the high shared weight that suit the space (epsilon's constants).

    None where outputs are constant under any: epsilon does not exist then.
    """

    release: str = "the space names no official release."
    """One sentence: where true figures of the space's architectures are published."""

    columns: tuple[str, ...] = ("arch",)
    """The columns of a published table that hold an architecture: `parse` takes their texts,
    joined by spaces."""

    vocabulary: int | None = None
    """How many different tokens the inputs can hold, from 0 on; None where they are no tokens."""

    def network(self, arch: Arch) -> Network | None:
        """The architecture as layers, or None where it is no fixed graph: then override build."""
        return None

    def build(self, arch: Arch) -> nn.Module:
        """The architecture as a module with fresh weights, on the default device."""
        from nas.network.module import NetworkModule

        network = self.network(arch)
        if network is None:
            raise NotImplementedError(f"{type(self).__name__} has neither network nor build")
        return NetworkModule(network)

    def flops(self, arch: Arch) -> int | None:
        """Multiply-adds for one example (`nas.network.FLOPS_RULE`) where the space has a formula.

        None: they are counted from the layers, or by running the module on the meta device.
        """
        return None

    @abstractmethod
    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """The default input, `size` examples of the right shape, made without any download."""

    @abstractmethod
    def parse(self, text: str) -> Arch:
        """The architecture that the space's published notation names; ValueError if none.

        `read` takes numbers between commas alone for a tuple, which a notation should not be like.
        """

    @abstractmethod
    def format(self, arch: Arch) -> str:
        """The architecture in the space's published notation."""

    def released(self, path: Path) -> Iterator[tuple[str, dict[str, float]]]:
        """The architectures, in the published notation, and figures of an official release.

        UsageError where `path` is none, or the space can read none; nothing in it is executed.
        """
        raise UsageError(
            f"{path} is no table, and no release of this space can be read: {self.release}"
        )

    def valid(self, arch: Arch) -> bool:
        """Whether decisions that are each in range also fit together."""
        return True

    def canonical(self, arch: Arch) -> Arch:
        """One representative of all the architectures that compute the same function."""
        return arch

    @property
    def size(self) -> int:
        """Number of valid architectures."""
        return prod(self.choices)

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

    def read(self, text: str) -> Arch:
        """The architecture that a text names, as a tuple or in the published notation."""
        bare = text.strip()
        if TUPLE.fullmatch(bare):
            try:
                arch = tuple(int(number) for number in re.findall(r"-?[0-9]+", bare))
            except ValueError as error:  # thousands of digits
                raise UsageError(f"'{bare[:20]}…' is no architecture: {error}") from error
            if arch not in self:
                raise UsageError(
                    f"{arch} is not in the space, whose decisions have {self.choices} options"
                )
            return arch
        try:
            return self.parse(bare)
        except UsageError:
            raise
        except ValueError as error:
            raise UsageError(str(error)) from error

    def sample(self, rng: Random) -> Arch:
        """A valid architecture, all of them equally likely unless the space says otherwise."""
        while True:
            arch = tuple(rng.randrange(count) for count in self.choices)
            if self.valid(arch):
                return arch

    def neighbours(self, arch: Arch) -> Iterator[Arch]:
        """Every valid architecture that differs in one decision."""
        for index, count in enumerate(self.choices):
            for option in range(count):
                near = (*arch[:index], option, *arch[index + 1 :])
                if option != arch[index] and self.valid(near):
                    yield near

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        """A neighbour, all of them equally likely; the architecture itself if it has none."""
        near = list(self.neighbours(arch))
        return rng.choice(near) if near else arch


NUMBERS = r"\s*-?[0-9]+(\s*,\s*-?[0-9]+)*\s*,?\s*"
TUPLE = re.compile(rf"\({NUMBERS}\)|\[{NUMBERS}\]|{NUMBERS}")

SPACES: Registry[Space] = Registry("space", "spaces", Space)
