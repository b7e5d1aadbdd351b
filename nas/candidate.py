"""A candidate: one architecture of a space, and how to build it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nas.one_module import ARCH, OneModule
from nas.seeding import generator, seeded
from nas.space import Arch, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from nas.network import Network
    from nas.network.initialisation import Init


class Candidate:
    """One architecture of a space, and how to build it.

    All that is drawn for it depends only on its seed and the architecture. `drawn` records whether
    a proxy asked for the seed: if not, another seed gives the same score.
    """

    def __init__(
        self,
        space: Space,
        arch: Arch,
        seed: int | str = 0,
        device: str = "cpu",
        live: bool = True,
    ) -> None:
        self.space, self.arch, self.device = space, arch, device
        self.live = live
        """Whether layers that cannot change the output are left out (`Network.live`)."""
        self._seed = seed
        self.drawn = False
        """Whether anything was drawn from the seed so far."""
        self.memo: dict[Hashable, Any] = {}
        """What several proxies, or one proxy under several seeds, share for this architecture.
        `company` are the proxies that score it, and `owed` the seconds that others waited for."""

    @classmethod
    def of(
        cls,
        module: nn.Module | Callable[[], nn.Module],
        inputs: tuple[int, ...] | Tensor,
        seed: int | str = 0,
        device: str = "cpu",
    ) -> Candidate:
        """A module or a function that makes it (`OneModule`), and its inputs or their shape."""
        import torch

        example = inputs if isinstance(inputs, torch.Tensor) else torch.zeros(1, *inputs)
        return cls(OneModule(module, example), ARCH, seed, device)

    @property
    def seed(self) -> int | str:
        """The seed of weights and other draws; reading it counts as a draw."""
        self.drawn = True
        return self._seed

    @property
    def network(self) -> Network | None:
        """The live layers, or with `live=False` all; None if the space gives modules only."""
        network = self._whole
        return network.live if network is not None and self.live else network

    @property
    def _whole(self) -> Network | None:
        """The architecture as layers, also those that cannot change the output."""
        if "network" not in self.memo:
            self.memo["network"] = self.space.network(self.arch)
        network: Network | None = self.memo["network"]
        return network

    def _built(self) -> nn.Module:
        """A module: the space's own where no layer is left out of it."""
        from nas.network.module import NetworkModule
        from nas.network.passes import finish

        network, of_layers = self.network, type(self.space).build is Space.build
        if network is not None and (of_layers or network != self._whole):
            return NetworkModule(network, channels_last=True)
        model = self.space.build(self.arch)
        if network is None:
            draws = "passes", self._seed, self.arch
            finish(model, lambda: self.space.batch(2, generator("sizes")).inputs, *draws)
        return model

    def model(
        self, init: Init = "default", dropout: bool = False, as_built: bool = False
    ) -> nn.Module:
        """A module with fresh weights on the device; they depend on (seed, arch, init) alone.

        It is in training mode, and dropout is off unless it is asked for. Weights that it computes
        from others are parameters (`nas.network.folding`), unless `as_built`. It returns logits,
        and all that it draws is the same in every pass (`nas.network.passes`). TooFewValuesError
        where it is run on so small a batch that a norm gets a single value per channel.
        """
        from nas.network.folding import fold
        from nas.network.initialisation import initialise, without_dropout
        from nas.network.module import NetworkModule
        from nas.network.norms import explain

        with self.seeded("weights"):
            model = self._built()
            if not as_built:
                fold(model)
            initialise(model, init)
        if not dropout:
            without_dropout(model)
        explain(model)
        laid = self.device == "cpu" and isinstance(model, NetworkModule)  # moving takes a while
        return model if laid else model.to(self.device)

    def generator(self, purpose: str) -> torch.Generator:
        """A CPU generator for draws other than weights; it depends on (seed, arch, purpose)."""
        return generator(purpose, self.seed, self.arch)

    @contextmanager
    def seeded(self, purpose: str) -> Iterator[None]:
        """Seed torch's global CPU generator, for code that draws from it, and restore it."""
        with seeded(purpose, self.seed, self.arch):
            yield

    def skeleton(self) -> nn.Module:
        """The module with shapes only; no weight is allocated, unless building it needs some."""
        import torch

        from nas.network.copies import on_meta

        for device in ("cpu",) if self.memo.get("numbers") else ("meta", "cpu"):
            try:
                with seeded("weights", self._seed, self.arch), torch.device(device):
                    return on_meta(self._built())
            except Exception:  # of any author: the meta device cannot do all
                if device == "cpu":
                    raise
                self.memo["numbers"] = True
        raise AssertionError

    def under(self, seed: int | str) -> Candidate:
        """The same architecture under another seed; both share what proxies share."""
        other = Candidate(self.space, self.arch, seed, self.device, self.live)
        other.memo = self.memo
        return other
