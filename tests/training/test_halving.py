"""Successive halving over ways to train, on agreements that are known."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from nas.training.halving import Standing, cheapest, halved, rungs


class Known:
    """Ways whose agreement is the same on every number of architectures, but for some noise."""

    def __init__(self, taus: Sequence[float], noise: float = 0.0) -> None:
        self.taus, self.noise = dict(zip(map(str, range(len(taus))), taus, strict=True)), noise
        self.trained: dict[str, int] = {}

    def __call__(self, names: Sequence[str], count: int) -> list[Standing]:
        for name in names:
            self.trained[name] = max(count, self.trained.get(name, 0))
        return [Standing(n, count, self._tau(n, count), float(n)) for n in names]

    def _tau(self, name: str, count: int) -> float:
        drawn = Random(f"{name} {count}").gauss(0, self.noise / count**0.5)
        return max(-1.0, min(1.0, self.taus[name] + drawn))


def chosen(ask: Known, archs: int, target: float) -> str | None:
    return cheapest(halved([*ask.taus], ask, archs, target), archs, target)


def test_every_rung_has_twice_as_many_architectures_and_half_of_the_ways() -> None:
    assert rungs(48, 64) == [6, 12, 24, 48]
    assert rungs(48, 4) == [12, 24, 48]
    assert rungs(48, 1) == [48]
    assert rungs(11, 64) == [11]
    ask = Known([place / 16 for place in range(16)])
    found = halved([*ask.taus], ask, 24, 0.9)
    for count, ways in ((6, 16), (12, 8), (24, 4)):
        assert sum(any(each.archs == count for each in one) for one in found.values()) == ways


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_the_cheapest_that_meets_the_target(seed: int) -> None:
    """Where agreements are far from the target, it is what trying everything finds."""
    rng = Random(seed)
    taus = [rng.choice([0.1, 0.2, 0.3, 0.85, 0.9]) for _ in range(20)]
    ask = Known(taus)
    best = min((name for name, tau in ask.taus.items() if tau >= 0.8), key=float)
    assert chosen(ask, 24, 0.8) == best
    assert sum(ask.trained.values()) < 0.6 * 20 * 24


@pytest.mark.parametrize("seed", range(20))
def test_what_was_left_behind_comes_again_if_nothing_else_is_good(seed: int) -> None:
    taus = [0.7] * 19
    taus.insert(Random(seed).randrange(20), 0.82)
    ask = Known(taus, noise=0.8)
    good = [name for name in ask.taus if ask([name], 24)[0].tau >= 0.8]
    ask.trained.clear()
    found = chosen(ask, 24, 0.8)
    assert (found in good) if good else (found is None and set(ask.trained.values()) == {24})


def test_a_way_without_agreement_comes_last() -> None:
    taus = {"0": float("nan"), "1": 0.4, "2": 0.6}

    def ask(names: Sequence[str], count: int) -> list[Standing]:
        return [Standing(name, count, taus[name], float(name)) for name in names]

    found = halved([*taus], ask, 12, 0.9)
    assert [each[-1].archs for each in found.values()] == [12, 12, 12]
    assert cheapest(found, 12, 0.9) is None
    assert cheapest(found, 12, 0.5) == "2"
    assert cheapest(found, 24, 0.5) is None
    assert [each[-1].archs for each in halved([*taus], ask, 12, 0.5).values()] == [6, 12, 12]
