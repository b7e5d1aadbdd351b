"""Fixtures for several rooms: folders to work in, runs, and the real data."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path

# before NumPy starts its threads: test processes of several threads wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
import torch

from nas import PROXIES, Candidate
from nas.batch import Batch
from nas.registry import plugins
from nas.scoring.executors import growing
from nas.seeding import one_thread, seeded
from tests.support.command_line import RUN, Done, nas
from tests.support.site import KINDS, MINE, Site
from tests.support.small import small

# processes that tests start compile our sources once, and not each for itself
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# a shell's background job ignores Ctrl-C, and so would all that the tests start
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    signal.signal(number, handler)

# the same examples in every run; HYPOTHESIS_PROFILE=explore looks for new ones
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.register_profile("explore")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

plugins.GROUP = "nobody's plugins"  # tests are of ours, whatever else is installed here
growing.WORTH = inf  # on a busy machine finals would take processes to be sooner, one never knows

TESTS = Path(__file__).parent
LONGEST = (
    "test_contracts.py",
    "cli/test_executors.py",
    "test_documentation.py",
    "cli/test_training.py",
    "cli/test_compare.py",
    "cli/test_proxify.py",
    "registry/test_plugins.py",
    "cli/test_fit.py",
    "cli/test_study.py",
    "fuzz/test_fuzz.py",
    "exporting/test_formats.py",
    "cli/test_leaderboard.py",
    "collapse/test_modules.py",
    "test_any_module.py",
    "test_tutorial.py",
    "runs/test_stopping.py",
)
"""Files that take the most (`python -m benchmarks.suite`), which begin first.

A process at one of them at the end is alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, in their order."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make alone, not among all modules and tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Torch on one thread, as in a search: on a busy machine two threads wait for each other."""
    with one_thread():
        yield


@pytest.fixture(autouse=True)
def _seeded(request: pytest.FixtureRequest) -> Iterator[None]:
    """Seed the global generators by the test's name: weights that it draws are always the same."""
    with seeded(request.node.nodeid):
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile epsilon's kernels before a test waits for the progress of a search."""
    candidate, batch = Candidate(small("nasbench201"), (3,) * 6), small("nasbench201").batch
    for dtype in ("float32", "float64"):
        PROXIES.build("epsilon", dtype=dtype).score(candidate, batch(2, torch.Generator()))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real tables and images; the test is skipped if there is none."""
    folder = os.environ.get("NAS_DATA")
    if not folder:
        pytest.skip("NAS_DATA names no folder of real data")
    path = Path(folder).resolve()
    assert path.is_dir(), f"NAS_DATA={folder} is no folder"
    return path


@pytest.fixture(scope="session")
def cifar(data: Path) -> Batch:
    """The first 256 CIFAR-10 images, scaled as the oracles' README says."""
    images = np.load(data / "cifar10_images.npz")["images"][:256].astype(np.float64)
    mean, std = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    pixels = torch.from_numpy((images - mean) / std).permute(0, 3, 1, 2)
    return Batch(pixels.float())


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    path: Path = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(path)
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """The folder of a search and what the search printed; copy the folder to change it."""
    folder: Path = tmp_path_factory.mktemp("run") / "run"
    done = nas("search", *RUN, f"out={folder}")
    assert done.code == 0, done.err
    return folder, done


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The packages that `nas new` writes, one of every kind; not to be changed."""
    folder: Path = tmp_path_factory.mktemp("written")
    for kind in KINDS:
        done = nas("new", kind, f"my_{kind}", f"out={folder / kind}")
        assert (done.code, done.err) == (0, "")
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def everything(written: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with plugins of all kinds, a broken one and a module without a distribution."""
    site = Site(tmp_path_factory.mktemp("everything"))
    for package in written.values():
        site.install(package)
    site.add("broken", MINE.format(name="half") + "import not_there\n", "space/broken")
    (site.folder / "alone.py").write_text(MINE.format(name="alone"))
    return site


@pytest.fixture
def tables_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder; its folder `data` for tables does not exist yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAS_DATA", "data")
