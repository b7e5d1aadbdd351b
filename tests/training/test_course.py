"""A training against a plain loop, and cut at every step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.backends import cudnn
from torch.nn import functional as F

from nas import NotApplicableError, UsageError
from nas.seeding import generator, seeded
from nas.training.aim import aim_of
from nas.training.augmentation import augmented
from nas.training.course import Course, Plan
from nas.training.examples import Data, Given, InMemory, Part
from nas.training.fitting import DivergedError
from nas.training.folder import CHECKPOINT, WEIGHTS, restore, train
from nas.training.recipe import Recipe
from nas.training.task import Classes, NextToken, Numbers


def images(count: int = 24, classes: int = 3) -> InMemory:
    draws = generator("images")
    pixels = torch.randint(256, (count, 3, 8, 8), generator=draws, dtype=torch.uint8)
    return InMemory(pixels, torch.arange(count) % classes, "auto")


def parted(examples: Any, train: int = 16) -> Data:
    numbers = torch.arange(len(examples))
    return Data(Part(examples, numbers[:train]), Part(examples, numbers[train:]))


def net(classes: int = 3) -> nn.Module:
    with seeded("net"):
        return nn.Sequential(
            *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2)),
            *(nn.Flatten(), nn.Linear(144, classes)),
        )


def course(recipe: Recipe, data: Data | None = None, **options: Any) -> Course:
    data = parted(images()) if data is None else data
    return Course(net(), data, Plan(recipe, seed=5, **options), None, "cpu")


def test_it_is_what_a_plain_loop_does() -> None:
    found = course(Recipe(epochs=2, batch_size=6, optimizer="sgd", lr=0.1, label_smoothing=0.1))
    assert list(found.go()) == [False, True, False, True]
    model, data = net(), images()
    optimizer = torch.optim.SGD(
        model.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    step, losses = 0, []
    for epoch in range(2):
        order = torch.randperm(16, generator=generator("order", 5, epoch))
        for part in (order[:6], order[6:12]):
            inputs, labels = next(data.batches([part], ()))
            assert labels is not None
            with seeded("training", 5, step):
                loss = F.cross_entropy(model(inputs), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            step += 1
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.model.state_dict()[name], value)
    assert [row["train_loss"] for row in found.state.rows] == pytest.approx(
        [(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2]
    )
    model.eval()
    inputs, labels = next(data.batches([torch.arange(16, 24)], ()))
    assert labels is not None
    outputs = model(inputs)
    last = found.state.rows[-1]
    assert last["valid_loss"] == pytest.approx(F.cross_entropy(outputs, labels).item(), rel=1e-5)
    assert last["valid_accuracy"] == (outputs.argmax(1) == labels).float().mean().item()


class Moody:
    """A data set that draws its own noise."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        return torch.randn(3, 8, 8) + number % 3, number % 3


@pytest.mark.long
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("source", [images(), Given(Moody(), (3, 8, 8), "moody")])
def test_a_cut_after_any_step_changes_no_number(source: Any, optimizer: Any) -> None:
    recipe = Recipe(epochs=3, batch_size=5, optimizer=optimizer, lr=0.05, augment=True)
    whole = course(recipe, parted(source), patience=3)
    kept = []
    for _ in whole.go():
        tensors, state = whole.saved()
        kept.append(({name: each.clone() for name, each in tensors.items()}, state))
    assert len(kept) == 9
    figures = whole.finish()
    for tensors, state in kept:
        again = course(recipe, parted(source), patience=3)
        again.restore(tensors, state)
        list(again.go())
        assert again.state.rows == whole.state.rows
        assert again.finish() == figures
        for name, value in whole.model.state_dict().items():
            assert torch.equal(again.model.state_dict()[name], value)


@pytest.mark.long
def test_worker_processes_change_no_number() -> None:
    recipe = Recipe(steps=2, batch_size=4)
    rows = []
    for workers in (0, 2):
        found = course(recipe, parted(Given(Moody(), (3, 8, 8), "moody", workers)))
        list(found.go())
        rows.append(found.state.rows)
    assert rows[0] == rows[1]


