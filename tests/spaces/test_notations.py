"""Cells as other people's tools write them, as texts and as objects."""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import SPACES, Arch, UsageError, score
from nas.storage.literals import literal, text_of
from spaces._nasbench201 import EDGES
from spaces.darts import DARTS, OPERATIONS, PAIRS
from spaces.nasbench101 import NASBench101
from spaces.nasbench201 import NASBench201, naslib

NAMES = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""NASLib's names of its five operations, in NASLib's order."""
LINKS = ((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
"""NASLib's edges, whose nodes begin with 1."""
CELL201 = st.tuples(*[st.integers(0, 4)] * 6)
SEEDS = st.integers(0, 2**32)
Genotype = namedtuple("Genotype", "normal normal_concat reduce reduce_concat")


def by_names(places: tuple[int, ...]) -> str:
    """The published string of NASLib's numbers, edge by edge."""
    found = {(a - 1, b - 1): NAMES[place] for (a, b), place in zip(LINKS, places, strict=True)}
    nodes = ["".join(f"{found[a, b]}~{a}|" for a in range(b)) for b in (1, 2, 3)]
    return "+".join(f"|{node}" for node in nodes)


@settings(deadline=None, max_examples=50)
@given(CELL201)
def test_naslib_s_numbers_have_their_own_order(places: tuple[int, ...]) -> None:
    space = NASBench201()
    arch = space.read(f"naslib:{places}")
    assert space.format(arch) == by_names(places)
    assert naslib(arch) == f"naslib:{places}"


def test_a_cell_of_naslib_by_hand() -> None:
    space = NASBench201()
    text = (
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    )
    assert space.format(space.read("naslib: (4,0,3,1,4,3)")) == text
    assert space.read("naslib:4,0,3,1,4,3") != space.read("(4, 0, 3, 1, 4, 3)")


CELL = "|none~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|"


@pytest.mark.parametrize(
    "written",
    [
        CELL.replace("+", " + "),
        CELL.replace("|", " | "),
        CELL.replace("|", "\t|"),
        f"'{CELL}'",
        f'  "{CELL}" ',
        f"“{CELL}”",
        CELL.replace("|", "｜"),
        CELL.replace("~", " ~ "),
        naslib(NASBench201().read(CELL)).upper(),
        naslib(NASBench201().read(CELL)).replace("naslib:", " NASLib : "),
        f"'{NASBench201().read(CELL)}'",
    ],
)
def test_a_cell_is_read_as_it_was_pasted(written: str) -> None:
    assert NASBench201().format(NASBench201().read(written)) == CELL


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (CELL[:-1], "the last | is missing"),
        (CELL.replace("none~1", "zero~1"), "there is no 'zero'; write"),
        (CELL.replace("+", ""), "write |op~0|+|op~0|op~1|"),
    ],
)
def test_what_is_wrong_with_a_cell_of_201(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"is not a NAS-Bench-201 cell: {why}")):
        NASBench201().read(written)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("011;001;000 input|conv3x3|output", "there is no operation 'conv3x3': take conv3x3-bn"),
        (
            "010;101;000 input|maxpool3x3|output",
            "triangular, and has a 1 in row 2, column 1",
        ),
        ("100;001;000 input|maxpool3x3|output", "has a 1 in row 1, column 1"),
        ("021;001;000 input|maxpool3x3|output", "row 1 of its matrix has '2', and must have 0"),
        ("010;001 input|output", "its matrix must be square: row 1 has 3 of 2 entries"),
        ("011;001;000 input|output", "it has 2 operations, and its matrix has 3 rows"),
        ("011;001;000 maxpool3x3|output", "must begin with input and end with output"),
        (";".join(["0" * 8] * 8) + " input|output", "8 rows, and at most 7"),
        ("011;001;000", "write the rows of its upper triangular matrix"),
        ({"matrix": [[0, 2], [0, 0]], "ops": ["input", "output"]}, "row 1 of its matrix has '2'"),
        ({"matrix": [[0, 1, 0], [0, 0, 1]], "ops": ["input", "output"]}, "must be square"),
        ("010;000;000 input|maxpool3x3|output", "its input must lead to its output"),
    ],
)
def test_what_is_wrong_with_a_cell_of_101(written: object, why: str) -> None:
    with pytest.raises(UsageError, match="is not a NAS-Bench-101 cell: ") as caught:
        NASBench101().read(written)
    assert why in str(caught.value)


