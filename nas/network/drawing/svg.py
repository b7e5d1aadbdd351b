"""A picture as SVG: text stays text, every box says its layers, light and dark by the reader."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from math import ceil

from nas.network.drawing.colours import DARK, LIGHT, Colours, Theme
from nas.network.drawing.picture import LINE, Curve, Frame, Picture, Shape, Words

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML does not have."""


def svg(picture: Picture, description: str = "", theme: Theme = "auto") -> str:
    """The picture as the text of an SVG file."""
    body = "\n".join(_body(picture))
    name = "nas-" + sha256(f"{picture.title}{description}{body}{theme}".encode()).hexdigest()[:10]
    width, height = ceil(picture.width), ceil(picture.height)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}">',
            f'<title id="{name}-title">{_text(picture.title)}</title>',
            f'<desc id="{name}-desc">{_text(description)}</desc>',
            f"<style>{_style(name, theme)}</style>",
            f'<defs><marker id="{name}-head" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="7" markerHeight="7" orient="auto"><path class="head" '
            'd="M0 0.6L8 4L0 7.4z"/></marker></defs>',
            f'<rect class="page" width="{width}" height="{height}" rx="6"/>',
            body.replace("url(#head)", f"url(#{name}-head)"),
            "</svg>",
            "",
        ]
    )


def _body(picture: Picture) -> Iterable[str]:
    yield from map(_frame, picture.frames)
    yield from map(_curve, picture.curves)
    yield from map(_shape, picture.shapes)
    yield from map(_words, picture.words)


def _style(name: str, theme: Theme) -> str:
    """The colours, for this picture alone: a notebook shows several on one page."""
    if theme == "dark":
        return _rules(name, DARK)
    rules = _rules(name, LIGHT)
    if theme == "auto":
        rules += f"\n@media (prefers-color-scheme: dark) {{\n{_rules(name, DARK)}\n}}"
    return rules


def _rules(name: str, colours: Colours) -> str:
    rules = {
        ".page": f"fill:{colours.page}",
        "text": f"fill:{colours.text}",
        ".quiet": f"fill:{colours.quiet}",
        ".box": f"stroke:{colours.edge};stroke-width:1.2",
        ".unused": "stroke-dasharray:4 3",
        ".wire": f"fill:none;stroke:{colours.quiet};stroke-width:1.4",
        ".head": f"fill:{colours.quiet}",
        ".frame": f"fill:{colours.frame};stroke:{colours.quiet};stroke-width:.8",
        **{f".{kind}": f"fill:{fill}" for kind, fill in colours.fills.items()},
    }
    return "\n".join(f"#{name} {key}{{{value}}}" for key, value in rules.items())


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _shape(shape: Shape) -> str:
    radius = {"box": 5.0, "pill": shape.height / 2, "circle": shape.height / 2}[shape.form]
    offsets = (4.0, 0.0) if shape.stacked else (0.0,)
    unused = " unused" if shape.unused else ""
    rects = "".join(
        f'<rect class="box {shape.kind}{unused}" x="{_number(shape.x + offset)}" '
        f'y="{_number(shape.y + offset)}" width="{_number(shape.width)}" '
        f'height="{_number(shape.height)}" rx="{_number(radius)}"/>'
        for offset in offsets
    )
    title = f"<title>{_text(shape.title)}</title>" if shape.title else ""
    y = shape.y + shape.height / 2 - sum(line.size * LINE for line in shape.lines) / 2
    texts = []
    for line in shape.lines:
        y += line.size * LINE
        weight = ' font-weight="600"' if line.bold else ""
        texts.append(
            f'<text x="{_number(shape.x + shape.width / 2)}" y="{_number(y - line.size * 0.34)}" '
            f'font-size="{_number(line.size)}" text-anchor="middle"{weight}>{_text(line.text)}'
            "</text>"
        )
    return f"<g>{title}{rects}{''.join(texts)}</g>"


def _frame(frame: Frame) -> str:
    return (
        f'<rect class="frame" x="{_number(frame.x)}" y="{_number(frame.y)}" '
        f'width="{_number(frame.width)}" height="{_number(frame.height)}" rx="8"/>'
        f'<text class="quiet" x="{_number(frame.x + 8)}" y="{_number(frame.y + 15)}" '
        f'font-size="11">{_text(frame.label)}</text>'
    )


def _curve(curve: Curve) -> str:
    (x, y), *rest = curve.points
    path = f"M{_number(x)} {_number(y)}"
    for at in range(0, len(rest), 3):
        path += "C" + " ".join(f"{_number(a)} {_number(b)}" for a, b in rest[at : at + 3])
    unused = " unused" if curve.unused else ""
    return f'<path class="wire{unused}" d="{path}" marker-end="url(#head)"/>'


def _words(words: Words) -> str:
    quiet = ' class="quiet"' if words.quiet else ""
    weight = ' font-weight="600"' if words.line.bold else ""
    return (
        f'<text{quiet} x="{_number(words.x)}" y="{_number(words.y + words.line.size * 0.35)}" '
        f'font-size="{_number(words.line.size)}"{weight}>{_text(words.line.text)}</text>'
    )


def _text(text: str) -> str:
    return escape(NO_XML.sub("�", text))
