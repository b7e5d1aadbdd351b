"""Any module has a score by every proxy or a sentence, the same every time."""

from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas import METRICS, PROXIES, Candidate, Space, UsageError
from nas.batch import Batch
from nas.network.passes import logits
from nas.scoring.executors.processes import processes
from nas.testing.unchanged import unchanged_globals
from tests.support import odd_modules
from tests.support.odd_modules import DRAWING, EVERY, READING, SEVERAL, VECTORS, Net, inputs
from tests.support.proxies import LOOKING

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")

Make = Callable[[], nn.Module]
OF_LAYERS = {"dss", "nasgraph", "skip"}
"""Proxies that look at what these networks do not have."""
OF_MAPS = {
    *("dextr", "expressivity", "linear_regions", "meco", "meco_image", "meco_opt"),
    *("progressivity", "trainability", "zen"),
}
"""Proxies that look at feature maps, or run one example through a norm on vectors."""
ALONE = {"vkdnw", "training"}
"""Proxies that run one example in evaluation mode, here because a quarter of four is one."""


def name(make: Make) -> str:
    return str(getattr(make, "__name__", make))


@pytest.mark.parametrize("make", EVERY, ids=name)
def test_every_proxy_has_a_score_or_a_sentence(make: Make) -> None:
    """No proxy raises anything else, and a second score is the first."""
    batch = Batch(inputs(make), torch.arange(4) % 5)
    missing: dict[str, str] = {}
    for proxy in LOOKING:
        candidates = [Candidate.of(make, batch.inputs) for _ in range(2)]
        try:
            with unchanged_globals():
                one, other = (PROXIES.build(proxy).score(each, batch) for each in candidates)
        except UsageError as error:
            missing[proxy] = str(error)
            continue
        assert str(float(one)) == str(float(other)), proxy
    allowed = OF_LAYERS | (OF_MAPS | ALONE if make in VECTORS else set())
    assert {*missing} <= allowed or make is odd_modules.Nothing, missing
    assert all(re.fullmatch(r"[^\n]{10,}", each) for each in missing.values()), missing


@pytest.mark.parametrize("make", [Net, *READING, *DRAWING, *VECTORS], ids=name)
def test_counts_are_those_of_torch(make: Make) -> None:
    """Of a module with weights, in evaluation mode; two examples where one is too few for a norm.

    Counting draws nothing, and leaves no trace.
    """
    batch, size = Batch(inputs(make)), 2 if make is odd_modules.vector_norm_of_the_batch else 1
    with unchanged_globals():
        candidate = Candidate.of(make, batch.inputs)
        params, flops = (
            METRICS.build(each).measure(candidate, batch) for each in ("params", "flops")
        )
    model = make().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(batch.inputs[:size])
    assert flops == counter.get_total_flops() // 2 // size > 0
    assert params == sum(each.numel() for each in model.parameters())


@pytest.mark.parametrize("make", SEVERAL, ids=name)
def test_logits_among_others_have_the_scores_of_logits_alone(make: Make) -> None:
    batch = Batch(inputs(make), torch.arange(4) % 5)
    names = ("epsilon", "snip", "jacob_cov", "synflow", "ntk", "vkdnw", "gradsign", "zico")
    one, other = (nas.score(each, batch, proxies=names) for each in (make, Net))
    assert [row.value for row in one.values()] == [row.value for row in other.values()]


def test_the_rule_of_the_logits() -> None:
    maps, classes, other = torch.zeros(2, 4, 3, 3), torch.zeros(2, 5), torch.ones(2, 5)
    features = torch.zeros(2, 8)
    for output, found in [
        (maps, maps),
        ({"x": maps, "logits": classes, "out": other}, classes),
        (odd_modules.Output(classes, features), classes),
        ((features, classes), classes),
        ((classes, other), classes),
        ([maps, (features, {"y": classes})], classes),
        ((maps, (maps + 1, None)), maps),
        ({"x": features}, features),
    ]:
        assert logits(output) is found
    for nothing, shown in [(None, "None"), ((), "an empty tuple"), ([1], "a list without one")]:
        with pytest.raises(UsageError, match=f"returns {shown}, and a score needs its logits"):
            logits(nothing)


