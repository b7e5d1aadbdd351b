"""Spaces with small macro sizes."""

from __future__ import annotations

from nas import SPACES, Space

SMALL = {
    "nasbench201": {"channels": 4, "cells": 1, "resolution": 8},
    "darts": {"channels": 4, "layers": 3, "resolution": 8},
    "nats_size": {"resolution": 8},
    "transnas_macro": {"channels": 2, "classes": 5, "resolution": 128},
    "transnas_micro": {"channels": 2, "classes": 5, "resolution": 64},
    "nasbench101": {"channels": 8, "stacks": 2, "cells": 1, "resolution": 8},
    "mnasnet": {"channels": 4, "classes": 3, "resolution": 64},
    "vit": {"resolution": 8, "patch": 4, "classes": 3, "unit": 1, "head_width": 4},
    "nasbench_nlp": {"embedding": 6, "hidden": 8, "layers": 2, "vocabulary": 50, "tokens": 5},
}
"""Macro sizes that make a space quick to build."""


def small(name: str) -> Space:
    """A registered space with small macro sizes."""
    return SPACES.build(name, **SMALL.get(name, {}))
