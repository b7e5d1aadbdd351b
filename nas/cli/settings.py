"""The settings of every command as typed values, made once from the config that Hydra composed.

Only `nas.cli` reads mappings of settings. Each field has a type and a check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar, get_type_hints

from nas.cli.checks import (
    column,
    constraints,
    for_spaces,
    objective,
    options_of_metrics,
    table,
)
from nas.cli.chosen import Proxies, chosen, proxies
from nas.cli.limits import limits, under
from nas.errors import UsageError, unknown
from nas.network.drawing.colours import Theme
from nas.network.drawing.drawing import What
from nas.registry.options import LARGEST, Choice
from nas.searching.finals import Panel
from nas.searching.limits import Count, Limits, seconds_of
from nas.searching.warmup import WarmUp, warmup_option
from nas.storage.files import path_of

S = TypeVar("S", bound="Settings")
Check = Callable[[str, Any], Any]
"""Takes an option's name and value and returns the typed value; raises UsageError if wrong.

The first line of its docstring says what the option takes: help pages show it.
"""


def _saying(check: Check, text: str) -> Check:
    """The check with its docstring."""
    check.__doc__ = text
    return check


def whole(least: int) -> Check:
    """A whole number of at least `least`."""

    def check(key: str, value: Any) -> int:
        if type(value) is not int or value < least:
            raise UsageError(f"{key}={value} must be a whole number of at least {least}")
        if value > LARGEST:
            raise UsageError(f"{key}={value} is too large: it may be at most {LARGEST}")
        return value

    return _saying(check, f"A whole number of at least {least}.")


def flag(key: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise UsageError(f"{key}={value} must be true or false")
    return value


def name_of(what: str, *, optional: bool = False) -> Check:
    """A text that names something; null is allowed if it is `optional`."""

    def check(key: str, value: Any) -> str | None:
        if optional and value is None:
            return None
        if not isinstance(value, str) or not value:
            raise UsageError(f"{key}={value} must be the name of {what}")
        return value

    return _saying(check, f"The name of {what}{', or null' if optional else ''}.")


def data_folder(key: str, value: Any) -> str | None:
    """The name of a folder, or null, which an empty text means too."""
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise UsageError(f"{key}={value} must be the name of a folder")
    path_of(value, f"{key}=")
    return value


def one_of(*words: str) -> Check:
    """One of some words."""

    def check(key: str, value: Any) -> str:
        if value not in words:
            *first, last = words
            raise UsageError(f"{key}={value} must be {', '.join(first)} or {last}")
        return str(value)

    return _saying(check, f"One of {', '.join(words)}.")


def optional(check: Check) -> Check:
    """What `check` allows, or null."""

    def checked(key: str, value: Any) -> Any:
        return None if value is None else check(key, value)

    return _saying(
        checked, f"{(check.__doc__ or 'A value.').splitlines()[0].rstrip('.')} or null."
    )


def names(what: str, least: int = 1) -> Check:
    """A list of at least so many names, none of them twice."""

    def check(key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise UsageError(f"{key}={value} must be a list of {what}")
        return tuple(dict.fromkeys(map(str, value)))

    return _saying(check, f"A list of {what}.")


def several(key: str, value: Any) -> tuple[str, ...] | None:
    """A list of spaces, or null for the one of space=."""
    return None if value is None else names("spaces, such as [nasbench201,mnasnet]")(key, value)


def shape(key: str, value: Any) -> tuple[int, ...] | None:
    """The shape of an example, or null."""
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise UsageError(f"{key}={value} must be the shape of an example, such as [3,32,32]")
    return tuple(whole(1)(key, size) for size in value)


def sample(key: str, value: Any) -> int | None:
    """A whole number, or all."""
    if value != "all" and type(value) is not int:
        raise UsageError(f"{key}={value} must be all, or a whole number")
    if value != "all" and value > LARGEST:
        raise UsageError(f"{key}={value} is too large: it may be at most {LARGEST}")
    return None if value == "all" else int(value)


def finals(key: str, value: Any) -> Panel | None:
    """Panel, none or auto."""
    choice = chosen(key, value)
    if choice.name == "none":
        return None
    if choice.name not in ("auto", "panel"):
        raise UsageError(f"{key}={choice.name} must be auto, panel or none")
    options = {"size": whole(2), "proxies": names("proxies, such as [epsilon,naswot]")}
    checks = {**options, "examples": whole(1)}
    for name in choice.options:
        if name not in checks:
            raise unknown("option of finals", name, checks)
    return Panel(**{name: checks[name](f"{key}.{name}", v) for name, v in choice.options.items()})


def limit(key: str, value: Any) -> int | None:
    """A whole number of at least 1, or null."""
    return None if value is None else int(whole(1)(key, value))


def time(key: str, value: Any) -> float | None:
    """A time, such as 90s, 10m or 1.5h, or null."""
    return seconds_of(value)


def reference(key: str, value: Any) -> tuple[float, ...] | None:
    """A number for each of several objectives, such as [0,-5], or null."""
    if value is None:
        return None
    if not isinstance(value, list) or any(type(each) not in (int, float) for each in value):
        raise UsageError(f"{key}={value} must have a number for each objective, such as [0,-5]")
    return tuple(map(float, value))


def as_it_is(key: str, value: Any) -> Any:
    """A list of names, or {new: old}, or null."""
    return value


@dataclass(frozen=True)
class Settings:
    """The settings that every command has."""

    record: Mapping[str, Any] = field(repr=False)
    """All settings as plain values, which can be written to a file and compared."""


@dataclass(frozen=True)
class ScoringSettings(Settings):
    """The settings that scoring needs."""

    space: Annotated[Choice, chosen]
    ranking: Annotated[Choice, chosen]
    proxy: Annotated[Proxies, proxies]
    batch: Annotated[Choice, chosen]
    seed: Annotated[int, whole(0)]
    repeats: Annotated[int, whole(1)]
    device: Annotated[str, one_of("auto", "cpu", "cuda")]
    strict: Annotated[bool, flag]
    live: Annotated[bool, flag]


@dataclass(frozen=True)
class SearchSettings(ScoringSettings):
    """The settings of `nas search`; a search's folder keeps them."""

    strategy: Annotated[Choice, chosen]
    executor: Annotated[Choice, chosen]
    tracker: Annotated[Choice, chosen]
    metrics: Annotated[tuple[str, ...], names("metrics, such as [params,flops]", least=0)]
    metric: Annotated[Mapping[str, Mapping[str, Any]], options_of_metrics]
    objective: Annotated[tuple[str, ...], objective]
    constraints: Annotated[tuple[str, ...], constraints]
    reference: Annotated[tuple[float, ...] | None, reference]
    budget: Annotated[int, whole(1)]
    count: Annotated[Count, one_of("trials", "scored")]
    timeout: Annotated[float | None, time]
    patience: Annotated[int | None, limit]
    block: Annotated[int, whole(1)]
    give_up: Annotated[int, whole(1)]
    warmup: Annotated[WarmUp | None, warmup_option]
    move: Annotated[str | None, name_of("a proxy", optional=True)]
    finals: Annotated[Panel | None, finals]
    table: Annotated[str | None, table]
    target: Annotated[str | None, column]
    surrogate: Annotated[str | None, name_of("a folder", optional=True)]
    duplicates: Annotated[str, one_of("error", "mean")]
    foreign: Annotated[str, one_of("error", "drop")]
    data_dir: Annotated[str | None, data_folder]
    out: Annotated[str, name_of("a folder")]

    @property
    def limits(self) -> Limits:
        """What the search may spend."""
        return Limits(self.budget, self.count, self.patience, self.timeout)

    def with_finals(self, decided: bool) -> SearchSettings:
        """The same settings, with finals=auto read: none if every proxy decides by itself.

        There are none with objectives, because judges know nothing of these.
        """
        if self.record["finals"]["name"] != "auto":
            if self.finals is not None and self.objective:
                raise UsageError(
                    "finals=panel judges by proxies alone and knows nothing of objective=: give "
                    "finals=none"
                )
            return self
        if decided or self.objective:
            return replace(self, finals=None, record={**self.record, "finals": {"name": "none"}})
        panel = {**self.record["finals"], "name": "panel"}
        return replace(self, record={**self.record, "finals": panel})

    def with_metrics(self, names: Sequence[str]) -> SearchSettings:
        """The same settings, with these metrics."""
        return replace(self, metrics=tuple(names), record={**self.record, "metrics": [*names]})


