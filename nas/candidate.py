"""A candidate: one architecture of a space, and how to build it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.network import Network
from nas.space import Arch, Space

if TYPE_CHECKING:
    import torch
    from torch import nn

    from nas.network.initialisation import Init


@dataclass(frozen=True)
class Candidate:
    """One architecture of a space, and how to build it."""

    space: Space
    arch: Arch
    seed: int | str = 0
    device: str = "cpu"
    drawn: set[str] = field(default_factory=set, compare=False, repr=False)
    """What was drawn from the seed so far: without any, another seed gives the same score."""
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    """What proxies share where several score the architecture, or one does under several seeds."""

    @property
    def network(self) -> Network | None:
        """The architecture as layers, or None where the space gives modules only."""
        if "network" not in self.memo:
            self.memo["network"] = self.space.network(self.arch)
        network: Network | None = self.memo["network"]
        return network

    def model(self, init: Init = "default") -> nn.Module:
        """A module with fresh weights on the device; they depend on (seed, arch, init) alone.

        It is in training mode, with dropout off.
        """
        from torch import nn

        from nas.network.initialisation import initialise
        from nas.seeding import seeded

        self.drawn.add("weights")
        with seeded("weights", self.seed, self.arch):
            model = self.space.build(self.arch)
            initialise(model, init)
        for part in model.modules():
            if isinstance(part, nn.modules.dropout._DropoutNd):
                part.p = 0.0  # a score is no lottery
        return model.to(self.device)

    def generator(self, purpose: str) -> torch.Generator:
        """A CPU generator for draws other than weights; it depends on (seed, arch, purpose)."""
        from nas.seeding import generator

        self.drawn.add(purpose)
        return generator(purpose, self.seed, self.arch)

    def skeleton(self) -> nn.Module:
        """The module with shapes only, on the meta device: no weight is allocated."""
        import torch

        from nas.seeding import seeded

        with seeded("weights", self.seed, self.arch), torch.device("meta"):
            return self.space.build(self.arch)