def test_convolutions_are_alike_every_time_in_each_precision() -> None:
    before = cudnn.deterministic
    for precision in ("full", "bf16"):
        seen: list[bool] = []
        found = course(Recipe(steps=2, batch_size=8), precision=precision)
        found.model.register_forward_hook(lambda *_, s=seen: s.append(cudnn.deterministic))
        list(found.go())
        assert seen
        assert all(seen)
        assert cudnn.deterministic == before
        assert found.model.state_dict()["0.weight"].dtype == torch.float32


def test_a_data_set_is_read_into_pinned_memory_for_cuda() -> None:
    data = parted(Given(Moody(), (3, 8, 8), "moody"))
    pinned = [data.to(device).train.examples.pinned for device in ("cpu", "cuda")]  # type: ignore[attr-defined]
    assert pinned == [False, True]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["full", "bf16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_cut_on_cuda(tmp_path: Path, optimizer: Any, precision: Any) -> None:
    recipe = Recipe(epochs=3, batch_size=5, optimizer=optimizer, augment=True)

    def new() -> Course:
        plan = Plan(recipe, 5, precision=precision)
        return Course(net().cuda(), parted(images()), plan, None, "cuda")

    figures = []
    for name, cuts in (("whole", 0), ("cut", 3)):
        for _ in range(cuts):
            assert train(new(), tmp_path / name, {}, stop=lambda: True) is None
        found = train(new(), tmp_path / name, {})
        assert found is not None
        figures.append({**found, "seconds": 0})
    assert figures[0] == figures[1]
    one, other = ((tmp_path / name / WEIGHTS).read_bytes() for name in ("whole", "cut"))
    assert one == other


def test_patience_keeps_the_best_weights() -> None:
    found = course(Recipe(epochs=40, batch_size=4, lr=0.05), patience=2)
    list(found.go())
    rows = found.state.rows
    best = max(range(len(rows)), key=lambda place: rows[place]["valid_accuracy"])
    assert len(rows) == best + 3 < 40
    assert found.finish()["valid"]["accuracy"] == rows[best]["valid_accuracy"]


def test_a_training_that_diverges() -> None:
    with pytest.raises(DivergedError, match=r"the loss is .* at step"):
        list(course(Recipe(epochs=9, optimizer="sgd", lr=1e30, batch_size=4)).go())


def test_a_training_that_diverges_in_its_last_step() -> None:
    """No step has seen the weights that it leaves: the measurement has."""
    found = course(Recipe(epochs=1, optimizer="sgd", lr=1e38, batch_size=1000))
    with pytest.raises(DivergedError, match=r"the loss is .* after step 1 of 1"):
        list(found.go())


def test_labels_and_weights_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="the label 4 needs at least 5 outputs; the network has"):
        course(Recipe(), parted(images(classes=5)))
    with pytest.raises(NotApplicableError, match="no weights"):
        Course(nn.Flatten(), parted(images()), Plan(Recipe()), None, "cpu")


def test_the_aim_is_of_all_labels() -> None:
    """A batch of measurements may consist of whole numbers from 0 on."""
    inputs, whole = torch.zeros(6, 2), torch.tensor([-1, 2, 0, 1, 2, 3])
    data = parted(InMemory(inputs, whole), 4)
    assert isinstance(aim_of(data, "auto", None).of(inputs[2:], whole[2:]), Numbers)
    data = parted(InMemory(inputs, whole.abs()), 4)
    assert isinstance(aim_of(data, "auto", None).of(inputs, whole.abs()), Classes)
    assert isinstance(aim_of(data, "numbers", None).of(inputs, whole.abs()), Numbers)
    tokens = torch.zeros(6, 2, dtype=torch.int64)
    data = parted(InMemory(tokens, None), 4)
    assert isinstance(aim_of(data, "auto", 7).of(tokens, None), NextToken)
    with pytest.raises(UsageError, match="needs labels, and the data has none"):
        aim_of(data, "auto", None)


