"""Rows of a table: a death, a failure and an interruption each leave what they should."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas import SPACES
from nas.arch import Arch
from nas.errors import DiedTooOftenError
from nas.scoring.executors import EXECUTORS
from nas.training.course import Course, Plan
from nas.training.job import Job
from nas.training.recipe import Recipe
from nas.training.table import Row, Trainer, as_csv, rows
from tests.support.image_files import pixels

ARCHS: list[Arch] = [(3, 0, 0, 1, 0, 2), (1, 1, 1, 1, 1, 1), (0, 3, 0, 2, 0, 2)]
DEADLY = ARCHS[1]


@dataclass(frozen=True)
class Deadly(Job):
    """Kills its process at one of the architectures."""

    def course(self, arch: Arch) -> Course:
        if arch == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().course(arch)


def trainer(folder: Path, kind: type[Job] = Job) -> Trainer:
    np.savez(folder / "x.npz", images=pixels(20), labels=np.arange(20) % 4)
    space = SPACES.build("nasbench201", channels=2, cells=1, resolution=8)
    plan = Plan(Recipe(epochs=1, batch_size=8))
    job = kind(space, "nasbench201", str(folder / "x.npz"), 0.2, None, plan)
    return Trainer(job, folder / "trainings")


def untimed(found: Iterable[Row]) -> list[dict[str, Any]]:
    return [{**row, "seconds": None} for row in found]


@pytest.mark.long
def test_an_architecture_at_which_processes_die_is_a_row(tmp_path: Path) -> None:
    with EXECUTORS.build("processes", workers=2) as executor:
        found = [*rows(trainer(tmp_path, Deadly), ARCHS, executor)]
    assert "a process died 4 times at (1, 1, 1, 1, 1, 1)" in found[1]["reason"]
    assert found[1]["valid_loss"] is None
    plain = trainer(tmp_path)
    assert plain.known(DEADLY) == found[1]
    assert [*rows(plain, ARCHS, map)] == found  # nothing is trained again
    again = Trainer(plain.job, plain.folder, retry=True)(DEADLY)
    assert again["reason"] == ""
    assert again["valid_loss"] > 0


def test_workers_of_a_cluster_may_die_too(tmp_path: Path) -> None:
    """Dask's sentence, without the minute in which Dask starts its workers again."""

    def cluster(function: Callable[[Any], Any], given: Iterable[Any], /) -> Iterator[Any]:
        for each in given:
            if each == DEADLY:
                raise DiedTooOftenError(f"Dask's workers died at {each}, again and again")
            yield function(each)

    found = [*rows(trainer(tmp_path), ARCHS, cluster)]
    assert [bool(row["reason"]) for row in found] == [False, True, False]
    assert found[1]["reason"].startswith("Dask's workers died at (1, 1, 1, 1, 1, 1)")
    assert as_csv(found).splitlines()[2].split(",")[1] == ""


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_cluster_gives_the_same_rows(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    config = pytest.importorskip("dask").config
    found = [*rows(trainer(tmp_path / "one"), ARCHS, map)]
    with EXECUTORS.build("dask", workers=1) as executor:
        assert config.get("distributed.deploy.lost-worker-timeout") == "1h"
        other = [*rows(trainer(tmp_path / "two"), ARCHS, executor)]
    assert config.get("distributed.deploy.lost-worker-timeout") != "1h"
    assert untimed(found) == untimed(other)
    assert not any(row["reason"] for row in found)


def test_an_interruption_that_a_library_hides_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Course:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError("the library failed")  # noqa: B904

    own = trainer(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "course", interrupted)
        with pytest.raises(KeyboardInterrupt):
            own(ARCHS[0])
    assert own.known(ARCHS[0]) is None
    assert own(ARCHS[0])["reason"] == ""
