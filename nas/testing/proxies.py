"""What every proxy keeps, as tests to subclass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite, isnan
from random import Random, getstate

import numpy as np
import pytest
import torch

from nas.batch import Batch
from nas.candidate import Candidate
from nas.errors import NotApplicableError
from nas.proxy import Proxy
from nas.scoring.objective import Objective
from nas.seeding import generator
from nas.space import Arch, Space


class ProxyContract:
    """What every proxy keeps; override the fixtures `proxy` and, if need be, `space`.

    Where the proxy says that it does not apply to the space, the tests are skipped.
    """

    @pytest.fixture
    def proxy(self) -> Proxy:
        """The proxy under test."""
        raise NotImplementedError

    @pytest.fixture
    def space(self) -> Space:
        """A small space to score in."""
        raise NotImplementedError

    @pytest.fixture
    def batch(self, space: Space) -> Batch:
        """What the proxy is fed."""
        return space.batch(8, generator("contract"))

    @pytest.fixture(autouse=True)
    def _applicable(self, proxy: Proxy, space: Space, batch: Batch) -> None:
        """A proxy may refuse a kind of model: it says so, and the test is skipped."""
        try:
            proxy.score(Candidate(space, space.sample(Random(0))), batch)
        except NotApplicableError as error:
            pytest.skip(str(error))

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        """Fifty architectures, that of all first options (often the empty one) among them."""
        first = (0,) * len(space.choices)
        drawn = [space.sample(Random(seed)) for seed in range(50)]
        return [first, *drawn[1:]] if first in space else drawn

    def test_scores_are_floats_and_leave_no_trace(
        self, proxy: Proxy, space: Space, batch: Batch, archs: list[Arch]
    ) -> None:
        inputs = batch.inputs.clone()
        with unchanged_globals():
            scores = [proxy.score(Candidate(space, arch), batch) for arch in archs]
        for arch, score in zip(archs, scores, strict=True):
            assert isinstance(score, float), arch
            assert isfinite(score) or isnan(score), arch
        assert torch.equal(batch.inputs, inputs)

    @pytest.mark.parametrize("seed", range(5))
    def test_the_same_seed_gives_the_same_score(
        self, proxy: Proxy, space: Space, batch: Batch, seed: int
    ) -> None:
        arch = space.sample(Random(seed))
        score = proxy.score(Candidate(space, arch, seed), batch)
        torch.rand(7)  # whatever else draws numbers must not matter
        again = proxy.score(Candidate(space, arch, seed), replace(batch))
        assert again == score or (isnan(again) and isnan(score))

    def test_the_thread_count_does_not_matter(
        self, proxy: Proxy, space: Space, batch: Batch
    ) -> None:
        objective = Objective(space, proxy, batch)
        arch = space.sample(Random(1))
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            first = objective(arch)
            torch.set_num_threads(3)
            second = objective(arch)
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(threads)
        assert str(first.score) == str(second.score)
        assert first.metrics == second.metrics


@contextmanager
def unchanged_globals() -> Iterator[None]:
    """Assert that torch's and Python's global state is the same afterwards."""
    before = _globals()
    yield
    for name, value in _globals().items():
        assert str(value) == str(before[name]), f"{name} was changed"


def _globals() -> dict[str, object]:
    return {
        "torch's generator": torch.get_rng_state().tolist(),
        "the default dtype": torch.get_default_dtype(),
        "grad mode": torch.is_grad_enabled(),
        "the thread count": torch.get_num_threads(),
        "random's generator": getstate(),
        "numpy's generator": np.random.get_state()[1].tolist(),  # type: ignore[index]
    }
