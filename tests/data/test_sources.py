"""Batches: what each source feeds the networks, and every wrong option."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from nas import SPACES, Arch, Space, UsageError
from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.data.sources import image_shape, make_batch
from nas.data.synthetic import natural_images
from nas.seeding import generator
from tests.support.small import small


class Words(Space):
    """A space whose inputs are no images."""

    choices = (2,)
    shape: tuple[int, ...] = (5,)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        return Batch(torch.randint(9, (size, *self.shape), generator=generator))

    def parse(self, text: str) -> Arch:
        return (int(text),)

    def format(self, arch: Arch) -> str:
        return str(arch[0])


class Pair(Words):
    shape = (2, 8, 8)


@pytest.fixture
def space() -> Space:
    return small("nasbench201")


def waves(inputs: torch.Tensor) -> torch.Tensor:
    """The inputs less every image's own mean."""
    return inputs.double() - inputs.double().mean(dim=(1, 2, 3), keepdim=True)


def spectrum(inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Every frequency in cycles per pixel but 0, and the amplitude (root of mean power) there."""
    pixels = waves(inputs).numpy()
    power = (np.abs(np.fft.fft2(pixels)) ** 2).mean(axis=(0, 1))
    rows, columns = (np.fft.fftfreq(length) for length in pixels.shape[2:])
    frequency = np.hypot(rows[:, None], columns[None, :])
    return frequency.ravel()[1:], np.sqrt(power.ravel()[1:])


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 24, 40), (1, 15, 9)])
def test_the_amplitude_of_natural_images_falls_as_one_over_frequency(
    shape: tuple[int, int, int],
) -> None:
    batch = natural_images(shape, 1024, generator("test"))
    assert batch.inputs.shape == (1024, *shape)
    assert batch.inputs.dtype == torch.float32
    frequency, amplitude = spectrum(batch.inputs)
    slope, _ = np.polyfit(np.log(frequency), np.log(amplitude), 1)
    assert slope == pytest.approx(-1, abs=0.03)
    level = amplitude * frequency
    assert level == pytest.approx(level.mean(), rel=0.15)  # in every direction, not on average


def test_natural_images_have_unit_variance_and_a_brightness_of_their_own() -> None:
    inputs = natural_images((3, 16, 24), 2048, generator("test")).inputs.double()
    assert inputs.var(dim=(2, 3), correction=0) == pytest.approx(torch.ones(2048, 3), abs=1e-5)
    brightness = inputs.mean(dim=(2, 3))
    assert brightness[:, 1:] == pytest.approx(brightness[:, :1].expand(-1, 2), abs=1e-6)
    assert kstest(brightness[:, 0].numpy(), "norm", (0, 0.7)).pvalue > 0.01
    channels = waves(inputs).transpose(0, 1).flatten(1)
    assert torch.corrcoef(channels) == pytest.approx(torch.eye(3), abs=0.05)


def test_natural_is_the_default_input_of_the_space(space: Space) -> None:
    batch = make_batch(space, size=5, seed=3)
    assert torch.equal(batch.inputs, space.batch(5, generator("batch", 3)).inputs)
    assert batch.labels is None
    assert make_batch(Words(), size=5).inputs.shape == (5, 5)


def test_noise_is_normal(space: Space) -> None:
    inputs = make_batch(space, "noise", size=512).inputs.double()
    assert kstest(inputs.flatten().numpy(), "norm").pvalue > 0.01
    frequency, amplitude = spectrum(inputs)
    assert amplitude == pytest.approx(8 * np.ones_like(frequency), rel=0.15)


@pytest.mark.parametrize("size", [1, 7, 256])
def test_ramp_is_the_grey_ramp(space: Space, size: int) -> None:
    inputs = make_batch(space, "ramp", size=size).inputs
    expected = np.ones((size, 3, 8, 8)) * np.arange(size).reshape(-1, 1, 1, 1) / size
    np.testing.assert_array_equal(inputs.numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("name", ["natural", "noise"])
def test_a_seed_makes_one_batch(space: Space, name: str) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (make_batch(space, name, size=4, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.inputs, again.inputs)
    assert not torch.isclose(first.inputs, other.inputs).any(dim=3).any()
    assert len(set(first.inputs.flatten().tolist())) > 4 * 3 * 60
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("name", ["natural", "noise", "ramp"])
def test_sizes(name: str) -> None:
    space = SPACES.build("nasbench201", resolution=12)
    for size in (1, 3):
        inputs = make_batch(space, name, size=size).inputs
        assert inputs.shape == (size, 3, 12, 12)
        assert inputs.dtype == torch.float32
        assert inputs.is_contiguous()
        assert inputs.isfinite().all()
    assert len(make_batch(space, name).inputs) == 256
    assert image_shape(space) == (3, 12, 12)


def mistakes() -> Iterator[tuple[str, dict[str, object], str]]:
    yield (
        "nature",
        {},
        "no batch 'nature'; did you mean 'natural'.*arrays, images, natural, noise, ramp",
    )
    for name in SOURCES:
        path = {"path": "x.npy"} if name in ("arrays", "images", "text") else {}
        yield name, {**path, "colour": 1}, f"batch {name} has no option 'colour'.*size=256"
        for size in (0, -3):
            yield name, {**path, "size": size}, f"size={size} must be at least 1"
        for wrong in (1.5, True, "8", None):
            yield name, {**path, "size": wrong}, f"batch.size={wrong} must be a whole number"
    for name in ("natural", "noise"):
        yield name, {"seed": -1}, "seed=-1 must be at least 0"
        yield name, {"seed": 0.5}, "batch.seed=0.5 must be a whole number"
    yield "ramp", {"seed": 1}, "batch ramp has no option 'seed'"
    yield "images", {}, "batch images needs batch.path="
    yield "arrays", {}, "batch arrays needs batch.path="
    yield "arrays", {"path": "x.npy", "scaling": "log"}, "scaling=log must be one of auto"
    yield "arrays", {"path": "x.npy", "inputs": 3}, "inputs=3 must be a text or a list, each a te"
    yield "text", {}, "batch text needs batch.path="
    yield "images", {"path": 3}, "batch.path=3 must be a text"
    yield "text", {"path": "x.txt"}, "takes inputs of shape .*, no text: use batch=natural"
    yield "images", {"path": "x.npy", "statistics": "mnist"}, "statistics=mnist.*one of auto"


@pytest.mark.parametrize(("name", "options", "message"), list(mistakes()))
def test_a_mistake_is_named(
    space: Space, name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make_batch(space, name, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["noise", "ramp", "images"])
def test_a_space_without_images_takes_its_own_batch_only(name: str, tmp_path: Path) -> None:
    path = {"path": str(tmp_path)} if name == "images" else {}
    with pytest.raises(UsageError, match=r"Words takes inputs of shape \(5,\), no images"):
        make_batch(Words(), name, **path)
    with pytest.raises(UsageError, match=r"Pair takes inputs of shape \(2, 8, 8\), no images"):
        make_batch(Pair(), name, **path)


@pytest.mark.parametrize("name", ["noise", "ramp"])
def test_numbers_of_any_shape_can_be_drawn(name: str) -> None:
    class Features(Space):
        choices = (2,)
        inputs = (16,)

    assert make_batch(Features(), name, size=3).inputs.shape == (3, 16)


@pytest.mark.parametrize(("shape", "size"), [((3, 8, 8), 50), ((1, 5, 7), 33), ((3, 2, 3), 5)])
def test_images_made_in_blocks_are_the_same(
    shape: tuple[int, int, int], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, after = [], []
    for block in (2**21, 1, 2**12):
        monkeypatch.setattr("nas.data.synthetic.BLOCK", block)
        numbers = torch.Generator().manual_seed(7)
        made.append(natural_images(shape, size, numbers).inputs)
        after.append(numbers.get_state())
    assert all(torch.equal(each, made[0]) for each in made)
    assert all(torch.equal(each, after[0]) for each in after)
