"""Strategies, one file each; none of them needs torch."""
