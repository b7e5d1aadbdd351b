"""Contracts that plugins keep, as test classes to subclass; needs pytest and hypothesis.

A plugin's own test is three lines:

    class TestMine(SpaceContract):
        @pytest.fixture
        def space(self) -> Space:
            return Mine()

Our own tests run the contracts over every registered plugin.
"""

from nas.testing.metrics import MetricContract
from nas.testing.proxies import ProxyContract
from nas.testing.spaces import SpaceContract, output_under
from nas.testing.strategies import StrategyContract, conversation
from nas.testing.trackers import TrackerContract
from nas.testing.unchanged import unchanged_globals

__all__ = [
    "MetricContract",
    "ProxyContract",
    "SpaceContract",
    "StrategyContract",
    "TrackerContract",
    "conversation",
    "output_under",
    "unchanged_globals",
]
