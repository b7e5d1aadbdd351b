"""Passes that proxies share: each score is what it is alone, to the last bit."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from itertools import combinations
from math import isnan
from random import Random
from weakref import ref

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas import PROXIES, Candidate, Proxy, ProxyObjective, Space, score
from nas.batch import Batch
from nas.network.module import NetworkModule
from nas.network.parts import WindowMean
from nas.seeding import generator
from nas.trial import Evaluation
from proxies import swap
from proxies._models import lent
from proxies._pools import Pooled
from tests.support.nets import OneModule
from tests.support.small import small

WHOLE = ("naswot", "jacob_cov", "grad_norm", "snip", "plain", "fisher")
PARTS = ("zico", "l_swag")
BLOCKS = ("expressivity", "progressivity", "trainability")
FAMILIES = (WHOLE, PARTS, BLOCKS)


class InPlace(nn.Module):
    """Layers that write into what they are given, and one that takes part in no output."""

    runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.spare = nn.BatchNorm2d(6), nn.Linear(3, 3)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        InPlace.runs += 1
        h = F.relu_(self.one(x))
        h = self.relu(self.norm(self.two(h)).add_(h))
        logits: Tensor = self.head(h.mean(dim=(2, 3)))
        return logits


class Smooth(nn.Module):
    """A network without a ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(12, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.two(F.gelu(self.one(x.flatten(1))))
        return logits


def given(make: Callable[[], nn.Module]) -> tuple[Space, Batch]:
    """A module and images without labels."""
    return OneModule(make), Batch(torch.randn(8, 3, 6, 6, generator=generator(2)))


def spaces() -> list[tuple[Space, Batch]]:
    cells, graphs = small("nasbench201"), small("nasbench101")
    images = cells.batch(8, generator(1))
    labelled = Batch(images.inputs, torch.arange(8) % 10)
    return [(cells, labelled), (graphs, graphs.batch(8, generator(1))), given(InPlace)]


def scored(space: Space, batch: Batch, names: Sequence[str], seed: int = 3) -> list[Evaluation]:
    """The evaluations by proxies that score one candidate, in this order."""
    proxies = {name: PROXIES.build(name) for name in names}
    arch = space.sample(Random(seed))
    return ProxyObjective(space, proxies, batch, seed=1).each((arch, names))


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_scores_together_are_those_alone(case: int, family: Sequence[str]) -> None:
    space, batch = spaces()[case]
    alone = {name: scored(space, batch, [name])[0] for name in family}
    assert sum(isnan(each.score) for each in alone.values()) <= 1
    for count in range(2, len(family) + 1):
        for names in combinations(family, count):
            backwards = names[::-1]
            for order in {names, backwards} if count == 2 else {(names, backwards)[count % 2]}:
                for name, found in zip(order, scored(space, batch, order), strict=True):
                    same = found.score == alone[name].score or isnan(alone[name].score)
                    assert same, (name, order)
                    assert found.reason == alone[name].reason
                    assert found.note == alone[name].note


def test_every_family_at_once_with_repeats() -> None:
    space, batch = spaces()[0]
    names = [
        name for family in zip(WHOLE, (*PARTS, *BLOCKS, "meco"), strict=True) for name in family
    ]
    proxies = {name: PROXIES.build(name) for name in names}
    arch = space.sample(Random(3))
    together = ProxyObjective(space, proxies, batch, repeats=2).evaluate(arch)
    for name, proxy in proxies.items():
        alone = ProxyObjective(space, proxy, batch, repeats=2).evaluate(arch)
        assert together.scores[name] == alone.score, name
        assert together.metrics[f"{name}_sd"] == alone.metrics["sd"]


@pytest.mark.parametrize(
    ("names", "passes"), [(WHOLE, 2), (WHOLE[1:], 1), (WHOLE[:1], 1), (PARTS, 3), (BLOCKS, 2)]
)
def test_what_shares_runs_once(names: Sequence[str], passes: int) -> None:
    """What needs no graph has a pass of its own, for a module may ask whether there is a graph.

    Two parts have a pass each, and the patterns of `l_swag` one of their own.
    """
    space, batch = given(InPlace)
    InPlace.runs = 0
    scored(space, batch, names)
    assert InPlace.runs == passes


def test_options_part_what_is_not_the_same() -> None:
    space, batch = given(InPlace)
    arch = space.sample(Random(0))
    InPlace.runs = 0
    proxies = {
        "one": PROXIES.build("snip"),
        "two": PROXIES.build("grad_norm", init="kaiming"),
        "three": PROXIES.build("plain", dtype="float64"),
        "four": PROXIES.build("expressivity", input="batch", init="default"),
        "five": PROXIES.build("naswot", init="kaiming"),
    }
    ProxyObjective(space, proxies, batch).each((arch, [*proxies]))
    assert InPlace.runs == 5


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "vit", "nasbench_nlp"])
def test_a_lent_model_is_one_that_is_built(name: str) -> None:
    """With the weights of each draw, also after another borrower's, and of a like space's."""
    space = small(name)
    arch = space.sample(Random(4))
    candidate = Candidate(space, arch)
    batch = space.batch(4, generator(1))
    before: list[int] = []
    for seed, init in (
        (0, "default"),
        (0, "kaiming"),
        (1, "kaiming"),
        (0, "normal"),
        (0, "default"),
    ):
        with lent(candidate.under(seed), init) as model:  # type: ignore[arg-type]
            fresh = Candidate(space, arch, seed).model(init)  # type: ignore[arg-type]
            for one, other in zip(model.parameters(), fresh.parameters(), strict=True):
                assert torch.equal(one, other)
            before.append(id(model))
            assert torch.equal(model(batch.inputs), fresh(batch.inputs))
    assert (len({*before}) == 1) == (name in ("nasbench201", "nasbench101"))


