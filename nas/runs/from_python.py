"""A search that Python asks for: its folder is the one of `nas search`, for `nas report` too."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from nas.arch import Arch
from nas.batch import Batch
from nas.errors import UsageError
from nas.metric import Metric
from nas.proxy import Proxy
from nas.ranking import RANKINGS, Ranking, by_score, rank_sum, ranked
from nas.registry.options import Choice
from nas.runs.aims import aimed_at
from nas.runs.entries import (
    asked,
    executor_entry,
    figures_entry,
    function_name,
    keys_entry,
    name_of,
    proxies_entry,
    space_entry,
)
from nas.runs.folder import FINALS, FREE, OWN, opened, read_elapsed, write_best, write_record
from nas.runs.found import Found
from nas.runs.front import write_front
from nas.runs.progress import Progress, watched
from nas.runs.summary import summarise
from nas.runs.trackers import Tracker
from nas.runs.tracking import Trials, logged, run_of, winner_of
from nas.runs.truth import told_of_fits, with_digests
from nas.runs.warmup import opened_scores, read_outcome, too_short
from nas.scoring.executors import Executor
from nas.scoring.given import Proxies, objective_of, space_of
from nas.scoring.measures import Metrics, with_more
from nas.scoring.objective import METRICS_SHOWN, Objective, ProxyObjective
from nas.searching.feasibility import Screen
from nas.searching.finals import (
    PANEL,
    Panel,
    Standings,
    finalists,
    held,
    judged,
    judges_of,
)
from nas.searching.history import History
from nas.searching.judging import SEVERAL, Aims
from nas.searching.limits import Limits
from nas.searching.loop import trials
from nas.searching.warmup import WarmUp
from nas.space import Space
from nas.strategy import STRATEGIES, Strategy, check_moves

if TYPE_CHECKING:
    from nas.data.lookup import Column, Figures

Strategies = Callable[[Space, Ranking], Strategy] | Strategy | str
"""A strategy's name, what makes it, or the strategy itself."""
Finals = Panel | Literal["auto", "panel", "none"] | None
"""The panel, the default one, none, or the default one where the score is a guess."""


