"""The contract of metrics, as a test class to subclass."""

from __future__ import annotations

import pickle
from math import isfinite, isnan
from random import Random

import pytest
import torch

from nas.batch import Batch
from nas.candidate import Candidate
from nas.metric import Measured, Metric
from nas.seeding import generator
from nas.space import Space
from nas.testing.unchanged import unchanged_globals


class MetricContract:
    """The contract of metrics; override the fixtures `metric` and `space`."""

    @pytest.fixture
    def metric(self) -> Metric:
        """The metric under test."""
        raise NotImplementedError

    @pytest.fixture
    def space(self) -> Space:
        """A small space to measure in."""
        raise NotImplementedError

    @pytest.fixture
    def batch(self, space: Space) -> Batch:
        """The batch that the metric gets."""
        return space.batch(4, generator("contract"))

    def test_figures_are_numbers_and_leave_no_trace(
        self, metric: Metric, space: Space, batch: Batch
    ) -> None:
        inputs = batch.inputs.clone()
        for seed in range(4 if metric.measured else 20):
            with unchanged_globals():
                figure = metric.measure(Candidate(space, space.sample(Random(seed))), batch)
            assert isinstance(figure, float | int)
            assert isnan(figure) or (isfinite(figure) and figure >= 0)
        assert torch.equal(batch.inputs, inputs)

    def test_a_figure_is_the_same_every_time_unless_it_is_measured(
        self, metric: Metric, space: Space, batch: Batch
    ) -> None:
        for seed in range(0 if metric.measured else 2):
            arch = space.sample(Random(seed))
            one, other = (metric.measure(Candidate(space, arch), batch) for _ in range(2))
            assert one == other or (isnan(one) and isnan(other))

    def test_what_is_measured_reaches_another_process(
        self, metric: Metric, space: Space, batch: Batch
    ) -> None:
        sent = pickle.loads(pickle.dumps(metric))
        figure = sent.measure(Candidate(space, space.sample(Random(0))), batch)
        if isinstance(figure, Measured):
            assert all(isinstance(each, float | int) for each in figure.more.values())
            assert "\n" not in figure.note
            assert "; " not in figure.note, "which separates notes"
            again = pickle.loads(pickle.dumps(figure))
            assert (again, again.more, again.note) == (figure, figure.more, figure.note)

    def test_it_says_what_it_counts(self, metric: Metric) -> None:
        for text in (metric.unit, metric.title):
            assert isinstance(text, str)
            assert "\n" not in text
