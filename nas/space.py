"""What a search space is: architectures as tuples of decisions, and how to build them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from nas import notation
from nas.arch import CACHED, Arch, ArchSet
from nas.errors import UsageError
from nas.registry import Registry
from nas.registry.named import by_name
from nas.storage.literals import text_of

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import nn

    from nas.batch import Batch
    from nas.network import Network

__all__ = ["SPACES", "Arch", "Space"]


class Space(ArchSet):
    """A set of architectures: named `decisions` with their options, and a `build`.

    A space that has sizes, such as a number of channels, is a frozen dataclass with these fields.
    Only these have no default: `decisions` (or `choices`), `inputs` and `build` (or `network`).
    """

    decisions: ClassVar[notation.Decisions] = {}
    """The options of each decision; `build` and `network` get one option for each by its name."""

    shared_weights: tuple[float, float] | None = (1e-7, 1.0)
    """The low and the high shared weight; None if outputs are constant under every one."""

    release: str = "the space names no official release."
    """One sentence: where true figures of the space's architectures are published."""

    order: str = ""
    """What a tuple means here, where others write tuples in another order; else empty."""

    columns: tuple[str, ...] = ("arch",)
    """The columns of a published table whose texts, joined by spaces, `parse` takes."""

    vocabulary: int | None = None
    """The inputs are tokens from 0 to vocabulary - 1; None if the inputs are real numbers."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Let `build` and `network` take options by name; raises TypeError for bad decisions."""
        super().__init_subclass__(**options)
        if "weights" in vars(cls):
            raise TypeError(f"{cls.__name__}.weights is called shared_weights now")
        if isinstance(cls.decisions, Mapping) and cls.decisions:
            notation.check(cls.decisions)
            for name in {"build", "network"} & {*vars(cls)}:
                setattr(cls, name, by_name(vars(cls)[name], cls.decisions))

    def __repr__(self) -> str:
        """The class with its fields; it represents the space in the keys of kept scores."""
        own = sorted((name, value) for name, value in vars(self).items() if name not in CACHED)
        return f"{type(self).__qualname__}({', '.join(f'{n}={v!r}' for n, v in own)})"

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """How many options each decision has."""
        return tuple(len(options) for options in self.decisions.values())

    @property
    def inputs(self) -> tuple[int, ...]:
        """Shape of one example, without the batch: (features,), (channels, height, width), …."""
        raise UsageError(f"{type(self).__name__} does not say the shape of its `inputs`")

    def network(self, *arch: Any, **options: Any) -> Network | None:
        """The architecture as layers; None if it is not a fixed graph: override `build` then."""
        return None

    def build(self, *arch: Any, **options: Any) -> nn.Module:
        """The architecture as a module with fresh weights, on the default device."""
        from nas.network.module import NetworkModule

        network = self.network(*arch, **options)
        if network is None:
            raise NotImplementedError(f"{type(self).__name__} has neither network nor build")
        return NetworkModule(network)

    def flops(self, arch: Arch) -> int | None:
        """Multiply-adds for one example (`nas.network.FLOPS_RULE`) if the space has a formula.

        If None, they are counted from the layers, or by running the module on the meta device.
        """
        return None

    def layer_features(self, archs: Sequence[Arch]) -> NDArray[Any] | None:
        """What formulas say of the layers (architectures, columns); None without formulas."""
        return None

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """The default input: `size` examples of the right shape, made without a download.

        Tokens if there is a vocabulary, images for three dimensions, else N(0, 1) numbers.
        """
        from nas.data.synthetic import suitable

        return suitable(self.inputs, self.vocabulary, size, generator)

    def parse(self, text: str) -> Arch:
        """The architecture of a text in the space's notation; raises ValueError for others."""
        if self.decisions:
            return notation.parsed(self.decisions, text)
        arch = notation.numbers(text)
        if arch is None:
            raise ValueError(f"'{text}' is no architecture: write a tuple of numbers")
        return arch

    def format(self, arch: Arch) -> str:
        """The architecture in the space's notation."""
        return notation.written(self.decisions, arch) if self.decisions else str(arch)

    def released(self, path: Path) -> Iterator[tuple[str, dict[str, float]]]:
        """The architectures of an official release, in the published notation, with their figures.

        Raises UsageError if it cannot be read as a release. None of its code is executed.
        """
        why = f"no release of this space can be read: {self.release}"
        raise UsageError(f"{path} is no table, and {why}")

    def read(self, given: object) -> Arch:
        """The architecture of a tuple, a text in the space's notation, or an object like one.

        Such are lists, dicts, genotypes, cells with `matrix` and `ops`. UsageError if it is none.
        """
        try:
            bare = text_of(given).strip()
            if bare[:1] in "'\"`“‘„":  # copied with its quotes
                bare = notation.tidied(bare)
        except TypeError:
            raise UsageError(f"{given!r:.80} is no architecture of {self}") from None
        try:
            return self.checked(notation.numbers(bare) or self.parse(bare))
        except ValueError as error:
            raise error if isinstance(error, UsageError) else UsageError(str(error)) from error


SPACES: Registry[Space] = Registry("space", "spaces", Space)
