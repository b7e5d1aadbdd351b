"""Turns arguments into Hydra's form: quoted texts, and one override for each proxy of a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.cli.config_files import GROUPS, leaves, literal, parts_of, ranking_of
from nas.errors import UsageError
from nas.storage.files import is_there, path_of

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

TAKES_VALUE = {
    *("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"),
    *("--package", "-p", "--cfg", "-c", "--info", "-i", "--experimental-rerun"),
}
OVERRIDE = re.compile(r"[+~]{0,2}[\w./@-]+=.*|~[\w./@-]+", re.DOTALL)
FOLDER = "out"
"""The option whose value is always a text, even if it looks like a number."""
PATHS = {FOLDER, "table", "data_dir", "archs", "batch.path", "data", "valid_data", "recipe"}
"""Options that name a file or a folder."""
TEXTS = {*PATHS, "target", "arch", "module", "file"}
"""The options whose values are texts: even a number is a name there."""
FORMULAS = {"objective", "constraints"}
"""The options whose values, or the values in whose lists, are formulas."""
FOREIGN = re.compile(r"[^][{}(),=#~'\"$\\\s]+")
"""A value without anything that has a meaning in Hydra's grammar."""
NAME = re.compile(r"[\w.-]+")
A = {"executor": "an"}
WARMUP = "warmup"
"""The option that is a number, and has options: in a config the number is its size."""


def positional(
    argv: Sequence[str], known: Callable[[str], bool] = lambda _: False
) -> tuple[list[str], list[str]]:
    """The words among the arguments, and the other arguments, which are for Hydra.

    A word is an argument that is neither an option nor an override. If `known` is true for an
    argument, such as a file with = in its name, it is always a word. Options come after the
    overrides, because Hydra accepts no option between two overrides.
    """
    words: list[str] = []
    overrides: list[str] = []
    options: list[str] = []
    arguments = iter(argv)
    for argument in arguments:
        if argument in TAKES_VALUE:
            options += [argument, *([value] if (value := next(arguments, None)) else [])]
        elif known(argument):
            words.append(argument)
        elif argument.startswith("-"):
            options.append(argument)
        elif OVERRIDE.fullmatch(argument):
            overrides.append(argument)
        else:
            words.append(argument)
    return words, overrides + options


def names_a_path(word: str) -> bool:
    """Whether a word is a file or folder that is there, or one of a user's home."""
    return is_there(Path(word)) or bool(re.match(r"~(?!hydra/)[^=]*/", word))


def is_notation(word: str, options: Collection[str]) -> bool:
    """Whether a word with = names decisions, as in depth=2,width=64, and is not an option."""
    name, equals, rest = word.partition("=")
    several = re.search(r",\s*[^\W\d]\w*=", rest) is not None  # no option is written so
    return bool(equals) and name.isidentifier() and (several or name not in options)


def for_hydra(argv: Sequence[str]) -> list[str]:
    """The arguments with quoted texts, and with one override for each proxy of a list.

    Raises UsageError for a list if the option takes only one plugin.
    """
    arguments: list[str] = []
    for given in argv:
        argument = given
        key, equals, value = argument.partition("=")
        if FOREIGN.fullmatch(value) and not value.isascii():
            value = literal(value)  # Hydra's grammar takes letters beyond a-z in quotes only
            argument = f"{key}={value}"
        if key.lstrip("+") == WARMUP and equals and not value.startswith("{"):
            argument = f"{key}.size={value}"
        if equals and key in FORMULAS:
            arguments.append(f"{key}={_formulas(value)}")
        elif equals and key.lstrip("+") == "metric":
            raise UsageError(f"{given} must have an option: metric.NAME.OPTION=VALUE")
        elif equals and key.startswith("metric."):
            arguments.append(f"++{argument}")  # any metric may have options
        elif equals and key in TEXTS:
            arguments.append(_as_text(key, value, argument))
        elif equals and key in GROUPS and re.search(r"[\[{]", value):
            arguments += _spread(key, argument, argv)
        else:
            arguments.append(argument)
    return arguments


def _parsed(argument: str) -> Override | None:
    """The parsed override, or None if it does not fit Hydra's grammar."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def _as_text(key: str, value: str, argument: str) -> str:
    """The override with a text in quotes, unless it is null or has quotes already."""
    from hydra.core.override_parser.types import QuotedString

    if value in ("null", "???"):
        return argument
    override = _parsed(argument)
    raw = None if override is None else override._value
    text = raw.text if isinstance(raw, QuotedString) else value
    home = key in PATHS and text.startswith("~")
    if home:
        text = str(path_of(text, f"{key}="))
    if key != FOLDER and not home and not isinstance(raw, bool | int | float):
        return argument
    return f"{key}={literal(text)}"


def _formulas(value: str) -> str:
    """The formulas of a list, or of a sweep, in quotes, which Hydra's grammar needs."""
    whole = []
    for part in _split(value):
        inside = re.fullmatch(r"\s*\[(.*)\]\s*", part, re.DOTALL)
        if inside is None:
            whole.append(_quoted(part))
        else:
            items = _split(inside[1]) if inside[1].strip() else []
            whole.append(f"[{','.join(map(_quoted, items))}]")
    return ",".join(whole)


def _split(text: str) -> list[str]:
    """The parts between the commas that are in no brackets and no quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote or sign in "'\"":
            quote = "" if sign == quote else quote or sign
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def _quoted(formula: str) -> str:
    """A formula as a text in quotes; null, and what has quotes, stays."""
    bare = formula.strip()
    if bare in ("null", "???") or re.fullmatch(r"'.*'|\".*\"", bare, re.DOTALL):
        return bare
    return literal(bare)


def _spread(group: str, argument: str, argv: Sequence[str]) -> list[str]:
    """One override for each proxy of a list; raises UsageError for a list of anything else."""
    override = _parsed(argument)
    if override is None:
        return [argument]  # Hydra says what is wrong with it
    if override.is_sweep_override():
        if not any(isinstance(each, list | dict) for each in _swept(override)):
            return [argument]
        raise UsageError(
            f"{argument} has a list among what is swept: -m takes one name after the other, and a "
            f"config of your own (defaults with /proxy@proxy.NAME) has a name for several proxies"
        )
    value = override.value()
    names = list(map(str, value)) if isinstance(value, list) else []
    if group != "proxy" or not names or not all(map(NAME.fullmatch, names)):
        several = "proxy=[one,other] takes several" if group == "proxy" else "it takes one"
        raise UsageError(f"{argument} must be the name of {A.get(group, 'a')} {group}: {several}")
    arguments = ["proxy=several"]
    for name in dict.fromkeys(names):
        arguments += _member(name, argv)
    return arguments


def _swept(override: Override) -> list[Any]:
    return list(getattr(override.value(), "list", []))


def _member(name: str, argv: Sequence[str]) -> list[str]:
    """The overrides that put a proxy, or all proxies of a combination, at proxy.NAME."""
    parts = parts_of(name, argv)
    if not parts:
        return [f"+proxy@proxy.{name}={name}"]
    placed = [f"+proxy@proxy.{name}.{place}={part}" for place, part in parts.items()]
    ranking = ranking_of(name, argv)
    if ranking is None:
        return [*placed, f"+proxy.{name}.name={name}"]
    chosen = leaves(f"proxy.{name}.ranking", {"of": ranking.name, **ranking.options})
    return [*placed, f"+proxy.{name}.name={name}", *chosen]
