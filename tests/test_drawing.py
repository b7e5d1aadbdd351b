"""`nas.draw`: every space, and modules of any kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from nas import SPACES, Space, UsageError, draw
from nas.network.drawing import Drawing
from tests.network.test_drawing import check_readable

LABELS = {
    "darts": {"stem", "cell A", "concat", "k − 1", "k − 2", "head"},
    "mnasnet": {"stem", "stage 6", "block A", "depthwise conv 3×3", "linear"},
    "nasbench101": {"stack 1", "max pool 2×2", "cell", "512×8×8"},
    "nasbench201": {"stage 2", "cell ×5", "reduction", "conv 3×3", "64×8×8", "10"},
    "nasbench_nlp": {"language model", "embedding", "x", "h_prev_0", "h_new_0"},
    "nats_size": {"stage 2", "reduction", "conv 3×3"},
    "transnas_macro": {"stage 0", "block A", "stem"},
    "transnas_micro": {"stage 4", "cell A", "47"},
    "vit": {"conv 4×4", "layer norm", "softmax", "+", "1000"},
}
"""Some of the texts of each space's pictures."""


def texts(drawing: Drawing) -> set[str]:
    root = ElementTree.fromstring(drawing.svg)
    return {"".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")}


@pytest.mark.parametrize("name", list(SPACES))
def test_one_architecture_of_every_space(name: str) -> None:
    space: Space = SPACES.build(name)
    arch = (3, 1, 4, 2, 3, 1) if name == "nasbench201" else space.sample(Random(3))
    found = draw(name, arch)
    check_readable(found.picture)
    assert LABELS.get(name, set()) <= texts(found)
    assert "subgraph" in found.mermaid
    assert found.caption == space.format(arch)
    if len(found.diagrams) > 1 and name != "vit":  # tracing takes a second
        whole, cell = (draw(space, arch, what=what) for what in ("network", "cell"))
        assert whole.diagrams == found.diagrams[:1] or whole.title != found.title
        assert set(cell.diagrams) <= {*found.diagrams}


@pytest.mark.parametrize("name", [name for name in SPACES if name != "vit"])
def test_many_architectures_can_be_read(name: str) -> None:
    space: Space = SPACES.build(name)
    for seed in range(6):
        check_readable(draw(space, space.sample(Random(seed))).picture)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.conv2(torch.relu(self.bn1(self.conv1(x)))))


class Net(nn.Module):
    def __init__(self, branching: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.body = nn.Sequential(*(Block(4) for _ in range(4)))
        self.fc = nn.Linear(4, 10)
        self.branching = branching

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.stem(x))
        if self.branching and len(x) > 1:  # torch.fx cannot follow this
            x = x * 2
        out: Tensor = self.fc(x.mean((2, 3)))
        return out


@pytest.mark.parametrize("branching", [False, True])
def test_a_module_by_its_graph(branching: bool) -> None:
    model = Net(branching)
    found = draw(model, inputs=torch.randn(2, 3, 8, 8))
    assert model.training
    whole, *_ = found.diagrams
    labels = [box.heading for box in whole.boxes]
    assert labels[:2] == ["input", "conv 3×3"]
    assert [label for label in labels if "×4" in label]
    assert labels[-2:] == ["linear", "output"]
    check_readable(found.picture)


def test_a_module_that_nothing_can_follow_is_one_sentence() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * float(x.sum().item() > 0) if x.sum().item() > 0 else -x

    with pytest.raises(UsageError, match=r"this Odd cannot be drawn, because neither torch\.fx"):
        draw(Odd(), inputs=torch.ones(2, 3))


def test_a_module_without_inputs_is_refused() -> None:
    with pytest.raises(UsageError, match="draw needs the inputs= of this Linear"):
        draw(nn.Linear(2, 3))


class Branching(nn.Module):
    """torch.export prints its graph before it raises an error."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.mean() > 0 else x.relu()


class Keeping(nn.Module):
    """Keeps what it computed, which nothing can copy."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.linear(torch.ones(1, 4))
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.linear(x)
        return self.last


class Locked(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 3)
        self.lock = Lock()


def kept() -> nn.Module:
    model = Keeping()
    model(torch.ones(2, 4))
    return model


def pruned() -> nn.Module:
    model = nn.Linear(4, 3)
    prune.l1_unstructured(model, "weight", 0.5)  # type: ignore[no-untyped-call]
    model(torch.ones(2, 4))
    return model


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (nn.Identity, ["input", "output"]),
        (nn.Sequential, ["input", "output"]),
        (nn.Flatten, ["input", "output"]),
        (lambda: nn.Linear(4, 3).double(), ["input", "linear", "output"]),
        (lambda: nn.Linear(4, 3).half(), ["input", "linear", "output"]),
        (lambda: nn.LazyLinear(3), ["input", "linear", "output"]),
        (kept, ["input", "linear", "output"]),
        (pruned, None),
    ],
)
def test_unusual_modules_are_drawn_quietly(
    make: Callable[[], nn.Module], labels: list[str] | None, capfd: pytest.CaptureFixture[str]
) -> None:
    model = make()
    found = draw(model, inputs=torch.ones(2, 4))
    boxes = [box.label for box in found.diagrams[0].boxes]
    assert boxes == labels if labels else boxes[0] == "input"
    assert found.svg
    assert found.png
    assert model.training
    assert capfd.readouterr() == ("", "")
    if isinstance(model, nn.LazyLinear):
        assert model.has_uninitialized_params()


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Branching(), "this Branching cannot be drawn"),
        (nn.Linear(9, 3), "this Linear cannot be drawn, because neither"),
        (nn.Bilinear(4, 4, 3), "input2"),
        (Locked(), "this Locked cannot be drawn, because it cannot be copied"),
        (None, "not a NoneType"),
        (kept, r"not a function: call it, kept\(\)"),
        (nn.Identity, r"call it, Identity\(\)"),
    ],
)
def test_what_cannot_be_drawn_is_one_quiet_sentence(
    module: Any, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        draw(module, inputs=torch.ones(2, 4))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_inputs_are_a_tensor() -> None:
    with pytest.raises(UsageError, match=r"inputs must be a tensor .* not list"):
        draw(nn.Linear(4, 3), inputs=[1.0])  # type: ignore[arg-type]


def test_live_leaves_out_what_cannot_change_the_output() -> None:
    arch = "|none~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
    whole, live = (draw("nasbench201", arch, what="cell", live=live) for live in (False, True))
    assert "conv 3×3" in [box.label for box in whole.diagrams[0].boxes if box.unused]
    assert not [box.label for box in live.diagrams[0].boxes if box.unused]


def test_files(tmp_path: Path) -> None:
    found = draw("nasbench201", (3, 3, 3, 3, 3, 3))
    for suffix, start in {
        "svg": b"<svg",
        "png": b"\x89PNG",
        "mmd": b"flowchart",
        "dot": b"digraph",
    }.items():
        path = found.save(tmp_path / f"x.{suffix}")
        assert path.read_bytes().startswith(start)
    assert found.save(tmp_path / "y.txt", "mermaid").read_text() == found.mermaid
    with pytest.raises(UsageError, match="names no format"):
        found.save(tmp_path / "z.txt")
    with pytest.raises(UsageError, match="gif"):
        found.save(tmp_path / "z.gif", "gif")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"what": "all"}, "what=all"),
        ({"theme": "red"}, "theme=red"),
        ({}, "needs an architecture"),
    ],
)
def test_wrong_arguments(options: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        draw("nasbench201", **options)  # type: ignore[arg-type]
