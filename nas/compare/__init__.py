"""How good proxies are: their scores of a sample, beside the truth where it is known."""

from nas.compare.comparison import Compared, StoppedError, compare
from nas.compare.sample import Comparison
from nas.compare.scores import Scores
from nas.compare.tables import Table, Truth

__all__ = ["Compared", "Comparison", "Scores", "StoppedError", "Table", "Truth", "compare"]
