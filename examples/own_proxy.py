"""A proxy of one's own: a class with `score`.

`python examples/own_proxy.py` searches by it. On the command line:
`NAS_PLUGINS=mlp,own_proxy PYTHONPATH=examples nas search space=mlp proxy=spread`.
"""

from __future__ import annotations

import mlp
import torch

import nas
from nas import PROXIES, Candidate, NoScore, Proxy
from nas.batch import Batch


@PROXIES.register("spread")
class Spread(Proxy):
    """How far the untrained network's outputs lie apart, compared with their size."""

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """Standard deviation over the examples, by the mean size; higher is better."""
        model = candidate.model()  # fresh weights: the same for the same seed and architecture
        with torch.no_grad():
            outputs = model(batch.inputs).double()
        size = float(outputs.abs().mean())
        if size == 0:
            return NoScore("all outputs are 0")
        return float(outputs.std(dim=0).mean()) / size


if __name__ == "__main__":
    found = nas.search(mlp.MLP(), Spread(), budget=18)
    print(found.arch, found.best.score)
