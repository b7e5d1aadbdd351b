"""Tensor operations on `Segmented`: entry by entry, along dimensions, into other shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.collapse.modules.segments import Memo, Part, Segmented, along, columns, segmented, whole

Handler = Callable[..., Any]
"""A function that takes a memo and the arguments of a torch function, and computes its result.

It returns NotImplemented for arguments that it does not support; then the torch function is run on
all channels.
"""

HANDLERS: dict[object, Handler] = {}
IN_PLACE: dict[object, Callable[..., Any]] = {}
"""From functions that write to their first argument to those that return the same result."""

OWNERS: tuple[Any, ...] = (torch, Tensor, F, torch._C._nn)


def functions(*names: str) -> list[Callable[..., Any]]:
    """All torch functions of these names, in all of `OWNERS`."""
    return [getattr(owner, name) for name in names for owner in OWNERS if hasattr(owner, name)]


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for the functions of these names."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(functions(*names), handler))
        return handler

    return register


def handles_each(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler whose first argument is the torch function that was called."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update((function, partial(handler, function)) for function in functions(*names))
        return handler

    return register


def each(
    memo: Memo,
    x: Segmented,
    key: object,
    function: Callable[[Tensor], Tensor],
    axis: int | None = None,
) -> Segmented:
    """Apply a function to every part; `axis` is the result's axis if it differs from x's."""
    parts = [Part(memo(key, function, part.values), part.times) for part in x.parts]
    return segmented(parts, x.axis if axis is None else axis)


# Entry by entry

ENTRYWISE = """abs neg negative exp expm1 log log1p log2 log10 sqrt rsqrt square reciprocal sigmoid
tanh erf erfc sin cos tan atan sinh cosh floor ceil round trunc sign frac nan_to_num isnan isfinite
logical_not relu relu6 gelu silu mish elu selu celu hardswish hardsigmoid hardtanh leaky_relu
softplus softsign logsigmoid tanhshrink hardshrink softshrink threshold clamp clip clamp_min
clamp_max half bfloat16 long int bool zeros_like ones_like full_like __neg__ __abs__ __invert__
add sub subtract rsub mul multiply div divide true_divide floor_divide remainder fmod pow maximum
minimum atan2 eq ne lt le gt ge logical_and logical_or where masked_fill lerp addcmul addcdiv
__add__ __radd__ __sub__ __rsub__ __mul__ __rmul__ __rdiv__ __truediv__ __rtruediv__ __pow__
__rpow__ __mod__ __floordiv__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__"""


@handles_each(*ENTRYWISE.split())
def entrywise(function: Callable[..., Tensor], memo: Memo, *args: Any, **kwargs: Any) -> Any:
    """A function of one or several tensors that combines entries at the same place."""
    if any(isinstance(value, Tensor) for value in kwargs.values()):
        return NotImplemented
    places = [place for place, value in enumerate(args) if isinstance(value, Tensor)]
    own = [x for x in args if isinstance(x, Segmented)]
    axis = own[0].axis if len({x.axis for x in own}) == 1 else max(own, key=_saved).axis

    def call(*tensors: Tensor) -> Tensor:
        given = list(args)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        return function(*given, **kwargs)

    rest = [(value, type(value)) for value in args if not isinstance(value, Tensor)]
    key = function, tuple(places), tuple(rest), tuple(kwargs.items())
    sides = [along(args[place], axis) for place in places]
    first = sides[0][0]
    if all(len(side) == 1 and _alike(side[0], first, axis) for side in sides):  # most often
        values = memo(key, call, *[side[0].values for side in sides])
        return segmented([Part(values, first.times)], axis)
    together = columns(sides, axis)
    return segmented([Part(memo(key, call, *values), count) for values, count in together], axis)


def _alike(one: Part, other: Part, axis: int) -> bool:
    """Whether the parts have as many channels, repeated as often."""
    if one is other:
        return True
    return one.times == other.times and one.width(axis) == other.width(axis)


def _saved(x: Segmented) -> int:
    """How many entries of the tensor are not stored."""
    return x.numel() - sum(part.values.numel() for part in x.parts)


@handles_each("to", "float", "double", "type_as")
def _(function: Callable[..., Tensor], memo: Memo, x: Tensor, *args: Any, **kwargs: Any) -> Any:
    if args and isinstance(args[0], Tensor):  # of the same kind as another tensor
        function, args = Tensor.to, (args[0].device, args[0].dtype)
    if not isinstance(x, Segmented):
        return function(x, *args, **kwargs)
    made = each(
        memo, x, (function, *args, *kwargs.items()), lambda v: function(v, *args, **kwargs)
    )
    return segmented(made.parts, x.axis, x)


for _name in [*ENTRYWISE.split(), "prelu"]:
    for _owner in OWNERS:
        if hasattr(_owner, _name) and hasattr(_owner, f"{_name}_"):
            IN_PLACE[getattr(_owner, f"{_name}_")] = getattr(_owner, _name)


@handles("prelu")
def _(memo: Memo, x: Segmented, weight: Tensor) -> Any:
    slope = weight.view(-1, *[1] * (x.dim() - 2)) if weight.numel() > 1 else weight
    return entrywise(_leaky, memo, x, slope)


def _leaky(values: Tensor, slope: Tensor) -> Tensor:
    return torch.where(values > 0, values, slope * values)


@handles("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout")
def _(memo: Memo, x: Segmented, p: float = 0.5, training: bool = True) -> Any:
    return NotImplemented if training else x


@handles("contiguous", "detach", "alias")
def _(memo: Memo, x: Segmented, **_: Any) -> Any:
    return segmented(x.parts, x.axis, x)


@handles("clone")
def _(memo: Memo, x: Segmented, **_: Any) -> Any:
    return segmented(x.parts, x.axis)


HANDLERS[Tensor.data.__get__] = HANDLERS[Tensor.detach]  # type: ignore[attr-defined]


# Along dimensions

Dims = int | Sequence[int] | None


def counted(x: Tensor, dims: Dims) -> list[int]:
    """The dimensions as negative numbers; None stands for all of them."""
    if dims is None:
        return list(range(-x.dim(), 0))
    return [d if d < 0 else d - x.dim() for d in ([dims] if isinstance(dims, int) else dims)]


def mixed(memo: Memo, x: Segmented, weights: Sequence[float]) -> Tensor:
    """The sum over the axis, every part times its weight; the axis is kept, with size 1."""
    if weights == [1] and x.parts[0].values.shape[x.axis] == 1:
        return x.parts[0].values

    def mix(*tensors: Tensor) -> Tensor:
        first, *others = [summed(values, x.axis) for values in tensors]
        result = first if weights[0] == 1 else first * weights[0]
        for other, weight in zip(others, weights[1:], strict=True):
            result = torch.add(result, other, alpha=weight)
        return result

    return memo(("mixed", x.axis, *weights), mix, *(part.values for part in x.parts))


def summed(values: Tensor, dim: int) -> Tensor:
    """The sum over a dimension, which is kept; in the order of the memory it is much faster."""
    if values.shape[dim] == 1:
        return values
    order = sorted(range(values.dim()), key=values.stride, reverse=True)
    total = values.permute(order).sum(order.index(dim % values.dim()), keepdim=True)
    return total.permute([order.index(d) for d in range(values.dim())])


def _left(x: Segmented, dims: Sequence[int], keepdim: bool) -> int:
    """The axis after a reduction over these dimensions."""
    return x.axis if keepdim else min(-1, x.axis + sum(dim >= x.axis for dim in dims))


@handles_each("sum", "mean", "amax", "amin", "logsumexp")
def _(
    function: Callable[..., Tensor],
    memo: Memo,
    x: Segmented,
    dim: Dims = None,
    keepdim: bool = False,
    **kwargs: Any,
) -> Any:
    dims = counted(x, dim)
    if x.whole or x.axis not in dims:
        key = function, *dims, keepdim, *kwargs.items()
        rest = partial(function, dim=dims, keepdim=keepdim, **kwargs)
        return each(memo, x, key, rest, _left(x, dims, keepdim))
    name = function.__name__
    if name == "logsumexp" or kwargs.get("dtype") or not x.is_floating_point():
        return NotImplemented
    if name in ("sum", "mean"):
        size = x.shape[x.axis] if name == "mean" else 1
        joined = mixed(memo, x, [part.times / size for part in x.parts])
    else:
        tops = [function(part.values, x.axis, True) for part in x.parts]
        joined = function(torch.cat(tops, x.axis), x.axis, True)
    return whole(function(joined, dims, keepdim))


@handles("max")
def _(memo: Memo, x: Segmented, *args: Any) -> Any:
    return NotImplemented if args else HANDLERS[torch.amax](memo, x)


@handles("min")
def _(memo: Memo, x: Segmented, *args: Any) -> Any:
    return NotImplemented if args else HANDLERS[torch.amin](memo, x)


@handles_each("norm", "var", "std")
def _(function: Callable[..., Tensor], memo: Memo, x: Segmented, *args: Any, **kwargs: Any) -> Any:
    dim = args[0] if args else kwargs.get("dim")
    dims = counted(x, dim)
    if len(args) > 1 or isinstance(dim, bool) or (x.axis in dims and not x.whole):
        return NotImplemented
    key = function, *dims, *((name, str(value)) for name, value in kwargs.items())
    axis = _left(x, dims, kwargs.get("keepdim", False))
    return each(memo, x, key, lambda values: function(values, *args, **kwargs), axis)


@handles_each("softmax")
def _(function: Callable[..., Tensor], memo: Memo, x: Segmented, dim: int, **kwargs: Any) -> Any:
    (place,) = counted(x, dim)
    if kwargs.get("dtype") is not None:
        return NotImplemented
    if x.whole or place != x.axis:
        return each(memo, x, (function, place), partial(function, dim=place))
    tops = torch.cat([part.values.amax(place, True) for part in x.parts], place)
    top = tops.amax(place, True)
    powers = segmented([Part((part.values - top).exp(), part.times) for part in x.parts], place)
    total = mixed(memo, powers, [part.times for part in powers.parts])
    return segmented([Part(part.values / total, part.times) for part in powers.parts], place)
