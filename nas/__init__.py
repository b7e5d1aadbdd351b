"""Neural architecture search that trains nothing while it searches."""

from nas.candidate import Candidate
from nas.errors import NotApplicableError, UsageError
from nas.network import Network
from nas.proxy import PROXIES, NoScore, Proxy
from nas.scoring.objective import Objective
from nas.searching.history import History
from nas.searching.loop import search, trials
from nas.space import SPACES, Arch, Space
from nas.strategy import STRATEGIES, Strategy
from nas.trial import Evaluation, Trial

__all__ = [
    "PROXIES",
    "SPACES",
    "STRATEGIES",
    "Arch",
    "Candidate",
    "Evaluation",
    "History",
    "Network",
    "NoScore",
    "NotApplicableError",
    "Objective",
    "Proxy",
    "Space",
    "Strategy",
    "Trial",
    "UsageError",
    "search",
    "trials",
]
