"""The source of networks, against the modules that they are written from."""

from __future__ import annotations

import linecache
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
import torch
from torch import nn

from nas import SPACES, Candidate, Network, UsageError
from nas.exporting import content, model_of
from nas.exporting.source import source
from nas.network import Add, Builder, Concat, Conv, Linear, Op, ReLU
from nas.network.module import NetworkModule
from nas.seeding import generator
from tests.network.test_names import LAYERED
from tests.support.small import small

OLD = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
"""Scripting still works, and many programs use it."""


def imported(text: str) -> ModuleType:
    """The text as a module; linecache shows it to torch.jit, which reads sources."""
    name = f"<exported {zlib.crc32(text.encode())}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = ModuleType("exported")
    exec(compile(text, name, "exec"), module.__dict__)
    return module


def networks(name: str, seeds: range) -> list[Network]:
    space = small(name)
    found = [space.network(space.sample(Random(seed))) for seed in seeds]
    return [network for network in found if network is not None]


def check_equal(network: Network, text: str) -> nn.Module:
    """The module in a source, which has the weights, gradients and outputs of the network's."""
    ours = NetworkModule(network)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in ours.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    theirs: nn.Module = imported(text).create_model()
    assert {*theirs.state_dict()} == {*ours.state_dict()}
    theirs.load_state_dict(ours.state_dict())  # strict: the same names and shapes
    inputs = torch.randn(7, *network.shapes[0], generator=generator("inputs"))
    for training in (True, False):
        one, other = ours.train(training)(inputs), theirs.train(training)(inputs)
        torch.testing.assert_close(
            other, one, rtol=1e-6, atol=1e-6 * one.detach().abs().max().item()
        )
    return theirs


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("name", LAYERED)
def test_a_source_gives_the_outputs_of_its_network(name: str, live: bool) -> None:
    for network in networks(name, range(4)):
        part = network.live if live else network
        check_equal(part, source(part, "Net", "A network."))


