"""Every kind of file that is read: a true one, how it is read, what a damaged one may give."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import polars

from nas import UsageError
from nas.compare.scores import Scores, to_json
from nas.data import tables, text
from nas.data.images import read as read_images
from nas.runs.folder import CONFIG, read_record, write_record
from nas.searching.history import History
from nas.trial import Evaluation, Trial
from tests.fuzz.mutations import damage
from tests.support.image_files import pixels, write
from tests.support.tables import ARCHS, NAMES, plain, written

Read = Callable[[Path], object]
"""Reads the file at a path, and gives what can be compared; raises UsageError."""

SHAPE = (3, 8, 8)


def config(path: Path) -> Read:
    """The record of a search."""
    settings = {"space": {"name": "nasbench201", "cells": 1}, "seed": 3, "budget": 60, "out": "é"}
    write_record(path.parent, settings)
    (path.parent / CONFIG).rename(path)
    return _config


def _config(path: Path) -> object:
    path.rename(path.parent / CONFIG)
    return read_record(path.parent)


def history(path: Path) -> Read:
    """The journal of a search."""
    trials = (
        Trial(number, arch, number / 7, {"params": 5.0 * number}, 0.1)
        for number, arch in enumerate(ARCHS)
    )
    path.write_text("".join(f"{trial.to_json()}\n" for trial in trials), encoding="utf-8")
    return lambda path: [(one.arch, one.score, one.metrics) for one in History.read(path)]


def scores(path: Path) -> Read:
    """The journal of a comparison."""
    lines = [
        to_json("key", "epsilon", arch, Evaluation(place / 3, {}, 0.2, draws=(place / 3,)))
        for place, arch in enumerate(ARCHS)
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lambda path: [
        (place, one.score) for place, one in sorted(Scores.read(path).known.items())
    ]


def table(path: Path) -> Read:
    """A table of true figures."""
    plain(path)
    return tables.read


def archs_table(path: Path) -> Read:
    """A packed table of architectures and an accuracy."""
    written(path, polars.DataFrame({"arch": NAMES, "acc": [n / 7 for n in range(len(NAMES))]}))
    return tables.read


def arrays(path: Path) -> Read:
    """Images in a numpy archive, packed or not."""
    np.savez(path, images=pixels(6), labels=np.arange(6))
    return _images


def one_array(path: Path) -> Read:
    """Images in a numpy file."""
    np.save(path, pixels(6))
    return _images


def picture(path: Path) -> Read:
    """A picture in a folder."""
    write(path, pixels(1)[0])
    return lambda path: read_images(path.parent, 1, SHAPE)


def cifar(path: Path) -> Read:
    """A part of CIFAR-10's archive."""
    data = pixels(6, 32, 32).reshape(6, -1)
    path.write_bytes(pickle.dumps({b"data": data, b"labels": list(range(6))}, protocol=2))
    return lambda path: read_images(path.parent, 4, SHAPE)


def words(path: Path) -> Read:
    """A text, plain or packed."""
    content = ("the cat sat on the mat é\n" * 30).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return lambda path: text.read(path, 40)


def _images(path: Path) -> object:
    return read_images(path, 4, SHAPE)


KINDS: dict[str, tuple[str, Callable[[Path], Read]]] = {
    "record of a search": ("as_written.yaml", config),
    "journal of a search": ("history.jsonl", history),
    "journal of a comparison": ("scores.jsonl", scores),
    "table, csv": ("a.csv", table),
    "table, csv.gz": ("a.csv.gz", archs_table),
    "table, parquet": ("a.parquet", archs_table),
    "images, npz": ("a.npz", arrays),
    "images, npy": ("a.npy", one_array),
    "images, png": ("a.png", picture),
    "images, jpg": ("a.jpg", picture),
    "images, CIFAR-10's archive": ("data_batch_1", cifar),
    "text": ("a.txt", words),
    "text, gz": ("a.txt.gz", words),
}

PROTECTED = {"record of a search", "journal of a search", "journal of a comparison"}
"""Kinds with checksums: what is read of a damaged file is true, or it is refused."""


def attempt(kind: str, seed: int, folder: Path) -> str:
    """Read a damaged file of the kind: "read" or "refused"; anything else is an AssertionError.

    `folder` is new. The same seed damages the file in the same way.
    """
    name, make = KINDS[kind]
    (folder / "whole").mkdir()
    (folder / "damaged").mkdir()
    read = make(folder / "whole" / name)
    content = (folder / "whole" / name).read_bytes()
    damaged = damage(name, content, Random(f"{kind} {seed}"))
    (folder / "damaged" / name).write_bytes(damaged)
    try:
        found = read(folder / "damaged" / name)
    except UsageError as error:
        message = str(error)
        assert message, (kind, seed)
        assert "\n" not in message, (kind, seed, message)
        assert len(message) < 2000, (kind, seed, message)
        return "refused"
    if kind in PROTECTED:
        check_true(kind, found, read(folder / "whole" / name), damaged)
    return "read"


def check_true(kind: str, found: object, true: object, damaged: bytes) -> None:
    """What was read of a damaged file says nothing that the whole one does not say."""
    if isinstance(found, list):
        assert isinstance(true, list)
        assert all(item in true for item in found), (kind, found)
    elif any(line.startswith((b"check:", b"format:")) for line in damaged.splitlines()):
        # records of old versions have neither of the two
        assert found == true, (kind, found)
