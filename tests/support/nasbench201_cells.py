"""The cells of NAS-Bench-201."""

from __future__ import annotations

from itertools import product

EVERY = list(product(range(5), repeat=6))
EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
