"""A page: one self-contained HTML text, with its style, its scripts and its data inside.

It loads nothing from elsewhere, and its security policy forbids it. Without JavaScript it still
has all its text, tables and drawings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path

from nas.storage.files import replace_file

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
NO_HTML = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no HTML text may have."""
DARK = "@media (prefers-color-scheme: dark)"


class Html(str):
    """A text that is HTML already; any other text is escaped where it gets into a page."""

    __slots__ = ()


def html(text: str) -> Html:
    """A text as HTML: escaped, unless it is HTML already."""
    return text if isinstance(text, Html) else Html(escape(NO_HTML.sub("�", text)))


def joined(parts: Iterable[str], between: str = "\n") -> Html:
    """Texts one after the other."""
    return Html(between.join(html(part) for part in parts))


@dataclass(frozen=True)
class Section:
    """A part of a page, with a heading and a place in the page's contents."""

    title: str
    parts: Sequence[str]
    """Paragraphs, charts, tables …, each as HTML; a plain text becomes a paragraph."""

    @property
    def name(self) -> str:
        """The anchor of the section."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") or "section"

    @property
    def html(self) -> Html:
        """The section as HTML."""
        own = joined(part if isinstance(part, Html) else paragraph(part) for part in self.parts)
        head = f'<h2 id="{self.name}-title">{html(self.title)}</h2>'
        return Html(
            f'<section id="{self.name}" aria-labelledby="{self.name}-title">\n{head}\n{own}\n'
            "</section>"
        )


@dataclass(frozen=True)
class Page:
    """A page with a title, what is before the first section, and its sections.

    The titles of the sections differ. `charts` says whether the charting library comes along: a
    page without charts needs a tenth of the space.
    """

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
    foot: str = ""

    @property
    def html(self) -> Html:
        """The whole file."""
        lead = joined(
            part if isinstance(part, Html) else paragraph(part, "lead") for part in self.lead
        )
        body = joined(section.html for section in self.sections)
        charts = 'class="chart"' in body or 'class="chart"' in lead
        scripts = [asset("plot.js")] if charts else []
        scripts.append(asset("script.js"))
        links = "".join(
            f'<li><a href="#{section.name}">{html(section.title)}</a></li>'
            for section in self.sections
        )
        foot = f"<footer>{paragraph(self.foot)}</footer>" if self.foot else ""
        return Html(
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f"<title>{html(self.title)}</title>\n<style>\n{asset('style.css')}</style>\n"
            f'</head>\n<body>\n<a class="skip" href="#content">Skip to the content</a>\n<header>\n'
            f"<h1>{html(self.title)}</h1>\n</header>\n"
            f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>\n'
            f'<main id="content" tabindex="-1">\n{lead}\n{body}\n</main>\n{foot}\n'
            + "".join(f"<script>\n{script}</script>\n" for script in scripts)
            + "</body>\n</html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page; an existing file is replaced in one step. UsageError if it fails."""
        replace_file(path, self.html)


@cache
def asset(name: str) -> str:
    """The text of a file beside this module."""
    text = (files("nas.report") / "assets" / name).read_text(encoding="utf-8")
    assert "</script" not in text
    assert "</style" not in text
    return text


def paragraph(text: str, kind: str = "") -> Html:
    """A paragraph; `kind`: lead, quiet or nothing."""
    return Html(f'<p class="{kind}">{html(text)}</p>' if kind else f"<p>{html(text)}</p>")


def heading(text: str) -> Html:
    """A heading inside a section."""
    return Html(f"<h3>{html(text)}</h3>")


def mono(text: str) -> Html:
    """A piece of code, such as an architecture, inside a sentence; lines break where it does."""
    text = re.sub(r"(?<=\w[|,])", "<wbr>", html(text))
    return Html(f"<code>{text}</code>")


def bold(text: str) -> Html:
    """An important part of a sentence."""
    return Html(f"<b>{html(text)}</b>")


def link(text: str, target: str) -> Html:
    """A link, to an anchor of the page, to a file beside it, or to the web."""
    return Html(f'<a href="{escape(target)}">{html(text)}</a>')


def listing(items: Iterable[str]) -> Html:
    """A list with points."""
    return Html(f"<ul>{''.join(f'<li>{html(item)}</li>' for item in items)}</ul>")


def facts(pairs: Mapping[str, str]) -> Html:
    """Names with their values, below each other."""
    rows = "".join(f"<dt>{html(name)}</dt><dd>{html(value)}</dd>" for name, value in pairs.items())
    return Html(f'<dl class="facts">{rows}</dl>')


def tiles(figures: Sequence[tuple[str, str, str]]) -> Html:
    """The main figures, large: of each its name, its value, and a note or an empty text."""
    return Html(
        '<div class="tiles">'
        + "".join(
            f'<div class="tile"><div class="name">{html(name)}</div>'
            f'<div class="value">{html(value)}</div><div class="note">{html(note)}</div></div>'
            for name, value, note in figures
        )
        + "</div>"
    )


def command(text: str) -> Html:
    """A command or some code, in full, with a button that copies it."""
    return Html(f'<div class="code"><pre tabindex="0">{html(text)}</pre></div>')


def details(summary: str, parts: Iterable[str]) -> Html:
    """What a reader opens who wants to know more."""
    return Html(f"<details><summary>{html(summary)}</summary>\n{joined(parts)}\n</details>")


def columns(parts: Iterable[str]) -> Html:
    """Pieces side by side where there is room, below each other where there is none."""
    return Html(
        f'<div class="columns">{"".join(f"<div>{html(part)}</div>" for part in parts)}</div>'
    )


def cards(parts: Iterable[str], wide: bool = False) -> Html:
    """Small pieces of equal width in order; `wide` ones are twice as wide."""
    kind = "cards wide" if wide else "cards"
    return Html(f'<ol class="{kind}">{"".join(f"<li>{html(part)}</li>" for part in parts)}</ol>')


def picture(svg: str, name: str, caption: str = "", text: str = "") -> Html:
    """A picture that is SVG, from a drawing or from matplotlib.

    Its ids get the `name`, which no other picture of the page has. `text` says what is to be seen
    to those who hear it; the title and description of a drawing say that already.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#|aria-labelledby=")', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(aria-labelledby="\S+ )', rf"\g<1>{name}-", svg)
    svg = re.sub(r"(^|[\s>])#(nas-[0-9a-f]{10}\b)", rf"\g<1>#{name}-\g<2>", svg)
    svg = svg.replace(DARK, DARK.replace("@media", "@media screen and"))
    if text:
        svg = re.sub(r"^<svg\b", f'<svg role="img" aria-label="{escape(text)}"', svg)
    told = f"<figcaption>{html(caption)}</figcaption>" if caption else ""
    return Html(f'<figure class="picture">{told}{svg}</figure>')
