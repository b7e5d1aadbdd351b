"""Recurrent cells as graphs: notation, normal form, and the benchmark's way to draw them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

NODES, STATES = 25, 3
"""The largest numbers of nodes and hidden states that the benchmark's generator can make."""

X = -1
"""The number of the value `x`; 0, 1, 2 are `h_prev_0` to `h_prev_2`, STATES + j is node j."""

ARITIES = {
    "activation_tanh": (1,),
    "activation_sigm": (1,),
    "activation_leaky_relu": (1,),
    "elementwise_prod": (2,),
    "elementwise_sum": (2,),
    "blend": (3,),
    "linear": (2, 3),
}
"""The possible numbers of inputs of each operation."""
ACTIVATIONS = tuple(ARITIES)[:3]
COMMUTATIVE = ("elementwise_prod", "elementwise_sum", "linear")


@dataclass(frozen=True, slots=True)
class Node:
    """An operation on values; if X is an input, it is the first.

    `spare` are values that the operation does not read; they become inputs if it takes more.
    """

    op: str
    inputs: tuple[int, ...]
    spare: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """Nodes that read only earlier nodes, and the index of the node that is `h_new_i`."""

    nodes: tuple[Node, ...]
    states: tuple[int, ...]

    def needed(self, states: int = 1) -> set[int]:
        """The values on which `h_new_i`, i < `states`, depend, in this step or earlier steps."""
        found: set[int] = set()
        open_ = [STATES + node for node in self.states[:states]]
        while open_:
            value = open_.pop()
            if value not in found:
                found.add(value)
                if value >= STATES:
                    open_ += self.nodes[value - STATES].inputs
                elif value != X:
                    open_.append(STATES + self.states[value])
        return found


# The notation


def written(recipe: Recipe) -> str:
    """The recipe as JSON; nodes are numbered in order, an empty `spare` is left out."""
    names = [f"node_{number}" for number in range(len(recipe.nodes))]
    for number, new in enumerate(recipe.states):
        names[new] = f"h_new_{number}"
    values = [*(f"h_prev_{number}" for number in range(STATES)), *names, "x"]  # x is the last
    content: dict[str, dict[str, Any]] = {}
    for name, node in zip(names, recipe.nodes, strict=True):
        content[name] = {"op": node.op, "input": [values[value] for value in node.inputs]}
        if node.spare:
            content[name]["spare"] = [values[value] for value in node.spare]
    return json.dumps(content)


def read(text: str) -> Recipe:
    """The recipe of a JSON text; raises ValueError with the reason if it is not a recipe."""
    try:
        return _read(json.loads(text, object_pairs_hook=_unique))
    except (ValueError, RecursionError) as error:
        why = "it is no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise ValueError(
            f"'{shown}' is not a NAS-Bench-NLP recipe ({why}): write "
            '{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, '
            '"h_new_0": {"op": "activation_tanh", "input": ["node_0"]}}'
        ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs twice")
    return content


def _read(content: object) -> Recipe:
    if not isinstance(content, dict) or not content:
        raise ValueError("it is no JSON object of nodes")
    for name, spec in content.items():
        _check(name, spec)
    if len(content) > NODES:
        raise ValueError(f"it has {len(content)} nodes, and at most {NODES} fit")
    order = list(
        _ordered({name: spec["input"] + spec.get("spare", []) for name, spec in content.items()})
    )
    values = {f"h_prev_{number}": number for number in range(STATES)} | {"x": X}
    values |= {name: STATES + place for place, name in enumerate(order)}
    states: list[int] = []
    while f"h_new_{len(states)}" in content and len(states) < STATES:
        states.append(order.index(f"h_new_{len(states)}"))
    recipe = Recipe(tuple(_node(values, content[name]) for name in order), tuple(states))
    labelled = [name for name in content if name[:6] == "h_new_" and name[6:].isdecimal()]
    read = {value for node in recipe.nodes for value in node.inputs if X < value < STATES}
    if not any(node.op == "linear" for node in recipe.nodes):
        raise ValueError("it has no linear node, and nothing else reads x")
    if not states or len(labelled) != len(states):
        raise ValueError(f"its hidden states must be h_new_0, then up to h_new_{STATES - 1}")
    if max(read, default=0) >= len(states):
        raise ValueError(f"it reads h_prev_{max(read)} and has no h_new_{max(read)}")
    return recipe


