"""Networks under one shared weight, computed exactly with equal channels only once.

`outputs` is the front door for networks given as layers, `modules` for modules that a user brings.
"""
