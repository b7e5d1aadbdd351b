"""What a surrogate sees of an architecture: its decisions, its counts, scores of proxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas.arch import Arch, ArchSet
from nas.surrogates.forest import Array

Kind = Literal["onehot", "ordinal"]


@dataclass(frozen=True)
class Encoding:
    """Architectures of a space as numbers, one row each.

    `ordinal`: the place of the option, one column a decision. `onehot`: a column of zeros and ones
    for every option of a decision, but one column for a decision with two options. A decision
    with a single option has no column.
    """

    space: ArchSet
    kind: Kind = "onehot"

    def __call__(self, archs: Sequence[Arch]) -> Array:
        """The numbers (architectures, columns) of architectures of the space."""
        places = np.array(archs, np.int64).reshape(len(archs), len(self.space.choices))
        if self.kind == "ordinal":
            return places[:, [count > 1 for count in self.space.choices]].astype(np.float64)
        columns = [
            places[:, decision] == option
            for decision, count in enumerate(self.space.choices)
            for option in range(1 if count <= 2 else 0, count)
        ]
        return (
            np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((len(archs), 0))
        )