def _check(name: str, spec: object) -> None:
    """Raise ValueError if a node has a wrong form; this does not check that its inputs exist."""
    if name == "x" or name.startswith("h_prev_"):
        raise ValueError(f"{name} is an input and cannot be a node")
    if not isinstance(spec, dict) or not {"op", "input"} <= set(spec) <= {"op", "input", "spare"}:
        raise ValueError(f"{name} needs an op and an input, and nothing else")
    op, inputs, spare = spec["op"], spec["input"], spec.get("spare", [])
    if not isinstance(op, str) or op not in ARITIES:
        raise ValueError(f"the op of {name} must be one of {', '.join(ARITIES)}")
    if not all(
        isinstance(v, list) and all(isinstance(i, str) for i in v) for v in (inputs, spare)
    ):
        raise ValueError(f"the input of {name} must be a list of names")
    if len(inputs) not in ARITIES[op]:
        count = " or ".join(map(str, ARITIES[op]))
        raise ValueError(f"{name}, {op}, takes {count} inputs and has {len(inputs)}")
    if inputs.count("x") > (op == "linear"):
        raise ValueError(f"x, of another size, can only be one input of a linear: not in {name}")
    if spare and ("x" in spare or len(inputs) - inputs.count("x") + len(spare) != 3):
        raise ValueError(f"the spare inputs of {name} are not as this program writes them")


