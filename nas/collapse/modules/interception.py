"""Modules run on `Segmented`: handlers answer torch functions where they can."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from nas.collapse.modules import convolutions, norms, shapes  # noqa: F401  (they register)
from nas.collapse.modules.operations import HANDLERS, IN_PLACE, functions
from nas.collapse.modules.segments import Memo, Segmented, compressed, expanded

_ABOUT = """size dim ndimension numel nelement stride storage_offset is_contiguous get_device
element_size is_floating_point is_complex is_tensor requires_grad_ __len__ __hash__"""
ABOUT = set(functions(*_ABOUT.split()))
"""Functions that depend on a tensor's shape or dtype and not on its entries."""

LAYERS = set(
    functions("conv1d", "conv2d", "conv3d", "linear", "batch_norm", "layer_norm", "group_norm")
)
"""Functions with weights: their results have equal channels, even if their input has none."""


class Interception(TorchFunctionMode):
    """A context in which handlers compute the torch functions of `Segmented` tensors.

    Functions of other tensors are not affected. `known` has the tensors to use in place of tensors
    without memory, by the ids of those. A function without a handler is computed for all channels
    and named in `notes`. `memo` may hold results of earlier passes.
    """

    def __init__(self, known: Mapping[int, Tensor], notes: set[str], memo: Memo) -> None:
        super().__init__()
        self._known = known
        self._notes = notes
        self._memo = memo

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        own: list[Segmented] = []
        args = [self._given(value, own) for value in args]
        kwargs = {name: self._given(value, own) for name, value in (kwargs or {}).items()}
        if not own and function in LAYERS and args and isinstance(args[0], Tensor):
            own.append(compressed(args[0]))
            args[0] = own[0]
        name = getattr(function, "__name__", "")
        asks = function in ABOUT or (name == "__get__" and function not in HANDLERS)
        if asks or not own:
            return function(*args, **kwargs)
        if name in ("__set__", "set_"):
            raise NotImplementedError("a tensor is given other memory")
        return self._answered(function, args, kwargs, own)

    def _given(self, value: Any, own: list[Segmented]) -> Any:
        """The value to use for an argument; adds every `Segmented` in it to `own`."""
        if isinstance(value, Segmented):
            own.append(current(value))
        elif isinstance(value, Tensor):
            return self._known.get(id(value), value)
        elif type(value) in (list, tuple):
            return type(value)([self._given(item, own) for item in value])
        return value

    def _answered(
        self,
        function: Callable[..., Any],
        args: list[Any],
        kwargs: dict[str, Any],
        own: list[Segmented],
    ) -> Any:
        plain = IN_PLACE.get(function, function)
        writes = plain is not function or kwargs.get("inplace")
        result = NotImplemented
        if plain in HANDLERS and not (writes and not isinstance(args[0], Segmented)):
            rest = {name: value for name, value in kwargs.items() if name != "inplace"}
            try:
                result = HANDLERS[plain](self._memo, *args, **rest)
            except Exception:  # unexpected arguments: all channels are computed
                result = NotImplemented
        if not writes and result is not NotImplemented:
            return result
        if isinstance(result, Segmented) and result.shape == args[0].shape:
            if result is not args[0]:
                args[0].write(result)
            return args[0]
        if not all(x.whole for x in own):
            self._notes.add(f"{_name(function)} is computed for all channels")
        return _in_full(function, args, kwargs)


def current(x: Segmented) -> Segmented:
    """The tensor itself; NotImplementedError if a view of it was written to since it was made."""
    if x.seen != x.writes[0]:
        raise NotImplementedError("a view of a tensor was written to")
    return x


def _name(function: object) -> str:
    return getattr(function, "__name__", str(function)).strip("_")


def _in_full(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a function with all channels; compresses its results and the tensors it wrote to."""
    made: dict[int, tuple[Segmented, Tensor, int]] = {}
    given: list[Tensor] = []

    def full(value: Any) -> Any:
        if isinstance(value, Segmented):
            if id(value) not in made:
                tensor = expanded(value)
                made[id(value)] = value, tensor, tensor._version
            return made[id(value)][1]
        if isinstance(value, Tensor):
            if value.is_meta:
                raise NotImplementedError("a tensor made in a constructor is no buffer")
            value = value if any(value.stride()) else value.contiguous()
            given.append(value)
        return value

    def back(value: Any) -> Any:
        if not isinstance(value, Tensor) or any(_shared(value, tensor) for tensor in given):
            return value
        for own, tensor, _ in made.values():
            if value is tensor:
                return own
            if _shared(value, tensor):
                part = compressed(value)
                part.writes, part.seen = own.writes, own.writes[0]
                return part
        return compressed(value)

    args, kwargs = tree_map(full, (args, kwargs))
    result = function(*args, **kwargs)
    for own, tensor, version in made.values():
        if tensor.shape != own.shape:
            raise NotImplementedError(f"{_name(function)} changes a shape in place")
        if tensor._version != version:
            own.write(compressed(tensor))
    return tree_map(back, result)


def _shared(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors share their memory."""
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
