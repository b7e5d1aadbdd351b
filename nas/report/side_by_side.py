"""Several searches on one page: their curves in one chart, their winners beside each other."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from nas.report.architectures import Drawer, whole
from nas.report.charts import Axis, Chart, Layer
from nas.report.numbers import outside, span
from nas.report.page import Html, Page, Section, bold, command, facts, joined, mono, paragraph
from nas.report.run import Run
from nas.report.search_charts import far_note, rises
from nas.report.tables import MISSING, Cell, Column, Told, table, written
from nas.report.words import answer, counted, duration, figure, listed, question
from nas.study.variants import SCALE, comparable, flat

LOOKS = 8
"""So many searches are told apart by colour, dashes and symbol."""


def side_by_side(runs: Sequence[Run]) -> Page:
    """The page of several searches; their order is that of the page."""
    names = labels(runs)
    lead = [paragraph(_told(runs, names), "lead")]
    charts = _curves(runs, names)
    sections = [
        Section("Figures", [_figures(runs, names)]),
        Section("Best so far", charts or ["No search has a score."]),
        Section("The winners", [_winners(runs, names)]),
        Section("Settings", _differences(runs, names)),
        Section("Questions and commands", _questions(runs, names)),
    ]
    title = f"{counted(len(runs), 'search', 'searches')} side by side"
    folders = shlex.join(str(run.folder) for run in runs)
    return Page(title, lead, sections, f"nas report {folders} writes this page again")


def labels(runs: Sequence[Run]) -> list[str]:
    """A name for each run: its folder's, with as many parents as tell it from the others."""
    paths = [run.folder.resolve().parts for run in runs]
    longest = max(map(len, paths))
    for count in range(1, longest + 1):
        found = ["/".join(parts[-count:]) for parts in paths]
        if len({*found}) == len(found):
            return found
    return [f"{'/'.join(parts[-1:])} ({place})" for place, parts in enumerate(paths, 1)]


def incomparable(runs: Sequence[Run]) -> str:
    """In what these runs differ so that their values do not compare; empty if they do."""
    known = [name for name in SCALE if all(name in run.record for run in runs)]
    if key := comparable([run.record for run in runs], known):
        return key
    ranked = runs[0].summary["ranking"] not in ("score", "pareto")
    return "trials, and their ranking's values hold within one search" if ranked else ""


def _told(runs: Sequence[Run], names: Sequence[str]) -> Html:
    """Which search found the best, where that can be said."""
    there = [(run, name) for run, name in zip(runs, names, strict=True) if run.levels]
    if not there:
        return Html("No search has a score.")
    if key := incomparable(runs):
        return Html(
            f"The searches differ in their {bold(key)}, so their values do not compare; costs and "
            "true figures do where both have them."
        )
    best = [max(value for _, value in run.levels) for run, _ in there]
    top = max(best)
    winners = [bold(name) for (_, name), value in zip(there, best, strict=True) if value == top]
    found = "found" if len(winners) == 1 else "all found"
    return Html(
        f"{listed(winners)} {found} the highest {runs[0].value_name}: {bold(figure(top))}. One "
        "seed each says little; nas study compares over several seeds, with a test."
    )