def test_a_cell_of_101_is_read_with_blanks_and_quotes() -> None:
    space = NASBench101()
    plain = "011;001;000 input|maxpool3x3|output"
    assert space.read("'011; 001; 000 input | maxpool3x3 | output'") == space.read(plain)


@pytest.mark.parametrize("rest", ["", "(1,2)", "(5,0,0,0,0,0)", "(-1,0,0,0,0,0)", "|a~0|"])
def test_other_numbers_are_not_naslib_s(rest: str) -> None:
    with pytest.raises(UsageError, match="six numbers from 0 to 4"):
        NASBench201().read(f"naslib:{rest}")


@settings(deadline=None, max_examples=50)
@given(CELL201)
def test_configs_and_lists_of_nasbench201(arch: Arch) -> None:
    space = NASBench201()
    text = space.format(arch)
    config = {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": 10}
    names = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    nodes: list[list[tuple[str, int]]] = [[], [], []]
    for place, (source, target) in zip(arch, EDGES, strict=True):
        nodes[target - 1].append((names[place], source))
    for written in (config, json.dumps(config), str(config), nodes, str(nodes), tuple(nodes)):
        assert space.read(written) == arch


def genotype(arch: Arch) -> Any:
    """The genotype as an object."""
    cells = []
    for half in (arch[:12], arch[12:]):
        edges = []
        for node, pairs in enumerate(PAIRS):
            sources, *ops = half[3 * node : 3 * node + 3]
            edges += [
                (OPERATIONS[op], source) for op, source in zip(ops, pairs[sources], strict=True)
            ]
        cells.append(edges)
    return Genotype(cells[0], range(2, 6), cells[1], [2, 3, 4, 5])


def config301(found: Any) -> dict[str, Any]:
    """A config of NAS-Bench-301's ConfigSpace, with some keys that are no part of the cells."""
    config: dict[str, Any] = {
        "NetworkSelectorDatasetInfo:darts:layers": 8,
        "OptimizerSelector:sgd:momentum": 0.9,
        "NetworkSelectorDatasetInfo:darts:auxiliary": False,
    }
    start = "NetworkSelectorDatasetInfo:darts:"
    for cell in ("normal", "reduce"):
        edges, first = getattr(found, cell), 0
        for node in range(2, 6):
            two = sorted(edges[2 * node - 4 : 2 * node - 2], key=lambda edge: edge[1])
            for operation, source in two:
                config[f"{start}edge_{cell}_{first + source}"] = operation
            if node > 2:
                config[f"{start}inputs_node_{cell}_{node}"] = "_".join(str(s) for _, s in two)
            first += node
    return config


@settings(deadline=None, max_examples=50)
@given(SEEDS)
def test_compact_genotypes_and_configs_of_nasbench301(seed: int) -> None:
    space = DARTS(none=False)
    arch = space.sample(Random(seed))
    found = genotype(arch)
    compact = tuple(
        tuple((source, OPERATIONS.index(op)) for op, source in cell)
        for cell in (found.normal, found.reduce)
    )
    config = config301(found)
    bare = {key.rpartition(":")[2]: value for key, value in config.items()}
    for written in (found, repr(found), compact, str(compact), np.array(compact)):
        assert space.read(written) == arch
    for written in (config, str(config), json.dumps(config), bare):
        assert space.read(written) == arch
    reverse = dict(sorted(config.items(), reverse=True))
    assert space.read(reverse) == arch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs_node_normal_4": "0_9"}, "inputs_node_normal_4 is 0_9"),
        ({"edge_normal_0": None}, "inputs_node_normal_2"),
        ({"edge_reduce_14": "skip_connect"}, "under 14"),
        ({"edge_normal_0": "conv"}, "'conv' is none of the operations"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(
    change: Mapping[str, Any], message: str
) -> None:
    space = DARTS(none=False)
    config = config301(genotype((0,) * 24))
    start = "NetworkSelectorDatasetInfo:darts:"
    with pytest.raises(UsageError, match=message):
        space.read({**config, **{start + key: value for key, value in change.items()}})


@pytest.mark.parametrize("place", [-1, 7])
def test_a_compact_genotype_names_operations_that_exist(place: int) -> None:
    cell = [(0, 0), (1, place)] * 4
    with pytest.raises(UsageError, match=f"{place} must be the place of one of max_pool_3x3"):
        DARTS(none=False).read((cell, cell))


@settings(deadline=None, max_examples=50)
@given(SEEDS)
def test_cells_of_nasbench101_as_lists_and_objects(seed: int) -> None:
    space = NASBench101()
    arch = space.sample(Random(seed))
    rows, _, names = space.format(arch).partition(" ")
    matrix, ops = [[int(n) for n in row] for row in rows.split(";")], names.split("|")
    spec = {"matrix": matrix, "ops": ops}
    released = {"module_adjacency": matrix, "module_operations": ops, "trainable_parameters": 5}
    truths = [[bool(n) for n in row] for row in matrix]
    cell = SimpleNamespace(matrix=np.array(matrix), ops=ops, original_ops=ops)
    for written in ((matrix, ops), spec, released, (np.array(matrix), ops), (truths, ops), cell):
        assert space.read(written) == arch
    for text in (str((matrix, ops)), str(spec), json.dumps(released), json.dumps([matrix, ops])):
        assert space.read(text) == arch


@pytest.mark.parametrize(
    "bad",
    [
        ([[0, 2], [0, 0]], ["input", "output"]),
        ([[0, 1], [0, 0]], ["input"]),
        ([0, 1], ["input", "output"]),
        {"matrix": [[0, 1], [0, 0]]},
        {},
        {1, 2},
        None,
        3.5,
    ],
    ids=str,
)
def test_what_is_no_cell_is_refused_in_a_sentence(bad: object) -> None:
    with pytest.raises(UsageError, match=r"NAS-Bench-101 cell|no architecture"):
        NASBench101().read(bad)


def test_configs_of_the_size_space_and_of_mnasnet() -> None:
    size = SPACES["nats_size"]()
    config = {"name": "infer.shape.tiny", "channels": "8:64:32:16:40", "num_classes": 10}
    assert size.read(config) == size.read(str(config)) == size.read("8:64:32:16:40")
    mnasnet = SPACES["mnasnet"]()
    arch = mnasnet.sample(Random(0))
    values = [int(word) for word in mnasnet.format(arch).split()]
    named = dict(zip(mnasnet.columns, values, strict=True))
    assert mnasnet.read(named) == mnasnet.read(json.dumps(named)) == arch


def test_python_takes_the_objects() -> None:
    cell = {"arch_str": "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"}
    one, two = score("nasbench201", [cell, (0, 0, 0, 3, 0, 0)], "params")
    assert one.score == two.score > 0


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from(["a", "op~0", "é (x)"]),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.just("key"), inner, max_size=1)
        ),
        max_leaves=8,
    )
)
def test_a_literal_is_read_as_it_was_written(value: Any) -> None:
    assert literal(repr(value)) == literal(json.dumps(value, ensure_ascii=False)) == value
    assert literal(text_of(value)) == value if not isinstance(value, str) else True


@pytest.mark.parametrize(
    "text", ["f()", "a", "[1", "'a\\x41'", "1 2", "[" * 99_999, "{1: 2}", "01"]
)
def test_what_is_no_literal_is_none(text: str) -> None:
    assert literal(text) is None
