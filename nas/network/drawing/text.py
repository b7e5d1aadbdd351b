"""Diagrams as text for other programs: Mermaid and Graphviz's DOT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from nas.network.drawing.colours import LIGHT
from nas.network.drawing.diagram import Box, Diagram, size

OPEN, CLOSE = {"input": "([", "output": "([", "join": "(("}, {"input": "])", "output": "])",
                                                            "join": "))"}  # fmt: skip


def mermaid(diagrams: Sequence[Diagram]) -> str:
    """A Mermaid flowchart; several diagrams are subgraphs of it."""
    lines = ["flowchart TD"]
    for number, diagram in enumerate(diagrams):
        name = f"d{number}"
        lines.append(f"  subgraph {name}[{_quoted(diagram.title)}]")
        lines.append("    direction TB")
        for line in _nested(diagram, name, _mermaid_box, _mermaid_group, "end"):
            lines.append(f"    {line}")
        for arrow in diagram.arrows:
            label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
            lines.append(f"    {name}_{arrow.source} -->{label} {name}_{arrow.target}")
        lines.append("  end")
    for kind, fill in LIGHT.fills.items():
        style = f"fill:{fill},stroke:{LIGHT.edge},color:{LIGHT.text}"
        lines.append(f"  classDef {_word(kind)} {style}")
    return "\n".join(lines) + "\n"


def _mermaid_box(box: Box, name: str) -> str:
    start, end = OPEN.get(box.kind, "["), CLOSE.get(box.kind, "]")
    return f"{name}{start}{_quoted(_label(box))}{end}:::{_word(box.kind)}"


def _mermaid_group(label: str, name: str) -> str:
    return f"subgraph {name}[{_quoted(label or ' ')}]"


def _quoted(text: str) -> str:
    """A label in quotes, as Mermaid reads it."""
    safe = text.replace("&", "&amp;").replace('"', "#quot;").replace("<", "&lt;")
    safe = safe.replace(">", "&gt;").replace("\n", "<br/>").replace("`", "#96;")
    return f'"{safe if safe != "+" else " + "}"'


def _word(kind: str) -> str:
    """The name of a kind's style: `end` and others mean something in Mermaid."""
    return f"k_{kind}"


def dot(diagrams: Sequence[Diagram]) -> str:
    """A DOT digraph; several diagrams are clusters of it."""
    lines = [
        "digraph network {",
        '  graph [rankdir=TB, fontname="Helvetica", compound=true];',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    for number, diagram in enumerate(diagrams):
        name = f"d{number}"
        lines.append(f"  subgraph cluster_{name} {{")
        lines.append(f"    label={_escaped(diagram.title)};")
        for line in _nested(diagram, name, _dot_box, _dot_group, "}"):
            lines.append(f"    {line}")
        for arrow in diagram.arrows:
            label = f" [label={_escaped(arrow.label)}]" if arrow.label else ""
            lines.append(f"    {name}_{arrow.source} -> {name}_{arrow.target}{label};")
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def _dot_box(box: Box, name: str) -> str:
    shape = {"input": "oval", "output": "oval", "join": "circle"}.get(box.kind, "box")
    fill = LIGHT.fills[box.kind]
    return f'{name} [label={_escaped(_label(box))}, shape={shape}, fillcolor="{fill}"];'


def _dot_group(label: str, name: str) -> str:
    return f"subgraph cluster_{name} {{ label={_escaped(label)};"


def _escaped(text: str) -> str:
    """A label in quotes, as DOT reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _label(box: Box) -> str:
    shape = size(box.shape) if box.kind in ("input", "output") else ""
    return "\n".join(text for text in (box.heading, box.detail, shape) if text)


def _nested(
    diagram: Diagram,
    name: str,
    box_line: Callable[[Box, str], str],
    group_line: Callable[[str, str], str],
    end: str,
) -> Iterator[str]:
    """The lines of boxes and groups, groups inside of groups indented."""
    depth = 0
    for index, box in enumerate(diagram.boxes):
        for number, group in enumerate(diagram.groups):
            if group.first == index:
                yield "  " * depth + group_line(group.heading, f"{name}_g{number}")
                depth += 1
        yield "  " * depth + re.sub(r"\s*\n\s*", " ", box_line(box, f"{name}_{index}"))
        for group in diagram.groups:
            if group.last == index:
                depth -= 1
                yield "  " * depth + end
