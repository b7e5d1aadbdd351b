"""What a surrogate sees of an architecture: its decisions, its counts, scores of proxies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from nas.arch import Arch
from nas.errors import UsageError
from nas.space import Space
from nas.surrogates.forest import Array

if TYPE_CHECKING:
    from nas.scoring.executors import Executor
    from nas.scoring.objective import ProxyObjective

Kind = Literal["onehot", "ordinal", "layers"]
KINDS: tuple[Kind, ...] = ("onehot", "ordinal", "layers")


@dataclass(frozen=True)
class Encoding:
    """Architectures of a space as numbers, one row each.

    `ordinal`: the place of the option, one column a decision. `onehot`: a column of zeros and ones
    for every option of a decision, but one column for a decision with two options. `layers`: as
    ordinal, and what the space's formulas say of the layers (`Space.layer_features`). A decision
    with a single option has no column.
    """

    space: Space
    kind: Kind = "onehot"

    def __call__(self, archs: Sequence[Arch]) -> Array:
        """The numbers (architectures, columns) of architectures of the space.

        Raises UsageError for `layers` where the space has no formulas.
        """
        places = np.array(archs, np.int64).reshape(len(archs), len(self.space.choices))
        if self.kind != "onehot":
            own = places[:, [count > 1 for count in self.space.choices]].astype(np.float64)
            return own if self.kind == "ordinal" else np.concatenate([own, self._layers(archs)], 1)
        columns = [
            places[:, decision] == option
            for decision, count in enumerate(self.space.choices)
            for option in range(1 if count <= 2 else 0, count)
        ]
        return (
            np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((len(archs), 0))
        )

    def _layers(self, archs: Sequence[Arch]) -> Array:
        """What formulas say of the layers."""
        found = self.space.layer_features(archs)
        if found is None:
            raise UsageError(
                f"encoding=layers needs formulas of layers, and {self.space.title} has none: take "
                f"onehot or ordinal"
            )
        return found


def kinds_of(space: Space) -> tuple[Kind, ...]:
    """The encodings that there are of a space."""
    return KINDS if space.layer_features([]) is not None else KINDS[:2]


COUNTS = ("params", "flops", "depth")
"""The proxies that count what a network has; they train nothing and draw nothing."""


@dataclass(frozen=True)
class Features:
    """What a surrogate sees of the architectures of a space, one row each.

    The columns are those of the encoding, and the score of each of the `proxies`, which have their
    default options, the space's natural batch and the seed 0.
    """

    space: Space
    kind: Kind = "onehot"
    proxies: tuple[str, ...] = ()

    @property
    def encoding(self) -> Encoding:
        """The encoding of the decisions."""
        return Encoding(self.space, self.kind)

    def scores(self, archs: Sequence[Arch], executor: Executor = map) -> Array:
        """The scores (architectures, proxies); NaN for a missing one.

        Raises UsageError for a proxy that is not there, or has nothing for the space.
        """
        if not self.proxies:
            return np.empty((len(archs), 0))
        found = [*executor(partial(_scores, self._objective), archs)]
        return np.array(found, np.float64).reshape(len(archs), len(self.proxies))

    @cached_property
    def _objective(self) -> ProxyObjective:
        from nas.proxy import PROXIES
        from nas.scoring.given import batch_of
        from nas.scoring.objective import ProxyObjective

        proxies = {name: PROXIES.build(name) for name in self.proxies}
        return ProxyObjective(self.space, proxies, batch_of(self.space, None), measures={})


def _scores(objective: ProxyObjective, arch: Arch) -> list[float]:
    return [*objective.evaluate(arch).scores.values()]


def filled(scores: Array, lowest: Array) -> Array:
    """Scores (rows, proxies) with the lowest of every proxy in place of missing ones."""
    found: Array = np.where(np.isfinite(scores), scores, lowest)
    return found