def _ordered(inputs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The nodes, each after its inputs; otherwise the given order is kept."""
    given = {"x", *(f"h_prev_{number}" for number in range(STATES))}
    left = dict(inputs)
    while left:
        ready = next((name for name, read in left.items() if not set(read) & set(left)), None)
        if ready is None:
            raise ValueError("its nodes read each other in a circle")
        strange = set(inputs[ready]) - given - set(inputs)
        if strange:
            raise ValueError(f"{ready} reads {min(strange)}, which there is not")
        del left[ready]
        yield ready


def _node(values: Mapping[str, int], spec: Mapping[str, Any]) -> Node:
    inputs = sorted((values[name] for name in spec["input"]), key=lambda value: value != X)
    spare = (values[name] for name in spec.get("spare", []))
    return Node(spec["op"], tuple(inputs), tuple(spare))


# The normal form


def normal(recipe: Recipe) -> Recipe:
    """The recipe without unused parts, in an order that does not depend on the given order.

    States and nodes on which `h_new_0` never depends are left out. Nodes without weights that do
    the same operation on the same inputs are merged, and so are states that are always equal.
    Nodes are numbered in the order in which a walk from `h_new_0` to its inputs meets them. If two
    inputs can be exchanged, or if only the whole graph would show that they cannot, the first one
    is taken first.
    """
    recipe = _merged(recipe)
    colours = _colours(recipe)
    names = {X: X, 0: 0}
    order: list[int] = []

    def visit(value: int) -> None:
        if value in names:
            return
        if value < STATES:
            names[value] = 1 + sum(0 < known < STATES for known in names)
            return
        node = recipe.nodes[value - STATES]
        inputs = list(node.inputs)
        if node.op in COMMUTATIVE:
            inputs.sort(key=lambda each: (colours[each], each))
        for each in inputs:
            visit(each)
        names[value] = STATES + len(order)
        order.append(value)

    roots = [0]
    for root in roots:  # the list grows during the loop
        visit(STATES + recipe.states[root])
        roots += [state for state in names if 0 < state < STATES and state not in roots]
    nodes = []
    for value in order:
        node = recipe.nodes[value - STATES]
        inputs = [names[each] for each in node.inputs]
        nodes.append(Node(node.op, tuple(sorted(inputs) if node.op in COMMUTATIVE else inputs)))
    return Recipe(tuple(nodes), tuple(names[STATES + recipe.states[r]] - STATES for r in roots))


def _merged(recipe: Recipe) -> Recipe:
    """The recipe with equal values read under one name; the other values become unused."""
    same = {value: value for value in range(X, STATES + len(recipe.nodes))}
    while True:
        first: dict[tuple[object, ...], int] = {}
        nodes = []
        for place, node in enumerate(recipe.nodes, start=STATES):
            inputs = [same[value] for value in node.inputs]
            if node.op in COMMUTATIVE:
                inputs.sort()
            key = (node.op, *inputs) if node.op != "linear" else (place,)
            same[place] = first.setdefault(key, place)
            nodes.append(Node(node.op, tuple(inputs)))
        states = tuple(same[STATES + node] - STATES for node in recipe.states)
        recipe = Recipe(tuple(nodes), states)
        twins = [s for s in range(len(states)) if same[s] == s and states.index(states[s]) < s]
        if not twins:
            return recipe
        same[twins[0]] = states.index(states[twins[0]])


def _colours(recipe: Recipe) -> dict[int, int]:
    """A number for each needed value; equal if what it reads and what reads it look the same."""
    needed = recipe.needed()
    ops = list(ARITIES)
    colours = {v: -min(v, 1) if v < STATES else 2 + ops.index(recipe.nodes[v - STATES].op)
               for v in needed}  # fmt: skip
    while True:
        seen: dict[int, tuple[Any, ...]] = {}
        users: dict[int, list[tuple[int, int]]] = {value: [] for value in needed}
        for value in needed - {X}:
            node = recipe.nodes[value - STATES] if value >= STATES else None
            inputs = node.inputs if node else (STATES + recipe.states[value],)
            ordered = node is not None and node.op not in COMMUTATIVE
            for place, each in enumerate(inputs):
                users[each].append((colours[value], place if ordered else 0))
            made = [colours[each] for each in inputs]
            seen[value] = tuple(made if ordered else sorted(made))
        marks = {v: (colours[v], seen.get(v, ()), tuple(sorted(users[v]))) for v in needed}
        ranks = {mark: rank for rank, mark in enumerate(sorted(set(marks.values())))}
        if len(ranks) == len(set(colours.values())):
            return colours
        colours = {value: ranks[mark] for value, mark in marks.items()}


# The benchmark's draw

MAIN = ("linear", "blend", "elementwise_prod", "elementwise_sum")


def drawn(rng: Random) -> Recipe:
    """A recipe drawn by the benchmark's rule (see `NASBenchNLP.sample`)."""
    while True:
        recipe = _attempt(rng)
        used = recipe.needed(len(recipe.states))
        reads = {value for node in recipe.states for value in recipe.nodes[node].inputs}
        if {X, *range(len(recipe.states))} <= used and not reads & set(range(STATES)):
            kept = [j for j in range(len(recipe.nodes)) if STATES + j in used]
            return _renumbered(recipe, kept)


def _attempt(rng: Random) -> Recipe:
    states = rng.randint(1, STATES)
    budget = states + rng.choice((7, 14, 21))
    nodes: list[Node] = []
    activated: list[int] = []
    while len(nodes) < budget:
        op = rng.choices(MAIN, (3, 1, 1, 1))[0]
        others = range(STATES, STATES + len(nodes))
        if op != "linear":
            pool = [*range(states), *others]
            if ARITIES[op][0] <= len(pool):
                nodes.append(Node(op, tuple(rng.sample(pool, ARITIES[op][0]))))
            continue
        pool = [X, *range(states), *activated]
        inputs = rng.sample(pool, min(rng.choices((2, 3), (4, 1))[0], len(pool)))
        nodes.append(Node(op, tuple(sorted(inputs, key=lambda value: value != X))))
        nodes.append(Node(rng.choice(ACTIVATIONS), (STATES + len(nodes) - 1,)))
        activated.append(STATES + len(nodes) - 1)
    return Recipe(tuple(nodes), tuple(rng.sample(range(len(nodes)), states)))


def _renumbered(recipe: Recipe, kept: Sequence[int]) -> Recipe:
    """The recipe with only the nodes in `kept`."""
    names = {value: value for value in range(X, STATES)}
    names |= {STATES + node: STATES + place for place, node in enumerate(kept)}
    nodes = [recipe.nodes[node] for node in kept]
    return Recipe(
        tuple(Node(node.op, tuple(names[value] for value in node.inputs)) for node in nodes),
        tuple(names[STATES + node] - STATES for node in recipe.states),
    )
