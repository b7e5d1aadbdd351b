"""NAS-Bench-NLP: notation, normal form and the module."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from itertools import combinations
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas import PROXIES, SPACES, Arch, Candidate, Space
from nas.metrics.counts import params
from nas.testing import SpaceContract, output_under
from spaces.nasbench_nlp import NASBenchNLP
from tests.support.nasbench_nlp_recipes import LSTM, RNN, Spec, renamed
from tests.support.small import SMALL, small
from tests.support.tables import table

SEEDS = st.integers(0, 2**32)


@pytest.fixture(scope="module")
def space() -> Space:
    return SPACES.build("nasbench_nlp")


def any_arch(seed: int) -> Arch:
    """A random tuple, all equally likely."""
    rng = Random(seed)
    return tuple(rng.randrange(count) for count in SPACES["nasbench_nlp"].choices)


def walked(seed: int, steps: int = 6) -> Arch:
    """An architecture after many mutations."""
    space, rng = SPACES.build("nasbench_nlp"), Random(seed)
    arch = space.sample(rng)
    for _ in range(steps):
        arch = space.mutate(arch, rng)
    return arch


class TestWalked(SpaceContract):
    """The contract for architectures that a search meets, not for fresh samples."""

    @pytest.fixture
    def space(self) -> Space:
        return Walked(**SMALL["nasbench_nlp"])

    test_neighbours_differ_in_one_decision = None  # type: ignore[assignment]  # 1,300 of each


class Walked(NASBenchNLP):
    """The space with other draws: mutated ones, of those that train because they read x."""

    def sample(self, rng: Random) -> Arch:
        arch = walked(rng.getrandbits(32))
        return arch if self.flops(arch) else self.sample(rng)


# The notation


def same_graph(one: Mapping[str, Spec], other: Mapping[str, Spec]) -> bool:
    """Whether names can be given so that one recipe becomes the other, inputs in any order."""
    if len(one) != len(other):
        return False

    def form(recipe: Mapping[str, Spec], name: str) -> str:
        if name not in recipe:
            return name
        inputs = [form(recipe, each) for each in recipe[name]["input"]]
        if recipe[name]["op"] != "blend":
            inputs.sort()
        return f"{recipe[name]['op']}({','.join(inputs)})"

    def labelled(recipe: Mapping[str, Spec]) -> dict[str, str]:
        return {n: form(recipe, n) for n in recipe if re.fullmatch(r"h_new_\d", n)}

    trees = [Counter(form(recipe, name) for name in recipe) for recipe in (one, other)]
    return trees[0] == trees[1] and labelled(one) == labelled(other)


@pytest.mark.long
def test_every_recipe_of_the_benchmark(space: Space, data: Path) -> None:
    """Each is read, is the same graph when written, and has the benchmark's parameters."""
    rows = table(data / "nasbench_nlp_wikitext2.csv.gz")
    for row in rows:
        arch = space.parse(row["arch"])
        assert arch in space
        text = space.format(arch)
        assert space.parse(text) == arch
        assert "spare" not in text
        assert same_graph(json.loads(row["arch"]), json.loads(text)), row["arch"]
        assert params(Candidate(space, arch)) == int(row["num_params"])
        form = space.canonical(arch)
        assert space.canonical(form) == form


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_parse_is_the_inverse_of_format_for_every_tuple(seed: int) -> None:
    space = SPACES.build("nasbench_nlp")
    for arch in (any_arch(seed), walked(seed)):
        assert arch in space
        assert space.parse(space.format(arch)) == arch


def test_the_simplest_recipe(space: Space) -> None:
    arch = space.parse(RNN)
    assert arch == (0,) * 92 + (6, 0, 0, 0, 0, 26, 0, 0, 0, 0, 0)
    assert json.loads(space.format(arch)) == json.loads(RNN.replace('"f"', '"node_0"'))


def test_nodes_come_in_any_order_and_under_any_name(space: Space) -> None:
    backwards = json.dumps(dict(reversed(json.loads(RNN).items())))
    assert space.parse(backwards) == space.parse(RNN)
    assert space.parse(RNN.replace('"f"', '"h_new_0_part"')) == space.parse(RNN)


