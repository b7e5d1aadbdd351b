"""What `nas proxify` tries: recipes that train, or columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from math import isnan
from random import Random
from typing import TYPE_CHECKING, Any

from nas.cli.build import build_space, device_named
from nas.cli.proxify_settings import ProxifySettings
from nas.errors import UsageError, unknown
from nas.proxy import PROXIES, Proxy

if TYPE_CHECKING:
    from nas.arch import Arch
    from nas.batch import Batch
    from nas.compare import Scores
    from nas.data.lookup import Column
    from nas.scoring.executors import Executor
    from nas.scoring.objective import ProxyObjective
    from nas.space import Space
    from nas.training.recipe import Recipe
    from nas.training.ways import Columns, Trainings

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""The parts of the full training's epochs that are tried if epochs= names none."""


def columns(settings: ProxifySettings) -> Columns:
    """The columns of the settings as ways; UsageError for mistakes in the settings."""
    import numpy as np

    from nas.training.proxify import both, tau
    from nas.training.ways import Columns

    space, table = build_space(settings.space), _table(settings)
    _check_columns(settings)
    names = [settings.full or "", *settings.columns]
    figures = {name: table.with_target(name).figures(space).values for name in names}
    whole, *others = (np.array([*_floats(figures[name].values())]) for name in names)
    archs = [*figures[names[0]]]
    places = _drawn(np.flatnonzero(~np.isnan(whole)).tolist(), settings)
    own = settings.costs
    return Columns(
        [archs[place] for place in places],
        whole[places],
        {name: each[places] for name, each in zip(names[1:], others, strict=True)},
        {name: own[name] / own[names[0]] for name in names[1:]} if own else {},
        {name: tau(each, both(each, whole)) for name, each in zip(names[1:], others, strict=True)},
    )


def _check_columns(settings: ProxifySettings) -> None:
    full = settings.full
    if full is None:
        raise UsageError("columns= needs full=COLUMN, the column of the full training")
    if full in settings.columns:
        raise UsageError(f"columns= has {full}, which full= is: leave it out")
    if settings.costs:
        for name in (full, *settings.columns):
            if name not in settings.costs:
                raise UsageError(f"costs= has no {name}: give the cost of every column, and full=")
        for name in settings.costs:
            if name not in (full, *settings.columns):
                raise unknown("column for costs= among full= and columns=", name, settings.columns)


def _floats(values: Any) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _table(settings: ProxifySettings) -> Column:
    from nas.data.lookup import Column

    if settings.table is None:
        given = "columns" if settings.columns else "full"
        raise UsageError(f"{given}= needs a table: give table=NAME or a file")
    rules = settings.duplicates, settings.foreign
    return Column.of(settings.table, settings.full, settings.data_dir, *rules)


def _drawn(every: Sequence[Any], settings: ProxifySettings) -> list[Any]:
    """`sample` of them at random, in random order."""
    if len(every) < settings.sample:
        raise UsageError(
            f"sample={settings.sample} is more than the table has: {len(every)} architectures of "
            f"this space have {settings.full}"
        )
    return Random(f"proxify/{settings.seed}").sample([*every], settings.sample)


def trainings(
    settings: ProxifySettings,
    scores: Scores,
    executor: Executor,
    seen: Callable[[int, int], None],
) -> Trainings:
    """The recipes of the settings as ways; UsageError for mistakes in the settings."""
    from nas.training.fitting import LARGER, split
    from nas.training.ways import AGAIN, FULL, Trainings

    space = build_space(settings.space)
    proxy = PROXIES.configured(settings.proxy)
    full, valid = _recipe(settings, proxy)
    archs, truth = _archs(settings, space)
    recipes = {FULL: full, **_grid(settings, full, getattr(space, "resolution", None))}
    for recipe in recipes.values():
        recipe.narrowed(space)  # raises where the space has no such size
    objective = _objective(settings, space, proxy)
    examples = len(split(len(objective.batch.inputs), valid, settings.seed, more=LARGER)[0])
    found = Trainings(
        objective,
        recipes,
        lambda recipe: _with(proxy, recipe),
        examples,
        archs,
        scores,
        executor,
        seen,
        truth,
    )
    cheaper = {
        name: each for name, each in recipes.items() if name == FULL or found.cost(name) < 1
    }
    if len(cheaper) == 1:
        raise UsageError(
            "no recipe of epochs=, share=, resolution= and width= is cheaper than the full one: "
            "give smaller values"
        )
    if settings.ceiling:
        cheaper[AGAIN] = full
    return replace(found, recipes=cheaper)


