"""Damaged files and random command lines: what is random is drawn from a seed."""