H = {"op": "activation_tanh", "input": ["f"]}
F = {"op": "linear", "input": ["x", "h_prev_0"]}
FOREIGN: dict[str, object] = {
    "no JSON": "{",
    "no JSON object": ["f"],
    "no JSON object of nodes": {},
    "f needs an op and an input": {"f": {"op": "linear"}, "h_new_0": H},
    "and nothing else": {"f": {**F, "name": 3}, "h_new_0": H},
    "must be one of activation_tanh": {"f": F, "h_new_0": {**H, "op": "relu"}},
    "the op of h_new_0 must be": {"f": F, "h_new_0": {**H, "op": ["linear"]}},
    "must be a list of names": {"f": {**F, "input": ["x", 3]}, "h_new_0": H},
    "the input of f must be": {"f": {**F, "input": "x"}, "h_new_0": H},
    "takes 2 or 3 inputs and has 1": {"f": {**F, "input": ["x"]}, "h_new_0": H},
    "takes 1 inputs and has 2": {"f": F, "h_new_0": {**H, "input": ["f", "f"]}},
    "of another size": {"f": F, "h_new_0": {**H, "input": ["x"]}},
    "can only be one input": {"f": {**F, "input": ["x", "x"]}, "h_new_0": H},
    "f reads g, which there is not": {"f": {**F, "input": ["x", "g"]}, "h_new_0": H},
    "f reads h_prev_3": {"f": {**F, "input": ["x", "h_prev_3"]}, "h_new_0": H},
    "in a circle": {"f": {**F, "input": ["x", "h_new_0"]}, "h_new_0": H},
    "x is an input": {"x": F, "f": F, "h_new_0": H},
    "h_prev_1 is an input": {"h_prev_1": F, "f": F, "h_new_0": H},
    "reads h_prev_1 and has no h_new_1": {"f": {**F, "input": ["x", "h_prev_1"]}, "h_new_0": H},
    "must be h_new_0, then": {"f": F},
    "states must be h_new_0": {"f": F, "h_new_0": H, "h_new_2": H},
    "h_new_0, then up to h_new_2": {"f": F, **{f"h_new_{n}": H for n in range(4)}},
    "then up to": {"f": F, "h_new_0": H, "h_new_01": H},
    "no linear node": {"h_new_0": {**H, "input": ["h_prev_0"]}},
    "26 nodes, and at most 25": {"f": F, "h_new_0": H, **{f"g{n}": F for n in range(24)}},
    "spare inputs of h_new_0": {"f": F, "h_new_0": {**H, "spare": ["f"]}},
    "the spare inputs": {"f": {**F, "spare": ["x", "x"]}, "h_new_0": H},
}


@pytest.mark.parametrize("message", FOREIGN)
def test_other_texts_are_refused(space: Space, message: str) -> None:
    content = FOREIGN[message]
    text = content if isinstance(content, str) else json.dumps(content)
    with pytest.raises(ValueError, match=message) as caught:
        space.parse(text)
    assert "is not a NAS-Bench-NLP recipe" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ['{"f": 1, "f": 2}', "[" * 9999, "1" * 9999, '"\ud800"', "nan"])
def test_strange_texts_are_refused(space: Space, text: str) -> None:
    with pytest.raises(ValueError, match="is not a NAS-Bench-NLP recipe"):
        space.parse(text)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_text_is_read_or_refused(data: st.DataObject) -> None:
    space = SPACES.build("nasbench_nlp")
    names = st.sampled_from(
        ["x", "f", "h_prev_0", "h_prev_1", "h_new_0", "h_new_1", "h_new_9", ""]
    )
    ops = st.sampled_from(["linear", "activation_tanh", "blend", "elementwise_sum", "", None])
    lists = st.lists(names | st.none(), max_size=3)
    spec = st.fixed_dictionaries({"op": ops, "input": lists}, optional={"spare": lists})
    anything = st.recursive(st.none() | st.integers() | st.text(max_size=3), st.lists)
    content = data.draw(st.dictionaries(names, spec | anything, max_size=4) | anything)
    text = data.draw(st.just(json.dumps(content)) | st.text())
    with suppress(ValueError):
        arch = space.parse(text)
        assert space.parse(space.format(arch)) == arch


