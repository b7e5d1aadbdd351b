"""MeCo on an image of the batch instead of noise."""

from __future__ import annotations

from nas import PROXIES, Candidate, Proxy
from nas.batch import Batch
from nas.network.initialisation import Init
from proxies._models import lent
from proxies.meco import smallest_eigenvalues


@PROXIES.register("meco_image")
class MeCoImage(Proxy):
    """Smallest eigenvalues of the channels' correlations on an image, summed over modules.

        meco_image = meco, with the batch's first example as its one image,   higher is better.

    The image decides how the pixels of a channel hang together: on noise they do not. Of single
    proxies that train nothing this one ranks NAS-Bench-201 best (docs/results/nasbench201.md).
    Source: `meco` (Jiang et al. 2023); the choice of the image is ours. Option: `init`, how
    weights are drawn. It uses no labels and no gradients.
    """

    def __init__(self, init: Init = "default") -> None:
        self.init = init

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The sum on the batch's first example."""
        with lent(candidate, self.init) as model:
            return sum(smallest_eigenvalues(model, batch.inputs[:1]), 0.0)
