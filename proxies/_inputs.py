"""Inputs that a proxy draws for itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from nas import Candidate, NotApplicableError
from nas.batch import Batch


def gaussian(
    generator: torch.Generator,
    like: Tensor,
    proxy: str,
    *,
    size: int | None = None,
    resolution: int | None = None,
    places: Sequence[int] | None = None,
) -> Tensor:
    """N(0, 1) inputs in the type and shape of `like`.

    `size` changes the number of examples, `resolution` every size after the channels, and
    `places` gives these sizes. Raises NotApplicableError, which names the proxy, if `like` has no
    real numbers, or if a `resolution` is given and `like` has no sizes after the channels.
    """
    if not like.is_floating_point() or (resolution is not None and like.ndim < 3):
        kind = "numbers" if resolution is None else "images"
        shape = f"{like.dtype} and of shape {tuple(like.shape[1:])}"
        raise NotApplicableError(f"{proxy} draws {kind} from N(0, 1), and inputs here are {shape}")
    sizes = list(like.shape)
    if size is not None:
        sizes[0] = size
    if resolution is not None:
        sizes[2:] = [resolution] * (like.ndim - 2)
    if places is not None:
        sizes[2:] = places
    return torch.randn(sizes, generator=generator, dtype=like.dtype).to(like.device)


def drawn_or_batch(
    kind: Literal["gaussian", "batch"], candidate: Candidate, batch: Batch, proxy: str
) -> Tensor:
    """The batch's inputs, or N(0, 1) inputs of the same shape from the candidate's seed."""
    if kind == "batch":
        return batch.inputs
    return gaussian(candidate.generator("inputs"), batch.inputs, proxy)
