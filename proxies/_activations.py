"""Watches every activation of a running network, both modules and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nas import NotApplicableError

Visit = Callable[[Tensor], None]

RELUS = frozenset({F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
"""The functions that compute a ReLU, in place or not; nn.ReLU calls them, too. ReLU6 is none."""

SMOOTH = frozenset({F.gelu, F.silu})
"""The functions that compute a GELU or a SiLU; their modules call them, too."""


class _Watch(TorchFunctionMode):
    """Calls `given` with the input of every activation, and `visit` with its output at once."""

    def __init__(self, functions: frozenset[object], visit: Visit, given: Visit | None) -> None:
        super().__init__()
        self.functions, self.visit, self.given = functions, visit, given

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        watched = func in self.functions
        if watched and self.given is not None:
            self.given(args[0] if args else (kwargs or {})["input"])
        output = func(*args, **(kwargs or {}))
        if watched:
            self.visit(output)
        return output


class Relus:
    """Whether there was any activation to visit."""

    def __init__(self, proxy: str, smooth: bool) -> None:
        self.proxy, self.kinds = proxy, "ReLUs, GELUs and SiLUs" if smooth else "ReLUs"
        self.found = False

    def check(self) -> None:
        """Raise NotApplicableError, which names the proxy, if there was none."""
        if not self.found:
            raise NotApplicableError(
                f"{self.proxy} looks at {self.kinds}, and this model has none"
            )


@contextmanager
def watching(
    size: int,
    visit: Visit,
    proxy: str,
    *,
    given: Visit | None = None,
    smooth: bool = False,
) -> Iterator[Relus]:
    """Visit the output of every ReLU that is computed inside, and no other.

    `size` is that of the batch: tensors without one row per sample do not count. `given` gets the
    input before the ReLU may overwrite it. With `smooth`, GELUs and SiLUs are visited, too. The
    caller must `check` afterwards whether there was anything to visit.
    """
    relus = Relus(proxy, smooth)

    def rows(call: Visit) -> Visit:
        def check(values: Tensor) -> None:
            if values.ndim > 1 and len(values) == size:
                relus.found = True
                call(values)

        return check

    functions = RELUS | SMOOTH if smooth else RELUS
    with _Watch(functions, rows(visit), given and rows(given)):
        yield relus


@contextmanager
def watched(
    size: int,
    visit: Visit,
    proxy: str,
    *,
    given: Visit | None = None,
    smooth: bool = False,
) -> Iterator[None]:
    """Visit the activations as in `watching`; NotApplicableError at the end if there are none."""
    with watching(size, visit, proxy, given=given, smooth=smooth) as relus:
        yield
    relus.check()


def each_relu(
    model: nn.Module, inputs: Tensor, visit: Visit, proxy: str, *, smooth: bool = False
) -> None:
    """Run the model and visit the output of every ReLU, with `smooth` also of GELUs and SiLUs.

    No output is kept. An output is positive where the ReLU's input is positive, so the input is
    not needed. See `watched` for what does not count and for the error.
    """
    with watched(len(inputs), visit, proxy, smooth=smooth):
        model(inputs)


def positive(values: Tensor) -> Tensor:
    """Where values are positive; on the CPU numpy says so in a quarter of PyTorch's time.

    >>> positive(torch.tensor([[-1.0, 2.0]])).tolist()
    [[False, True]]
    """
    values = values.detach()
    if values.device.type != "cpu" or values.dtype == torch.bfloat16:
        return values > 0
    return torch.from_numpy(np.greater(values.numpy(), 0))


def units_of(values: Tensor) -> Tensor:
    """The values (batch, units) of a layer, in the order in which they lie in memory.

    >>> maps = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    >>> units_of(maps).shape, units_of(maps).data_ptr() == maps.data_ptr()
    (torch.Size([2, 48]), True)
    """
    channels_last = values.ndim == 4 and not values.is_contiguous()
    return (values.permute(0, 2, 3, 1) if channels_last else values).flatten(1)