def test_images_are_shifted_and_mirrored() -> None:
    """Every image is found in its own, padded or mirrored, at one of 9 places."""
    inputs = torch.randn(40, 3, 8, 8, generator=generator("pixels"))
    made = augmented(inputs, generator("augment"))
    seen = set()
    for image, other in zip(inputs, made, strict=True):
        places = []
        for mirrored in (False, True):
            padded = F.pad(image.flip(2) if mirrored else image, (1, 1, 1, 1))
            for row in range(3):
                for column in range(3):
                    if torch.equal(padded[:, row : row + 8, column : column + 8], other):
                        places.append((mirrored, row, column))
        assert len(places) == 1
        seen |= {*places}
    assert len(seen) > 12
    with pytest.raises(UsageError, match="augment=true is for images"):
        augmented(torch.zeros(2, 5), generator("augment"))


def cut(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What the checkpoint of a training that was stopped after 7 of 18 steps holds."""
    steps = iter(range(18))
    assert train(checked(), folder, {}, stop=lambda: next(steps) == 6) is None
    with safe_open(folder / CHECKPOINT, "pt") as file:
        metadata = file.metadata()
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118


def checked(optimizer: Any = "adamw") -> Course:
    return course(Recipe(epochs=3, batch_size=2, optimizer=optimizer), parted(images(), 12))


@pytest.mark.parametrize(
    "changes",
    [
        *({"over": True}, {"step": -5}, {"step": 18}, {"step": 10**6}, {"step": "3"}),
        *({"step": 7.5}, {"rows": [{"epoch": "x"}]}, {"rows": 3}, {"loss": "x"}),
        *({"best": "x"}, {"seconds": "x"}, {"more": 1}),
    ],
)
def test_a_state_that_was_changed_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    tensors, metadata = cut(tmp_path)
    state = json.loads(metadata["state"])
    assert state["step"] == 7
    changed = {**metadata, "state": json.dumps({**state, **changes})}
    check_refused(tmp_path, tensors, changed, "it is not as it was written")


def test_tensors_that_were_changed_are_refused(tmp_path: Path) -> None:
    tensors, metadata = cut(tmp_path)
    name = "optimizer.0.exp_avg"
    flipped = tensors[name].clone()
    flipped.view(torch.int32).flatten()[0] ^= 1
    without = {each: value for each, value in tensors.items() if each != name}
    for other in (
        {**tensors, name: flipped},
        {**tensors, name: tensors[name].flatten()},
        {**tensors, name: tensors[name].view(torch.int32)},
        {**tensors, "best.x": torch.zeros(1)},
        without,
    ):
        check_refused(tmp_path, other, metadata, "it is not as it was written")
    del metadata["sha256"]
    check_refused(tmp_path, tensors, metadata, "it has no hash of its content")


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    """The folder's record, which tells so first, may be lost."""
    cut(tmp_path)
    with pytest.raises(UsageError, match=r"gone on with \(it is of a training with other setti"):
        restore(checked("sgd"), tmp_path)
    restore(again := checked(), tmp_path)
    assert again.state.step == 7


def check_refused(
    folder: Path, tensors: dict[str, Tensor], metadata: dict[str, str], why: str
) -> None:
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / CHECKPOINT, metadata)
    with pytest.raises(UsageError, match=rf"gone on with \(.*{why}.*\): remove it to begin again"):
        restore(checked(), folder)


@pytest.mark.parametrize("error", [KeyError("x"), NameError("no y"), SystemExit(3), OSError("z")])
@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("always", "the network cannot take examples of shape 3 x 8 x 8: "),
        ("training", "the network fails in step 1 of 2: "),
        ("late", "the network fails in step 2 of 2: "),
    ],
)
def test_an_error_of_the_networks_code_is_a_sentence(
    error: BaseException, when: str, message: str
) -> None:
    class Odd(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            if when == "always" or (self.training and (when == "training" or steps)):
                raise error
            return super().forward(input)

    steps = 0

    def go() -> None:
        nonlocal steps
        model = nn.Sequential(nn.Flatten(), Odd(192, 3))
        for _ in Course(model, parted(images()), Plan(Recipe(batch_size=8)), None, "cpu").go():
            steps += 1

    with pytest.raises(UsageError, match=f"{message}{type(error).__name__}"):
        go()
