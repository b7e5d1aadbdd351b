"""A network's outputs under shared weights. Start reading this package here."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from math import inf, nan
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nas.collapse.maps import Map
from nas.collapse.program import ZERO, Program, Segments, UnknownOpError, has_gates, written
from nas.collapse.tensors import _log, collapsed, flat
from nas.errors import UsageError
from nas.network import Network

if TYPE_CHECKING:
    from nas.collapse.planes import Planes, Rooms

Pass = tuple[Tensor, float]
"""The entries of an output as one float64 vector, and the logarithm of their scale."""

Passes = Generator[Pass, None, None]


class Inputs:
    """A batch (batch, channels, …) of real numbers, prepared once for many networks.

    It is read as `dtype`, by default its own. `rooms` is the kernels' memory, which batches of
    several dtypes may share.
    """

    def __init__(
        self, tensor: Tensor, dtype: torch.dtype | None = None, rooms: Rooms | None = None
    ) -> None:
        self.given, self.dtype = tensor.detach(), dtype or tensor.dtype
        self.rooms = rooms

    @property
    def tensor(self) -> Tensor:
        """The batch in the dtype."""
        return self.given.to(self.dtype)

    @cached_property
    def finite(self) -> bool:
        """Whether no entry is NaN or infinite."""
        return bool(self.given.isfinite().all())

    @cached_property
    def planes(self) -> Planes | None:
        """The batch as the compiled kernels read it; None where they cannot run."""
        if not _compilable(self.given, self.dtype):
            return None
        from nas.collapse.planes import Planes

        dtype = str(self.dtype).removeprefix("torch.")
        return Planes(self.given.permute(1, 2, 3, 0).numpy(), dtype, self.rooms)


def _compilable(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Whether the compiled kernels can read a batch in a dtype.

    They cannot on another device than the CPU, for another dtype than float32 and float64, or
    without Numba.
    """
    known = (torch.float32, torch.float64)
    floats = dtype in known and (tensor.dtype in known or tensor.dtype == torch.float16)
    if tensor.device.type != "cpu" or not floats or tensor.dim() != 4:
        return False
    try:
        from numba import config
    except ImportError:
        return False
    except ValueError as error:  # Numba reads its settings from the environment
        raise UsageError(f"Numba cannot be used: {error}") from error
    return not getattr(config, "DISABLE_JIT", False)  # Numba reads it from the environment


def preparing(tensor: Tensor, dtype: torch.dtype) -> str:
    """What the first network on a batch waits for if it is read in a dtype; empty if for nothing.

    >>> preparing(torch.ones(2, 3), torch.float32)
    ''
    """
    if not _compilable(tensor, dtype):
        return ""
    from nas.collapse.compiling import SECONDS, are_compiled

    known = are_compiled(str(dtype).removeprefix("torch."))
    return "" if known else f"compiling, once: about {SECONDS} s"


def outputs(
    network: Network,
    inputs: Inputs,
    weights: Sequence[float],
    is_last: Callable[[Pass], bool] = lambda _: False,
) -> list[Pass]:
    """The network's outputs under each shared weight: values and the logarithm of their scale.

    The values are one float64 vector, channel after channel and within a channel image after
    image. The outputs are values * exp(scale). Compiled kernels compute them where they can;
    elsewhere `tensors` does. If the inputs are not finite, the values are NaN. After a pass of
    which `is_last` is true, the rest is not computed. ValueError for a weight that is not
    positive.

    >>> from math import exp
    >>> from nas.network import Builder, Conv, GlobalAvgPool
    >>> net = Builder((1, 2, 2))
    >>> _ = net.chain(net.input, Conv(1, 3, kernel=1), GlobalAvgPool())
    >>> images = torch.tensor([1.0, 10.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    >>> [(values, scale)] = outputs(net.build(), Inputs(images), [0.25])
    >>> values.tolist(), round(exp(scale), 6)
    ([1.0, 10.0, 1.0, 10.0, 1.0, 10.0], 0.25)
    """
    for weight in weights:
        _log(weight)
    if not inputs.finite:
        return _until(
            ((torch.full((1,), nan, dtype=torch.float64), 0.0) for _ in weights), is_last
        )
    if network.shapes[0] == tuple(inputs.given.shape[1:]):
        try:
            program = written(network)  # first: for an unknown operation nothing is compiled
            if (planes := inputs.planes) is not None:
                return _until(_computed(planes, *program, weights), is_last)
        except (UnknownOpError, OverflowError):  # the square of a number is too large
            pass
    tensor = inputs.tensor
    return _until((flat(collapsed(network, tensor, weight)) for weight in weights), is_last)


def _until(passes: Passes, is_last: Callable[[Pass], bool]) -> list[Pass]:
    """The passes up to the last one, which alone are computed."""
    found: list[Pass] = []
    with closing(passes):
        for each in passes:
            found.append(each)
            if is_last(each):
                break
    return found


def _computed(
    planes: Planes, program: Program, segments: Segments, weights: Sequence[float]
) -> Passes:
    """The kernels' outputs, in the order of `flat`."""
    if not len(program.outputs):
        yield from ((torch.zeros(1, dtype=torch.float64), -inf) for _ in weights)
        return
    from nas.collapse.compiling import compile_kernels

    compile_kernels(planes.dtype.name, has_gates(program))
    for values, logarithms in planes.outputs(program, weights):
        images = torch.from_numpy(values)
        zeros = Map(torch.zeros_like(images[0]), -inf, 1)
        maps = [Map(*pair, 1) for pair in zip(images, logarithms.tolist(), strict=True)]
        yield flat(
            tuple(
                replace(zeros if node == ZERO else maps[node], count=count)
                for node, count in segments
            )
        )
