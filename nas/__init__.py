"""Neural architecture search that trains nothing while it searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.arch import Arch
from nas.candidate import Candidate
from nas.errors import NotApplicableError, UsageError
from nas.metric import METRICS, Measured, Metric
from nas.network import Network
from nas.proxy import PROXIES, NoScore, Proxy
from nas.ranking import RANKINGS
from nas.runs.trackers import TRACKERS, Tracker
from nas.scoring.objective import Objective, ProxyObjective
from nas.searching.finals import Panel
from nas.searching.history import History
from nas.searching.loop import trials
from nas.searching.warmup import WarmUp
from nas.space import SPACES, Space
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Evaluation, Trial
from nas.version import __version__

if TYPE_CHECKING:
    from nas.api import finals, score, search
    from nas.batch import Batch
    from nas.drawing import draw
    from nas.exporting import export
    from nas.scoring.table import Scores
    from nas.surrogates.fitting import fit
    from nas.training.from_python import train

__all__ = [
    "METRICS",
    "PROXIES",
    "RANKINGS",
    "SPACES",
    "STRATEGIES",
    "TRACKERS",
    "Arch",
    "Batch",
    "Candidate",
    "Evaluation",
    "History",
    "Measured",
    "Metric",
    "Network",
    "NoScore",
    "NotApplicableError",
    "Objective",
    "Panel",
    "Proxy",
    "ProxyObjective",
    "Scores",
    "Space",
    "Strategy",
    "Tracker",
    "Trial",
    "UsageError",
    "WarmUp",
    "__version__",
    "draw",
    "export",
    "finals",
    "fit",
    "score",
    "search",
    "train",
    "trials",
]

LATER = {
    "Batch": "nas.batch",
    "Scores": "nas.scoring.table",
    "draw": "nas.drawing",
    "export": "nas.exporting",
    "fit": "nas.surrogates.fitting",
    "train": "nas.training.from_python",
    **dict.fromkeys(("finals", "score", "search"), "nas.api"),
}
"""Public names whose modules need torch: they are imported when someone asks for them."""


def __getattr__(name: str) -> object:
    if name in LATER:
        from importlib import import_module

        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module 'nas' has no attribute '{name}'")
