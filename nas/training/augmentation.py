"""Images shifted and mirrored at random: the standard augmentation of small natural images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.errors import UsageError

SHIFT = 8
"""Images are shifted by up to an eighth of their height and width: 4 of 32 pixels."""


def augmented(images: Tensor, draws: torch.Generator) -> Tensor:
    """Images (n, channels, height, width), each shifted and with probability .5 mirrored.

    The edge is filled with zeros, which is the mean colour of scaled images. He et al. 2016,
    section 4.2 (arXiv:1512.03385): 4 pixels of 32. Raises UsageError for inputs of another shape.
    """
    if images.ndim != 4:
        raise UsageError(
            f"augment=true is for images, and an example has the shape {tuple(images.shape[1:])}: "
            f"give augment=false"
        )
    count, _, height, width = images.shape
    most = height // SHIFT, width // SHIFT
    rows, columns = (
        torch.randint(2 * far + 1, (count, 1), generator=draws) + torch.arange(size)
        for far, size in zip(most, (height, width), strict=True)
    )
    mirrored = torch.rand(count, 1, generator=draws) < 0.5
    columns = torch.where(mirrored, columns.flip(1), columns)
    padded = F.pad(images, (most[1], most[1], most[0], most[0]))
    which = torch.arange(count)[:, None, None]
    device = images.device
    taken = padded.permute(0, 2, 3, 1)[
        which.to(device), rows[:, :, None].to(device), columns[:, None, :].to(device)
    ]
    return taken.permute(0, 3, 1, 2).contiguous()
