"""The finals under limits: a panel judges the best that meet a limit (`nas.searching.finals`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.arch import Arch
from nas.compare.correlations import Array
from nas.compare.sample import Comparison
from nas.compare.under import Choice, Limited, Places, chosen, result
from nas.ranking import by_score
from nas.scoring.objective import ProxyObjective
from nas.searching.finals import Panel, finalists, judges_of, jury, standings, verdict
from nas.trial import Evaluation, Trial

Verdicts = Callable[[ProxyObjective, Sequence[Arch]], dict[str, list[Evaluation]]]
"""Gives every judge's evaluations of the architectures, in their order."""


@dataclass(frozen=True)
class Finals:
    """A panel, and the proxy or combination whose best architectures it judges."""

    proxy: str
    panel: Panel

    @property
    def row(self) -> str:
        """The name of the row that shows what the finals choose."""
        return f"{self.proxy} + finals"


def under_limits(
    comparison: Comparison,
    limits: Sequence[Limited],
    objective: ProxyObjective,
    finals: Finals | None,
    verdicts: Verdicts,
) -> dict[str, Any]:
    """What every proxy chooses under the limits, and what the finals choose, as plain data."""
    choices = [chosen(comparison, each) for each in limits]
    about = {}
    if finals is not None:
        won, left_out = _held(finals, comparison, limits, choices, objective, verdicts)
        choices = [{**mine, finals.row: theirs} for mine, theirs in zip(choices, won, strict=True)]
        about["finals"] = {"of": finals.proxy, **vars(finals.panel), "left_out": left_out}
    results = [result(comparison, *each) for each in zip(limits, choices, strict=True)]
    return {"under": results, **about}


def _held(
    finals: Finals,
    comparison: Comparison,
    limits: Sequence[Limited],
    choices: Sequence[Mapping[str, Sequence[Choice]]],
    objective: ProxyObjective,
    verdicts: Verdicts,
) -> tuple[list[list[Choice]], dict[str, str]]:
    """What the finals choose under every limit of each cost, and the judges that are left out.

    Every finalist is judged once, however many limits it meets. Where less than two could be
    finalists, or no more than half of the panel judges, the proxy's own choice stays.
    """
    cases = [
        [
            _finalists(comparison, finals.proxy, each.meeting(limit), finals.panel.size)
            for limit in each.limits
        ]
        for each in limits
    ]
    places = list(dict.fromkeys(place for case in cases for found in case for place in found))
    archs = [comparison.archs[place] for place in places]
    panel = jury(objective, judges_of(objective, finals.panel.proxies), finals.panel.examples)
    found = verdicts(panel, archs) if places else {}
    judged = {
        place: verdict(place, arch, "", {name: each[n] for name, each in found.items()})
        for n, (place, arch) in enumerate(zip(places, archs, strict=True))
    }
    left_out: dict[str, str] = {}
    won = [
        [
            _winner(own, [judged[place] for place in stand], left_out)
            for own, stand in zip(mine[finals.proxy], case, strict=True)
        ]
        for mine, case in zip(choices, cases, strict=True)
    ]
    return won, left_out


def _finalists(comparison: Comparison, proxy: str, among: Places, size: int) -> list[int]:
    """The places of the best of different functions, from the best down; none of fewer than 2."""
    scores: Array = comparison.within(among)[proxy]
    trials = [
        Trial(int(place), comparison.archs[place], float(score), {}, 0.0)
        for place, score in zip(among, scores, strict=True)
    ]
    found = [trial.number for trial in finalists(trials, by_score, comparison.space, size)]
    return found if len(found) > 1 else []


def _winner(own: Choice, judged: Sequence[Trial], left_out: dict[str, str]) -> Choice:
    """The winner of the finals, or the proxy's `own` choice; takes note of judges left out."""
    if not judged:
        return own
    found = standings(judged)
    for name, why in found.left_out.items():
        left_out.setdefault(name, why)
    if not found.decisive:
        return own
    winner = found.finalists[0].arch
    place = next(trial.number for trial in judged if trial.arch == winner)
    return Choice(np.array([place], dtype=np.intp), own.scored)
