"""Neural architecture search that trains nothing while it searches."""

from nas.errors import NotApplicableError, UsageError
from nas.history import History, Trial
from nas.network import Network
from nas.objective import Evaluation, Objective
from nas.proxy import PROXIES, Candidate, NoScore, Proxy
from nas.search import search, trials
from nas.space import SPACES, Arch, Space
from nas.strategy import STRATEGIES, Strategy

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