@dataclass(frozen=True)
class ScoreSettings(ScoringSettings):
    """The settings of `nas score`."""

    metrics: Annotated[tuple[str, ...], names("metrics, such as [params,flops]")]
    metric: Annotated[Mapping[str, Mapping[str, Any]], options_of_metrics]
    surrogate: Annotated[str | None, name_of("a folder", optional=True)]
    module: Annotated[str | None, name_of("a network, package.nets:Net", optional=True)]
    file: Annotated[str | None, name_of("a network in a file, net.py:Net", optional=True)]
    inputs: Annotated[tuple[int, ...] | None, shape]
    archs: Annotated[str | None, name_of("a file", optional=True)]
    json: Annotated[bool, flag]


@dataclass(frozen=True)
class CompareSettings(ScoringSettings):
    """The settings of `nas compare`."""

    spaces: Annotated[tuple[str, ...] | None, several]
    tables: Annotated[dict[str, str], for_spaces]
    targets: Annotated[dict[str, str], for_spaces]
    executor: Annotated[Choice, chosen]
    table: Annotated[str | None, table]
    target: Annotated[str | None, column]
    sample: Annotated[int | None, sample]
    baselines: Annotated[tuple[str, ...], names("proxies, such as [params]")]
    under: Annotated[tuple[str, ...], under]
    limits: Annotated[int | tuple[float | str, ...], limits]
    metric: Annotated[Mapping[str, Mapping[str, Any]], options_of_metrics]
    surrogate: Annotated[str | None, name_of("a folder", optional=True)]
    finals: Annotated[Panel | None, finals]
    duplicates: Annotated[str, one_of("error", "mean")]
    foreign: Annotated[str, one_of("error", "drop")]
    data_dir: Annotated[str | None, data_folder]
    resamples: Annotated[int, whole(10)]
    give_up: Annotated[int, whole(1)]
    pictures: Annotated[bool, flag]
    out: Annotated[str, name_of("a folder")]