# Size, draws, neighbours


def test_the_number_of_architectures() -> None:
    """By the rule on a cut of the space: tuples of two slots with a linear node."""
    from itertools import product

    kinds = [range(10), range(10)]
    some = sum(any(kind >= 6 for kind in pair) for pair in product(*kinds))
    assert some == 10**2 - 6**2
    space = SPACES.build("nasbench_nlp")
    inputs = prod(count for place, count in enumerate(space.choices[:100]) if place % 4)
    assert space.size == (10**25 - 6**25) * inputs * 25 * 24 * 23


def test_draws_are_as_the_benchmark_drew(space: Space) -> None:
    """Every draw keeps the generator's rules; nodes and states are spread like the table's."""
    recipes = [json.loads(space.format(space.sample(Random(seed)))) for seed in range(600)]
    states: Counter[int] = Counter()
    for recipe in recipes:
        labels = [name for name in recipe if name.startswith("h_new_")]
        read = {name for spec in recipe.values() for name in spec["input"]}
        assert {"x", *(f"h_prev_{n}" for n in range(len(labels)))} <= read
        assert not any(
            set(recipe[n]["input"]) & {"h_prev_0", "h_prev_1", "h_prev_2"} for n in labels
        )
        for name, spec in recipe.items():
            assert set(spec) == {"op", "input"}
            assert len(set(spec["input"])) == len(spec["input"])
            assert name in read or name in labels
            assert spec["op"] == "linear" or "x" not in spec["input"]
        states[len(labels)] += 1
    assert set(states) == {1, 2, 3}
    assert max(map(len, recipes)) > 12


def test_mutations_change_the_function(space: Space) -> None:
    rng = Random(0)
    for seed in range(50):
        arch = space.sample(Random(seed))
        for _ in range(4):
            near = space.mutate(arch, rng)
            assert near in space
            assert sum(a != b for a, b in zip(arch, near, strict=True)) == 1
            assert space.canonical(near) != space.canonical(arch)
            assert len(json.loads(space.format(near))) <= len(json.loads(space.format(arch))) + 1
            arch = near


def test_every_architecture_can_be_reached(space: Space) -> None:
    """From the simplest one to an LSTM, decision by decision, and every step is valid."""
    start, goal = space.parse(RNN), space.parse(LSTM)
    arch = start
    for place, option in enumerate(goal):
        arch = (*arch[:place], option, *arch[place + 1 :])
        assert arch in space
    assert arch == goal


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(seed=SEEDS)
def test_the_form_does_not_depend_on_names_and_order(seed: int) -> None:
    space, rng = SPACES.build("nasbench_nlp"), Random(seed)
    for arch in (space.sample(rng), walked(seed), any_arch(seed)):
        form = space.canonical(arch)
        assert space.canonical(form) == form
        recipe = json.loads(space.format(arch))
        if any("spare" in spec for spec in recipe.values()):
            recipe = json.loads(space.format(form))
        assert space.canonical(space.parse(json.dumps(renamed(recipe, rng)))) == form


def recipe_of(base: str = RNN, **nodes: tuple[str, ...]) -> str:
    """A recipe with more nodes, or other ones."""
    more = {name: {"op": op, "input": inputs} for name, (op, *inputs) in nodes.items()}
    return json.dumps(json.loads(base) | more)


