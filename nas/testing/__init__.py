"""Contracts that plugins keep, as tests to subclass; needs pytest and hypothesis.

A plugin's own test is three lines:

    class TestMine(SpaceContract):
        @pytest.fixture
        def space(self) -> Space:
            return Mine()

Ours run over every registered plugin.
"""

from nas.testing.proxies import ProxyContract, unchanged_globals
from nas.testing.spaces import SpaceContract, output_under
from nas.testing.strategies import StrategyContract, conversation

__all__ = [
    "ProxyContract",
    "SpaceContract",
    "StrategyContract",
    "conversation",
    "output_under",
    "unchanged_globals",
]
