"""A metric of one's own: a class with a unit and `measure`; lower is better.

`python examples/own_metric.py` measures a space by it. On the command line:
`NAS_PLUGINS=mlp,own_metric PYTHONPATH=examples nas search space=mlp metrics=[activations]`.
"""

from __future__ import annotations

import mlp
from torch import Generator

from nas import METRICS, Candidate, Metric
from nas.batch import Batch


@METRICS.register("activations")
class Activations(Metric):
    """How many numbers all layers together put out for one example."""

    unit = "numbers for one example"

    def measure(self, candidate: Candidate, batch: Batch) -> float:
        """Counted on the meta device: no weight is allocated and nothing is computed."""
        model, counts = candidate.skeleton(), list[int]()
        for part in model.modules():
            if not list(part.children()):
                part.register_forward_hook(lambda *call: counts.append(call[-1].numel()))
        model(batch.inputs[:1].to("meta"))
        return float(sum(counts))


if __name__ == "__main__":
    space = mlp.MLP()
    inputs = space.batch(1, Generator())
    for arch in space.every():
        figure = Activations().measure(Candidate(space, arch), inputs)
        print(f"{figure:5.0f}  {space.format(arch)}")
