"""Skip: how many nodes a cell's skip edges jump over."""

from __future__ import annotations

import re
from statistics import fmean

from nas import PROXIES, Candidate, NotApplicableError, Proxy
from nas.batch import Batch

SKIP = "skip_connect"
EDGE = re.compile(r"(\w+)~(\d+)")
NODE = r"\|(?:\w+~\d+\|)+"
CELL = re.compile(rf"{NODE}(?:\+{NODE})*")


@PROXIES.register("skip")
class Skip(Proxy):
    """Mean number of nodes that a cell's skip edges jump over (FreeREA, Cavagnero et al. 2023).

        skip = mean over the edges skip_connect from node i to node j of (j - i - 1),
        higher is better,

    and 0 for a cell without such an edge. Source: arXiv:2207.05135 and its reference code for
    NAS-Bench-201. It is a prior about cells rather than a measurement: nothing is built or drawn,
    and the batch is not used. The cell counts as it is written, with edges that do not reach its
    output.

    It is read from the architecture's text, so it exists in every space whose notation is that of
    NAS-Bench-201: the nodes 1, 2, … are joined by '+', and each lists its edges as |op~source|.
    """

    faster_on_cpu = True

    def score(self, candidate: Candidate, batch: Batch) -> float:
        """The mean over the cell's skip edges."""
        text = candidate.space.format(candidate.arch)
        if not CELL.fullmatch(text):
            title = candidate.space.title
            raise NotApplicableError(
                f"skip reads cells such as |op~0|+|op~0|op~1|, and one of {title} is written "
                f"'{text[:60]}'"
            )
        return fmean(jumps(text) or [0])


def jumps(text: str) -> list[int]:
    """How many nodes each skip edge of a cell jumps over."""
    return [
        target - int(source) - 1
        for target, node in enumerate(text.split("+"), start=1)
        for op, source in EDGE.findall(node)
        if op == SKIP
    ]