@dataclass(frozen=True)
class Drawing(Space):
    """Modules that draw while they are built and run."""

    decisions = {"make": (*DRAWING,)}
    inputs = (3, 8, 8)

    def build(self, make: Make) -> nn.Module:
        return make()


ARCHS = [(0,), (1,), (2,)]


@pytest.mark.long
def test_a_score_is_the_same_in_every_process() -> None:
    proxies = {proxy: PROXIES.build(proxy) for proxy in ("epsilon", "naswot", "zen")}
    objective = nas.ProxyObjective(Drawing(), proxies, Batch(inputs(Net, 8)))
    here = [str(objective.evaluate(arch).scores) for arch in ARCHS]
    torch.rand(3)
    assert [str(objective.evaluate(arch).scores) for arch in reversed(ARCHS)] == here[::-1]
    with processes(workers=1) as executor:
        assert [str(found.scores) for found in executor(objective.evaluate, ARCHS)] == here


def test_other_seeds_draw_other_numbers() -> None:
    batch = Batch(inputs(Net))
    models = [Candidate.of(odd_modules.Dropping, batch.inputs, seed).model() for seed in (0, 1)]
    models[1].load_state_dict(models[0].state_dict())
    first, second = (model(batch.inputs) for model in models)
    assert torch.equal(first, models[0](batch.inputs))
    assert not torch.equal(first, second)


def test_an_error_in_a_pass_restores_the_generators() -> None:
    model = Candidate.of(odd_modules.Dropping, (3, 8, 8)).model()
    with unchanged_globals(), pytest.raises(RuntimeError, match="channels"):
        model(torch.zeros(2, 4, 8, 8))
    assert model(inputs(Net)).shape == (4, 5)
    assert deepcopy(model)(inputs(Net)).equal(model(inputs(Net)))


def test_a_module_that_is_given_stays_as_it_is() -> None:
    net = Net().eval()
    net.aux.weight.requires_grad_(False)
    before = deepcopy(net.state_dict())
    table = nas.score(net, (3, 8, 8), proxies="all")
    again = nas.score(net, (3, 8, 8), proxies="all")
    assert {key: row.value for key, row in table.items() if row.value == row.value} == {
        key: row.value for key, row in again.items() if row.value == row.value
    }
    assert not net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    drawn = [Candidate.of(net, (3, 8, 8), seed).model() for seed in (0, 1)]
    weights = [model.state_dict()["head.weight"] for model in drawn]
    assert not torch.equal(*weights)
    assert all(model.training for model in drawn)


def test_a_module_that_cannot_be_copied_is_a_sentence() -> None:
    net: Any = Net()
    net.lock = threading.Lock()
    row = nas.score(net, (3, 8, 8), proxies="naswot")["naswot"]
    assert "Net cannot be copied" in row.reason
    assert row.reason.endswith("give a function that makes it")


def test_a_table_prints_well() -> None:
    table = nas.score(Net, (3, 8, 8), proxies=["params", "snip", "nasgraph"])
    lines = str(table).splitlines()
    assert lines[0] == "Net on inputs of shape (3, 8, 8)"
    assert lines[1].split() == ["value", "seconds"]
    assert re.fullmatch(r"params +726 +\d\.\d{4}", lines[2])
    assert re.fullmatch(
        r"snip +[\d.]+ +\d\.\d{4}  random labels, for the batch has none", lines[3]
    )
    assert re.fullmatch(r"nasgraph +none +\d\.\d{4}  nasgraph works from layers.*", lines[4])
    html = table._repr_html_()
    assert html.count("<tr>") == 4
    assert '<td class="text">snip</td>' in html
    plain = table.to_dict()
    assert plain["params"]["value"] == 726
    assert plain["nasgraph"]["value"] is None
    assert [*table] == [*plain]


