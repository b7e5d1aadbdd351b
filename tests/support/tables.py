"""Tables of figures: read as they are, and written for a test."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from random import Random

import polars

from nas import SPACES

SPACE = SPACES.build("nasbench201")
ARCHS = list(dict.fromkeys(SPACE.sample(Random(seed)) for seed in range(30)))[:20]
NAMES = [SPACE.format(arch) for arch in ARCHS]


def written(path: Path, frame: polars.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        text = frame.write_csv().encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def plain(path: Path, column: str = "arch") -> polars.DataFrame:
    """A file with twenty cells and figures of several kinds."""
    rng = Random(0)
    frame = polars.DataFrame(
        {
            "note": ["x"] * 20,
            column: [str(arch) if place % 2 else NAMES[place] for place, arch in enumerate(ARCHS)],
            "acc": [rng.random() * 100 for _ in ARCHS],
            "-steps": range(20),
            "gaps": [None if place % 3 else place / 8 for place in range(20)],
        }
    )
    written(path, frame)
    return frame


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, gzipped or not."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))
