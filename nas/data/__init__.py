"""Inputs: made from a seed (`synthetic`), or read from files (`images`, `text`).

`sources` has what the config group `batch` offers.
"""
