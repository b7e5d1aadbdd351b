"""The shipped contracts fail if a plugin breaks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from nas import Arch, Space
from nas.testing import SpaceContract
from spaces.nasbench201 import NASBench201
from spaces.vit import ViT
from tests.support.small import small


@dataclass(frozen=True)
class Merging(ViT):
    """Says that all architectures compute one function."""

    def canonical(self, arch: Arch) -> Arch:
        return (0,) * len(arch)


@dataclass(frozen=True)
class Merged(NASBench201):
    """The same, but outputs under equal weights show the mistake."""

    def canonical(self, arch: Arch) -> Arch:
        return (0,) * len(arch)


@dataclass(frozen=True)
class Alone(NASBench201):
    """Has no neighbours."""

    def neighbours(self, arch: Arch) -> Iterator[Arch]:
        return iter(())


@dataclass(frozen=True)
class Straying(NASBench201):
    """Mutates out of the space."""

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        return (9,) * len(arch)


@dataclass(frozen=True)
class Seven(NASBench201):
    """Returns a wrong size."""

    @property
    def size(self) -> int:
        return 7


@dataclass(frozen=True)
class Constant(NASBench201):
    """Samples one architecture."""

    def sample(self, rng: Random) -> Arch:
        return (1,) * 6


@dataclass(frozen=True)
class Outside(NASBench201):
    """Has canonical forms that are not in the space."""

    def canonical(self, arch: Arch) -> Arch:
        return (9,) * len(arch)


@dataclass(frozen=True)
class Disconnected(NASBench201):
    """Has outputs that are constant under equal weights, and does not say so."""

    def sample(self, rng: Random) -> Arch:
        return (0, 0, 0, 0, 0, 0) if rng.random() < 0.5 else (1, 0, 0, 0, 0, 0)


def checked(space: Space, test: str) -> None:
    """Run a test of the contract for a few seeds."""
    contract = SpaceContract()
    method: Callable[..., Any] = getattr(SpaceContract, test)
    plain = getattr(method, "hypothesis", None)
    if plain is not None:
        method = plain.inner_test
    seeded = "seed" in method.__code__.co_varnames[: method.__code__.co_argcount]
    for seed in range(8 if seeded else 1):
        method(contract, space, **({"seed": seed} if seeded else {}))


EQUAL = "test_equal_forms_are_equal_under_equal_weights"
NEAR = "test_neighbours_differ_in_one_decision"
COUNT = "test_samples_and_size_are_of_all_that_there_are"
TOLD = "test_equal_weights_tell_some_architectures_apart"
CELLS = {"channels": 2, "cells": 1, "resolution": 8}


@pytest.mark.parametrize(
    ("space", "test"),
    [
        (Merging(resolution=8, patch=4, classes=5, unit=2, head_width=2), EQUAL),
        (Merged(**CELLS), EQUAL),
        (Alone(**CELLS), NEAR),
        (Straying(**CELLS), NEAR),
        (Seven(**CELLS), COUNT),
        (Constant(**CELLS), COUNT),
        (Outside(**CELLS), "test_canonical_is_a_member_and_idempotent"),
        (Disconnected(**CELLS), TOLD),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Space) else "",
)
def test_the_contract_fails(space: Space, test: str) -> None:
    with pytest.raises(AssertionError):
        checked(space, test)


@pytest.mark.parametrize("test", [EQUAL, NEAR, COUNT])
@pytest.mark.parametrize("name", ["vit", "nasbench201"])
def test_and_holds_of_what_was_not_broken(name: str, test: str) -> None:
    checked(small(name), test)


@dataclass(frozen=True)
class Decision(NASBench201):
    """One decision: what the first edge does, where all others are skips."""

    choices = (5,)

    def network(self, arch: Arch) -> Any:
        return super().network((*arch, 1, 1, 1, 1, 1))

    def parse(self, text: str) -> Arch:
        return super().parse(text)[:1]

    def format(self, arch: Arch) -> str:
        return super().format((*arch, 1, 1, 1, 1, 1))

    def canonical(self, arch: Arch) -> Arch:
        return arch


class TestOneDecision(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return Decision(**CELLS)


class TestTheOtherSubclass(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return Decision(**{**CELLS, "channels": 3})
