"""Recipes of NAS-Bench-NLP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any

RNN = '{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}'  # noqa: E501
Spec = dict[str, Any]


LSTM = json.dumps(
    {
        **{gate: {"op": "linear", "input": ["x", "h_prev_0"]} for gate in "ijfo"},
        "i2": {"op": "activation_tanh", "input": ["i"]},
        "j2": {"op": "activation_sigm", "input": ["j"]},
        "f2": {"op": "activation_sigm", "input": ["f"]},
        "o2": {"op": "activation_sigm", "input": ["o"]},
        "kept": {"op": "elementwise_prod", "input": ["f2", "h_prev_1"]},
        "new": {"op": "elementwise_prod", "input": ["i2", "j2"]},
        "h_new_1": {"op": "elementwise_sum", "input": ["kept", "new"]},
        "out": {"op": "activation_tanh", "input": ["h_new_1"]},
        "h_new_0": {"op": "elementwise_prod", "input": ["out", "o2"]},
    }
)


def renamed(recipe: Mapping[str, Spec], rng: Random) -> dict[str, Spec]:
    """The same cell: other names and order, states 1 and 2 swapped, inputs in another order."""
    names = {
        name: f"n{number}" for number, name in enumerate(rng.sample(list(recipe), len(recipe)))
    }
    swaps = {"h_prev_1": "h_prev_2", "h_prev_2": "h_prev_1"} if "h_new_2" in recipe else {}
    for name in recipe:
        if re.fullmatch(r"h_new_\d", name):
            names[name] = f"h_new_{swaps.get(f'h_prev_{name[-1]}', name)[-1]}"
    names |= swaps
    result = {}
    for name in rng.sample(list(recipe), len(recipe)):
        inputs = [names.get(each, each) for each in recipe[name]["input"]]
        if recipe[name]["op"] != "blend":
            rng.shuffle(inputs)
        result[names[name]] = {"op": recipe[name]["op"], "input": inputs}
    return result
