"""Where tensors are cut, so that the pieces of several tensors lie side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def ends(*tensors: Sequence[int]) -> list[int]:
    """The channels at which a segment of any tensor ends, in increasing order.

    A tensor is given by its segments' numbers of channels.

    >>> ends([2, 3], [1, 4])
    [1, 2, 5]
    """
    return sorted({end for counts in tensors for end in accumulate(counts)})


def pieces(counts: Sequence[int], bounds: Sequence[int]) -> list[tuple[int, int]]:
    """Segments cut at `bounds`, as pieces: (index of the segment, number of channels).

    A segment is given by its number of channels. `bounds` increase and contain the end of every
    segment.

    >>> pieces([2, 3], [1, 2, 5])
    [(0, 1), (0, 1), (1, 3)]
    """
    last = list(accumulate(counts))
    found = []
    start = place = 0
    for end in bounds:
        while last[place] <= start:
            place += 1
        found.append((place, end - start))
        start = end
    return found
