"""Sentences and numbers of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.report.page import Html, bold, html, joined, mono
from nas.report.run import Run
from nas.report.tables import written
from nas.runs.summary import used

LONGEST = 120
"""An architecture of more characters is not in a sentence."""
SIGNS = {"<=": "≤", ">=": "≥"}


def figure(value: float | int | None, unit: str = "") -> str:
    """A figure with its unit."""
    text = written(value)
    return f"{text} {unit}" if unit and value is not None else text


def short(value: float | None) -> str:
    """A large count in few characters: 1.07 M."""
    if value is None:
        return written(None)
    for many, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= many:
            size = 1e3 if letter == "k" else many
            return f"{value / size:.3g} {letter}".replace("-", "−")
    return written(value, ",.4g" if isinstance(value, float) else ",.6g")


def counted(count: int, one: str, many: str = "") -> str:
    """A number of things: 1 trial, 2 trials."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if 10 <= place % 100 <= 20 else ends.get(place % 10, "th")
    return f"{place:,}{end}"


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def listed(words: Sequence[str], last: str = "and") -> Html:
    """Words as a person lists them."""
    if len(words) < 2:
        return joined(words)
    return Html(f"{joined(words[:-1], ', ')} {last} {html(words[-1])}")


def question(run: Run) -> Html:
    """What was asked, in a sentence, and how it was looked for, in another."""
    told = run.summary
    aims = told.get("objective") or ()
    if run.front is not None:
        names = [mono(name) for name in run.front["objectives"]]
        wanted = f"are the best compromises between {listed(names)}"
        asked = f"Which architectures of the space {bold(told['space'])} {wanted}"
    else:
        value = mono(aims[0]) if aims else Html(f"score by {bold(told['proxy'])}")
        asked = f"Which architecture of the space {bold(told['space'])} has the highest {value}"
    if told.get("constraints"):
        asked += f", with {listed([limit(each) for each in told['constraints']])}"
    return Html(f"{asked}? {_how(run)}")


def limit(constraint: str) -> Html:
    """A constraint as it is read."""
    for sign, shown in SIGNS.items():
        constraint = constraint.replace(sign, f" {shown} ")
    return mono(constraint)


def _how(run: Run) -> str:
    told = run.summary
    scores = ""
    if told.get("objective"):
        scores = f", scored by {bold(told['proxy'])}"
    if told["ranking"] not in ("score", "pareto"):
        scores += f", ranked by {bold(told['ranking'])}"
    batch = f" on the batch {bold(told['batch'])}" if told["batch"] != "given" else ""
    moved = f", moves chosen by {bold(told['move'])}" if told.get("move") else ""
    live = "" if told["live"] else ", with all layers (live=false)"
    return (
        f"The strategy {bold(told['strategy'])} made {used(told)}{scores}{batch}{moved}{live}, "
        f"with the seed {told['seed']}{_limits(told)}."
    )


def _limits(told: Mapping[str, Any]) -> str:
    """The limits beside the budget."""
    parts = []
    if told.get("timeout"):
        parts.append(f"at most {duration(told['timeout'])}")
    if told.get("patience"):
        parts.append(f"{counted(told['patience'], 'trial')} without a better one")
    if told.get("repeats", 1) > 1:
        parts.append(f"{told['repeats']} draws of weights a score")
    return f" ({'; '.join(parts)})" if parts else ""


def answer(run: Run) -> Html:
    """What was found, in a sentence."""
    told = run.summary
    if run.winner is None:
        total = told["trials"]["total"]
        none = f"{counted(total, 'trial')} {'has' if total == 1 else 'have'} none"
        return Html(f"{bold('No architecture has a score')}: {none}.")
    long = len(told["arch"]) > LONGEST
    arch = f"that of trial {told['trial']}" if long else mono(told["arch"])
    own = f"The best is {arch}"
    front = run.front
    if front is not None:
        many = counted(len(front["points"]), "architecture")
        values = front["winner"] or {}
        figures = listed([Html(f"{mono(name)} = {figure(v)}") for name, v in values.items()])
        return Html(
            f"No other trial dominates {bold(many)}: the front. {_chosen(run)} is "
            f"{arch}{f', with {figures}' if values else ''}."
        )
    if told["finals"]:
        score = f"Its {run.value_name} in the search is {figure(told['score'])}."
        return Html(f"{own}, the winner of the finals. {score}")
    return Html(f"{own}. Its {run.value_name} is {bold(figure(told['score']))}.")


def _chosen(run: Run) -> str:
    """How the one architecture was chosen that a search with a front returns."""
    if run.summary["finals"]:
        return "The winner of the finals"
    by_first = run.summary["ranking"] == "pareto"
    return "Its best by the first objective" if by_first else "The best by the ranking"
