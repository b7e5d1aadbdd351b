"""Keys of kept scores change with the sources of packages, and not with the device."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas import PROXIES, ProxyObjective, Space
from nas.data.sources import make_batch
from nas.scoring import keys as module
from nas.scoring.keys import keys
from tests.support.small import small

SPACE = small("nasbench201")


@pytest.fixture
def objective() -> ProxyObjective:
    batch = make_batch(SPACE, "natural", size=2)
    return ProxyObjective(SPACE, {"params": PROXIES.build("params")}, batch)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package; its sources are hashed instead of ours."""
    ours = Path(nas.__file__).parent
    shutil.copytree(ours, tmp_path / "nas", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(nas, "__file__", str(tmp_path / "nas" / "__init__.py"))
    module._core.cache_clear()
    yield tmp_path / "nas"
    module._core.cache_clear()


@pytest.mark.parametrize(
    "file",
    [
        *("metrics/counts.py", "scoring/objective.py", "scoring/attempt.py", "candidate.py"),
        *(
            "network/ops/weights.py",
            "collapse/kernels.py",
            "collapse/modules/norms.py",
            "seeding.py",
        ),
        *("data/synthetic.py", "registry/options.py", "arch.py"),
    ],
)
def test_a_change_where_scores_are_made_makes_other_keys(
    file: str, objective: ProxyObjective, copy: Path
) -> None:
    before = keys(objective)
    assert keys(objective) == before
    (copy / file).write_text((copy / file).read_text() + "\nX = 1\n")
    module._core.cache_clear()
    assert keys(objective) != before


@pytest.mark.parametrize("file", ["cli/main.py", "compare/text.py", "runs/summary.py"])
def test_a_change_above_does_not(file: str, objective: ProxyObjective, copy: Path) -> None:
    before = keys(objective)
    (copy / file).write_text((copy / file).read_text() + "\nX = 1\n")
    module._core.cache_clear()
    assert keys(objective) == before


def test_every_file_of_the_package_is_hashed_or_above() -> None:
    here = Path(nas.__file__).parent
    rooms = {path.stem for path in here.iterdir()}
    assert {*module.ABOVE} - rooms <= {"report", "surrogates"}


def test_what_keys_depend_on(objective: ProxyObjective) -> None:
    own = keys(objective)
    assert keys(replace(objective, device="cuda")) == own  # a score is the same on every device
    assert keys(replace(objective, measures={}, strict=True)) == own
    others = [
        replace(objective, seed=1),
        replace(objective, repeats=2),
        replace(objective, space=small("nats_size")),
        replace(objective, batch=make_batch(SPACE, "natural", size=3)),
    ]
    found = [keys(each)["params"] for each in others]
    assert len({*found, own["params"]}) == 5


def test_a_space_without_fields_has_a_key_of_its_own() -> None:
    class Plain(Space):
        choices = (2,)
        inputs = (3,)

    assert repr(Plain()) == repr(Plain()) == f"{Plain.__qualname__}()"
    space = Plain()
    assert space.choices == (2,)
    assert "choices" not in repr(space)
