"""Inputs: made from a seed (`synthetic`), or read from files (`images`, `text`).

`sources` has the sources of the config group `batch`.
"""
