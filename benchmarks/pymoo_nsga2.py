"""The NSGA-II of pymoo (Blank & Deb 2020) on a table, to compare ours with; it needs pymoo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nas import Arch, Space

POPULATION = 64


def asked(
    space: Space, figures: Mapping[Arch, Mapping[str, float]], seed: int, budget: int
) -> list[Arch]:
    """The first architectures that it asks for: whole generations, uniform crossover.

    A child's decision is drawn anew with probability 1 / decisions. Duplicates in the population
    are left out, as pymoo does.
    """
    # pymoo is no dependency: only who compares installs it, so mypy does not find it
    from pymoo.algorithms.moo.nsga2 import NSGA2  # type: ignore[import-not-found]
    from pymoo.core.mutation import Mutation  # type: ignore[import-not-found]
    from pymoo.core.problem import Problem  # type: ignore[import-not-found]
    from pymoo.operators.crossover.ux import UniformCrossover  # type: ignore[import-not-found]
    from pymoo.operators.sampling.rnd import (  # type: ignore[import-not-found]
        IntegerRandomSampling,
    )
    from pymoo.optimize import minimize  # type: ignore[import-not-found]

    found: list[Arch] = []
    choices = np.array(space.choices)
    count = len(next(iter(figures.values())))

    class Look(Problem):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(
                n_var=len(choices), n_obj=count, xl=0 * choices, xu=choices - 1, vtype=int
            )

        def _evaluate(self, rows: Any, out: Any, *_: Any, **__: Any) -> None:
            archs = [tuple(map(int, row)) for row in rows]
            found.extend(archs)
            out["F"] = -np.array([[*figures[arch].values()] for arch in archs])

    class Redraw(Mutation):  # type: ignore[misc]
        def _do(self, problem: Any, rows: Any, *_: Any, random_state: Any, **__: Any) -> Any:
            drawn = random_state.integers(choices, size=rows.shape)
            return np.where(random_state.random(rows.shape) < 1 / len(choices), drawn, rows)

    algorithm = NSGA2(
        POPULATION,
        sampling=IntegerRandomSampling(),
        crossover=UniformCrossover(prob=0.9),
        mutation=Redraw(),
        eliminate_duplicates=True,
    )
    minimize(Look(), algorithm, ("n_eval", budget), seed=seed)
    return found[:budget]
