"""The shortest space: named decisions and a build, in one file, on all commands at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

from nas import SPACES, STRATEGIES, Arch, Network, Space, UsageError
from nas.network import Builder, Linear, ReLU
from nas.seeding import generator
from nas.testing import SpaceContract
from tests.support.command_line import Done, check_mistake, history, nas, told

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


@pytest.fixture(scope="module", autouse=True)
def mlp() -> Iterator[type[Space]]:
    """The plugin registered as in a script; it is removed again for other tests."""

    @SPACES.register("mlp")
    class MLP(Space):
        decisions = {"depth": (1, 2, 3), "width": (32, 64, 128), "activation": ("relu", "gelu")}
        inputs = (16,)  # shape of one example

        def build(self, depth: int, width: int, activation: str) -> nn.Module:
            layers: list[nn.Module] = []
            for place in range(depth):
                layers += [nn.Linear(width if place else 16, width), ACTIVATIONS[activation]()]
            return nn.Sequential(*layers, nn.Linear(width, 4))

    SPACES.load()
    yield MLP
    del SPACES._plugins["mlp"]


class TestShortest(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return SPACES.build("mlp")


def test_what_follows_from_decisions() -> None:
    space = SPACES.build("mlp")
    assert space.choices == (3, 3, 2)
    assert space.size == 18
    assert space.format((1, 1, 0)) == "depth=2,width=64,activation=relu"
    for text in (
        "depth=2,width=64,activation=relu",
        " activation=relu, width=64,depth=2 ",
        '{"depth": 2, "width": 64, "activation": "relu"}',
        "(1, 1, 0)",
        "1,1,0",
    ):
        assert space.read(text) == (1, 1, 0)
    assert space.batch(5, generator("x")).inputs.shape == (5, 16)
    by_arch, by_name = space.build((1, 1, 0)), space.build(depth=2, width=64, activation="relu")
    assert str(by_arch) == str(by_name)


def test_decisions_may_give_layers() -> None:
    class Chain(Space):
        decisions = {"width": (2, 3), "relu": (False, True)}
        inputs = (4,)

        def network(self, width: int, relu: bool) -> Network:
            net = Builder(self.inputs)
            net.chain(net.input, Linear(4, width), *([ReLU()] if relu else []))
            return net.build()

    space: Space = Chain()
    assert space.format((1, 1)) == "width=3,relu=true"
    assert space.read("relu=false,width=2") == (0, 0)
    network = space.network((1, 1))
    assert network is not None
    assert network.params == 15
    assert space.build((1, 0))(torch.zeros(2, 4)).shape == (2, 3)


def test_images_tokens_and_numbers_have_their_own_default_inputs() -> None:
    class Images(Space):
        choices = (2,)
        inputs = (1, 6, 8)

    class Tokens(Space):
        choices = (2,)
        inputs = (7,)
        vocabulary = 11

    images = Images().batch(64, generator("x")).inputs
    assert images.shape == (64, 1, 6, 8)
    assert images.mean(dim=(1, 2, 3)).std() > 0.4  # every image has a brightness of its own
    tokens = Tokens().batch(9, generator("x")).inputs
    assert tokens.shape == (9, 7)
    assert not tokens.is_floating_point()
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < 11


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        ({"depth": ()}, "must have a sequence of options"),
        ({"depth": "abc"}, "must have a sequence of options"),
        ({"depth": (1, 1)}, "has the option 1 twice"),
        ({"depth": (1, "1")}, "has the option 1 twice"),
        ({"no name": (1,)}, "must be named like a variable"),
        ({"a": ("x", "y,b=1"), "b": (1, 2)}, "cannot be written as name=option"),
        ({"a": (" x",)}, "cannot be written as name=option"),
    ],
)
def test_unusable_decisions_are_refused_with_the_class(
    decisions: dict[str, object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        type("Wrong", (Space,), {"decisions": decisions})


def test_a_build_with_other_parameters_is_refused_with_the_class() -> None:
    def build(self: Space, deep: int, wide: int) -> None: ...

    with pytest.raises(TypeError, match=r"must take the decisions depth, width: it takes \(self"):
        type("Wrong", (Space,), {"decisions": {"depth": (1,), "width": (1,)}, "build": build})


def test_the_old_name_of_the_shared_weights_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Old.weights is called shared_weights now"):
        type("Old", (Space,), {"weights": (1e-7, 1.0)})


def test_a_space_without_inputs_says_so() -> None:
    class Nothing(Space):
        choices = (2,)

    with pytest.raises(UsageError, match=r"Nothing does not say the shape of its `inputs`"):
        Nothing().batch(2, generator("x"))


class Even(Space):
    """Tuples with an even sum; the class has no `size` of its own."""

    choices = (5, 5)
    inputs = (3,)

    def valid(self, arch: Arch) -> bool:
        return sum(arch) % 2 == 0

    def build(self, arch: Arch) -> nn.Module:
        return nn.Linear(3, 1 + sum(arch))


def test_the_size_is_that_of_the_valid() -> None:
    assert Even().size == 13
    assert len(list(Even().every())) == 13
    assert Even().format((1, 3)) == "(1, 3)"
    assert Even().parse("(1, 3)") == (1, 3)
    with pytest.raises(UsageError, match="is not in the space"):
        Even().read("(1, 2)")


@pytest.mark.parametrize(
    ("space", "given", "why"),
    [
        ("nasbench201", "(1,0,3,4,2)", "it has 5 numbers instead of 6"),
        ("nasbench201", "403143", "it has 1 number instead of 6: write commas"),
        ("nasbench201", "(1,0,3,4,2,7)", "its number 6 is 7 and must be a whole number from 0 to"),
        ("nasbench201", (1, -1, 0, 0, 0, 0), "its number 2 is -1 and must be"),
        ("vit", "(0,0,0,0)", "it has 4 numbers instead of "),
        ("nasbench_nlp", tuple(range(200)), "it has 200 numbers instead of "),
        ("mlp", "(0,9,0)", "its number 2 (width) is 9 and must be"),
        ("even", "(1,2)", "Even.valid is not true for it"),
    ],
)
def test_a_refused_tuple_says_what_is_wrong_in_few_words(
    space: str, given: object, why: str
) -> None:
    made = Even() if space == "even" else SPACES.build(space)
    with pytest.raises(UsageError) as caught:
        made.read(given)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 160


def test_a_space_without_a_valid_architecture_says_so() -> None:
    class Never(Even):
        def valid(self, arch: Arch) -> bool:
            return False

    with pytest.raises(UsageError, match="Never has no valid architecture among 10,000 random"):
        Never().sample(Random(0))


SMALL = ["batch.size=8", "device=cpu"]


@pytest.mark.long
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_is_searched_and_resumed(strategy: str, here: Path) -> None:
    argv = ["search", "space=mlp", "proxy=synflow", f"strategy={strategy}", *SMALL, "finals=none"]
    assert nas(*argv, "budget=30", "out=whole").code == 0
    assert nas(*argv, "budget=12", "out=run").code == 0
    done = nas(*argv, "budget=30", "out=run")
    assert done.code == 0
    assert history(here / "run") == history(here / "whole")
    assert "best    depth=" in done.out
    assert told(nas("report", "run").out) == told(done.out)


def test_it_is_compared(here: Path) -> None:
    proxies = "proxy=[synflow,grad_norm,snip]"
    done = nas("compare", "space=mlp", proxies, "sample=12", *SMALL, "pictures=false", "out=c")
    assert done.code == 0, done.err
    result = json.loads((here / "c" / "compare.json").read_text())
    assert [row["proxy"] for row in result["rows"]][:3] == ["synflow", "grad_norm", "snip"]
    assert [row["coverage"] for row in result["rows"]] == [1.0] * 5
    assert (here / "c" / "scores.csv").read_text().splitlines()[1].startswith('"depth=')


def score(*words: str) -> Done:
    return nas("score", "space=mlp", "proxy=synflow", *SMALL, "json=true", *words)


@pytest.mark.usefixtures("here")
def test_it_is_scored_in_every_notation() -> None:
    texts = (
        "depth=2,width=64,activation=relu",
        "(1,1,0)",
        "1,1,0",
        '{"width": 64, "depth": 2, "activation": "relu"}',
    )
    done = score(*texts)
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    assert len(found) == 4
    assert {(one["arch"], one["score"]) for one in found} == {(texts[0], found[0]["score"])}


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("depth=2,width=64", "does not name every decision once"),
        ("depth=7,width=64,activation=relu", "depth=7 must be one of 1, 2, 3"),
        ("depth=2,depth=2,width=64,activation=relu", "does not name every decision once"),
        ("prox=naswot", "there is no option of nas score 'prox'; did you mean 'proxy'?"),
        ('{"depth": 2}', "does not name every decision once"),
        ("(3,0,0)", "is not in the space"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_names_no_architecture_is_a_sentence(text: str, fragment: str) -> None:
    check_mistake(score(text), [fragment])
