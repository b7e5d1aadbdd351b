"""YAML files that others may have written: plain values, of bounded size and depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from nas.errors import UsageError
from nas.storage.files import check_regular

LARGEST = 1_000_000
"""Bytes of a file."""
DEEPEST = 40
"""Lists and mappings inside each other."""

_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]  # of libyaml where it is installed
    """Takes a date for a text, and a name once in a mapping."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """The mapping of a node; ValueError where a name is there twice."""
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if (own := (key.tag, key.value)) in seen:
                    line = key.start_mark.line + 1
                    raise ValueError(f"line {line} has {key.value} a second time: leave one out")
                seen.add(own)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(":timestamp")]
    for first, pairs in _Safe.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Writes a value that is there twice in full."""

    def ignore_aliases(self, data: object) -> bool:
        """Always."""
        return True


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """A text with escapes where it has other than letters, such as breaks of a line."""
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _quoted)


def read_yaml(path: Path) -> Any:
    """What the file holds, as plain values.

    FileNotFoundError where there is none. UsageError where it is no YAML of plain values: one
    with aliases, tags or a name twice in a mapping, of more than `LARGEST` bytes, or nested deeper
    than `DEEPEST`.
    """
    text = checked_text(path, tags=False)
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise _unread(path, error) from error


def checked_text(path: Path, *, tags: bool = True) -> str:
    """The text of a YAML file that any loader can be given: it has no alias and is not too deep.

    Errors as of `read_yaml`.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8")
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        _check_events(text, tags)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unread(path, error) from error
    return text


def _check_events(text: str, tags: bool) -> None:
    """ValueError for an alias, deep nesting and, unless they may be there, for tags."""
    depth = 0
    events: Iterator[Any] = yaml.parse(text, _Loader)
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError(f"line {line} has an alias or an anchor: write the value out")
        if getattr(event, "tag", None) not in (None, "!") and not tags:
            raise ValueError(f"line {line} has the tag {event.tag}: write a plain value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise ValueError(f"line {line} is nested deeper than {DEEPEST} levels")


def _unread(path: Path, error: Exception) -> UsageError:
    why = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
    return UsageError(f"{path} cannot be read: {why}")


def as_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as the text of a YAML file."""
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
