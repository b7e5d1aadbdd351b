"""FreeREA's skip against the reference's values of all cells."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from nas import PROXIES, SPACES, Candidate, NotApplicableError, Space
from nas.seeding import generator
from tests.support.nets import OneModule, Tiny
from tests.support.small import small

NASBENCH201 = SPACES.build("nasbench201")
BATCH = small("nasbench201").batch(2, generator("skip"))


def skip(space: Space, arch: tuple[int, ...]) -> float:
    return PROXIES.build("skip").score(Candidate(space, arch), BATCH)


@pytest.fixture(scope="module")
def oracle(data: Path) -> dict[str, Any]:
    values = json.loads((data / "oracles" / "proxies_more.json").read_text())["values"]["freerea"]
    assert isinstance(values, dict)
    return values


def test_examples_have_the_reference_s_values(oracle: dict[str, Any]) -> None:
    for text, expected in oracle["skip_examples"].items():
        assert skip(NASBENCH201, NASBENCH201.parse(text)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.long
def test_all_cells_have_the_reference_s_values(oracle: dict[str, Any]) -> None:
    found = Counter(round(skip(NASBENCH201, arch), 9) for arch in product(range(5), repeat=6))
    expected = {
        round(float(key), 9): n for key, n in oracle["skip_value_counts_15625_cells"].items()
    }
    assert dict(found) == expected


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ((0, 0, 0, 0, 0, 0), 0),
        ((1, 0, 0, 0, 0, 0), 0),  # 0>1 jumps over nothing
        ((0, 1, 0, 0, 0, 0), 1),  # 0>2
        ((0, 0, 0, 1, 0, 0), 2),  # 0>3
        ((1, 1, 1, 1, 1, 1), (0 + 1 + 0 + 2 + 1 + 0) / 6),
        ((3, 3, 1, 3, 1, 2), (0 + 1) / 2),
    ],
)
def test_cells_by_hand(arch: tuple[int, ...], expected: float) -> None:
    assert skip(NASBENCH201, arch) == pytest.approx(expected)


def test_another_space_of_the_same_notation() -> None:
    class Long(OneModule):
        def format(self, arch: tuple[int, ...]) -> str:
            return "|skip_connect~0|+|conv~0|none~1|+|conv~1|+|skip_connect~0|skip_connect~2|"

    assert skip(Long(Tiny), (0,)) == pytest.approx((0 + 3 + 1) / 3)


@pytest.mark.parametrize("name", [name for name in SPACES if name != "nasbench201"])
def test_other_spaces_are_refused(name: str) -> None:
    space = small(name)
    with pytest.raises(NotApplicableError, match=r"skip reads cells such as .* is written"):
        skip(space, (0,) * len(space.choices))


def test_nothing_is_drawn() -> None:
    candidate = Candidate(NASBENCH201, (1,) * 6)
    PROXIES.build("skip").score(candidate, BATCH)
    assert not candidate.drawn
