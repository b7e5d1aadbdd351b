"""What options are for: the comments beside them in configs, the only place that says it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from nas.storage.yaml_files import checked_text


def comments(path: Path) -> dict[str, str]:
    """The comment beside each option of a config, by the option; also in its defaults list."""
    text = checked_text(path)
    ends: dict[int, int] = {}
    for token in yaml.scan(text):
        if token.end_mark.column:  # others are no text, such as the end of a block
            ends[token.end_mark.line] = token.end_mark.column
    found = {}
    for number, line in enumerate(text.splitlines()):
        key = re.match(r"(?:  - )?([\w-]+)\s*:", line)
        rest = line[ends.get(number, 0) :].strip()
        if key and rest.startswith("#"):
            found[key[1]] = rest.removeprefix("#").strip()
    return found


def head(path: Path) -> str:
    """The comment at the top of a config, without the line that Hydra reads."""
    lines = []
    for line in checked_text(path).splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            lines.append(line.removeprefix("#").strip())
    return " ".join(lines)
