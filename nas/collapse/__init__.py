"""The exact outputs of networks under one shared weight, with equal channels computed once.

If all weights of a layer are equal, all its output channels are equal. `outputs` computes networks
given as layers; start reading there. `modules` computes modules that a user brings.
"""