@pytest.mark.parametrize(
    ("given", "options", "fragment"),
    [
        (Net, {"inputs": "3,8,8"}, "must be a tensor, an array, a Batch, or the shape"),
        (Net, {"inputs": (3, 0, 8)}, "or the shape of one example"),
        (Net, {"inputs": torch.zeros(5)}, "are no batch"),
        (Net, {"inputs": torch.zeros(4, 3, 8, 8), "labels": [1, 2]}, "labels"),
        (Net, {"inputs": Batch(torch.zeros(2, 3, 8, 8)), "labels": [0, 1]}, "Batch(inputs, l"),
        (Net, {"inputs": (3, 8, 8), "proxies": []}, "proxies= must have a proxy"),
        (Net, {"inputs": (3, 8, 8), "proxies": "naswott"}, "did you mean 'naswot'"),
        (Net, {"inputs": (3, 8, 8), "proxies": ["snip", "snip"]}, "snip is there twice"),
        (Net, {"inputs": (3, 8, 8), "proxies": len}, "takes (candidate, batch, *"),
    ],
)
def test_a_mistake_is_a_sentence(given: Any, options: dict[str, Any], fragment: str) -> None:
    with pytest.raises(UsageError) as error:
        nas.score(given, **options)
    assert fragment in str(error.value)


def test_arrays_and_labels_of_any_kind() -> None:
    images = inputs(Net)
    expected = nas.score(Net, images, torch.arange(4), proxies="snip")["snip"]
    assert expected.note == ""
    for labels in ([0, 1, 2, 3], np.arange(4), np.arange(4)[:, None]):
        found = nas.score(Net, images.double().numpy(), labels, proxies="snip")["snip"]
        assert found.value == expected.value


def test_tokens_are_inputs() -> None:
    net = nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.LazyLinear(5))
    table = nas.score(net, torch.randint(50, (4, 6)), proxies=["params", "snip", "jacob_cov"])
    assert table["params"].value == 50 * 8 + 6 * 8 * 5 + 5
    assert table["snip"].value > 0
    assert "these are torch.int64" in table["jacob_cov"].reason


def test_what_makes_no_module_is_a_reason() -> None:
    make: Any = lambda: 3  # noqa: E731
    table = nas.score(make, (3, 8, 8), proxies=["naswot", "params"])
    assert all("gives 3, and must give an nn.Module" in row.reason for row in table.values())


def test_a_combination_says_its_parts() -> None:
    parts = ["expressivity", "progressivity", "trainability", "flops"]
    assert [*nas.score(Net, (3, 8, 8), proxies="az_nas")] == parts
    with pytest.raises(UsageError, match=f"combination of {', '.join(parts[:3])} and flops"):
        PROXIES.build("az_nas")


def test_a_space_is_scored_as_before() -> None:
    [found] = nas.score(space="nasbench201", archs=["(1, 1, 1, 1, 1, 1)"], proxy="params")
    assert found.score == 73306
    with pytest.raises(UsageError, match="must be a name or an instance of a Space"):
        nas.score(*cast(Any, (Drawing, [(0,)])))


def spread(candidate: Candidate, batch: Batch, *, power: float = 1.0) -> float:
    """How far the logits spread, to a power."""
    output: Tensor = candidate.model()(batch.inputs)
    return float(output.detach().std().item() ** power)


def test_a_function_given_directly_is_a_proxy() -> None:
    table = nas.score(Net, (3, 8, 8), proxies=[spread, "naswot", METRICS.build("params")])
    assert table["Params"].value == 726
    assert table["spread"].value > 0
    fixed = nas.score(Net, (3, 8, 8), proxies=partial(spread, power=2.0))["spread"]
    assert fixed.value == pytest.approx(table["spread"].value ** 2)
    batch = Batch(inputs(Net))
    found = nas.search(Drawing(), spread, "random", budget=2, finals=None, batch=batch)
    assert len(found.trials) == 2
    assert found.best.score > 0


def test_what_is_registered_can_be_sent_to_other_processes() -> None:
    from nas.proxy import class_of

    proxy = class_of(spread)(power=2.0)
    again = pickle.loads(pickle.dumps(proxy))
    candidate, batch = Candidate.of(Net, (3, 8, 8)), Batch(inputs(Net))
    assert again.score(candidate, batch) == proxy.score(candidate, batch)
    assert type(again).__name__ == "spread"


@pytest.mark.parametrize("labels", [[0.5, 1.0], [0, -1], [0, 99]])
def test_labels_that_are_no_classes_are_refused_by_what_needs_classes(labels: Any) -> None:
    scores = nas.score(Net, torch.rand(2, 3, 8, 8), labels, ["snip", "params"])
    assert "label" in scores["snip"].reason
    assert scores["params"].value > 0
