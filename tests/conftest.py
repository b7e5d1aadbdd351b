"""What tests share: small spaces, and the real data where it is present."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from nas import PROXIES, SPACES, Candidate, Space
from nas.batch import Batch
from nas.registry import plugins
from nas.seeding import one_thread

plugins.GROUP = "nobody's plugins"  # tests are of ours, whatever else is installed here

SMALL = {
    "nasbench201": {"channels": 4, "cells": 1, "resolution": 8},
    "darts": {"channels": 4, "layers": 3, "resolution": 8},
    "nats_size": {"resolution": 8},
    "transnas_macro": {"channels": 2, "classes": 5, "resolution": 128},
    "transnas_micro": {"channels": 2, "classes": 5, "resolution": 64},
    "nasbench101": {"channels": 8, "stacks": 2, "cells": 1, "resolution": 8},
    "mnasnet": {"channels": 4, "classes": 3, "resolution": 64},
    "vit": {"resolution": 8, "patch": 4, "classes": 3, "unit": 1, "head_width": 4},
    "nasbench_nlp": {"embedding": 6, "hidden": 8, "layers": 2, "vocabulary": 50, "tokens": 5},
}
"""Macro sizes that make a space quick to build."""


LONGEST = ("test_readme", "test_contracts", "test_cli", "test_executors", "test_plugins")
"""Files that take the most, which begin first: a process at one of them at the end is alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def small(name: str) -> Space:
    """A registered space with small macro sizes."""
    return SPACES.build(name, **SMALL.get(name, {}))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Torch on one thread, as in a search: on a busy machine two threads wait for each other."""
    with one_thread():
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Epsilon's kernels on disk before a test waits for the progress of a search."""
    candidate, batch = Candidate(small("nasbench201"), (3,) * 6), small("nasbench201").batch
    for dtype in ("float32", "float64"):
        PROXIES.build("epsilon", dtype=dtype).score(candidate, batch(2, torch.Generator()))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real tables and images; the test is skipped where there is none."""
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


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, gzipped or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))
