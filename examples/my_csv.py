"""My CSV: a table of numbers with a column of classes, and networks that fit it.

The program writes a table of triangles, three sides and what kind they are, and compares small
networks on it. On the command line, with a table of yours and a space of as many inputs:
`nas search space=triangles batch=arrays batch.path=FILE.csv batch.labels=kind`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from torch import nn

import nas
from nas import SPACES, Space
from nas.data.sources import make_batch


@SPACES.register("triangles")
class Triangles(Space):
    """Networks of one to three hidden layers on the table's three columns, for three classes."""

    decisions = {"depth": (1, 2, 3), "width": (16, 64)}
    inputs = (3,)  # as many as columns

    def build(self, depth: int, width: int) -> nn.Module:
        """The network that these options name, with fresh weights."""
        layers: list[nn.Module] = [nn.Linear(3, width), nn.ReLU()]
        for _ in range(depth - 1):
            layers += [nn.Linear(width, width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(width, 3))


def rows(count: int) -> Iterator[tuple[float, float, float, str]]:
    """The sides of triangles in metres, and their kind by the largest angle, opposite of c."""
    rng = Random(0)
    for number in range(count):
        a, b = rng.uniform(1, 9), rng.uniform(1, 9)
        right = (a * a + b * b) ** 0.5
        kind = ("acute", "right", "obtuse")[number % 3]
        least = max(a, b) if kind == "acute" else right
        most = a + b if kind == "obtuse" else right
        yield a, b, rng.uniform(least, most), kind


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        path = Path(folder) / "triangles.csv"
        lines = [f"{a:.4f},{b:.4f},{c:.4f},{kind}" for a, b, c, kind in rows(300)]
        path.write_text("\n".join(["a,b,c,kind", *lines]))
        space = Triangles()
        options = {"labels": "kind", "scaling": "standard", "shuffle": True}
        batch = make_batch(space, "arrays", path=str(path), size=120, **options)
    print(f"{tuple(batch.inputs.shape)}, {batch.origin}")
    archs = list(space.every())
    for arch, found in zip(archs, nas.score(space, archs, "grad_norm", batch=batch), strict=True):
        print(f"{space.format(arch):16} {found.score:8.3f}")
