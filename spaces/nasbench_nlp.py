"""NAS-Bench-NLP: recurrent cells of a language model, given as recipes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from random import Random
from typing import TYPE_CHECKING

from nas import SPACES, Arch, Space
from spaces._recipes import NODES, STATES, Node, Recipe, X, drawn, normal, read, written

if TYPE_CHECKING:
    from torch import nn


KINDS = (
    ("activation_tanh", 1),
    ("activation_sigm", 1),
    ("activation_leaky_relu", 1),
    ("elementwise_prod", 2),
    ("elementwise_sum", 2),
    ("blend", 3),
    ("linear of x and", 1),
    ("linear", 2),
    ("linear of x and", 2),
    ("linear", 3),
)
"""The options of a slot's operation: its name, and its number of inputs without x."""
LINEAR = 6
"""The first option that is linear; all later options are linear, too."""
GENES = 4
"""Number of decisions of a slot: its operation and three inputs."""
TRIES = 100


@SPACES.register("nasbench_nlp")
@dataclass(frozen=True)
class NASBenchNLP(Space):
    """NAS-Bench-NLP: recurrent cells for language (Klyuchnikov et al. 2022, arXiv:2006.07116).

    A cell is a recipe, JSON such as {"f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]}}: nodes by name, in any order, up to 25;
    up to three hidden states, h_prev_i before and h_new_i after a step. `linear` has a matrix for
    each of its two or three inputs and one offset, `blend` is a b + (1 - a) c, the leaky ReLU's
    slope is 0.01. x has another size, so only a `linear` can read it, once; every recipe has at
    least one `linear`.

    Decisions: 25 slots of four, and one for each hidden state. A slot has an operation (`KINDS`)
    and three inputs, each h_prev_0, h_prev_1, h_prev_2 or an earlier slot. A recipe of n nodes
    uses the last n slots; the other slots are 0: tanh of h_prev_0, which no node reads. The last
    decisions say that h_new_0 is the k-th last slot, h_new_1 the k-th last of the others, and so
    on. So every tuple with a `linear` is valid, and a search can begin to use a new slot. Inputs
    and slots that a recipe does not mention are 0. `format` writes unused slots as nodes that no
    node reads, and unused inputs as "spare", which the benchmark's own code ignores. `canonical`
    has neither.

    Macro: an embedding, `layers` layers (the last has `embedding` units, the others `hidden`), and
    a decoder that shares the embedding's weights. Parameters equal those of the benchmark
    (`vocabulary`: WikiText-2), which counts every node of the recipe. Inputs are (batch, tokens).
    The output is the last layer's h_new_0 (batch, tokens, embedding), not the logits, which would
    be 80 times as many. There is no dropout. Hidden states begin at 0. `parse` takes any recipe
    within these limits; `format` numbers the nodes.
    """

    embedding: int = 400
    hidden: int = 600
    layers: int = 3
    vocabulary: int = 33278
    tokens: int = 70

    choices = (
        *(n for slot in range(NODES) for n in (len(KINDS), *(STATES + slot,) * (GENES - 1))),
        *(NODES - state for state in range(STATES)),
    )
    shared_weights = (1e-5, 1e-3)
    release = (
        "the official release, logs of training, is at "
        "https://github.com/fmsnew/nas-bench-nlp-release: a table needs its column recepie as "
        "arch and a column of losses."
    )

    def __post_init__(self) -> None:
        for name in ("embedding", "hidden", "layers", "vocabulary", "tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1")

    def parse(self, text: str) -> Arch:
        return encoded(read(text))

    def format(self, arch: Arch) -> str:
        return written(decoded(arch))

    def valid(self, arch: Arch) -> bool:
        return any(kind >= LINEAR for kind in arch[: GENES * NODES : GENES])

    def canonical(self, arch: Arch) -> Arch:
        """The same cell without unused parts, in a fixed order.

        Two cells are the same if h_new_0 is computed in the same way at every step; names of nodes
        and of other states, and the order of the inputs of linear, sum and product do not matter.
        Nodes on which h_new_0 never depends are left out. Equal operations without weights on the
        same inputs are merged, and so are states that are always equal. Two linear nodes on the
        same inputs stay two. Arithmetic is not used: blend(a, b, b) is not b. If no linear node is
        left, the form has one that no node reads.
        """
        form = _normal(arch)
        return form if self.valid(form) else (LINEAR, *form[1:])

    def sample(self, rng: Random) -> Arch:
        """A recipe drawn by the benchmark's rule; recipes are not equally likely.

        It has one to three states and 7, 14 or 21 nodes, each number equally likely. The four
        operations have weights 3 (`linear`), 1, 1 and 1. A linear node has two different inputs
        (or three, with odds of 1 to 4) among x, old states and activations, and an activation
        follows it; other nodes read old states and all nodes. Random nodes become the new states,
        and nodes that these do not need are dropped. A recipe is drawn again if it does not use x
        and all old states, or if a new state reads an old one directly.
        """
        return encoded(drawn(rng))

    def mutate(self, arch: Arch, rng: Random) -> Arch:
        """A random neighbour; it has another canonical form if 100 draws find one.

        It draws a decision of the used slots, of the last unused slot, or of the states, each
        equally likely, and another option for it. All unused slots are alike, so at most one new
        slot is used at a time.
        """
        form, nodes = self.canonical(arch), len(decoded(arch).nodes)
        places = range(GENES * max(0, NODES - nodes - 1), len(arch))
        found = arch
        for _ in range(TRIES):
            place = rng.choice(places)
            option = rng.randrange(self.choices[place] - 1)
            option += option >= arch[place]
            near = (*arch[:place], option, *arch[place + 1 :])
            if self.valid(near) and len(decoded(near).nodes) <= nodes + 1:
                found = near
                if self.canonical(near) != form:
                    break
        return found

    @property
    def size(self) -> int:
        """Number of tuples with a `linear`; many tuples give the same small recipe."""
        kinds: int = len(KINDS) ** NODES
        others: int = LINEAR**NODES
        return prod(self.choices) // kinds * (kinds - others)

    @property
    def inputs(self) -> tuple[int, ...]:
        return (self.tokens,)

    @property
    def widths(self) -> list[tuple[int, int]]:
        """Inputs and units of every layer."""
        sizes = [self.embedding, *[self.hidden] * (self.layers - 1), self.embedding]
        return list(pairwise(sizes))

    def build(self, arch: Arch) -> nn.Module:
        from spaces._recurrent import LanguageModel

        return LanguageModel(decoded(arch), self.widths, self.vocabulary)

    def flops(self, arch: Arch) -> int:
        """Multiply-adds for `tokens` tokens: nodes on which h_new_0 depends, no decoder."""
        recipe = decoded(arch)
        needed = [recipe.nodes[value - STATES] for value in recipe.needed() if value >= STATES]
        terms = [value for node in needed if node.op == "linear" for value in node.inputs]
        of_x = terms.count(X)
        a_step = [n * (of_x * inputs + (len(terms) - of_x) * n) for inputs, n in self.widths]
        return self.tokens * sum(a_step)


