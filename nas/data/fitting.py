"""Arrays of examples made to fit the inputs of a space, or a sentence that says why not."""

from __future__ import annotations

from math import prod
from typing import Literal

import torch
from torch import Tensor

from nas.errors import UsageError

Shape = tuple[int, ...]
Scaling = Literal["auto", "none", "unit", "standard"]


def fitted(inputs: Tensor, shape: Shape) -> tuple[Tensor, tuple[str, ...]] | None:
    """Inputs (batch, …) in the shape of the space's examples, with what was done; None if not.

    Channels may be the last dimension, one channel may be missing, and rows may be flat, as they
    are in tables: one row is a vector of its numbers, or an example of one channel.
    """
    found = tuple(inputs.shape[1:])
    if found == shape:
        return inputs, ()
    if len(found) == len(shape) > 1 and (*found[-1:], *found[:-1]) == shape:
        moved = inputs.movedim(-1, 1).contiguous()
        return moved, (f"channels were the last dimension of {found}, and came to the front",)
    if shape[0] == 1 and found == shape[1:]:
        return inputs[:, None], ()
    if shape[0] == 1 and len(found) == 1 and prod(found) == prod(shape):
        return inputs.reshape(len(inputs), *shape), (f"rows of {found[0]} became {shape}",)
    if len(shape) == 1 and prod(found) == shape[0]:
        return inputs.flatten(1), (f"examples of {found} became rows of {shape[0]}",)
    return None


def misfit(what: str, found: Shape, shape: Shape, space: object) -> UsageError:
    """The sentence about examples of one shape for a space of another."""
    name = type(space).__name__
    return UsageError(
        f"{what} are examples of shape {found}, and {name} takes {shape}: "
        f"{_advice(found, shape, space)}"
    )


def _advice(found: Shape, shape: Shape, space: object) -> str:
    """What would be right."""
    if len(found) == len(shape) == 3 and hasattr(space, "resolution"):
        last = found[2] <= 4 < found[0]
        channels, height, width = (found[2], *found[:2]) if last else found
        words = []
        if channels != shape[0] and hasattr(space, "input_channels"):
            words.append(f"space.input_channels={channels}")
        if (height, width) != shape[1:]:
            side = str(height) if height == width else f"[{height},{width}]"
            words.append(f"space.resolution={side}")
        advice = f"take {' '.join(words)}" if words else f"give {shape}"
        known = channels in (1, 3) and (height, width) != shape[1:]
        return advice + (", or batch=images, which resizes them" if known else "")
    if len(found) == 2 and len(shape) == 3 and hasattr(space, "resolution"):
        side = str(found[0]) if found[0] == found[1] else f"[{found[0]},{found[1]}]"
        return f"take space.input_channels=1 space.resolution={side}"
    if len(found) == len(shape) == 1:
        more = found[0] > shape[0]
        return (
            f"{'leave out' if more else 'add'} {abs(found[0] - shape[0])} of them, or change the "
            f"space's inputs to ({found[0]},)"
        )
    if prod(found) == prod(shape):
        return f"reshape them to (examples, {', '.join(map(str, shape))})"
    return f"change the space's inputs to {found}, or the data"


def tokens(inputs: Tensor, vocabulary: int, what: str) -> Tensor:
    """Inputs as tokens from 0 to vocabulary - 1; UsageError for others."""
    if inputs.is_floating_point():
        if not bool((inputs == inputs.round()).all()):
            raise UsageError(
                f"{what} are {inputs.dtype}, and the space takes whole numbers, tokens"
            )
        inputs = inputs.long()
    least, most = int(inputs.min()), int(inputs.max())
    if least < 0:
        raise UsageError(f"{what} have the token {least}: tokens are numbers from 0 on")
    if most >= vocabulary:
        raise UsageError(
            f"{what} have the token {most}, and the space's vocabulary has {vocabulary:,}: take "
            f"space.vocabulary={most + 1}"
        )
    return inputs.long()


def scaled(inputs: Tensor, scaling: Scaling, what: str) -> Tensor:
    """Float32 inputs, scaled.

    `none` leaves numbers as they are; `unit` divides whole numbers from 0 to 255 by 255;
    `standard` gives every column or channel, dimension 1, mean 0 and standard deviation 1 over
    the batch (a constant one becomes 0). `auto` is what `batch=images` does for uint8 images of
    one or three channels, `unit` for uint8 images of others, and else `none`.
    """
    image = inputs.dtype == torch.uint8 and inputs.ndim == 4
    if scaling == "auto" and image and inputs.shape[1] in (1, 3):
        from nas.data.images import scaled as as_images

        return as_images(inputs, "auto")
    if scaling == "unit" or (scaling == "auto" and image):
        if inputs.is_floating_point() or int(inputs.min()) < 0 or int(inputs.max()) > 255:
            raise UsageError(
                f"batch.scaling=unit is for whole numbers from 0 to 255, and {what} are "
                f"{inputs.dtype} from {inputs.min().item():g} to {inputs.max().item():g}"
            )
        return (inputs.double() / 255).float()
    if scaling != "standard":
        return inputs.float()
    values = inputs.double()
    over = [place for place in range(values.ndim) if place != 1]
    std, mean = torch.std_mean(values, dim=over, correction=0, keepdim=True)
    return ((values - mean) / std.where(std > 0, 1.0)).float()
