"""My folder of pictures: one subfolder a class; which cell suits them?

The program draws a folder of circles, squares and triangles, of many sizes and colours, and
searches cells of NAS-Bench-201 with them. With a folder of yours, on the command line:
`nas search batch=images batch.path=FOLDER batch.size=64 space.classes=3 space.resolution=64`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw

import nas
from nas import SPACES
from nas.data.sources import make_batch

CORNERS = {"circle": None, "square": 4, "triangle": 3}


def draw(folder: Path, count: int = 20) -> None:
    """So many pictures of every class, as PNG and JPEG files of several sizes."""
    rng = Random(0)
    for name, corners in CORNERS.items():
        (folder / name).mkdir()
        for number in range(count):
            width, height = rng.randint(40, 90), rng.randint(40, 90)
            picture = Image.new("RGB", (width, height), _colour(rng))
            x, y, radius = width / 2, height / 2, rng.uniform(10, 18)
            pen, colour = ImageDraw.Draw(picture), _colour(rng)
            if corners is None:
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
            else:
                pen.regular_polygon((x, y, radius), corners, rng.uniform(0, 360), fill=colour)
            picture.save(folder / name / f"{number}.{rng.choice(['png', 'jpg'])}")


def _colour(rng: Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        draw(Path(place))
        space = SPACES.build("nasbench201", channels=8, cells=1, resolution=16, classes=3)
        batch = make_batch(space, "images", path=place, size=30)
    counts = batch.labels_for(3).bincount().tolist()
    print(f"{tuple(batch.inputs.shape)}, {batch.origin}: {counts}")
    found = nas.search(space, "grad_norm", "random", budget=10, batch=batch, finals=None)
    print(f"best of {len(found.trials)}: {found.arch}, {found.best.score:.3f}")