SAME = {
    "a node that no one reads": (RNN, recipe_of(g=("linear", "x", "f"))),
    "a state that no one reads": (RNN, recipe_of(h_new_1=("activation_sigm", "f"))),
    "a state that only makes itself": (
        RNN,
        recipe_of(g=("linear", "x", "h_prev_1"), h_new_1=("activation_sigm", "g")),
    ),
    "one operation twice": (
        recipe_of(g=("activation_sigm", "f"), h_new_0=("elementwise_sum", "g", "g")),
        recipe_of(
            g=("activation_sigm", "f"),
            k=("activation_sigm", "f"),
            h_new_0=("elementwise_sum", "g", "k"),
        ),
    ),
    "two states that are always equal": (
        recipe_of(f=("linear", "x", "h_prev_0"), g=("linear", "f", "h_prev_0", "h_prev_0"),
                  h_new_0=("activation_tanh", "g")),
        recipe_of(f=("linear", "x", "h_prev_0"), g=("linear", "f", "h_prev_0", "h_prev_1"),
                  h_new_0=("activation_tanh", "g"), h_new_1=("activation_tanh", "g")),
    ),
}  # fmt: skip
DIFFERENT = {
    "one linear node, or two": (
        recipe_of(h_new_0=("elementwise_sum", "f", "f")),
        recipe_of(g=("linear", "x", "h_prev_0"), h_new_0=("elementwise_sum", "f", "g")),
    ),
    "the order of a blend": (
        recipe_of(g=("activation_sigm", "f"), h_new_0=("blend", "g", "h_prev_0", "f")),
        recipe_of(g=("activation_sigm", "f"), h_new_0=("blend", "g", "f", "h_prev_0")),
    ),
    "which state is the output": (
        recipe_of(h_new_0=("activation_tanh", "f"), f=("linear", "x", "h_prev_1"),
                  h_new_1=("activation_sigm", "f")),
        recipe_of(h_new_0=("activation_sigm", "f"), f=("linear", "x", "h_prev_1"),
                  h_new_1=("activation_tanh", "f")),
    ),
    "an activation": (RNN, recipe_of(h_new_0=("activation_sigm", "f"))),
}  # fmt: skip


@pytest.mark.parametrize("why", SAME)
def test_same_function(space: Space, why: str) -> None:
    one, other = map(space.parse, SAME[why])
    assert one != other
    assert space.canonical(one) == space.canonical(other)


@pytest.mark.parametrize("why", DIFFERENT)
def test_different_functions(space: Space, why: str) -> None:
    one, other = map(space.parse, DIFFERENT[why])
    assert space.canonical(one) != space.canonical(other)


@pytest.mark.long
def test_different_forms_are_different_functions() -> None:
    """Under one constant weight, where linear nodes on the same inputs are the same."""
    tiny = small("nasbench_nlp")
    inputs = tiny.batch(3, torch.Generator().manual_seed(0)).inputs
    outputs: dict[Arch, Tensor] = {}
    for seed in range(200):
        form = tiny.canonical(tiny.sample(Random(seed)))
        outputs[form] = output_under(tiny, form, inputs, -0.1)
    agree = [
        (one, other)
        for (one, a), (other, b) in combinations(outputs.items(), 2)
        if torch.allclose(a, b, rtol=1e-12, atol=0)
    ]
    assert len(outputs) > 100
    assert all(merged(tiny, one) == merged(tiny, other) for one, other in agree)


def merged(space: Space, arch: Arch) -> str:
    """The cell as a term, in which linear nodes of the same inputs are the same."""
    recipe = json.loads(space.format(arch))

    def form(name: str, depth: int) -> str:
        if name.startswith("h_prev_"):
            return form(f"h_new_{name[-1]}", depth - 1) if depth else "h"
        if name not in recipe:
            return name
        inputs = [form(each, depth) for each in recipe[name]["input"]]
        inputs = inputs if recipe[name]["op"] == "blend" else sorted(inputs)
        return str(hash((recipe[name]["op"], *inputs)))

    return form("h_new_0", 4)


# The module


