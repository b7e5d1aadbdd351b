"""The contract of proxies, as a test class to subclass."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite, isnan
from random import Random

import pytest
import torch

from nas.batch import Batch
from nas.candidate import Candidate
from nas.errors import NotApplicableError
from nas.proxy import Proxy
from nas.scoring.attempt import scored
from nas.scoring.objective import ProxyObjective
from nas.seeding import generator
from nas.space import Arch, Space
from nas.testing.unchanged import unchanged_globals


class ProxyContract:
    """The contract of proxies; override the fixtures `proxy` and, if needed, `space`.

    If the proxy raises NotApplicableError for the space, the tests are skipped.
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
        """The batch that the proxy gets."""
        return space.batch(8, generator("contract"))

    @pytest.fixture
    def device_tolerance(self) -> float:
        """How far a score on CUDA may be from the CPU's, relative to it."""
        return 1e-3

    @pytest.fixture(autouse=True)
    def _applicable(self, proxy: Proxy, space: Space, batch: Batch) -> None:
        """Skip the test if the proxy refuses this kind of model."""
        try:
            proxy.score(Candidate(space, space.sample(Random(0))), batch)
        except NotApplicableError as error:
            pytest.skip(str(error))

    @pytest.fixture
    def archs(self, space: Space) -> list[Arch]:
        """Fifty architectures, including that of all first options (often an empty network)."""
        first = (0,) * len(space.choices)
        drawn = [space.sample(Random(seed)) for seed in range(50)]
        return [first, *drawn[1:]] if first in space else drawn

    def test_scores_are_floats_and_leave_no_trace(
        self, proxy: Proxy, space: Space, batch: Batch, archs: list[Arch]
    ) -> None:
        inputs = batch.inputs.clone()
        with unchanged_globals():
            scores = [scored(proxy, Candidate(space, arch), batch, strict=True) for arch in archs]
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
        torch.rand(7)  # other draws must not change the score
        again = proxy.score(Candidate(space, arch, seed), replace(batch))
        assert again == score or (isnan(again) and isnan(score))

    @pytest.mark.parametrize("seed", range(3))
    def test_who_draws_from_the_seed_is_known(
        self, proxy: Proxy, space: Space, batch: Batch, seed: int
    ) -> None:
        """`Candidate.drawn` must be right: `repeats` makes one draw only if nothing is drawn."""
        one, other = (Candidate(space, space.sample(Random(seed)), each) for each in (0, "0/1"))
        scores = [str(float(proxy.score(each, batch))) for each in (one, other)]
        assert scores[0] == scores[1] or (one.drawn and other.drawn)

    def test_the_thread_count_does_not_matter(
        self, proxy: Proxy, space: Space, batch: Batch
    ) -> None:
        objective = ProxyObjective(space, proxy, batch)
        arch = space.sample(Random(1))
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1)
            first = objective.evaluate(arch)
            torch.set_num_threads(3)
            second = objective.evaluate(arch)
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(threads)
        assert str(first.score) == str(second.score)
        assert first.metrics == second.metrics

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    @pytest.mark.parametrize("seed", range(3))
    def test_the_device_does_not_matter(
        self, proxy: Proxy, space: Space, batch: Batch, device_tolerance: float, seed: int
    ) -> None:
        arch = space.sample(Random(seed))
        here, there = (
            ProxyObjective(space, proxy, batch.to(device), device=device).evaluate(arch)
            for device in ("cpu", "cuda")
        )
        assert there.reason == here.reason
        expected = pytest.approx(here.score, rel=device_tolerance, abs=1e-6, nan_ok=True)
        assert there.score == expected