def test_a_model_is_not_lent_again_after_an_error() -> None:
    space, _ = spaces()[0]
    candidate = Candidate(space, space.sample(Random(4)))
    with pytest.raises(RuntimeError), lent(candidate, "default") as model:
        raise RuntimeError
    with lent(candidate, "default") as other, lent(candidate, "default") as third:
        assert len({id(each) for each in (model, other, third)}) == 3


class Wrecks(Proxy):
    """A proxy that destroys all that it can get."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        for init in ("default", "kaiming"):
            model = candidate.model(init)
            for part in model.modules():
                part._forward_hooks.clear()
            for parameter in model.parameters():
                parameter.data.fill_(float("nan"))
        batch.inputs.fill_(0)
        raise RuntimeError("wrecked")


@pytest.mark.parametrize("place", range(4))
def test_a_proxy_that_wrecks_spoils_no_other(place: int) -> None:
    space, batch = spaces()[0]
    names = ["naswot", "grad_norm", "expressivity", "progressivity"]
    alone = [scored(space, batch, [name])[0].score for name in names]
    proxies: dict[str, Proxy] = {name: PROXIES.build(name) for name in names}
    order = [*names[:place], "wrecks", *names[place:]]
    objective = ProxyObjective(space, proxies | {"wrecks": Wrecks()}, batch, seed=1)
    found = dict(zip(order, objective.each((space.sample(Random(3)), order)), strict=True))
    assert found["wrecks"].reason == "RuntimeError: wrecked"
    assert [found[name].score for name in names] == alone


@pytest.mark.parametrize("order", [1, -1])
def test_who_fails_fails_alone(order: int) -> None:
    """One without ReLUs, one output too few, whole numbers: the others have their scores."""
    space, batch = given(Smooth)
    batch = Batch(batch.inputs[:, :, :2, :2])
    names = ["naswot", "grad_norm", "jacob_cov", "expressivity", "trainability"][::order]
    found = dict(zip(names, scored(space, batch, names), strict=True))
    for name in ("naswot", "expressivity", "trainability"):
        assert found[name].reason == f"{name} looks at ReLUs, and this model has none"
    for name in ("grad_norm", "jacob_cov"):
        assert found[name].score == scored(space, batch, [name])[0].score
        assert not isnan(found[name].score)


@pytest.mark.parametrize("order", [1, -1])
def test_one_output_has_no_loss(order: int) -> None:
    space, batch = given(lambda: nn.Sequential(InPlace(), nn.Linear(5, 1)))
    names = ["naswot", "grad_norm", "fisher", "jacob_cov"][::order]
    found = dict(zip(names, scored(space, batch, names), strict=True))
    for name in ("grad_norm", "fisher"):
        assert "needs a network of two outputs or more" in found[name].reason
        assert found[name].note == ""
    for name in ("naswot", "jacob_cov"):
        assert found[name].score == scored(space, batch, [name])[0].score


def test_only_who_has_labels_notes_them() -> None:
    space, batch = given(InPlace)
    for order in (WHOLE, WHOLE[::-1]):
        for name, found in zip(order, scored(space, batch, order), strict=True):
            noted = "random labels, for the batch has none" in found.note
            assert noted == (name not in ("naswot", "jacob_cov"))


def test_seconds_are_shared_out() -> None:
    space, batch = spaces()[0]
    alone = sum(scored(space, batch, [name])[0].seconds for name in WHOLE)
    together = [each.seconds for each in scored(space, batch, WHOLE)]
    assert all(seconds > 0 for seconds in together)
    assert sum(together) < alone
    assert max(together) < 0.7 * sum(together)  # the first one does not pay for all


def test_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither activations nor results outlive the last one who asks."""
    outputs: list[ref[Tensor]] = []
    forward = NetworkModule.forward

    def watched(self: NetworkModule, inputs: Tensor) -> Tensor:
        for part in self.modules():
            part.register_forward_hook(lambda _, __, output: outputs.append(ref(output)))
        return forward(self, inputs)

    monkeypatch.setattr(NetworkModule, "forward", watched)
    space, batch = spaces()[0]
    candidate = Candidate(space, space.sample(Random(3)), 1)
    proxies = [PROXIES.build(name) for family in FAMILIES for name in family]
    candidate.memo["company"] = proxies
    for proxy in proxies:
        proxy.score(candidate, batch)
    gc.collect()
    assert len(outputs) > 100
    assert [each() for each in outputs if each() is not None] == []
    assert not candidate.memo["seen"].results


