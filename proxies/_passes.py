"""Passes through a network that several proxies of one candidate share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from time import perf_counter
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from nas import Candidate, Proxy, Space
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._gradients import Precision, gradients, in_precision, layers, mean_loss
from proxies._inputs import drawn_or_batch
from proxies._models import lent

Needs = Literal["weights", "inputs"]
"""What has gradients: the weights of convolutions and linear layers, or the inputs."""


@dataclass(frozen=True)
class Pass:
    """A pass with weights drawn from the candidate's seed; equal ones give the same numbers."""

    init: Init = "default"
    input: Literal["batch", "gaussian"] = "batch"
    examples: tuple[int, int] | None = None
    """The first example of the batch and the one after the last; all without."""
    dtype: Precision = "float32"
    by_block: bool = False
    """Whether what a main block needs for its gradient is let go after the block."""


@dataclass(frozen=True)
class Look(ABC):
    """What a proxy wants to know from a pass; equal looks find the same.

    It watches the pass forward, and its `result` is asked for after the passes back. It must not
    change the model, the inputs or what flows between layers, for other looks share them.
    """

    on: Pass
    proxy: str = field(compare=False)
    """Who looks, for what errors say."""
    backward: ClassVar[Literal["", "sum", "loss"]] = ""
    """What is differentiated: the sum of the outputs, or the mean cross entropy."""
    needs: ClassVar[frozenset[Needs]] = frozenset()
    """What it is differentiated by."""
    graph: ClassVar[bool] = False
    """Whether the pass records what a gradient needs, even if nothing is differentiated."""

    def watch(self, run: Run) -> AbstractContextManager[Any]:
        """Is entered for the pass forward; what it gives is handed to `result`."""
        return nullcontext()

    @abstractmethod
    def result(self, run: Run, found: Any) -> Any:
        """What it found, without a graph and without tensors of the model, which is lent again.

        It is kept until all who look have taken it.
        """


class Looking(Proxy):
    """A proxy whose looks may share passes with those of other proxies."""

    @abstractmethod
    def looks(self, batch: Batch) -> Sequence[Look]:
        """All that `score` may ask for by `seen`."""


@dataclass
class Run:
    """One pass forward, and what is differentiated after it, for several looks."""

    candidate: Candidate
    model: nn.Module
    inputs: Tensor
    batch: Batch
    examples: slice
    leaves: list[Tensor] = field(default_factory=list)
    """What gradients end at; a look that begins a graph of its own adds to it."""
    weights: list[Tensor] = field(default_factory=list)
    """If weights have gradients, that of each layer; a pass may give a layer another tensor."""
    outputs: Tensor = field(init=False)
    differentiated: list[str] = field(default_factory=list)
    """What was differentiated; the last one may be at work."""
    slopes: dict[tuple[str, int], Tensor] = field(default_factory=dict)

    def slope(self, value: str, by: Tensor) -> Tensor:
        """The gradient of "sum" or "loss" by one of the leaves."""
        return self.slopes[value, id(by)]

    def differentiate(self, value: str, by: Sequence[Tensor], keep: bool) -> None:
        """Compute gradients; hooks that looks have set see those of their `backward`."""
        with torch.enable_grad():
            if value == "loss":
                end = mean_loss(self.outputs, self.batch, self.examples)
            else:
                end = self.outputs.sum()
        self.differentiated.append(value)
        try:
            slopes = gradients(end, by, keep=keep)
        except Exception:  # of the author's module: what hooks have seen is only a part
            self.differentiated.pop()
            raise
        for leaf, slope in zip(by, slopes, strict=True):
            self.slopes[value, id(leaf)] = slope

    def let_go(self) -> None:
        """Drop the graph: its hooks know this run, and no garbage collector sees them."""
        self.leaves.clear()
        self.weights.clear()
        self.slopes.clear()
        self.__dict__.pop("outputs", None)


def seen(candidate: Candidate, batch: Batch, look: Look) -> Any:
    """What a look finds; other proxies that score the candidate look at the same pass.

    They are the candidate's company. A pass that fails in company is tried again for this look
    alone, so that its errors are its own.
    """
    known = candidate.memo.get("seen")
    if known is None or known.inputs is not batch.inputs or known.labels is not batch.labels:
        known = candidate.memo["seen"] = _Seen(batch.inputs, batch.labels)
    place = candidate.seed, batch.seed, look
    if place not in known.results:
        known.run(candidate, batch, look)
    else:
        candidate.memo["owed"] = candidate.memo.get("owed", 0.0) + known.results[place].seconds
    found = known.results[place]
    found.left -= 1
    if found.left <= 0:
        del known.results[place]
    batch.notes |= found.notes
    return found.result


@dataclass
class _Found:
    """The result of a look, and how many proxies have not taken it yet."""

    result: Any
    notes: set[str]
    left: int
    seconds: float
    """Its share of what the pass took."""


