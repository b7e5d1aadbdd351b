"""The contract of spaces, as a test class to subclass."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from itertools import islice, product
from math import prod
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.arch import CACHED
from nas.candidate import Candidate
from nas.errors import UsageError
from nas.network.initialisation import constants
from nas.seeding import generator, seeded
from nas.space import Arch, Space

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
SEEDS = st.integers(0, 2**32)


class SpaceContract:
    """The contract of spaces; override the fixture `space`, with small macro sizes."""

    @pytest.fixture
    def space(self) -> Space:
        """The space under test."""
        raise NotImplementedError

    def test_is_a_frozen_dataclass_or_has_no_fields(self, space: Space) -> None:
        if is_dataclass(space):
            for field in fields(space):
                with pytest.raises(FrozenInstanceError):
                    setattr(space, field.name, getattr(space, field.name))
        else:
            assert {*vars(space)} <= CACHED, "a space with fields is a frozen dataclass"
        weights = space.shared_weights
        assert weights is None or 0 < weights[0] < weights[1]

    @QUICK
    @given(seed=SEEDS)
    def test_samples_are_members(self, space: Space, seed: int) -> None:
        arch = space.sample(Random(seed))
        assert arch in space
        assert arch == space.sample(Random(seed))
        assert len(arch) == len(space.choices)
        assert list(arch) not in space
        assert (*arch, 0) not in space
        assert (-1, *arch[1:]) not in space
        assert (space.choices[0], *arch[1:]) not in space

    @QUICK
    @given(seed=SEEDS)
    def test_parse_is_the_inverse_of_format(self, space: Space, seed: int) -> None:
        arch = space.sample(Random(seed))
        text = space.format(arch)
        assert space.parse(text) == arch
        assert space.read(f" {text}\n") == arch
        assert space.read(str(arch)) == arch

    def test_samples_and_size_are_of_all_that_there_are(self, space: Space) -> None:
        drawn = {space.sample(Random(seed)) for seed in range(50)}
        forms = {space.canonical(arch) for arch in drawn}
        assert len(forms) <= space.size <= prod(space.choices)
        assert len(drawn) > 1 or space.size == 1
        if prod(space.choices) <= 5000:
            every = [arch for arch in product(*map(range, space.choices)) if space.valid(arch)]
            assert space.size in (len(every), len({space.canonical(arch) for arch in every}))

    @pytest.mark.parametrize("text", ["", "no such architecture", "too long", "|", "{}"])
    def test_foreign_text_is_refused(self, space: Space, text: str) -> None:
        if text == "too long":
            text = str((0,) * (len(space.choices) + 1))
        with pytest.raises(ValueError, match=r"\w"):
            space.read(text)

    @pytest.mark.parametrize("name", ["none", "text.txt", "text.pth", "text.tar", "folder"])
    def test_what_is_no_release_is_refused(self, space: Space, name: str, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        if name.startswith("text"):
            (tmp_path / name).write_text("no release")
        with pytest.raises(UsageError, match=name):
            list(space.released(tmp_path / name))

    @QUICK
    @given(seed=SEEDS)
    def test_neighbours_differ_in_one_decision(self, space: Space, seed: int) -> None:
        arch = space.sample(Random(seed))
        near = list(space.neighbours(arch))
        assert len(near) == len(set(near))
        for other in near[:20]:
            assert other in space
            assert sum(a != b for a, b in zip(arch, other, strict=True)) == 1
            assert arch in set(space.neighbours(other))
        assert space.mutate(arch, Random(seed)) in (near or [arch])
        for other in (changed(space, arch, Random(f"{seed}/{number}")) for number in range(10)):
            assert (other in near) == (other in space and other != arch)

    def test_formulas_of_layers_are_numbers_of_each_architecture(self, space: Space) -> None:
        archs = [space.sample(Random(seed)) for seed in range(5)]
        found = space.layer_features(archs)
        if found is None:
            assert space.layer_features([]) is None
            return
        assert found.ndim == 2
        assert len(found) == 5
        assert np.isfinite(found).all()
        for arch, row in zip(archs, found.tolist(), strict=True):
            alone = space.layer_features([arch])
            assert alone is not None
            assert alone.tolist() == [row]
        empty = space.layer_features([])
        assert empty is not None
        assert empty.shape == (0, found.shape[1])

    @QUICK
    @given(seed=SEEDS)
    def test_canonical_is_a_member_and_idempotent(self, space: Space, seed: int) -> None:
        form = space.canonical(space.sample(Random(seed)))
        assert form in space
        assert space.canonical(form) == form

    @pytest.mark.parametrize("seed", range(5))
    def test_equal_forms_are_equal_under_equal_weights(self, space: Space, seed: int) -> None:
        """Compares an architecture, its form and, if there is one, a neighbour of the same form.

        If all outputs are constant under equal weights, equal forms must have equal modules: the
        same weights, drawn in the same order.
        """
        arch = space.sample(Random(seed))
        form = space.canonical(arch)
        near = (other for other in islice(space.neighbours(arch), 50))
        same = next((other for other in near if space.canonical(other) == form), form)
        inputs = space.batch(2, generator(seed)).inputs
        weight = None if space.shared_weights is None else space.shared_weights[1]
        expected, *others = [
            output_under(space, each, inputs, weight) for each in (arch, form, same)
        ]
        for output in others:
            assert torch.allclose(output, expected, rtol=1e-9, atol=1e-12, equal_nan=True)

    def test_equal_weights_tell_some_architectures_apart(self, space: Space) -> None:
        """If not, epsilon does not exist, and the space's `shared_weights` must be None."""
        if space.shared_weights is None:
            pytest.skip("the space says that outputs are constant under equal weights")
        inputs = space.batch(2, generator("contract")).inputs
        drawn = (space.sample(Random(seed)) for seed in range(20))
        outputs = (output_under(space, arch, inputs, space.shared_weights[1]) for arch in drawn)
        assert any(output.min() < output.max() for output in outputs)

    def test_batches_are_seeded(self, space: Space) -> None:
        batch, again, other = (space.batch(4, generator(seed)) for seed in (1, 1, 2))
        assert len(batch.inputs) == 4
        assert torch.equal(batch.inputs, again.inputs)
        assert not torch.equal(batch.inputs, other.inputs)
        if batch.inputs.is_floating_point():
            assert batch.inputs.isfinite().all()

    @pytest.mark.parametrize("seed", range(5))
    def test_every_architecture_trains(self, space: Space, seed: int) -> None:
        arch = space.sample(Random(seed))
        candidate = Candidate(space, arch, seed)
        model = candidate.model(as_built=True)
        output = model(space.batch(4, generator(seed)).inputs)
        assert len(output) == 4
        assert output.isfinite().all()
        output.sum().backward()
        shapes = [parameter.shape for parameter in model.parameters()]
        assert [parameter.shape for parameter in candidate.skeleton().parameters()] == shapes
        if candidate.network is not None:
            assert tuple(output.shape[1:]) == candidate.network.shapes[-1]
            assert candidate.network.params == sum(shape.numel() for shape in shapes)


def changed(space: Space, arch: Arch, rng: Random) -> Arch:
    """The architecture with a random option at one decision; it may be invalid."""
    place = rng.randrange(len(arch))
    return (*arch[:place], rng.randrange(space.choices[place]), *arch[place + 1 :])


def output_under(space: Space, arch: Arch, inputs: Tensor, weight: float | None) -> Tensor:
    """The float64 output of the dense module under a shared weight, or else random weights."""
    with seeded("contract"):
        model = space.build(arch).double()
    for parameter, value in () if weight is None else constants(model, weight):
        parameter.detach().fill_(value)
    with torch.no_grad():
        output: Tensor = model(inputs.double() if inputs.is_floating_point() else inputs)
    return output