def _objective(settings: ProxifySettings, space: Space, proxy: Proxy) -> ProxyObjective:
    """The space and the batch of the trainings; UsageError where there is nothing to learn."""
    from nas.scoring.objective import ProxyObjective
    from nas.training.task import task_of

    device = device_named(settings.device, [proxy])
    batch = _batch(settings, space).to(device)
    task_of(batch, space.vocabulary)  # raises where there is nothing to learn
    return ProxyObjective(
        space,
        {},
        batch,
        settings.seed,
        device,
        settings.repeats,
        measures={},
        strict=settings.strict,
        live=settings.live,
    )


def _recipe(settings: ProxifySettings, proxy: Proxy) -> tuple[Recipe, float]:
    """The full recipe, and the share of examples that it is measured on."""
    from nas.training.recipe import Recipe

    recipe, valid = getattr(proxy, "recipe", None), getattr(proxy, "valid", None)
    if not isinstance(recipe, Recipe) or not isinstance(valid, float):
        raise UsageError(
            f"proxy={settings.proxy.name} trains by no recipe: nas proxify needs proxy=training"
        )
    steps = recipe.steps if recipe.epochs is None else None
    return replace(recipe, steps=steps, origin=""), valid


def _with(proxy: Proxy, recipe: Recipe) -> Proxy:
    """The same proxy with another recipe."""
    other = copy(proxy)
    vars(other)["recipe"] = recipe
    return other


def _grid(settings: ProxifySettings, full: Recipe, own: object) -> dict[str, Recipe]:
    """The recipes to try; `own` is the resolution of the space."""
    from nas.training.ways import grid

    unit = "steps" if full.epochs is None else "epochs"
    lengths: Sequence[int]
    if settings.epochs is not None:
        unit, lengths = "epochs", settings.epochs
    else:
        whole = full.epochs or full.steps or 1
        lengths = sorted({max(1, round(whole * share)) for share in SHARES} | {whole})
    return grid(
        full,
        **{unit: lengths},
        share=settings.share,
        resolution=_sizes(settings.resolution, full.resolution, own),
        width=settings.width,
    )


def _sizes(given: Sequence[int] | None, full: int | None, own: object) -> Sequence[int | None]:
    """The resolutions to try; None stands for the space's own where the full recipe has it."""
    if given is None:
        return [full]
    return [None if full is None and each == own else each for each in given]


def _archs(settings: ProxifySettings, space: Space) -> tuple[list[Arch], Any]:
    """The architectures, and the full figures if a table has them."""
    import numpy as np

    from nas.compare.sample import drawn

    if settings.full is None:
        if settings.table is not None:
            raise UsageError("table= needs full=COLUMN, the column of the full training")
        return drawn(space, settings.sample, settings.seed), None
    figures = _table(settings).figures(space)
    known = {a: v for a, v in figures.values.items() if v is not None and not isnan(v)}
    archs = _drawn([*known], settings)
    return archs, np.array([known[arch] for arch in archs])


def _batch(settings: ProxifySettings, space: Space) -> Batch:
    from nas.data.registry import SOURCES
    from nas.storage.files import path_of

    if isinstance(path := settings.batch.options.get("path"), str):
        path_of(path, "batch.path=")
    return SOURCES.configured(settings.batch, space)
