"""A module of any author as a space of one architecture, so that all that scores can score it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas.arch import Arch
from nas.errors import UsageError
from nas.seeding import seeded
from nas.space import Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from nas.batch import Batch

ARCH: Arch = (0,)
"""The only architecture."""


@dataclass(frozen=True, repr=False, eq=False)
class OneModule(Space):
    """A module, or a function that makes it, which takes inputs like the `example`.

    A function is called whenever weights are needed. A module is copied, and the weights of its
    parts that have `reset_parameters` are drawn again, so that a seed decides them; other
    parameters keep their values. What a function gives is copied so, too, if a second call gives
    the same module or one with a part in common: it is the user's, and is never changed.
    """

    make: nn.Module | Callable[[], nn.Module]
    example: Tensor | None = None
    """Inputs (batch, …), whose number does not matter; None as long as nobody knows them."""
    _known: dict[str, bool] = field(default_factory=dict, init=False)

    choices = (1,)

    def __repr__(self) -> str:
        """What makes the module, and the shape of an example."""
        known = "" if self.example is None else f", {self.inputs}"
        return f"OneModule({self.title}{known})"

    @property
    def title(self) -> str:
        """The name of the function or of the module's class."""
        return str(getattr(self.make, "__qualname__", type(self.make).__qualname__))

    @property
    def inputs(self) -> tuple[int, ...]:
        """Shape of one example; raises UsageError if it is not known."""
        if self.example is None:
            raise UsageError(f"the shape of {self.title}'s inputs is not known: inputs=[3,32,32]")
        return tuple(self.example.shape[1:])

    def build(self, *arch: Any, **options: Any) -> nn.Module:
        """A new module in training mode; raises UsageError if there is none."""
        from torch import get_default_device, nn

        from nas.network.copies import fresh, with_memory

        made = self._made()
        if isinstance(self.make, nn.Module) or self._gives_again(made):
            return fresh(made).train()
        return (made if get_default_device().type == "meta" else with_memory(made)).train()

    def _made(self) -> nn.Module:
        """What the function gives; raises UsageError if it is no module, or a scripted one."""
        from torch import jit, nn

        made = self.make if isinstance(self.make, nn.Module) else self.make()
        if not isinstance(made, nn.Module):
            raise UsageError(f"{self.title}() gives {made!r:.40}, and must give an nn.Module")
        if isinstance(made, jit.ScriptModule):
            raise UsageError(
                f"{self.title} is a module of torch.jit, which cannot be looked into: give the "
                f"module itself instead of what torch.jit.script or torch.jit.trace makes of it"
            )
        return made

    def _gives_again(self, made: nn.Module) -> bool:
        """Whether another call of the function gives this module, or a part of it."""
        from nas.network.copies import shared

        if "again" not in self._known:
            with seeded("again"):
                self._known["again"] = shared(made, self._made())
        return self._known["again"]

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Inputs in the example's shape; whole numbers as high as its are drawn for tokens."""
        import torch

        from nas.batch import Batch
        from nas.data.synthetic import suitable

        if self.example is None or self.example.is_floating_point():
            return suitable(self.inputs, None, size, generator)
        high = int(self.example.max()) + 1
        drawn = torch.randint(high, (size, *self.inputs), generator=generator)
        return Batch(drawn.to(self.example.dtype))

    def parse(self, text: str) -> Arch:
        """The one architecture, by its name."""
        if text != self.title:
            raise ValueError(f"'{text}' is not {self.title}, the only module here")
        return ARCH

    def format(self, arch: Arch) -> str:
        """The name of the module."""
        return self.title
