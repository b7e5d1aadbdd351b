"""Which proxies agree among themselves, as an order that has similar ones side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

Rhos = Sequence[Sequence[float | None]]


def links(table: Rhos) -> NDArray[np.float64]:
    """The tree of at least two proxies: average linkage over 1 - |rho|; unknown rhos count as 0.

    `table` has rho between every two proxies; the result is that of `scipy`'s `linkage`.
    """
    rhos = np.array([[np.nan if rho is None else rho for rho in row] for row in table], float)
    distance = 1 - np.abs(np.nan_to_num(rhos))
    np.fill_diagonal(distance, 0.0)
    found: NDArray[np.float64] = linkage(
        squareform((distance + distance.T) / 2, checks=False), "average"
    )
    return found


def alike(table: Rhos) -> list[int]:
    """The places of the proxies in an order that has similar ones side by side."""
    if len(table) < 3:
        return list(range(len(table)))
    return [int(place) for place in leaves_list(links(table))]