@dataclass(frozen=True)
class ConvertSettings(Settings):
    """The settings of `nas convert`."""

    space: Annotated[Choice, chosen]
    arch: Annotated[str, name_of("a column")]
    columns: Annotated[Any, as_it_is]
    duplicates: Annotated[str, one_of("error", "mean")]
    foreign: Annotated[str, one_of("error", "drop")]
    out: Annotated[str | None, name_of("a file", optional=True)]
    data_dir: Annotated[str | None, data_folder]
    replace: Annotated[bool, flag]


@dataclass(frozen=True)
class DrawSettings(Settings):
    """The settings of `nas draw`."""

    space: Annotated[Choice, chosen]
    what: Annotated[What, one_of("cell", "network", "both")]
    format: Annotated[str | None, optional(one_of("svg", "png", "mermaid", "dot"))]
    theme: Annotated[Theme, one_of("auto", "light", "dark")]
    live: Annotated[bool, flag]
    out: Annotated[str | None, name_of("a file", optional=True)]
    replace: Annotated[bool, flag]


@dataclass(frozen=True)
class ExportSettings(Settings):
    """The settings of `nas export`."""

    space: Annotated[Choice, chosen]
    format: Annotated[str | None, optional(one_of("source", "weights", "pt2", "onnx", "json"))]
    out: Annotated[str | None, name_of("a file", optional=True)]
    seed: Annotated[int, whole(0)]
    live: Annotated[bool, flag]
    replace: Annotated[bool, flag]


@dataclass(frozen=True)
class NewSettings(Settings):
    """The settings of `nas new`."""

    out: Annotated[str | None, name_of("a folder", optional=True)]


@dataclass(frozen=True)
class ListSettings(Settings):
    """The settings of `nas list`."""

    data_dir: Annotated[str | None, data_folder]


def typed(kind: type[S], values: Mapping[str, Any]) -> S:
    """Plain values as settings; raises UsageError for a value that an option cannot have."""
    hints = get_type_hints(kind, include_extras=True)
    del hints["record"]
    found = {name: hint.__metadata__[0](name, values[name]) for name, hint in hints.items()}
    return kind(record=values, **found)