def encoded(recipe: Recipe) -> Arch:
    """The decisions of a recipe; its nodes use the last slots."""
    first = NODES - len(recipe.nodes)
    genes = [0] * (GENES * first)
    for node in recipe.nodes:
        has_x = X in node.inputs
        inputs = [value for value in node.inputs if value != X]
        kind = KINDS.index((f"{node.op}{' of x and' * has_x}", len(inputs)))
        values = [value + first * (value >= STATES) for value in (*inputs, *node.spare)]
        genes += [kind, *values, *[0] * (GENES - 1 - len(values))]
    free = list(range(len(recipe.nodes)))[::-1]
    for state in range(STATES):
        new = recipe.states[state] if state < len(recipe.states) else None
        genes.append(0 if new is None else free.index(new))
        if new is not None:
            free.remove(new)
    return tuple(genes)


@lru_cache(maxsize=4096)  # a mutation and its form need the same ones several times
def _normal(arch: Arch) -> Arch:
    """The decisions of the normal form, which may have no linear node."""
    return encoded(normal(decoded(arch)))


@lru_cache(maxsize=4096)
def decoded(arch: Arch) -> Recipe:
    """The recipe of decisions, without the leading slots that are 0 and that no node reads."""
    slots = [_slot(arch[GENES * slot : GENES * (slot + 1)]) for slot in range(NODES)]
    empty = _slot((0,) * GENES)
    free = list(range(NODES))[::-1]
    states = [free.pop(option) for option in arch[GENES * NODES :]]
    told = [node for node in slots if node != empty]
    read_states = [v for node in told for v in node.inputs if 0 <= v < STATES]
    chosen = [state for state in range(STATES) if arch[GENES * NODES + state]]
    states = states[: 1 + max((0, *read_states, *chosen))]
    read_slots = [v - STATES for node in told for v in (*node.inputs, *node.spare) if v >= STATES]
    first = min((*states, *read_slots, *(n for n, node in enumerate(slots) if node != empty)))

    def moved(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(value - first * (value >= STATES) for value in values)

    nodes = [Node(node.op, moved(node.inputs), moved(node.spare)) for node in slots[first:]]
    return Recipe(tuple(nodes), tuple(state - first for state in states))


@lru_cache(maxsize=2**14)
def _slot(genes: tuple[int, ...]) -> Node:
    name, count = KINDS[genes[0]]
    op, _, with_x = name.partition(" ")
    inputs, spare = genes[1 : 1 + count], genes[1 + count :]
    return Node(op, (X, *inputs) if with_x else inputs, spare if any(spare) else ())
