"""An objective of what a person gives in Python: objects, or names of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeGuard

from nas.batch import Batch
from nas.data.registry import SOURCES
from nas.errors import UsageError
from nas.proxy import PROXIES, Proxy, ScoreFunction, class_of, title
from nas.scoring.measures import Metrics, measures_of
from nas.scoring.objective import METRICS_SHOWN, ProxyObjective
from nas.space import SPACES, Space

if TYPE_CHECKING:
    from nas.data.lookup import Column

One = Proxy | str | ScoreFunction
"""A proxy, its name, or a function that scores."""
Proxies = One | Sequence[One] | Mapping[str, One]
"""A proxy, several in a sequence, or several by name."""
OF_A_TABLE = ("target", "duplicates", "foreign")
"""Options of a proxy that takes a table, beside `table`."""


def objective_of(
    space: Space | str,
    proxy: Proxies,
    batch: Batch | str | None,
    seed: int,
    live: bool,
    metrics: Metrics = METRICS_SHOWN,
    table: Column | None = None,
) -> ProxyObjective:
    """The objective; a name means the plugin with its default options, None the natural input.

    A proxy that takes a table gets the one at hand, and metrics may be its columns. Raises
    UsageError for what is neither a plugin nor the name of one.
    """
    there = space_of(space)
    seed = whole("seed", seed, 0)
    flag("live", live)
    measures = measures_of(metrics, table)
    if isinstance(proxy, Proxy | str) or is_function(proxy):
        only = built(proxy, table)
        given = batch_of(there, batch)
        return ProxyObjective(there, only, given, seed, measures=measures, live=live)
    proxy = named(proxy)
    if not proxy:
        raise UsageError("proxy= must be a proxy, its name, or several of them")
    several = {name: built(each, table) for name, each in proxy.items()}
    given = batch_of(there, batch)
    return ProxyObjective(there, several, given, seed, measures=measures, live=live)


def batch_of(space: Space, batch: object) -> Batch:
    """The batch itself, one of a source's name, or the natural input for None.

    Raises UsageError for anything else, and for a source that needs options.
    """
    name = "natural" if batch is None else batch
    if isinstance(name, str):
        lost = [option for option, value in SOURCES.defaults(name).items() if value == "???"]
        if lost:
            raise UsageError(
                f"batch='{name}' needs {', '.join(lost)}: give batch=make_batch(space, '{name}', "
                f"{', '.join(f'{option}=…' for option in lost)}), of nas.data.sources"
            )
        return SOURCES.build(name, space)
    if not isinstance(batch, Batch):
        raise UsageError(
            f"batch= must be a nas.Batch, such as nas.Batch(inputs, labels), or the name of a "
            f"source: it is {type(batch).__name__}"
        )
    return batch


def whole(name: str, value: object, least: int) -> int:
    """A whole number of at least `least`, of numpy too; raises UsageError for anything else."""
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with suppress(TypeError):  # a tensor or an array of other numbers
            if (number := index(value)) >= least:
                return number
    raise UsageError(f"{name}={value!r:.80} must be a whole number of at least {least}")


def with_surrogate(proxy: Any, folder: object) -> Any:
    """What is given as proxies; the one named "surrogate" asks the surrogate in the folder.

    Raises UsageError for what is no name of a folder.
    """
    if folder is None:
        return proxy
    if not isinstance(folder, str | Path) or not str(folder):
        raise UsageError(f"surrogate={folder!r:.80} must be the folder of one, or None")
    if isinstance(proxy, str):
        return PROXIES.build(proxy, path=str(folder)) if proxy == "surrogate" else proxy
    if isinstance(proxy, Mapping | list | tuple):
        return {name: with_surrogate(each, folder) for name, each in named(proxy).items()}
    return proxy


def surrogate_at_hand(folder: object) -> dict[str, Proxy]:
    """The proxy that asks the surrogate in the folder, by its name; none for None."""
    return {} if folder is None else {"surrogate": with_surrogate("surrogate", folder)}


def texts(name: str, value: object) -> tuple[str, ...]:
    """Some texts, or one; none for None. Raises UsageError for anything else."""
    given = [value] if isinstance(value, str) else [] if value is None else value
    found = [*given] if isinstance(given, Iterable) else [given]
    if not all(isinstance(each, str) for each in found):
        raise UsageError(f"{name}={value!r:.80} must be a text, or a list of texts")
    return tuple(map(str, found))


def column_of(table: object, target: object) -> Column | None:
    """The column of a table that is given or named; raises UsageError for what is none."""
    from nas.data.lookup import Column  # which loads polars

    if target is not None and (table is None or not isinstance(target, str)):
        raise UsageError(f"target={target!r:.80} must be a column's name, and needs a table=")
    if table is None:
        return None
    column = None if target is None else str(target)
    if isinstance(table, Column):
        return table if column is None else table.with_target(column)
    if not isinstance(table, str | Path) or not str(table):
        raise UsageError(f"table={table!r:.80} must be the name of a table, or a file")
    return Column.of(table, column)


def flag(name: str, value: object) -> bool:
    """True or False; raises UsageError for anything else."""
    if not isinstance(value, bool):
        raise UsageError(f"{name}={value!r:.80} must be True or False")
    return value


def space_of(space: Space | str) -> Space:
    """The space itself, or the one of this name with its default options."""
    there = SPACES.build(space) if isinstance(space, str) else space
    if not isinstance(there, Space):
        raise UsageError(f"space={there!r:.80} must be a name or an instance of a Space")
    return there


def named(proxies: object) -> Mapping[str, One]:
    """Several proxies by name; raises UsageError if two have the same name."""
    if isinstance(proxies, Mapping):
        return proxies
    given = [*proxies] if isinstance(proxies, Iterable) and not isinstance(proxies, type) else []
    labels = [_label(each) for each in given]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UsageError(f"{twice[0]} is there twice: give the proxies by name, as a mapping")
    return dict(zip(labels, given, strict=True))


def _label(proxy: object) -> str:
    if isinstance(proxy, str):
        return proxy
    return title(proxy) if is_function(proxy) else type(proxy).__name__


def is_function(proxy: object) -> TypeGuard[ScoreFunction]:
    """Whether a proxy is given as a function, or as another object that is called."""
    return callable(proxy) and not isinstance(proxy, type | Proxy)


def built(proxy: object, table: Column | None = None) -> Proxy:
    """The proxy of a name or a function, or the one that is given; raises UsageError for none."""
    made = _named(proxy, table) if isinstance(proxy, str) else proxy
    if is_function(made):
        try:
            made = class_of(made)()
        except (TypeError, ValueError) as error:  # another signature, or none
            raise UsageError(str(error)) from error
    if not isinstance(made, Proxy):
        raise UsageError(f"{made!r:.80} must be a name, a function or an instance of a Proxy")
    return made


def _named(name: str, table: Column | None) -> Proxy:
    """The proxy of a name; its options of a table are those of the one at hand."""
    if table is None or not {*OF_A_TABLE} <= {*PROXIES.defaults(name)}:
        return PROXIES.build(name)
    return PROXIES.build(name, table=str(table.path), **{o: getattr(table, o) for o in OF_A_TABLE})
