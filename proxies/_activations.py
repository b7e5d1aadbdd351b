"""Watches every activation of a running network, both modules and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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


@contextmanager
def watched(
    size: int,
    visit: Visit,
    proxy: str,
    *,
    given: Visit | None = None,
    smooth: bool = False,
) -> Iterator[None]:
    """Visit the output of every ReLU that is computed inside, and no other.

    `size` is that of the batch: tensors without one row per sample do not count. `given` gets the
    input before the ReLU may overwrite it. With `smooth`, GELUs and SiLUs are visited, too. Raises
    NotApplicableError, which names the proxy, at the end if there was nothing to visit.
    """
    found = False

    def rows(call: Visit) -> Visit:
        def check(values: Tensor) -> None:
            nonlocal found
            if values.ndim > 1 and len(values) == size:
                found = True
                call(values)

        return check

    functions = RELUS | SMOOTH if smooth else RELUS
    with _Watch(functions, rows(visit), given and rows(given)):
        yield
    if not found:
        kinds = "ReLUs, GELUs and SiLUs" if smooth else "ReLUs"
        raise NotApplicableError(f"{proxy} looks at {kinds}, and this model has none")


def each_relu(
    model: nn.Module, inputs: Tensor, visit: Visit, proxy: str, *, smooth: bool = False
) -> None:
    """Run the model and visit the output of every ReLU, with `smooth` also of GELUs and SiLUs.

    No output is kept. An output is positive where the ReLU's input is positive, so the input is
    not needed. See `watched` for what does not count and for the error.
    """
    with watched(len(inputs), visit, proxy, smooth=smooth):
        model(inputs)


def units_of(values: Tensor) -> Tensor:
    """The values (batch, units) of a layer, in the order in which they lie in memory.

    >>> maps = torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    >>> units_of(maps).shape, units_of(maps).data_ptr() == maps.data_ptr()
    (torch.Size([2, 48]), True)
    """
    channels_last = values.ndim == 4 and not values.is_contiguous()
    return (values.permute(0, 2, 3, 1) if channels_last else values).flatten(1)