@dataclass(frozen=True)
class Search:
    """All that a search needs, as objects."""

    space: Space
    objective: Objective
    strategy: Strategy
    options: Mapping[str, object]
    """The strategy's options that are known, for the record."""
    limits: Limits
    panel: Panel | None
    judging: ProxyObjective | None
    """The space, batch and seed that the finals use; None without finals."""
    aims: Aims
    table: Column | None = None
    """The table of true figures at hand."""
    warmup: WarmUp | None = None
    move: str | None = None

    def run(
        self,
        out: str | Path | None,
        seed: int,
        block: int,
        give_up: int,
        executor: Executor,
        shown: bool,
        tracker: Tracker,
    ) -> Found:
        """Search, and hold the finals; `shown`: a bar says how far it is.

        The search is kept in the folder `out`.
        """
        settings: dict[str, Any] = {"seed": seed, "block": block, "give_up": give_up}
        with (
            self._opened(out, settings, executor) as (history, journal, spent, keep),
            logged(tracker, run_of(out, self.record(settings), history)) as log,
            self._begun(out, seed, give_up, executor, shown) as (starts, strategy),
        ):
            how = {**settings, "executor": executor, "spent": spent, "starts": starts}
            limited = {"constraints": self.aims.constraints, "screen": self.screen}
            how |= {**asdict(self.limits), **limited}
            every = trials(strategy, self.objective, history, **how)
            done = list(islice(every, len(history)))
            start, ranking = monotonic(), self.strategy.ranking
            every = Trials(log, self.space, ranking).after(done, every)

            def elapsed() -> float:
                return spent + (monotonic() - start if len(history) > len(done) else 0.0)

            try:
                if shown:
                    by_itself = ranking is by_score
                    watched(every, done, self.limits, by_itself, first=self.waits)
                for _ in every:
                    pass
            except KeyboardInterrupt:
                if history:
                    keep(history, None, elapsed())
                raise
            took = elapsed()
            if len(history) > len(done) or self.panel is None:
                keep(history, None, took)  # a kill in the finals leaves a result
            if note := too_short(strategy, len(history), block, len(starts)):
                print(f"note: {note}", file=sys.stderr)
            places = self._finals(history, journal, executor, shown)
            if places is not None:
                keep(history, places, took)
            found = self._found(history, places, took, out)
            log.finish(winner_of(found))
            return found

    def _found(
        self, history: History, places: Standings | None, took: float, out: str | Path | None
    ) -> Found:
        ranking = self.strategy.ranking
        ended = self.limits.ended(history, ranking, took)
        best = (ranked(history, ranking) or history)[0]
        return Found(self.space, [*history], best, places, ranking, ended, out, self.true)

    @property
    def true(self) -> Figures | None:
        """The true figures of the table at hand."""
        if self.table is None:
            return None
        return told_of_fits(self.table.figures(self.space), self.objective)

    def with_scores(self, warmup: WarmUp | None, move: str | None) -> Search:
        """The same search with a warm-up, and with a proxy that `move` names.

        Raises UsageError where there is no such proxy, or the strategy does not heed `move`.
        """
        names = ([] if warmup is None else [warmup.proxy]) + ([] if move is None else [move])
        if not names:
            return self
        if not isinstance(self.objective, ProxyObjective):
            raise UsageError("warmup= and move= are for a search by proxies, and not by an object")
        judges_of(self.objective, names)
        if move is not None:
            check_moves(self.strategy)
        return replace(self, warmup=warmup and warmup.before(self.strategy), move=move)

    @contextmanager
    def _begun(
        self, out: str | Path | None, seed: int, give_up: int, executor: Executor, shown: bool
    ) -> Iterator[tuple[Sequence[Arch], Strategy]]:
        """The architectures of the warm-up that begin the search, and its strategy."""
        if not isinstance(self.objective, ProxyObjective):
            yield (), self.strategy
            return
        with opened_scores(self.objective, self.warmup, self.move, out) as scores:
            archs = scores.drawn(self.warmup, self.objective, seed)
            scores.fill(archs, executor, give_up, shown)
            yield scores.starts(archs, self.warmup), scores.moving(self.strategy)

    @property
    def screen(self) -> Screen | None:
        """The figures that are quick to get and that constraints are about."""
        return self.objective.screen if isinstance(self.objective, ProxyObjective) else None

    @property
    def waits(self) -> str:
        """What the first score waits for; empty if for nothing."""
        scoring = self.objective
        return scoring.preparing if isinstance(scoring, ProxyObjective) else ""

    def _finals(
        self, history: History, journal: History, executor: Executor, shown: bool
    ) -> Standings | None:
        if self.panel is None or self.judging is None:
            return None
        ranking = self.strategy.ranking
        if shown:
            best = finalists(history, ranking, self.space, self.panel.size)
            archs = [trial.arch for trial in best]
            with Progress(len(archs), 0, comparable=False, unit="finalists") as progress:
                for _ in judged(archs, self.judging, journal, executor):
                    progress.advance()
        return held(history, ranking, self.judging, self.panel, journal, executor)

    @contextmanager
    def _opened(
        self, given: str | Path | None, settings: Mapping[str, int], executor: Executor
    ) -> Iterator[tuple[History, History, float, Callable[[History, Any, float], None]]]:
        """The journals, the seconds of earlier runs, and what writes the result."""
        if given is None:
            yield History(), History(), 0.0, lambda *_: None
            return
        out = Path(given)
        record = self.record({**settings, "out": str(out), "executor": executor_entry(executor)})

        def keep(history: History, places: Standings | None, took: float) -> None:
            question = replace(asked(record), warmup=read_outcome(self.warmup, self.space, out))
            figures = self.space, self.strategy.ranking, record["metrics"], question
            summary = summarise(history, *figures, places, elapsed=took, true=self.true)
            write_best(out, summary)
            write_front(out, history, self.strategy.ranking, summary)

        with opened(out, record, FREE, _complete) as history:
            spent = read_elapsed(out) if history else 0.0
            self.limits.check(history, out)
            write_record(out, record)
            with History.read(out / FINALS) as journal:
                yield history, journal, spent, keep

    def record(self, settings: Mapping[str, object]) -> dict[str, Any]:
        """The settings as plain values, under the names that `nas search` gives them."""
        scoring = self.objective if isinstance(self.objective, ProxyObjective) else None
        panel = {"name": "none"} if self.panel is None else {"name": "panel", **asdict(self.panel)}
        whole = {
            "space": space_entry(self.space),
            "ranking": {"name": function_name(RANKINGS, self.strategy.ranking)},
            "objective": [formula.text for formula in self.aims.objectives] or None,
            "constraints": [constraint.text for constraint in self.aims.constraints.each],
            "proxy": proxies_entry(self.objective),
            "strategy": {"name": name_of(STRATEGIES, self.strategy), **self.options},
            "batch": {"name": "given"},
            "finals": panel,
            **({} if self.warmup is None else {"warmup": asdict(self.warmup)}),
            "move": self.move,
            **asdict(self.limits),
            **settings,
            "repeats": 1 if scoring is None else scoring.repeats,
            **figures_entry(self.objective, self.aims, self.table),
            "table": None if self.table is None else str(self.table.path),
            "target": None if self.table is None else self.table.target,
            "duplicates": "error" if self.table is None else self.table.duplicates,
            "foreign": "error" if self.table is None else self.table.foreign,
            "data_dir": None,
            "strict": scoring is not None and scoring.strict,
            "live": scoring is None or scoring.live,
            "device": "cpu" if scoring is None else scoring.device,
            OWN: keys_entry(self.objective),
        }
        whole = {**with_digests(whole, self.objective, self.table)}
        plain: dict[str, Any] = json.loads(json.dumps(whole, default=repr))
        return plain


