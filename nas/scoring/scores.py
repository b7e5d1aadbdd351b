"""What a person types to score: architectures of a space, or a module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, overload

from torch import nn

from nas.arch import Arch
from nas.batch import Batch
from nas.scoring.attempt import described
from nas.scoring.given import Proxies, objective_of, with_surrogate
from nas.scoring.modules import DEFAULT, Figures, Inputs, Labels, Module, score_module
from nas.scoring.table import Evaluations, Scores
from nas.space import Space
from nas.trial import Evaluation


@overload
def score(
    space: Space | str,
    archs: Iterable[object],
    proxy: Proxies = "epsilon",
    *,
    batch: Batch | str | None = None,
    seed: int = 0,
    live: bool = True,
    surrogate: str | Path | None = None,
) -> list[Evaluation]: ...


@overload
def score(
    module: Module,
    inputs: Inputs,
    labels: Labels | None = None,
    proxies: Figures = DEFAULT,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> Scores: ...


def score(*args: Any, **options: Any) -> list[Evaluation] | Scores:
    """The figures of architectures of a space, or of a module.

    `score(space, archs, proxy)`: of architectures, which are given as tuples or in the space's
    notation. The other arguments are those of `search`. If an architecture fails, its score is NaN
    and the evaluation says the reason. Raises UsageError for what is not in the space.

    `score(module, inputs, labels, proxies)`: of an `nn.Module` or a function that makes it, as a
    table with a row for each proxy (`nas.scoring.modules.score_module`).

    >>> from nas import score
    >>> from torch import nn
    >>> [score("nasbench201", ["1,1,1,1,1,1"], "params")[0].score]
    [73306.0]
    >>> score(nn.Linear(20, 5), (20,), proxies="params")["params"].value
    105
    """
    first = args[0] if args else None
    given = isinstance(first, nn.Module) or (callable(first) and not isinstance(first, type))
    if given or "module" in options or (isinstance(first, type) and issubclass(first, nn.Module)):
        return score_module(*args, **options)
    return score_archs(*args, **options)


def score_archs(
    space: Space | str,
    archs: Iterable[object],
    proxy: Proxies = "epsilon",
    *,
    batch: Batch | str | None = None,
    seed: int = 0,
    live: bool = True,
    surrogate: str | Path | None = None,
) -> list[Evaluation]:
    """The figures of architectures of a space; see `score`."""
    objective = objective_of(space, with_surrogate(proxy, surrogate), batch, seed, live)
    given = read(objective.space, archs)
    names = [described(objective.space, arch) for arch in given]
    return Evaluations(names, (objective.evaluate(arch) for arch in given))


def read(space: Space, archs: Iterable[object]) -> list[Arch]:
    """Architectures of the space; raises UsageError for others."""
    given = [archs] if isinstance(archs, str | Mapping) else archs
    return [space.read(arch) for arch in given]
