"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from nas.compare.text import rendered
from nas.storage.files import replace_file

CAPTIONS = {
    "correlation": "Rank correlation with the truth, and its difference to the baseline's on the "
    "same architectures. Filled: those with a score alone; open: all, no score ranked last.",
    "truth": "Score against truth. Those without a score have the narrow axis at the left.",
    "best_of": "What choosing by each proxy finds: the truth of its best among N random ones.",
    "under": "What each proxy chooses among those that meet a limit; dots are all architectures.",
    "agreement": "How far proxies agree among themselves, similar ones side by side.",
}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #111; background: #fff }
pre { overflow-x: auto; background: #f6f6f6; padding: 1rem; font-size: 13px; line-height: 1.35 }
figure { margin: 2.5rem 0 } figcaption { color: #333; margin-bottom: .5rem }
svg { max-width: 100%; height: auto }
"""


def write_page(path: Path, result: Mapping[str, Any], pictures: Mapping[str, Path]) -> None:
    """Write the page with its pictures (SVG) inside; it loads nothing from elsewhere."""
    figures = "".join(_figure(name, file) for name, file in pictures.items())
    title = f"How well proxies rank {result['space']}"
    text = escape(rendered(result))
    replace_file(
        path,
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f'</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"{figures}<h2>All figures</h2>\n<pre>{text}</pre>\n</body></html>\n",
    )


def _figure(name: str, file: Path) -> str:
    """An SVG file inside the page; its ids get the picture's name, so that they are unique."""
    svg = file.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return f"<figure><figcaption>{CAPTIONS[name]}</figcaption>\n{svg}</figure>\n"
