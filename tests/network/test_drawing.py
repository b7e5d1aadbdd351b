"""Drawings of networks: what they say, and that it can be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from random import Random
from xml.etree import ElementTree

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from nas.network import Add, BatchNorm, Builder, Concat, Conv, GlobalAvgPool, Linear, Network, ReLU
from nas.network.drawing import Arrow, Box, Diagram, Drawing, Group
from nas.network.drawing.colours import DARK, LIGHT, Colours, lightness
from nas.network.drawing.diagram import Kind
from nas.network.drawing.drawing import draw_layers
from nas.network.drawing.parts import part_of, worded
from nas.network.drawing.picture import Line, Picture, Point
from tests.support.networks import random_network

SVG = "{http://www.w3.org/2000/svg}"


def drawing(network: Network) -> Drawing:
    return draw_layers(network.layers, network.shapes, network.blocks)


def residual(net: Builder, node: int, width: int) -> int:
    convs = (ReLU(), Conv(width, width, 3, padding=1), BatchNorm(width))
    return net.add(Add(), net.chain(node, *convs, *convs), node)


def stages(blocks: Sequence[int], width: int = 4) -> Network:
    """A stem, stages of residual blocks with a wider convolution between, and a head."""
    net = Builder((3, 8, 8))
    with net.scope("stem"):
        node = net.mark(net.chain(net.input, Conv(3, width, 3, padding=1), BatchNorm(width)))
    for stage, number in enumerate(blocks):
        if stage:
            with net.scope("stages", stage):
                node = net.add(Conv(width, 2 * width, 1), node)
            width *= 2
        for block in range(number):
            with net.scope("stages", stage, "blocks", block):
                node = net.mark(residual(net, node, width))
    with net.scope("head"):
        net.chain(node, GlobalAvgPool(), Linear(width, 10))
    return net.build()


def test_equal_blocks_are_one_box_with_their_number() -> None:
    whole, block = drawing(stages([3, 2])).diagrams
    assert [box.heading for box in whole.boxes] == [
        *("input", "stem", "block ×3", "conv 1×1", "block ×2", "head", "output")
    ]
    assert [group.label for group in whole.groups] == ["stage 0", "stage 1"]
    assert [(arrow.source, arrow.target) for arrow in whole.arrows] == [
        (number, number + 1) for number in range(6)
    ]
    assert [arrow.label for arrow in whole.arrows][1:4] == ["4×8×8", "4×8×8", "8×8×8"]
    assert [box.heading for box in block.boxes] == ["input", "conv 3×3 ×2", "+", "output"]
    assert block.notes == ("conv: ReLU before, norm after",)


def test_blocks_that_differ_in_more_than_width_are_two_kinds() -> None:
    net = Builder((4, 8, 8))
    node = net.input
    for number, kernel in enumerate((3, 3, 5, 3)):
        with net.scope("cells", number):
            conv = net.add(Conv(4, 4, kernel, padding=kernel // 2), node)
            node = net.mark(net.add(Add(), conv, node))
    whole, *kinds = drawing(net.build()).diagrams
    assert [box.heading for box in whole.boxes] == [
        *("input", "cell A ×2", "cell B", "cell A", "output")
    ]
    assert [kind.title for kind in kinds] == ["cell A", "cell B"]
    assert "conv 5×5" in [box.label for box in kinds[1].boxes]


def test_several_blocks_in_a_row_repeat_together() -> None:
    net = Builder((4, 8, 8))
    node = net.input
    for number in range(6):
        with net.scope("layers", number):
            kernel = 3 if number % 2 else 5
            conv = net.add(Conv(4, 4, kernel, padding=kernel // 2), node)
            node = net.mark(net.add(Add(), conv, node))
    whole, *_ = drawing(net.build()).diagrams
    assert [box.heading for box in whole.boxes] == ["input", "layer A", "layer B", "output"]
    assert [group.heading for group in whole.groups] == ["×3"]
    assert [(arrow.source, arrow.target) for arrow in whole.arrows] == [(0, 1), (1, 2), (2, 3)]


def test_equal_layers_of_a_chain_are_one_box() -> None:
    net = Builder((4,))
    node = net.input
    for _ in range(5):
        node = net.chain(node, Linear(4, 4), ReLU())
    net.add(Linear(4, 2), node)
    (whole,) = drawing(net.build()).diagrams
    assert [box.heading for box in whole.boxes] == ["input", "linear ×5", "linear", "output"]


def test_a_network_without_names_or_blocks_is_one_graph() -> None:
    net = Builder((3, 8, 8))
    one = net.chain(net.input, Conv(3, 4, 3), ReLU())
    other = net.add(Conv(3, 5, 3), net.input)
    net.add(Concat(), one, other)
    (whole,) = drawing(net.build()).diagrams
    assert [box.label for box in whole.boxes] == [
        "input",
        "conv 3×3",
        "conv 3×3",
        "concat",
        "output",
    ]
    assert {(arrow.source, arrow.target) for arrow in whole.arrows} == {
        *((0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    }


def test_marked_blocks_without_names_are_boxes() -> None:
    net = Builder((3, 8, 8))
    node = net.mark(net.add(Conv(3, 4, 1), net.input))
    for _ in range(4):
        node = net.mark(residual(net, node, 4))
    net.chain(node, GlobalAvgPool(), Linear(4, 2))
    whole, *_ = drawing(net.build()).diagrams
    assert "block B ×4" in [box.heading for box in whole.boxes]


def test_what_does_not_reach_the_output_is_dashed() -> None:
    net = Builder((3, 8, 8))
    net.add(Conv(3, 4, 3), net.input)
    net.add(Conv(3, 5, 1), net.input)
    found = drawing(net.build())
    assert [box.label for box in found.diagrams[0].boxes if box.unused] == ["conv 3×3"]
    assert 'class="box conv unused"' in found.svg


def test_an_unknown_operation_has_a_label() -> None:
    class FancyLayerNorm2d:
        pass

    assert worded("FancyLayerNorm2d") == ("fancy layer norm", "norm")
    assert worded("RMSNorm") == ("RMS norm", "norm")
    assert worded("Wobble") == ("wobble", "other")
    part = part_of(FancyLayerNorm2d(), (0,), (3, 4, 4), [(3, 4, 4)], "a.b")
    assert (part.label, part.kind, part.name) == ("fancy layer norm", "norm", "a.b")


def ends(points: Sequence[Point]) -> list[Point]:
    """Points along a curve."""
    found = []
    for at in range(0, len(points) - 1, 3):
        a, b, c, d = points[at : at + 4]
        for step in range(21):
            t = step / 20
            u = 1 - t
            w = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            found.append(
                (
                    sum(x * each for (x, _), each in zip((a, b, c, d), w, strict=True)),
                    sum(y * each for (_, y), each in zip((a, b, c, d), w, strict=True)),
                )
            )
    return found


def check_readable(picture: Picture) -> None:
    """Nothing overlaps, nothing is cut, and no arrow crosses a box."""
    for one, other in combinations(picture.shapes, 2):
        apart = (
            one.x + one.width <= other.x
            or other.x + other.width <= one.x
            or one.y + one.height <= other.y
            or other.y + other.height <= one.y
        )
        assert apart, f"{one} overlaps {other}"
    for shape in picture.shapes:
        assert shape.x >= 0
        assert shape.y >= 0
        assert shape.x + shape.width <= picture.width
        assert shape.y + shape.height <= picture.height
        assert max(line.width for line in shape.lines) <= shape.width
        assert sum(line.size for line in shape.lines) <= shape.height
    for words in picture.words:
        assert words.x + words.line.width <= picture.width
        assert words.y < picture.height
        assert words.line.size >= 11
    for curve in picture.curves:
        for x, y in ends(curve.points):
            for shape in picture.shapes:
                inside_x = shape.x + 1 < x < shape.x + shape.width - 1
                inside_y = shape.y + 1 < y < shape.y + shape.height - 1
                assert not (inside_x and inside_y), f"an arrow crosses {shape}"


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_can_be_read(seed: int) -> None:
    network = random_network(Random(seed), layers=20, gated=seed % 2 == 0)
    found = drawing(network)
    check_readable(found.picture)
    ElementTree.fromstring(found.svg)


def test_text_is_not_wider_than_the_picture_thinks() -> None:
    for text in ("depthwise conv 3×3", "separable conv 5×5 ×2", "global avg pool", "16×32×32",
                 "ReLU, conv, norm", "input", "WMwm@%", "k − 2", "1280 → 1000"):  # fmt: skip
        for bold in (False, True):
            line = Line(text, 13.0, bold)
            font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
            real = TextPath((0, 0), text, size=13.0, prop=font).get_extents().width
            assert real <= line.width + 1 <= 1.5 * real + 8, text


@pytest.mark.parametrize("page", [LIGHT, DARK])
def test_colours_differ_in_grey_and_text_can_be_read_on_them(page: Colours) -> None:
    strong: tuple[Kind, ...] = ("conv", "pool", "mix", "linear", "norm")
    shades = [lightness(page.fills[kind]) for kind in strong]
    for one, other in combinations(shades, 2):
        assert abs(one - other) > 3, sorted(shades)
    for fill in page.fills.values():
        assert abs(lightness(page.text) - lightness(fill)) > 45
    assert abs(lightness(page.quiet) - lightness(page.page)) > 45


HOSTILE = Diagram(
    'a "b" <c> & `d`',
    (
        Box('in "x" [y]', "input", shape=(3, 8)),
        Box("a|b{c}\\", "conv", 'line one\nline "two" <script>', title="</title>\x00"),
        Box("end", "join"),
        Box("+", "join"),
        Box("output", "output"),
    ),
    (Arrow(0, 1, 'l"a|b'), Arrow(1, 2), Arrow(2, 3), Arrow(3, 4)),
    (Group('g "q"', 1, 2), Group("", 2, 2, 3, 1)),
    ("a note with <tags> & more",),
)


@pytest.mark.parametrize("found", [Drawing("whole", (HOSTILE,)), drawing(stages([2, 2, 2]))])
def test_mermaid_and_dot_are_well_formed(found: Drawing) -> None:
    lines = found.mermaid.splitlines()
    assert lines[0] == "flowchart TD"
    label = r'"[^"\n]*"'
    node = rf"d\d+_\d+(\(\[{label}\]\)|\(\({label}\)\)|\[{label}\]):::k_\w+"
    kinds = (
        rf"subgraph d\d+(_g\d+)?\[{label}\]", "direction TB", "end", node,
        rf"d\d+_\d+ -->(\|{label}\|)? d\d+_\d+", r"classDef k_\w+ \S+",
    )  # fmt: skip
    for line in lines[1:]:
        assert any(re.fullmatch(kind, line.strip()) for kind in kinds), line
    starts = sum(line.strip().startswith("subgraph") for line in lines)
    assert starts == sum(line.strip() == "end" for line in lines)
    bare = re.sub(r'"(\\.|[^"\\])*"', "", found.dot)
    assert '"' not in bare
    assert bare.count("{") == bare.count("}")
    assert bare.count("[") == bare.count("]")


def test_hostile_labels_stay_text_in_svg() -> None:
    root = ElementTree.fromstring(Drawing("<&>", (HOSTILE,), caption="a < b").svg)
    texts = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert "a|b{c}\\" in texts
    assert 'line "two" <script>' in texts
    assert root.find(f"{SVG}title") is not None
    assert not [each for each in root.iter() if each.tag == f"{SVG}script"]


def test_an_svg_says_what_it_shows() -> None:
    root = ElementTree.fromstring(drawing(stages([2])).svg)
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    told = {each.get("id"): each.text or "" for each in root if each.get("id")}
    assert told[ids[0]] == "network"
    assert "block ×2" in told[ids[1]]
    shown = {"".join(each.itertext()) for each in root.iter(f"{SVG}text")}
    assert {"input", "stem", "block ×2", "stage 0", "4×8×8"} <= shown


def test_themes() -> None:
    network = stages([2])
    both = draw_layers(network.layers, network.shapes, network.blocks)
    dark = draw_layers(network.layers, network.shapes, network.blocks, theme="dark")
    assert "prefers-color-scheme: dark" in both.svg
    assert "prefers-color-scheme" not in dark.svg
    assert DARK.page in dark.svg
    assert LIGHT.page not in dark.svg
    assert both.svg == draw_layers(network.layers, network.shapes, network.blocks).svg


def test_a_network_shows_itself_in_a_notebook() -> None:
    network = stages([3])
    ElementTree.fromstring(network._repr_svg_())
    assert "block ×3" in network._repr_svg_()