@pytest.mark.parametrize(("stride", "side", "channels"), [(1, 8, 6), (2, 8, 5), (2, 7, 16)])
def test_pools_have_the_same_derivatives(stride: int, side: int, channels: int) -> None:
    """The mean, its gradient and the gradient of that, to the last bit."""
    shape = 4, channels, side, side
    x, u, v = (torch.randn(shape, generator=generator(seed)) for seed in range(3))
    pool = WindowMean(3, stride, 1, 2)
    found = []
    for each in (pool, Pooled(pool)):
        given = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        output: Tensor = each(given)
        weights = u[:, :, : output.shape[2], : output.shape[3]].clone().requires_grad_()
        (slope,) = torch.autograd.grad((output * weights).sum(), given, create_graph=True)
        (again,) = torch.autograd.grad((slope * v).sum(), weights)
        found.append((output, slope, again))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_swap_counts_the_same_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    space, batch = spaces()[0]
    (counted,) = scored(space, batch, ["swap"])
    monkeypatch.setattr(swap, "TABLE", 1)
    assert scored(space, batch, ["swap"])[0].score == counted.score > 10


class WritesAfterwards(nn.Module):
    """It writes into what its gradient needs, so that the pass back fails half-way."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3)
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.two(F.relu(self.one(x))))
        mean = h.mean(dim=(2, 3))
        h += 1
        logits: Tensor = self.head(mean)
        return logits


class AsksForTheGraph(nn.Module):
    """Another function where no graph is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x) - (0.0 if torch.is_grad_enabled() else 0.3)
        logits: Tensor = self.head(F.relu(h).mean(dim=(2, 3)))
        return logits


@pytest.mark.parametrize("module", [WritesAfterwards, AsksForTheGraph])
def test_company_changes_neither_scores_nor_errors_of_a_strange_module(
    module: Callable[[], nn.Module],
) -> None:
    inputs = torch.rand(8, 3, 9, 9, generator=generator(2))
    labels = torch.arange(8) % 5

    def found(*names: str) -> dict[str, tuple[str, str]]:
        table = score(module, inputs, labels, [*names])
        return {name: (repr(table[name].value), table[name].reason) for name in names}

    names = ("fisher", "naswot", "grad_norm", "jacob_cov", "plain")
    alone = {name: found(name)[name] for name in names}
    for pair in [*combinations(names, 2), names, names[::-1]]:
        assert found(*pair) == {name: alone[name] for name in pair}
    fails = module is WritesAfterwards
    assert ("RuntimeError" in alone["fisher"][1]) == fails
