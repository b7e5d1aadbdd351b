"""Modules that a user holds: they are scored as copies, and stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import nas
from nas import Candidate
from nas.batch import Batch
from tests.support.nets import Tied

pytestmark = pytest.mark.filterwarnings("ignore")  # of lazy layers, weight_norm and torch.jit

FEW = ["params", "flops", "snip", "l2_norm"]


def mlp() -> nn.Sequential:
    return nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Linear(8, 5))


@pytest.mark.parametrize("part", [False, True])
def test_what_a_function_gives_again_stays_as_it_is(part: bool) -> None:
    held = mlp()
    before = deepcopy(held.state_dict())
    make: Any = (lambda: nn.Sequential(held, nn.ReLU(), nn.Linear(5, 3))) if part else lambda: held
    table = nas.score(make, (20,), proxies="all")
    assert table["snip"].value > 0
    assert all(torch.equal(before[key], value) for key, value in held.state_dict().items())
    assert all(each.requires_grad and each.grad is None for each in held.parameters())
    assert not held._forward_hooks
    if not part:
        assert table["snip"].value == nas.score(held, (20,), proxies="snip")["snip"].value


def test_a_function_that_makes_new_modules_draws_as_before() -> None:
    model = Candidate.of(mlp, (20,)).model()
    again = Candidate.of(mlp, (20,))
    first, second = again.model(), again.model()
    for one, two, three in zip(
        *(each.parameters() for each in (model, first, second)), strict=True
    ):
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("given", [Tied, Tied()])
def test_tied_parameters_count_once(given: Any) -> None:
    table = nas.score(given, torch.arange(24).view(4, 6), proxies=["params", "flops"])
    assert table["params"].value == 50 * 8
    model: Any = Candidate.of(given, torch.arange(24).view(4, 6)).model()
    assert model.head.weight is model.embedding.weight


class Keeping(nn.Module):
    """It keeps the activations of its last pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = mlp()[:2], nn.Linear(8, 5)
        self.last: dict[str, list[Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.last["head"] = [self.head(self.body(x))]
        return self.last["head"][0]


def kept() -> nn.Module:
    net = Keeping()
    net(torch.zeros(2, 20))
    return net


def pruned() -> nn.Module:
    net = mlp()
    prune.l1_unstructured(net[0], "weight", 0.5)  # type: ignore[no-untyped-call]
    return net


def weight_norm() -> nn.Module:
    return nn.Sequential(nn.utils.weight_norm(nn.Linear(20, 8)), nn.ReLU(), nn.Linear(8, 5))


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(5))


@pytest.mark.parametrize("make", [kept, pruned, weight_norm, lazy])
def test_an_instance_that_deepcopy_refuses(make: Callable[[], nn.Module]) -> None:
    net = make()
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        deepcopy(net)
    table = nas.score(net, (20,), proxies=FEW)
    assert all(row.value > 0 for name, row in table.items() if name != "flops"), table
    expected = nas.score(make, (20,), proxies=["params", "flops"])
    assert [table[name].value for name in expected] == [row.value for row in expected.values()]


def test_a_module_on_meta_draws_its_weights() -> None:
    with torch.device("meta"):
        net = nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5))
    scores = [nas.score(given, (20,), proxies=FEW) for given in (net, lambda: net)]
    assert scores[0]["params"].value == 20 * 8 + 8 + 16 + 8 * 5 + 5
    assert scores[0]["snip"].value == scores[1]["snip"].value > 0
    assert net[0].weight.is_meta
    net.register_parameter("gain", nn.Parameter(torch.ones(1, device="meta")))
    reason = nas.score(net, (20,), proxies="naswot")["naswot"].reason
    assert "its part Sequential has no reset_parameters" in reason


def test_a_scripted_module_is_a_sentence() -> None:
    scripted = torch.jit.script(mlp())
    for given in (scripted, lambda: scripted):
        table = nas.score(given, (20,), proxies=FEW)
        assert all("give the module itself" in row.reason for row in table.values())


def writing(_: Candidate, batch: Batch) -> float:
    """A proxy that writes into its batch, and asks for its gradients."""
    assert batch.labels is not None
    assert batch.inputs.abs().sum() > 0
    batch.inputs.zero_()
    batch.labels.fill_(1)
    batch.inputs.requires_grad_(True)
    return 1.0


def test_a_proxy_that_writes_into_its_batch_harms_nobody() -> None:
    x, y = torch.randn(4, 20), torch.arange(4)
    kept, labels = x.clone(), y.clone()
    alone = nas.score(mlp, x, y, "grad_norm")["grad_norm"].value
    for given, classes in ((x, y), (Batch(x, y), None)):
        table = nas.score(mlp, given, classes, [writing, "grad_norm"])
        assert (table["writing"].value, table["grad_norm"].value) == (1.0, alone)
        assert torch.equal(x, kept)
        assert torch.equal(y, labels)
        assert not x.requires_grad
    images = torch.randn(4, 3, 8, 8)
    kept, batch = images.clone(), Batch(images, y)
    space, archs = "nasbench201", ["3,3,3,3,3,3", "1,2,3,1,2,3"]
    several = nas.score(space, archs, [writing, "grad_norm"], batch=batch)
    for arch, found in zip(archs, several, strict=True):
        [expected] = nas.score(space, [arch], "grad_norm", batch=batch)
        assert found.scores["grad_norm"] == expected.score
    assert torch.equal(images, kept)


