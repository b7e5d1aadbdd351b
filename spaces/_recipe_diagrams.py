"""The diagrams of a recurrent cell and of the language model made of it."""

from __future__ import annotations

from collections.abc import Sequence

from nas.network.drawing import Arrow, Box, Diagram
from nas.network.drawing.diagram import Kind
from spaces._recipes import STATES, Recipe, X

LABELS: dict[str, tuple[str, Kind]] = {
    "activation_tanh": ("tanh", "activation"),
    "activation_sigm": ("sigmoid", "activation"),
    "activation_leaky_relu": ("leaky ReLU", "activation"),
    "elementwise_prod": ("×", "join"),
    "elementwise_sum": ("+", "join"),
    "blend": ("blend", "join"),
    "linear": ("linear", "linear"),
}


def cell(recipe: Recipe) -> Diagram:
    """The recipe as a graph: x and the old states at the top, the new states at the bottom."""
    needed = recipe.needed()
    states = range(len(recipe.states))
    values = [X, *states, *range(STATES, STATES + len(recipe.nodes))]
    place = {value: index for index, value in enumerate(values)}
    boxes = [Box("x", "input", title="the layer's input at this step")]
    for state in states:
        title = f"hidden state {state} after the step before"
        boxes.append(Box(f"h_prev_{state}", "input", title=title, unused=state not in needed))
    arrows = []
    for value, node in enumerate(recipe.nodes, STATES):
        label, kind = LABELS[node.op]
        boxes.append(Box(label, kind, title=node.op, unused=value not in needed))
        for letter, source in zip("abc", node.inputs, strict=False):
            name = letter if node.op == "blend" else ""
            arrows.append(Arrow(place[source], place[value], name))
    for state in [*states[1:], 0]:  # the output of the layer comes last
        title = "the layer's output" if state == 0 else f"hidden state {state} after the step"
        new = STATES + recipe.states[state]
        boxes.append(Box(f"h_new_{state}", "output", title=title, unused=new not in needed))
        arrows.append(Arrow(place[new], len(boxes) - 1))
    blends = any(node.op == "blend" for node in recipe.nodes)
    notes = ("h_prev: the states before a step, h_new: after it; h_new_0 is the output",)
    return Diagram(
        "cell",
        tuple(boxes),
        tuple(dict.fromkeys(arrows)),
        notes=(*notes, "blend: a × b + (1 − a) × c") if blends else notes,
    )


def whole(widths: Sequence[tuple[int, int]]) -> Diagram:
    """The language model: embedding, layers of cells."""
    boxes = [
        Box("tokens", "input"),
        Box("embedding", "linear", shape=(widths[0][0],)),
        *(
            Box("cell", "block", f"over time, {hidden} units", (hidden,))
            for _, hidden in widths
        ),
        Box("output", "output"),
    ]  # fmt: skip
    arrows = [
        Arrow(index, index + 1, f"time×{box.shape[0]}" if box.shape else "time")
        for index, box in enumerate(boxes[:-1])
    ]
    return Diagram("language model", tuple(boxes), tuple(arrows), chain=True)
