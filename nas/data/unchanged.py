"""Tensors of the user that are as before after code of any author had them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor


@contextmanager
def unchanged(tensors: Sequence[Tensor], copies: Sequence[Tensor]) -> Iterator[None]:
    """Undo, afterwards, what was written into the tensors; the copies have their numbers.

    It compares the counters that PyTorch keeps of such operations; writes through NumPy or
    `.data` are not counted and stay.
    """
    before = [_version(tensor) for tensor in tensors]
    try:
        yield
    finally:
        for tensor, copied, version in zip(tensors, copies, before, strict=True):
            if tensor.requires_grad:
                tensor.detach_().grad = None
            if _version(tensor) != version:
                tensor.copy_(copied)


def _version(tensor: Tensor) -> int:
    """How often a tensor was written into; 0 for one that counts no writes, and refuses them."""
    return 0 if tensor.is_inference() else tensor._version