class Place(nn.Module):
    """It halves its inputs, in place or not."""

    def __init__(self, place: bool = True) -> None:
        super().__init__()
        self.place = place
        self.body, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)
        self.relu, self.head = nn.ReLU(inplace=place), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = x.mul_(0.5) if self.place else x * 0.5
        return self.head(self.relu(self.norm(self.body(x))).mean((2, 3)))  # type: ignore[no-any-return]


def test_a_network_that_works_in_place_gets_copies() -> None:
    x, y = torch.randn(4, 3, 8, 8), torch.arange(4)
    kept = x.clone()
    one, other = (nas.score(partial(Place, place), x, y, "all") for place in (True, False))
    assert torch.equal(x, kept)
    shown = [
        {name: (row.shown, row.failed) for name, row in each.items()} for each in (one, other)
    ]
    assert shown[0] == shown[1]
    assert one["jacob_cov"].value < 0


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("given", [torch.float32, torch.float64])
def test_weights_and_inputs_of_other_types(kind: torch.dtype, given: torch.dtype) -> None:
    """Every proxy that has a score in float32 has one."""
    batch = Batch(torch.randn(4, 3, 8, 8, dtype=given), torch.arange(4))
    plain = nas.score(lambda: Place(False), batch, proxies="all")
    table = nas.score(lambda: Place(False).to(kind), batch, proxies="all")
    assert {name for name, row in table.items() if row.failed} == {
        name for name, row in plain.items() if row.failed
    }
    model = Candidate.of(lambda: Place(False).to(kind), batch.inputs).model()
    expected = torch.float64 if kind == torch.float64 else torch.float32
    assert model(batch.inputs).dtype == expected


def test_whole_numbers_are_tokens_where_the_module_takes_them() -> None:
    numbers = np.arange(80).reshape(4, 20) % 50
    for kind in (np.int8, np.int16, np.int32, np.int64):
        given = numbers.astype(kind)
        assert nas.score(mlp, given, proxies="snip")["snip"].value > 0
        assert nas.score(mlp, Batch(given), proxies="params")["params"].value == 213
        assert nas.score(Tied, given, proxies="snip")["snip"].value > 0
    real = nas.score(mlp, numbers.astype(np.float32), proxies="snip")["snip"].value
    assert nas.score(mlp, torch.from_numpy(numbers), proxies="snip")["snip"].value == real


class After(nn.Module):
    """A layer, and something done with its outputs."""

    def __init__(self, last: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(20, 5), last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.layer(x))


@pytest.mark.parametrize(
    ("last", "sentence"),
    [
        (
            lambda y: y[:, 0],
            r"gives outputs of shape \(64,\): logits \(batch, classes\) are needed",
        ),
        (lambda y: y.sum(), r"are a single number, and a score needs logits \(batch, classes\)"),
        (lambda y: y.argmax(1), "outputs are int64, and a score needs logits: dense real numbers"),
        (lambda y: y > 0, "outputs are bool"),
        (lambda y: y + 0j, "outputs are complex64"),
        (lambda y: y.to_sparse(), "outputs are sparse_coo"),
        (lambda y: y[:0], r"outputs are of shape \(0, 5\)"),
    ],
)
def test_outputs_that_are_no_logits(last: Callable[[Tensor], Tensor], sentence: str) -> None:
    table = nas.score(lambda: After(last), (20,), proxies=["grad_norm", "snip", "zico", "params"])
    assert table["params"].value == 105
    for name in ("grad_norm", "snip", "zico"):
        assert re.search(sentence, table[name].reason), table[name].reason


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(20, 5)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.layer(x * mask)  # type: ignore[no-any-return]


def test_a_pass_that_needs_other_inputs() -> None:
    table = nas.score(Two, (20,), proxies=["naswot", "snip"])
    assert all("more than one input (mask)" in row.reason for row in table.values())
    table = nas.score(Tied, (20,), proxies=["naswot", "snip", "epsilon"])
    assert all("give whole numbers, int64" in row.reason for row in table.values())


def test_epsilon_says_where_it_is_rounding() -> None:
    note = "rounding only: the outputs under both weights are alike"
    assert nas.score(mlp, (20,), proxies="epsilon")["epsilon"].note == note
    [found] = nas.score("nasbench201", ["1,2,3,1,2,3"], batch=Batch(torch.randn(8, 3, 16, 16)))
    assert found.score > 1e-3
    assert found.note == ""
