"""Fits a surrogate to columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas.arch import Arch
from nas.errors import UsageError
from nas.metric import METRICS
from nas.seeding import numpy_generator
from nas.space import Space
from nas.surrogates.features import COUNTS, KINDS, Encoding, Features, filled, kinds_of
from nas.surrogates.forest import Array
from nas.surrogates.model import FEWEST, Ensemble
from nas.surrogates.quality import check_rows, quality
from nas.surrogates.saved import fingerprint
from nas.surrogates.surrogate import Range, Surrogate, Target

if TYPE_CHECKING:
    from nas.data.lookup import Column
    from nas.scoring.executors import Executor

FEW = 1000
"""With fewer rows than this the counts of the networks are among the features by default: with
more they add little, and to build a network takes longer than a thousand predictions."""


@dataclass(frozen=True)
class Fit:
    """How a surrogate is fitted, and how its quality is found."""

    encoding: Literal["auto", "onehot", "ordinal", "layers"] = "auto"
    """auto: the one with the smaller error in cross-validation."""
    splits: int = 5
    """Random splits that tell the quality; 0: it is not told."""
    held_out: float = 0.1
    """The share of rows that every split keeps apart."""
    curve: bool = True
    """Whether the quality is told for fewer rows, too."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError for options that cannot be."""
        if self.encoding not in ("auto", *KINDS):
            raise UsageError(
                f"encoding={self.encoding} must be auto, {', '.join(KINDS[:-1])} or {KINDS[-1]}"
            )
        if not 0 < self.held_out < 1:
            raise UsageError(f"held_out={self.held_out} must be a share between 0 and 1")


@dataclass(frozen=True)
class Rows:
    """Architectures of a space with figures of several columns, and what models see of them."""

    space: Space
    archs: list[Arch]
    columns: dict[str, Array]
    """The figures (architectures,) as in the table; NaN where there is none."""
    signs: dict[str, int]
    """-1 for a column of which lower is better."""
    proxies: tuple[str, ...]
    scores: Array
    """(architectures, proxies)."""
    source: dict[str, Any]
    """What they are of, as plain values."""

    @classmethod
    def of(
        cls,
        space: Space,
        columns: Sequence[Column],
        proxies: Sequence[str] | None = None,
        rows: int | None = None,
        seed: int = 0,
        executor: Executor = map,
    ) -> Rows:
        """The rows of columns of a table, or so many random `rows` that have all figures.

        `proxies`: None means the `COUNTS` for fewer than `FEW` rows. Raises UsageError for a table
        of another space, without the column, or with too few figures.
        """
        fingerprint(space)  # may hold what no surrogate could know again
        found = [column.figures(space) for column in columns]
        names = [each.column for each in found]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UsageError(f"target={twice[0]} is there twice")
        full = [arch for arch in found[0].values if all(f.values[arch] is not None for f in found)]
        archs = _drawn(full, rows, seed, names) if rows is not None else [*found[0].values]
        values = {
            each.column: np.array(
                [np.nan if (v := each.values[arch]) is None else each.own(v) for arch in archs]
            )
            for each in found
        }
        _check(values, found[0].table)
        chosen = tuple(COUNTS if len(archs) < FEW else ()) if proxies is None else tuple(proxies)
        scores = Features(space, proxies=chosen).scores(archs, executor)
        source: dict[str, Any] = {
            "table": found[0].table,
            "sha256": columns[0].sha256,
            "rows": len(archs),
        }
        source["notes"] = [*dict.fromkeys(note for each in found for note in each.notes)]
        source["notes"] += [*_unscored(chosen, scores), *_unclear(names)]
        signs = {each.column: -1 if each.target.startswith("-") else 1 for each in found}
        return cls(space, archs, values, signs, chosen, scores, source)

    def range(self, column: str) -> Range:
        """What the architectures with a figure of the column are like.

        Raises UsageError if none of them has a score of a proxy.
        """
        known = np.isfinite(self.columns[column])
        return Range.of(self._with(known), self.scores[known])

    def _with(self, known: NDArray[np.bool_]) -> list[Arch]:
        return [arch for arch, there in zip(self.archs, known, strict=True) if there]

    def check(self, how: Fit) -> None:
        """Raise UsageError for what `fitted` would find wrong after a time."""
        if how.encoding != "auto":
            Encoding(self.space, how.encoding)(self.archs[:1])  # may lack formulas of the layers
        for name, values in self.columns.items():
            known = int(np.isfinite(values).sum())
            check_rows(known, how.splits, how.held_out, f" with {name}")
            self.range(name)  # may lack all scores of a proxy

    def fitted(self, column: str, how: Fit) -> Target:
        """The model of a column, with its quality."""
        known = np.isfinite(self.columns[column])
        values = self.columns[column][known]
        kinds = kinds_of(self.space) if how.encoding == "auto" else (how.encoding,)
        archs, inside = self._with(known), self.range(column)
        scores = filled(self.scores[known], inside.low)
        seen = {
            kind: np.concatenate([Encoding(self.space, kind)(archs), scores], axis=1)
            for kind in kinds
        }
        models = {kind: Ensemble.fit(seen[kind], values, how.seed) for kind in kinds}
        best = min(kinds, key=lambda kind: float(((models[kind].unseen - values) ** 2).sum()))
        told = quality(seen[best], values, how.splits, how.held_out, how.curve, how.seed)
        sign, model = self.signs[column], models[best]
        return Target(sign, best, model, inside, frozenset(archs), told)

    def surrogate(self, targets: dict[str, Target]) -> Surrogate:
        """The surrogate of fitted targets."""
        return Surrogate(self.space, self.proxies, targets, self.source)


