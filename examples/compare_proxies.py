"""Do three proxies agree? Rank correlations of their scores over every architecture of a space.

`nas compare` does the same from the command line, with intervals, costs and pictures and, where
there is a table, with true figures.
"""

from __future__ import annotations

from itertools import combinations

import mlp
from scipy.stats import spearmanr

import nas

PROXIES = ("params", "synflow", "grad_norm")


if __name__ == "__main__":
    space = mlp.MLP()
    archs = list(space.every())
    scores = {
        proxy: [found.score for found in nas.score(space, archs, proxy)] for proxy in PROXIES
    }
    for one, other in combinations(PROXIES, 2):
        agreement = spearmanr(scores[one], scores[other], nan_policy="omit").statistic
        print(f"{one:10} {other:10} {agreement:6.2f}")
