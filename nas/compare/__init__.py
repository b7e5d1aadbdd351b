"""How good proxies are: their scores of a sample, compared with the truth if it is known."""

from nas.compare.comparison import Compared, StoppedError, compare
from nas.compare.sample import Comparison
from nas.compare.scores import Scores
from nas.data.tables import Table, Truth

__all__ = ["Compared", "Comparison", "Scores", "StoppedError", "Table", "Truth", "compare"]