def by_hand(recipe: Mapping[str, Spec], layer: Any, x: Tensor) -> Tensor:
    """One layer, node by node and token by token, from the layer's own weights."""
    order = list(json.loads(json.dumps(recipe)))
    linear = iter(layer.affine)
    weights = {name: next(linear) for name in order if recipe[name]["op"] == "linear"}
    states = [name for name in recipe if re.fullmatch(r"h_new_\d", name)]
    size = layer.initial.shape[1]
    hidden = {f"h_prev_{n[-1]}": x.new_zeros(len(x), size) for n in states}
    outputs = []
    for time in range(x.shape[1]):
        values = {"x": x[:, time], **hidden}
        for name in order:
            op, inputs = recipe[name]["op"], [values[each] for each in recipe[name]["input"]]
            if op == "linear":
                terms = [
                    each @ m.weight.T
                    for each, m in zip(inputs, weights[name].matrices, strict=True)
                ]
                values[name] = torch.stack(terms).sum(0) + weights[name].offset
            elif op == "blend":
                values[name] = inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
            elif op == "elementwise_prod":
                values[name] = inputs[0] * inputs[1]
            elif op == "elementwise_sum":
                values[name] = inputs[0] + inputs[1]
            elif op == "activation_leaky_relu":
                values[name] = torch.where(inputs[0] > 0, inputs[0], 0.01 * inputs[0])
            else:
                values[name] = getattr(inputs[0], {"tanh": "tanh", "sigm": "sigmoid"}[op[-4:]])()
        hidden = {f"h_prev_{name[-1]}": values[name] for name in states}
        outputs.append(values["h_new_0"])
    return torch.stack(outputs, 1)


def test_the_module_is_the_recipe() -> None:
    """Three layers of other sizes, hidden states that begin at 0, against a plain loop."""
    space = SPACES.build("nasbench_nlp", embedding=5, hidden=7, vocabulary=11, tokens=6)
    tokens = space.batch(3, torch.Generator().manual_seed(1)).inputs
    archs = [space.parse(LSTM), *(space.sample(Random(seed)) for seed in range(40))]
    for arch in [*archs, *(walked(seed) for seed in range(10))]:
        model: Any = Candidate(space, arch).model().double()
        x = model.embedding(tokens)
        assert x.abs().max() <= 0.1
        for layer in model.layers:
            x = by_hand(json.loads(space.format(arch)), layer, x)
        assert torch.allclose(model(tokens), x, rtol=1e-10, atol=1e-14)
        assert model.logits(x).shape == (3, 6, 11)


def test_flops_are_what_runs(space: Space) -> None:
    """The formula against operations counted one by one."""
    from torch.utils.flop_counter import FlopCounterMode

    space = SPACES.build("nasbench_nlp", embedding=5, hidden=7, vocabulary=11, tokens=3)
    for arch in [*(space.sample(Random(seed)) for seed in range(20)), *map(walked, range(10))]:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            Candidate(space, arch).model()(space.batch(1, torch.Generator()).inputs)
        assert space.flops(arch) == counter.get_total_flops() // 2


@pytest.mark.parametrize("name", ["embedding", "hidden", "layers", "vocabulary", "tokens"])
def test_sizes_are_checked(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
        SPACES.build("nasbench_nlp", **{name: 0})


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_any_number_of_layers(layers: int) -> None:
    space = SPACES.build("nasbench_nlp", embedding=5, hidden=7, layers=layers, vocabulary=11)
    model = Candidate(space, space.parse(LSTM)).model()
    assert model(torch.zeros(2, 3, dtype=torch.long)).shape == (2, 3, 5)


@pytest.mark.long
def test_proxies_answer_for_what_a_search_meets() -> None:
    """Linear nodes that no one reads, cells that never read x: a float, and no error."""
    space = small("nasbench_nlp")
    batch = space.batch(4, torch.Generator().manual_seed(0))
    unread = space.canonical((0,) * 96 + (6, 0, 0, 0, 1, 0, 0))
    archs = [unread, *map(any_arch, range(5)), *map(walked, range(5))]
    for name in ("epsilon", "grad_norm", "synflow", "fisher", "grasp", "zico", "ntk", "l2_norm"):
        for arch in archs:
            assert isinstance(PROXIES.build(name).score(Candidate(space, arch), batch), float)