@pytest.mark.long
@OLD
@pytest.mark.parametrize("name", LAYERED)
def test_a_source_is_scripted_exported_and_traced(name: str) -> None:
    (network,) = networks(name, range(5, 6))
    model = check_equal(network.live, source(network.live, "Net", "A network.")).eval()
    inputs = torch.randn(7, *network.shapes[0], generator=generator("inputs"))
    batch = torch.export.Dim.DYNAMIC
    made: list[Callable[..., torch.Tensor]] = [
        torch.jit.script(model),
        torch.jit.trace(model, inputs),  # type: ignore[no-untyped-call]
        torch.fx.symbolic_trace(model),
        torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},)).module(),
    ]
    for size in (1, 7):
        expected = model(inputs[:size])
        for each in made:
            torch.testing.assert_close(each(inputs[:size]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(shutil.which("ruff") is None, reason="ruff is not there")
def test_a_source_is_formatted_and_has_nothing_superfluous(tmp_path: Path) -> None:
    for name in LAYERED:
        for seed, network in enumerate(networks(name, range(4))):
            for live in (True, False):
                text = source(network.live if live else network, "Net", "A network.")
                (tmp_path / f"{name}_{seed}_{live}.py").write_text(text)
    for command in (
        ["format", "--diff"],
        ["check", "--select", "E,F,I,W,N,B", "--ignore", "N812"],
    ):
        done = subprocess.run(
            ["ruff", *command, "--isolated", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:]


def test_a_source_imports_torch_alone_and_is_short() -> None:
    (network,) = networks("nasbench201", range(1))
    text = source(network.live, "Net", "A network.")
    words = [line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))]
    assert {word.partition(".")[0] for word in words} == {"torch"}
    for arch in [(3, 2, 3, 2, 3, 2), (3,) * 6, (4, 1, 3, 2, 4, 3)]:
        whole = SPACES.build("nasbench201", channels=4).network(arch)
        assert whole is not None
        assert len(source(whole.live, "Net", "A network.").splitlines()) < 150


def test_cells_are_one_class_and_a_loop() -> None:
    network = SPACES.build("nasbench201", channels=4).network((3,) * 6)
    assert network is not None
    text = source(network.live, "Net", "A network.")
    assert text.count("class Cell") == 1
    assert "nn.Sequential(*[Cell(4) for _ in range(5)])" in text


def test_the_number_of_classes_is_an_argument() -> None:
    (network,) = networks("mnasnet", range(1))
    model = imported(source(network.live, "Net", "A network.")).create_model(num_classes=11)
    assert model.eval()(torch.zeros(2, *network.shapes[0])).shape == (2, 11)


def test_a_source_trains() -> None:
    (network,) = networks("nasbench201", range(1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = imported(source(network.live, "Net", "A network.")).create_model()
        inputs, labels = torch.randn(16, 3, 8, 8), torch.arange(16) % 10
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(inputs), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


def net_with_skips() -> Network:
    """An encoder of two outputs, a decoder of two inputs, and a scope that is left and resumed."""
    net = Builder((3, 8, 8))
    with net.scope("encoder"):
        wide = net.chain(net.input, Conv(3, 4, 3, 1, 1), ReLU())
        deep = net.chain(wide, Conv(4, 4, 3, 1, 1), ReLU())
    with net.scope("first"):
        one = net.add(Conv(4, 4, 1), deep)
    with net.scope("between"):
        two = net.add(Conv(4, 4, 1), one)
    with net.scope("first"):
        three = net.add(Conv(4, 4, 1), two)
    with net.scope("decoder"):
        net.chain(net.add(Concat(), net.add(Add(), three, deep), wide), Conv(8, 2, 1))
    return net.build()


@OLD
def test_blocks_with_several_outputs_and_scopes_that_are_resumed() -> None:
    network = net_with_skips()
    text = source(network, "Net", "A network.")
    assert "-> tuple[Tensor, Tensor]" in text
    torch.jit.script(check_equal(network, text))


def test_random_networks() -> None:
    for seed in range(40):
        network = drawn(Random(seed))
        check_equal(network, source(network, "Net", "A network."))


def drawn(rng: Random) -> Network:
    """A network of random layers on random earlier layers, in random scopes."""
    net = Builder((3, 6, 6))
    made = [net.input]
    for _ in range(rng.randint(3, 15)):
        names = rng.choices(["a", "b", "0", "1", "2"], k=rng.randint(0, 3))
        ops: list[Op] = [Conv(3, 3, 1), Conv(3, 3, 3, 1, 1), ReLU()]
        with net.scope(*names):
            joined = net.add(Add(), *rng.choices(made, k=rng.randint(1, 3)))
            made.append(net.add(rng.choice(ops), joined))
    net.chain(net.add(Add(), *made), Conv(3, 2, 1))
    return net.build()


@dataclass(frozen=True, slots=True)
class Cube(Op):
    """An operation without a rule."""


def test_an_operation_without_a_rule_is_one_sentence() -> None:
    net = Builder((3,))
    net.chain(net.input, Linear(3, 3), Cube())
    with pytest.raises(UsageError, match="the operation Cube has no rule for format=source"):
        source(net.build(), "Net", "A network.")


def test_importing_the_exporters_needs_no_torch() -> None:
    code = "import sys, nas.exporting.source; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


EXPORTED = Path(__file__).parent.parent.parent / "docs" / "exported"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nasbench201", {}),
        ("darts", {"channels": 36, "layers": 20}),
        ("mnasnet", {"resolution": 224}),
    ],
)
def test_the_files_of_the_docs_are_what_is_exported(name: str, options: dict[str, int]) -> None:
    text = (EXPORTED / f"{name}.py").read_text()
    paragraph = re.search(r"Architecture:(.*?)\nSpace:", text, re.DOTALL)
    assert paragraph is not None
    space = SPACES.build(name, **options)
    candidate = Candidate(space, space.read(" ".join(paragraph[1].split())))
    assert content(model_of(candidate), "source").decode() == text