@dataclass
class _Seen:
    """What looks have found on one batch."""

    inputs: Tensor
    labels: Tensor | None
    results: dict[tuple[Any, int, Look], _Found] = field(default_factory=dict)
    begun: set[tuple[Any, int, Pass]] = field(default_factory=set)
    """Passes that have run in company: what is missing of them is looked at alone."""

    def run(self, candidate: Candidate, batch: Batch, look: Look) -> None:
        draw = candidate.seed, batch.seed
        company = Counter({look: 0})
        if (*draw, look.on) not in self.begun:
            self.begun.add((*draw, look.on))
            company.update(each for each in _of_company(candidate, batch) if each.on == look.on)
        company[look] = company[look] or 1
        start = perf_counter()
        found: Results = {}
        if len(company) > 1:
            with suppress(Exception):  # whose it is shows when each looks alone
                found = watched(candidate, batch, list(company))
        if look not in found:
            found |= watched(candidate, batch, [look])
        taken = sum(company[each] for each in found)
        share = (perf_counter() - start) / taken
        for each, (result, notes) in found.items():
            self.results[*draw, each] = _Found(result, notes, company[each], share)
        candidate.memo["owed"] = candidate.memo.get("owed", 0.0) - share * (taken - 1)


def _of_company(candidate: Candidate, batch: Batch) -> Iterable[Look]:
    for proxy in candidate.memo.get("company", ()):
        if isinstance(proxy, Looking):
            yield from proxy.looks(batch)


Results = dict[Look, tuple[Any, set[str]]]
"""What looks found, each with the notes of what it was given."""


def watched(candidate: Candidate, batch: Batch, looks: Sequence[Look]) -> Results:
    """The results of looks at one pass.

    What fails for one of several looks leaves this one out. What fails for all, such as the pass
    forward, is raised, and so is an error of a single look.
    """
    on = looks[0].on
    results: Results = {}
    for group in _groups(candidate, looks):
        if on.dtype != "float32":
            model = candidate.model(on.init)
            results |= _watched(begun(candidate, model, batch, group), group)
        else:
            with lent(candidate, on.init) as model:
                results |= _watched(begun(candidate, model, batch, group), group)
    return results


def _groups(candidate: Candidate, looks: Sequence[Look]) -> list[Sequence[Look]]:
    """Looks that may share a pass: of a module that somebody wrote those with a graph, and others.

    Such a module may ask whether there is a graph (`torch.is_grad_enabled`).
    """
    if type(candidate.space).build is Space.build:
        return [looks]
    graph, without = _with_graph(looks), [look for look in looks if not _with_graph([look])]
    return [group for group in (graph, without) if group]


def _with_graph(looks: Sequence[Look]) -> list[Look]:
    """The looks whose pass records what a gradient needs."""
    return [look for look in looks if look.graph or look.backward]


def _watched(run: Run, looks: Sequence[Look]) -> Results:
    failing: Callable[[], AbstractContextManager[None]] = nullcontext
    if len(looks) > 1:
        failing = partial(suppress, Exception)
    graph = bool(_with_graph(looks))
    results: Results = {}
    try:
        with ExitStack() as stack, torch.set_grad_enabled(graph):
            found = [stack.enter_context(look.watch(run)) for look in looks]
            run.outputs = run.model(run.inputs)
        values = sorted({look.backward for look in looks} - {""}, reverse=True)
        for value in values:
            with failing():
                run.differentiate(value, _wanted(run, value, looks), keep=value != values[-1])
        for look, each in zip(looks, found, strict=True):
            if look.backward in {"", *run.differentiated}:
                notes = run.batch.notes if look.backward == "loss" else set()
                with failing():
                    results[look] = look.result(run, each), notes
        return results
    finally:
        run.let_go()


def begun(candidate: Candidate, model: nn.Module, batch: Batch, looks: Sequence[Look]) -> Run:
    """The inputs of the looks' pass, and the model where only what they need has gradients."""
    on = looks[0].on
    inputs = drawn_or_batch(on.input, candidate, batch, looks[0].proxy)
    examples = slice(*on.examples) if on.examples else slice(None)
    model, precise = in_precision(model, batch.fresh(batch.seed), on.dtype)
    inputs = (precise.inputs if on.input == "batch" else inputs)[examples]
    needs = frozenset[Needs]().union(*(look.needs for look in looks))
    run = Run(candidate, model.requires_grad_(False), inputs, precise, examples)
    if "weights" in needs:
        run.weights = [layer.weight.requires_grad_() for layer in layers(model)]
        run.leaves += {id(weight): weight for weight in run.weights}.values()
    if "inputs" in needs:
        run.inputs = inputs.clone().requires_grad_()
        run.leaves.append(run.inputs)
    return run


def _wanted(run: Run, value: str, looks: Sequence[Look]) -> list[Tensor]:
    """What a value is differentiated by."""
    asking = [look for look in looks if look.backward == value]
    if any(not look.needs for look in asking):  # a hook wants every gradient on the way
        return run.leaves
    needs = frozenset[Needs]().union(*(look.needs for look in asking))
    return [
        leaf for leaf in run.leaves if ("inputs" if leaf is run.inputs else "weights") in needs
    ]


def slopes_of_parts(batch: Batch, parts: int, init: Init, proxy: str) -> list[Slopes]:
    """The gradients of each of several equal parts of a batch, one pass each."""
    cuts = [len(batch.inputs) * part // parts for part in range(parts + 1)]
    return [Slopes(Pass(init, examples=cut), proxy) for cut in pairwise(cuts)]


@dataclass(frozen=True)
class Slopes(Look):
    """Every weight of convolutions and linear layers with its gradient of the loss."""

    backward: ClassVar[Literal["", "sum", "loss"]] = "loss"
    needs: ClassVar[frozenset[Needs]] = frozenset({"weights"})

    def result(self, run: Run, found: None) -> list[tuple[Tensor, Tensor]]:
        """The pairs, in the order of the layers."""
        return [(weight.detach().clone(), run.slope("loss", weight)) for weight in run.weights]
