"""A small table of a space, and surrogates that are fitted to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import polars

from nas import Space, fit
from nas.surrogates import Surrogate
from tests.support.small import small
from tests.support.tables import written

SPACE = small("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(80)))[:60]
ACC = [sum(arch) + 3.0 * arch[0] * arch[2] for arch in ARCHS]
LAT = [20.0 - 2 * arch[1] for arch in ARCHS]


def rows(path: Path, space: Space = SPACE) -> Path:
    """A file with sixty cells: `acc` and `lat` follow from the decisions, `gaps` has holes."""
    gaps = [None if place % 4 else each for place, each in enumerate(ACC)]
    names = [space.format(arch) for arch in ARCHS]
    frame = {"arch": names, "acc": ACC, "lat": LAT, "gaps": gaps, "none": [None] * 60}
    return written(path, polars.DataFrame({**frame, "same": [1.5] * 60}, strict=False))


@cache
def fitted(folder: Path) -> Surrogate:
    """A surrogate of both columns; its file of figures is in the folder."""
    return fit(SPACE, rows(folder / "rows.csv"), ["acc", "-lat"], proxies=["params"], splits=0)
