"""What a chart needs of many values: a range that shows them, counts, and a part of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

DRAWN = 2000
"""So many points of a cloud are drawn at most."""
FAR = 3.0
"""Values beyond so many times the range of the middle 90 % squash the others."""
WIDE = 30.0
"""An axis of positive values is logarithmic where the highest is so many times the lowest."""


def span(
    values: Sequence[float], *, low: bool = True, high: bool = True
) -> tuple[float, float] | None:
    """The ends of an axis that a few far values would stretch; None where none does.

    `low`, `high`: whether the values at that end may be cut off.
    """
    import numpy as np

    there = np.asarray(values, float)
    there = there[np.isfinite(there)]
    if len(there) < 20:
        return None
    least, first, last, most = (float(each) for each in np.quantile(there, (0, 0.05, 0.95, 1)))
    room = last - first or (most - least)
    begin = first - room / 4 if low and least < first - FAR * room else least
    end = last + room / 4 if high and most > last + FAR * room else most
    if (begin, end) == (least, most):
        return None
    edge = 0.02 * (end - begin)
    return begin - edge, end + edge


def outside(values: Sequence[float], ends: tuple[float, float] | None) -> int:
    """How many values are not between the ends."""
    return 0 if ends is None else sum(not ends[0] <= value <= ends[1] for value in values)


def kind(values: Sequence[float]) -> Literal["linear", "log"]:
    """Logarithmic for positive values of very different sizes."""
    there = [value for value in values if value == value]
    if not there or min(there) <= 0:
        return "linear"
    return "log" if max(there) > WIDE * min(there) else "linear"


def thinned(places: Sequence[int], kept: Sequence[int], count: int = DRAWN) -> list[int]:
    """A part of some places, evenly, and all that are to be kept."""
    step = max(1, -(-len(places) // count))
    return sorted({*places[::step], *kept})


def histogram(values: Sequence[float]) -> dict[str, list[Any]]:
    """The number of values in equal steps: columns from, to, architectures.

    The first and the last step have what lies beyond, too, where a few values are far from all
    others.
    """
    import numpy as np

    there = np.asarray(values, float)
    there = there[np.isfinite(there)]
    ends = span([*there])
    clipped = there if ends is None else np.clip(there, *ends)
    bins = int(min(60, max(5, np.sqrt(len(there)))))
    counts, edges = np.histogram(clipped, bins=bins)
    return {
        "from": edges[:-1].tolist(),
        "to": edges[1:].tolist(),
        "architectures": counts.tolist(),
    }


def undominated(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """The places of the points that no other beats: a lower cost, a higher value.

    From the lowest cost up; of equal points the first. What is NaN is left out.
    """
    there = [place for place in range(len(costs)) if costs[place] == costs[place]]
    order = sorted(there, key=lambda place: (costs[place], -values[place], place))
    found: list[int] = []
    for place in order:
        if not found or values[place] > values[found[-1]]:
            found.append(place)
    return found