def _curves(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """The best so far of all in one chart, or where values do not compare one chart each."""
    there = [(run, name) for run, name in zip(runs, names, strict=True) if run.levels]
    if not there:
        return []
    if not incomparable(runs):
        return [_curve(there, "Best so far").html]
    by_value: dict[str, list[tuple[Run, str]]] = {}
    for run, name in there:
        by_value.setdefault(f"{run.summary['space']}, {run.value_name}", []).append((run, name))
    return [_curve(each, f"Best so far: {title}").html for title, each in by_value.items()]


def _curve(runs: Sequence[tuple[Run, str]], title: str) -> Chart:
    value = runs[0][0].value_name
    layers, every = [], []
    for place, (run, name) in enumerate(runs):
        scored = sorted((trial.number, level) for trial, level in run.levels)
        corners = rises(scored, len(run.trials))
        data: dict[str, list[float]] = {"trial": [n for n, _ in corners]}
        data[value] = [level for _, level in corners]
        every += data[value]
        layers.append(
            Layer("line", data, "trial", value, name=name, look=place % LOOKS, steps=True)
        )
    ends = span(every, high=False)
    told = "; ".join(f"{name}: {figure(max(v for _, v in run.levels))}" for run, name in runs)
    return Chart(
        title,
        " ".join([f"The best at the end: {told}.", *far_note(outside(every, ends))]),
        Axis("trial"),
        Axis(value, low=ends and ends[0], high=ends and ends[1]),
        layers,
        height=380,
    )


def _figures(runs: Sequence[Run], names: Sequence[str]) -> Html:
    """A row a search: value, truth, costs, trials, time."""
    metrics = [*dict.fromkeys(name for run in runs for name in run.metric_names)]
    true = [run.summary.get("truth") for run in runs]
    columns = [Column("search"), Column("value", number=True)]
    columns += [Column("true figure", number=True), Column("rank", True)] * any(true)
    columns += [Column(runs[0].metric_title(m), True, lowest_first=True) for m in metrics]
    columns += [Column("trials", number=True), Column("scored", number=True)]
    columns += [Column("without a score", True), Column("time", True, lowest_first=True)]
    rows = [_row(run, name, metrics, any(true)) for run, name in zip(runs, names, strict=True)]
    return table(columns, rows, "What each search found and used")


def _row(run: Run, name: str, metrics: Sequence[str], true: bool) -> list[Cell | Told]:
    told, trials = run.summary, run.summary["trials"]
    own = next((value for trial, value in run.levels if trial.arch == run.winner), None)
    row: list[Cell | Told] = [name, own]
    if true:
        truth: Any = told.get("truth") or {"figure": None, "rank": None, "target": ""}
        lower = truth["target"].startswith("-")
        row += [truth["figure"] if not lower else Told(figure(truth["figure"]), truth["figure"])]
        row += [truth["rank"]]
    row += [told.get(metric) for metric in metrics]
    row += [trials["total"], trials["scored"], trials["no_score"]]
    seconds = told.get("elapsed") or told["seconds"]
    return [*row, Told(duration(seconds), seconds)]


def _differences(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """The settings in which the searches differ."""
    every = [{"seed": run.record.get("seed"), **flat(run.record)} for run in runs]
    keys = dict.fromkeys(key for each in every for key in each)
    differing = [key for key in keys if len({repr(each.get(key)) for each in every}) > 1]
    if not differing:
        return ["Their settings do not differ."]
    columns = [Column("setting"), *map(Column, names)]
    rows: list[list[Cell | Told]] = [
        [key, *(_setting(each.get(key)) for each in every)] for key in differing
    ]
    return [table(columns, rows, "Where their settings differ")]


def _setting(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or MISSING
    return MISSING if value is None else str(value)


def _winners(runs: Sequence[Run], names: Sequence[str]) -> Html:
    """The winners drawn, with their figures."""
    pieces = []
    for place, (run, name) in enumerate(zip(runs, names, strict=True)):
        parts: list[str] = [Html(f"<h3>{joined([name])}</h3>")]
        if run.winner is None:
            parts.append(paragraph("No architecture has a score."))
        else:
            drawer = Drawer(run)
            drawn = whole(drawer, run.winner, f"winner-{place}")
            parts.append(drawn or paragraph(f"It is not drawn: {drawer.lost}."))
            known: dict[str, str] = {"architecture": mono(run.summary["arch"])}
            known |= {run.metric_title(m): figure(run.summary.get(m)) for m in run.metric_names}
            parts.append(facts(known))
            parts.append(
                command(f"{run.before}nas export {shlex.quote(str(run.folder))} format=source")
            )
        pieces.append(joined(parts))
    return Html(f'<div class="columns">{"".join(f"<div>{p}</div>" for p in pieces)}</div>')


def _questions(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    parts: list[str] = []
    for run, name in zip(runs, names, strict=True):
        parts.append(Html(f"<h3>{joined([name])}</h3>"))
        parts += [paragraph(question(run)), paragraph(answer(run))]
        if run.repeat:
            parts.append(command(run.repeat))
    return parts


def table_text(runs: Sequence[Run]) -> str:
    """The figures of several searches as text."""
    from nas.compare.text import table as text_table

    metrics = [*dict.fromkeys(name for run in runs for name in run.metric_names)]
    heads = ["search", "question", "value", *metrics, "trials"]
    lines = [
        [
            name,
            f"{run.summary['space']}, {run.value_name}, {run.summary['strategy']}",
            written(next((v for t, v in run.levels if t.arch == run.winner), None)),
            *(written(run.summary.get(metric)) for metric in metrics),
            str(run.summary["trials"]["total"]),
        ]
        for run, name in zip(runs, labels(runs), strict=True)
    ]
    return text_table(heads, lines)
