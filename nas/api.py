"""What a person types in Python: search a space, score architectures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nas.batch import Batch
from nas.errors import UsageError
from nas.runs.found import Found
from nas.runs.from_python import Finals, Strategies, prepared
from nas.runs.progress import is_watched
from nas.runs.stopping import executing
from nas.runs.trackers import Tracker
from nas.runs.tracking import tracker_of
from nas.scoring.executors import Executor
from nas.scoring.given import (
    Proxies,
    column_of,
    flag,
    objective_of,
    surrogate_at_hand,
    texts,
    whole,
    with_surrogate,
)
from nas.scoring.measures import Metrics
from nas.scoring.objective import Objective
from nas.scoring.scores import read, score
from nas.searching.finals import PANEL, Standings, judged, jury, standings
from nas.searching.history import History
from nas.searching.limits import Count, Limits, seconds_of
from nas.searching.loop import GIVE_UP
from nas.searching.warmup import WarmUp, move_of, warmup_of
from nas.space import Space
from nas.surrogates.metric import targets_at_hand

if TYPE_CHECKING:
    from nas.data.lookup import Column

__all__ = ["finals", "score", "search"]


def search(
    space: Space | str,
    proxy: Proxies | Objective = "epsilon",
    strategy: Strategies = "evolution",
    *,
    budget: int = 1000,
    count: Count = "trials",
    timeout: float | str | None = None,
    patience: int | None = None,
    give_up: int = GIVE_UP,
    batch: Batch | str | None = None,
    seed: int = 0,
    live: bool = True,
    finals: Finals = "auto",
    metrics: Metrics | None = None,
    objective: str | Sequence[str] | None = None,
    constraints: Sequence[str] = (),
    warmup: WarmUp | int | None = None,
    move: str | None = None,
    table: str | Path | Column | None = None,
    target: str | None = None,
    surrogate: str | Path | None = None,
    block: int = 1,
    out: str | Path | None = None,
    executor: Executor | str = map,
    progress: bool | None = None,
    tracker: Tracker | str | None = None,
) -> Found:
    """Search a space by a proxy, by the rank sum of several, or by an objective of your own.

    Plugins are objects or names, which mean default options; a strategy may also be a class or a
    `partial`, and of an object a copy is used. `batch`: None is the space's default. `live`:
    without layers that cannot change the output. `metrics`: None is params and flops. `objective`:
    a formula, as "epsilon*flops^-0.07", or several, whose front is looked for. `constraints`: as
    ["params<=2M"]. An `Objective` has its own batch, metrics and aims. `table`, `target`: a file
    or name, its column: `found.truth` is the best's figure, other columns are metrics, and the
    proxy "table" takes both. `surrogate`: the folder of one, whose targets are metrics, and
    which the proxy "surrogate" asks. `warmup`, `move`: proxies that say where it begins and goes
    on (docs/searching.md). `budget`, `count`, `timeout` (seconds, or "10m"), `patience` and
    `give_up`: when it ends, as in `nas.trials`. `finals`: the panel that judges the best; "auto":
    the default one unless the proxies decide by themselves or there is an objective. With `out` it
    is kept in that folder, as by `nas search`, and goes on there. `progress`: a bar; None: where
    somebody looks. `tracker`: where it is logged too, as "csv". Raises UsageError.

    >>> from nas import search
    >>> found = search("nasbench201", "params", "random", budget=3, finals=None)
    >>> len(found.trials), found.arch.count("|")
    (3, 9)
    """
    limits = Limits(budget, count, patience, seconds_of(timeout))
    seed, block = whole("seed", seed, 0), whole("block", block, 1)
    give_up = whole("give_up", give_up, 1)
    _check_folder(out)
    aims = texts("objective", objective), texts("constraints", constraints)
    proxy, others = with_surrogate(proxy, surrogate), surrogate_at_hand(surrogate)
    more = targets_at_hand(surrogate)
    plugins = space, proxy, strategy, limits, batch
    true = column_of(table, target)
    asked = prepared(*plugins, seed, live, finals, metrics, aims, true, more, others)
    asked = asked.with_scores(warmup_of(warmup), move_of(move))
    logs = tracker_of(tracker)
    shown = is_watched() if progress is None else flag("progress", progress)
    from nas.report.from_python import leaving_page

    with executing(executor) as runs, leaving_page(asked, out):
        return asked.run(out, seed, block, give_up, runs, shown, logs)


def finals(
    space: Space | str,
    archs: Iterable[object],
    judges: Proxies = PANEL.proxies,
    *,
    batch: Batch | str | None = None,
    seed: int = 0,
    live: bool = True,
    executor: Executor | str = map,
) -> Standings:
    """Rank a set of architectures by the sum of the logarithms of their ranks by every judge.

    The arguments are those of `score`; every example of the batch counts. Raises UsageError for
    what is not in the space, or without an architecture.

    >>> from nas import finals
    >>> places = finals("nasbench201", ["1,1,1,1,1,1", "3,3,3,3,3,3"], ["params", "flops"])
    >>> [(place.arch, place.ranks["params"]) for place in places.finalists]
    [((3, 3, 3, 3, 3, 3), 1.0), ((1, 1, 1, 1, 1, 1), 2.0)]
    """
    objective = objective_of(space, judges, batch, seed, live)
    proxies = objective.proxies
    judging = proxies if isinstance(proxies, Mapping) else {type(proxies).__name__: proxies}
    examples = len(objective.batch.inputs)
    given = read(objective.space, archs)
    if not given:
        raise UsageError("archs= must have an architecture or more")
    panel = jury(objective, judging, examples)
    with executing(executor) as runs:
        return standings([*judged(dict.fromkeys(given), panel, History(), runs)])


def _check_folder(out: object) -> None:
    if out is not None and (not isinstance(out, str | Path) or not str(out)):
        raise UsageError(f"out={out!r:.80} must be the name of a folder, or None")