def prepared(
    space: Space | str,
    proxy: Proxies | Objective,
    strategy: Strategies,
    limits: Limits,
    batch: Batch | str | None,
    seed: int,
    live: bool,
    finals: Finals,
    metrics: Metrics | None = None,
    aimed: tuple[Sequence[str], Sequence[str]] = ((), ()),
    table: Column | None = None,
    more: Mapping[str, Metric] | None = None,
    others: Mapping[str, Proxy] | None = None,
) -> Search:
    """The search that arguments of `nas.search` ask for; raises UsageError for wrong ones.

    `more`: metrics at hand, by the names that objectives may use, and `others`: proxies.
    """
    there = space_of(space)
    if finals not in ("auto", "panel", "none", None) and not isinstance(finals, Panel):
        raise UsageError(f"finals={finals!r:.80} must be a Panel, 'panel', 'auto' or 'none'")
    if table is not None:
        table.figures(there)  # raises now, not after the search
    if more and metrics is not None and not isinstance(metrics, Mapping | str):
        metrics = with_more(metrics, more, table)
    objective = _objective(there, proxy, batch, seed, live, metrics, table)
    if more and objective is proxy:
        raise UsageError("an objective has its own metrics: surrogate= is for proxies")
    if others and isinstance(objective, ProxyObjective):
        objective = replace(objective, others=others)
    objective, aims = aimed_at(there, objective, *aimed, table, more or {})
    if aims.objectives and finals not in ("auto", "none", None):
        raise UsageError("finals judge by proxies alone and know nothing of objective=: give none")
    judging = objective if isinstance(objective, ProxyObjective) else None
    if finals == "auto":
        decided = judging is None or all(each.decides for each in judging.named.values())
        finals = "none" if decided or aims.objectives else "panel"
    panel = PANEL if finals == "panel" else finals if isinstance(finals, Panel) else None
    if panel is not None:
        judging = judging or objective_of(there, panel.proxies, batch, seed, live)
        judges_of(judging, panel.proxies)  # raises now, not after the search
    several = isinstance(objective, ProxyObjective) and len(objective.named) > 1
    bare: Ranking = rank_sum if several else by_score
    if aims.objectives:
        name = SEVERAL if len(aims.objectives) > 1 else "score"
        bare = RANKINGS.bound(Choice(name))
    made = _strategy(strategy, there, aims.before(bare))
    if made is strategy:
        made = aims.of(made, bare)
    options = dict(strategy.keywords) if isinstance(strategy, partial) else {}
    return Search(there, objective, made, options, limits, panel, judging, aims, table)


def _objective(
    space: Space,
    proxy: Proxies | Objective,
    batch: Batch | str | None,
    seed: int,
    live: bool,
    metrics: Metrics | None,
    table: Column | None,
) -> Objective:
    """The objective that is given, or one of proxies."""
    if not isinstance(proxy, Objective) or isinstance(proxy, Proxy | str | Mapping | Sequence):
        shown = METRICS_SHOWN if metrics is None else metrics
        return objective_of(space, proxy, batch, seed, live, shown, table)
    if batch is not None or metrics is not None:
        lost = "batch" if metrics is None else "metrics"
        raise UsageError(f"an objective has its own {lost}: {lost}= is for proxies")
    if isinstance(proxy, ProxyObjective) and repr(proxy.space) != repr(space):
        raise UsageError(f"the objective is for {proxy.space}, and the search is in {space}")
    return proxy


def _strategy(given: Strategies, space: Space, ranking: Ranking) -> Strategy:
    """The strategy that is given, by name, as what makes one, or as one for this space."""
    if not isinstance(given, Strategy):
        make = STRATEGIES[given] if isinstance(given, str) else given
        made = make(space, ranking) if callable(make) else make
        if not isinstance(made, Strategy):
            raise UsageError(f"strategy={given!r:.80} must be a name or a Strategy")
        return made
    if repr(given.space) != repr(space):
        raise UsageError(f"the strategy is for {given.space}, and the search is in {space}")
    return given


def _complete(record: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    if OWN not in record:
        raise UsageError(f"{file} is not the record of a search from Python")
    return record
