"""The scores of a module that a person has: no space is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from time import perf_counter
from typing import Any

import numpy as np
from torch import Tensor, nn, no_grad

from nas.batch import Batch
from nas.candidate import Candidate
from nas.data.synthetic import suitable
from nas.errors import UsageError
from nas.metric import METRICS, Measured, Metric
from nas.one_module import ARCH, OneModule
from nas.proxy import PROXIES, NoScore, Proxy
from nas.registry.configs import combination
from nas.scoring.given import One, Proxies, built, is_function, named, whole
from nas.scoring.objective import ProxyObjective
from nas.scoring.table import Row, Scores
from nas.seeding import generator

Module = nn.Module | Callable[[], nn.Module]
"""A module, or a function without arguments that makes one, such as its class."""
Inputs = Tensor | np.ndarray[Any, Any] | Batch | Sequence[int]
"""Inputs (batch, …), a batch, or the shape of one example."""
Labels = Tensor | np.ndarray[Any, Any] | Sequence[int]
"""Whole numbers (batch,) from 0."""

Figures = Proxies | Metric | Sequence[One | Metric] | Mapping[str, One | Metric]
"""Proxies and metrics, alone or several."""

DEFAULT: Figures = ("epsilon", "naswot", "params", "flops", "latency")
SIZE = 64
"""How many inputs are made of a shape."""


def score_module(
    module: Module,
    inputs: Inputs,
    labels: Labels | None = None,
    proxies: Figures = DEFAULT,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> Scores:
    """The scores of a module by proxies and metrics, each with its seconds or why there is none.

    `module`: a function that makes it is called for new weights under the seed; a module itself is
    copied, and its parts that have `reset_parameters` draw their weights again. `inputs`: numbers
    (batch, …), or the shape of one example, for which 64 random inputs are made; whole numbers are
    tokens, but float32 where the module runs only with these. `labels`: whole
    numbers (batch,); without them a proxy that needs some gets random ones, and a note says so.
    `proxies`: names, objects or functions (candidate, batch) -> float; names of metrics, too; the
    name of a combination stands for its parts; "all" for all proxies that need no options.

    >>> from torch import nn
    >>> make = lambda: nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 5))
    >>> scores = score_module(make, (20,), proxies=["params", "nasgraph"])
    >>> scores["params"].value, scores["nasgraph"].reason
    (421, 'nasgraph works from layers, and <lambda> gives modules only')
    """
    if not isinstance(module, nn.Module) and (isinstance(module, str) or not callable(module)):
        raise UsageError(
            f"{module!r:.80} must be an nn.Module, or a function without arguments that makes one"
        )
    seed = whole("seed", seed, 0)
    batch = suited(module, batch_of(inputs, labels, seed))
    space = OneModule(module, batch.inputs[:2])
    asked = {name: _built(each) for name, each in chosen(proxies).items()}
    objective = ProxyObjective(space, {}, batch.to(device), seed, device, measures={})
    return scores_of(objective, asked)


def scores_of(objective: ProxyObjective, asked: Mapping[str, Proxy | Metric]) -> Scores:
    """The table of the one module of an objective's space; its own proxies do not count."""
    space = objective.space
    rows = {name: _row(objective, name, each) for name, each in asked.items()}
    return Scores(space.format(ARCH), tuple(objective.batch.inputs.shape[1:]), rows)


def _row(objective: ProxyObjective, name: str, asked: Proxy | Metric) -> Row:
    if isinstance(asked, Proxy):
        [found] = replace(objective, proxies={name: asked}).each((ARCH, [name]))
        return Row(found.score, found.seconds, found.reason, found.failed, found.note)
    start = perf_counter()
    figures = replace(objective, measures={name: asked}).metrics(ARCH)
    value = figures[name]
    seconds = perf_counter() - start
    if not isnan(value):
        notes = []
        if isinstance(value, Measured):
            notes = [*(f"{key} {each:.3g}" for key, each in value.more.items()), value.note]
        return Row(value, seconds, note="; ".join(filter(None, notes)), unit=asked.unit)
    why = value if isinstance(value, NoScore) else NoScore("the metric gives NaN")
    return Row(value, seconds, why.reason, why.failed, unit=asked.unit)


def chosen(proxies: object) -> dict[str, One | Metric]:
    """The proxies and metrics by name, with the parts of combinations instead of these.

    Raises UsageError if there is none.
    """
    single = isinstance(proxies, str | Proxy | Metric) or is_function(proxies)
    found: dict[str, One | Metric] = {}
    for name, each in named([proxies] if single else proxies).items():
        for part in _parts(each):
            found[part if isinstance(each, str) and part != each else name] = part
    if not found:
        raise UsageError("proxies= must have a proxy, its name, or several of them")
    return found


def _parts(asked: One | Metric) -> Sequence[Any]:
    """What a name stands for: all proxies, the parts of a combination, or itself."""
    if not isinstance(asked, str) or asked in METRICS or asked in PROXIES:
        return [asked]
    if asked == "all":
        return every()
    return combination(PROXIES.kind, asked) or [asked]


def every() -> list[str]:
    """The names of all proxies that look at the network and can be made without options."""
    looking = [name for name in PROXIES if not PROXIES[name].from_file]
    return [name for name in looking if "???" not in PROXIES.defaults(name).values()]


def _built(asked: One | Metric) -> Proxy | Metric:
    if isinstance(asked, Metric):
        return asked
    return METRICS.build(asked) if isinstance(asked, str) and asked in METRICS else built(asked)


def batch_of(inputs: object, labels: object = None, seed: int = 0) -> Batch:
    """A batch of inputs and labels in any form; raises UsageError for what is none.

    Real numbers become float32, as weights are; whole numbers become int64.
    """
    if isinstance(inputs, Batch):
        if labels is not None:
            raise UsageError("labels= is for inputs that are no Batch: give Batch(inputs, labels)")
        return inputs
    given = inputs if isinstance(inputs, Tensor | np.ndarray) else _drawn(inputs, seed).inputs
    batch = Batch(given, labels, seed)  # type: ignore[arg-type]  # which checks them
    if batch.inputs.ndim < 2 or not batch.inputs.numel():
        raise UsageError(
            f"inputs of shape {tuple(batch.inputs.shape)} are no batch: they must be (batch, …)"
        )
    real = batch.inputs.is_floating_point()
    return replace(batch, inputs=batch.inputs.float()) if real else batch


def suited(module: Module, batch: Batch) -> Batch:
    """The batch, with whole numbers as float32 where the module runs only with these.

    Whole numbers may be tokens of an embedding, or measurements.
    """
    if batch.inputs.is_floating_point():
        return batch
    real = replace(batch, inputs=batch.inputs.float())
    return real if not _runs(module, batch.inputs) and _runs(module, real.inputs) else batch


def _runs(module: Module, inputs: Tensor) -> bool:
    """Whether a pass in evaluation mode succeeds."""
    few = inputs[:2]
    try:
        with no_grad():
            Candidate.of(module, few).model().eval()(few.cpu())
    except Exception:  # of whatever the module does
        return False
    return True


def _drawn(shape: object, seed: int) -> Batch:
    sizes = list(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else []
    if not sizes or not all(type(size) is int and size > 0 for size in sizes):
        raise UsageError(
            f"inputs={shape!r:.80} must be a tensor, an array, a Batch, or the shape of one "
            f"example, such as (3, 32, 32)"
        )
    return suitable(tuple(sizes), None, SIZE, generator("batch", seed))
