"""How good proxies are: their scores of a sample, beside the truth where it is known."""

from nas.compare.comparison import compare
from nas.compare.sample import Comparison
from nas.compare.scores import Scorer, Scores
from nas.compare.tables import Table, Truth

__all__ = ["Comparison", "Scorer", "Scores", "Table", "Truth", "compare"]