def _drawn(full: list[Arch], rows: int, seed: int, names: Sequence[str]) -> list[Arch]:
    if rows > len(full):
        raise UsageError(
            f"rows={rows} is more than the {len(full):,} rows with {' and '.join(names)}"
        )
    return [full[place] for place in numpy_generator("rows", seed).permutation(len(full))[:rows]]


def _unscored(proxies: Sequence[str], scores: Array) -> list[str]:
    """Notes that count the architectures without a score of a proxy."""
    lost = (~np.isfinite(scores)).sum(axis=0).tolist()
    return [
        f"{count:,} of {len(scores):,} architectures have no score by {name}, and count as the "
        f"lowest that there is"
        for name, count in zip(proxies, lost, strict=True)
        if count
    ]


def _unclear(names: Sequence[str]) -> list[str]:
    """Notes of columns with a name that means something else in a search."""
    known = {**dict.fromkeys(METRICS, "of a metric"), "score": "of every search's score"}
    return [
        f"{name} is also the name {known[name]}: an objective cannot ask for the column, only "
        f"proxy.target={name} can; nas convert gives it another name"
        for name in names
        if name in known
    ]


def _check(columns: dict[str, Array], table: str) -> None:
    """Raise UsageError for a column with too few figures, or with a single value."""
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        if len(known) < FEWEST:
            raise UsageError(
                f"the table {table} has {name} for {len(known)} architectures, which are too few "
                f"for a surrogate: {FEWEST} or more do"
            )
        if known.min() == known.max():
            raise UsageError(f"{name} of the table {table} is {known[0]:g} in every row")


def fit(
    space: Space | str,
    table: str | Path | Column,
    target: str | Sequence[str] | None = None,
    *,
    proxies: Sequence[str] | None = None,
    rows: int | None = None,
    encoding: Literal["auto", "onehot", "ordinal", "layers"] = "auto",
    splits: int = 5,
    held_out: float = 0.1,
    curve: bool = False,
    seed: int = 0,
    duplicates: Literal["error", "mean"] = "mean",
    foreign: Literal["error", "drop"] = "error",
    executor: Executor | None = None,
) -> Surrogate:
    """A surrogate of columns of a table, for all architectures of the space.

    `table` is a name or a file as of `nas.search`, `target` a column, `-column` if lower is
    better, or several. `proxies` are scores that the models see; None: params, flops and depth for
    fewer than 1,000 rows. `rows`: so many random rows instead of all. The quality is told over
    `splits` random splits that keep a share `held_out` apart. An executor like `map` scores the
    proxies. `duplicates`, `foreign`: what becomes of rows that are there twice, or not in the
    space. Raises UsageError for a table of another space, without the column, or too small.
    """
    from nas.scoring.given import column_of, space_of, whole

    there = space_of(space)
    names = [target] if target is None or isinstance(target, str) else [*target]
    known = [column_of(table, each) for each in names]
    columns = [replace(each, duplicates=duplicates, foreign=foreign) for each in known if each]
    if not columns:
        raise UsageError("fit needs a table and a target: table=NAME or a file, target=COLUMN")
    how = Fit(encoding, whole("splits", splits, 0), held_out, curve, whole("seed", seed, 0))
    count = None if rows is None else whole("rows", rows, FEWEST)
    made = Rows.of(there, columns, proxies, count, seed, map if executor is None else executor)
    made.check(how)
    return made.surrogate({name: made.fitted(name, how) for name in made.columns})
