"""The page of a search: what was asked, what was found, and how to get it again."""

from __future__ import annotations

import shlex
from math import isnan
from typing import Any

from nas.report.architectures import Drawer, small, whole
from nas.report.exports import export_parts
from nas.report.finals import finals_parts, warmup_parts
from nas.report.fronts import front_parts
from nas.report.page import (
    Html,
    Page,
    Section,
    bold,
    cards,
    columns,
    command,
    details,
    facts,
    heading,
    joined,
    listing,
    mono,
    paragraph,
    tiles,
)
from nas.report.reasons import reason_parts
from nas.report.run import LONGEST_UNIT, Run
from nas.report.search_charts import against_metric, against_truth, best_so_far, distribution
from nas.report.tables import written
from nas.report.words import answer, counted, duration, figure, ordinal, question, short
from nas.storage.yaml_files import as_yaml

TOP = 10
METRICS = 4
"""So many metrics have a chart."""


def search_page(run: Run) -> Page:
    """The page of one search."""
    drawer = Drawer(run)
    lead = [paragraph(text, "lead") for text in (question(run), answer(run))]
    if run.go_on:
        over = Html(f"{bold('The search is not over')}. This goes on with it:")
        lead += [paragraph(over), command(run.go_on)]
    sections = [] if run.winner is None else _found(run, drawer)
    sections += [
        Section("Without a score", reason_parts(run)),
        Section("Repeat it", _repeat(run)),
    ]
    title = f"Search of {run.summary['space']} by {run.summary['proxy']}"
    again = f"{run.before}nas report {shlex.quote(str(run.folder))}"
    return Page(title, lead, sections, f"{again} writes this page again")


def _found(run: Run, drawer: Drawer) -> list[Section]:
    """The sections of a search that found something."""
    told = run.summary
    sections = [Section("The winner", _winner(run, drawer))]
    if run.front is not None:
        sections.append(Section("The front", front_parts(run)))
    if told.get("finals"):
        sections.append(Section("The finals", finals_parts(run)))
    course: list[str] = [_course(run)]
    if run.levels:
        course.append(columns([best_so_far(run).html, distribution(run).html]))
    course += warmup_parts(run)
    sections.append(Section("The search", course))
    if costs := _costs(run):
        sections.append(Section("Score and costs", costs))
    if truth := against_truth(run):
        sections.append(Section("Score and truth", [truth[0].html]))
    if run.front is None:
        sections.append(Section("The ten best", _best(run, drawer)))
    else:
        sections.append(Section("Of the front", _front_drawn(run, drawer)))
    return sections


def _winner(run: Run, drawer: Drawer) -> list[str]:
    arch = run.winner
    assert arch is not None
    drawn = whole(drawer, arch, "winner", "Its network, and each kind of block in it.")
    parts: list[str] = [tiles(_figures(run))]
    told = facts(_facts(run))
    use = joined([heading("Use it"), *export_parts(run)])
    if drawn is None:
        return [*parts, told, f"It is not drawn: {drawer.lost}.", use]
    return [*parts, columns([drawn, joined([told, use])])]


def _figures(run: Run) -> list[tuple[str, str, str]]:
    """The main figures of the winner: values, costs, truth."""
    told = run.summary
    found: list[tuple[str, str, str]] = []
    if run.front is not None:
        for name, value in (run.front["winner"] or {}).items():
            found.append((name, figure(value), ""))
    else:
        place = run.place(run.winner or ())
        among = f"{ordinal(place)} of {counted(len(run.top), 'architecture')}" if place else ""
        found.append((run.value_name, figure(told["score"]), among))
    shown = {f"-{name}" for name in run.metric_names} & {*told.get("objective", ())}
    for name in run.metric_names:
        if name in told and f"-{name}" not in shown:
            found.append((run.metric_title(name), short(told[name]), _cheaper(run, name)))
    if (truth := told.get("truth")) and truth["rank"] is not None:
        rank = f"{ordinal(truth['rank'])} of {truth['of']:,} in the table {truth['table']}"
        found.append((f"true {truth['target'].removeprefix('-')}", figure(truth["figure"]), rank))
    return found


def _cheaper(run: Run, name: str) -> str:
    """How the winner's cost compares with those of the others."""
    own = run.summary[name]
    costs = [
        trial.metrics[name] for trial, _ in run.top if not isnan(trial.metrics.get(name, own))
    ]
    if own is None or len(costs) < 2:
        return ""
    less = sum(cost < own for cost in costs) / (len(costs) - 1)
    return f"{less:.0%} of the others cost less"


def _facts(run: Run) -> dict[str, str]:
    told = run.summary
    found: dict[str, str] = {
        "architecture": mono(told["arch"]),
        "as a tuple": mono(str(tuple(told["tuple"]))),
        "found in": f"trial {told['trial']} of {told['trials']['total']:,}",
    }
    for name, score in told.get("scores", {}).items():
        found[f"score by {name}"] = figure(score)
    for name in run.metric_names:
        if name in told:
            found[run.metric_title(name)] = _exact(run, name)
    if truth := told.get("truth"):
        found |= _truth(truth)
    if told["favourite"]["tuple"] != told["tuple"]:
        found["the search's favourite"] = mono(told["favourite"]["arch"])
    return found


def _exact(run: Run, name: str) -> str:
    """A metric of the winner in full, with what spreads and what the unit says."""
    told, unit = run.summary, run.unit(name)
    spread = told.get(f"{name}_iqr")
    between = [] if spread is None else [f"interquartile range {figure(spread)}"]
    rule = [unit] if len(unit) > LONGEST_UNIT else []
    more = "; ".join([*between, *rule])
    return f"{figure(told[name])}{f' ({more})' if more else ''}"


def _truth(truth: Any) -> dict[str, str]:
    """What the table knows, in words."""
    column = truth["target"].removeprefix("-")
    if truth["rank"] is None:
        return {f"true {column}": f"unknown: {truth['reason']}"}
    found = {
        f"true {column}": f"{figure(truth['figure'])}: {ordinal(truth['rank'])} of "
        f"{truth['of']:,}, {figure(truth['regret'])} from the best, {figure(truth['best'])}",
    }
    other = truth.get("favourite")
    if other and other["rank"] is not None:
        found[f"true {column} of the favourite"] = (
            f"{figure(other['figure'])}: {ordinal(other['rank'])} of {truth['of']:,}"
        )
    return found


def _course(run: Run) -> Html:
    """The counts and times of the search."""
    told, trials = run.summary, run.summary["trials"]
    rate = told.get("trials_per_second")
    pairs = {
        "trials": f"{trials['total']:,}: {trials['scored']:,} scored, {trials['repeated']:,} "
        f"repeated, {trials['no_score']:,} without a score",
        "time of scoring": duration(told["seconds"])
        + (f", {figure(rate)} trials per second" if rate else ""),
    }
    if told.get("elapsed"):
        pairs["time of the search"] = duration(told["elapsed"])
    parts = [facts(pairs)]
    if told["notes"]:
        parts += [heading("Notes"), listing(told["notes"][:TOP])]
    return joined(parts)


def _costs(run: Run) -> list[str]:
    if not run.levels:
        return []
    before = () if run.front is None else run.front["objectives"]
    names = [name for name in run.metric_names if f"-{name}" not in before]
    names = [name for name in names if name != run.summary["proxy"]]  # a line says nothing
    charts = [against_metric(run, name) for name in names[:METRICS]]
    drawn = [chart.html for chart in charts if chart is not None]
    if not drawn:
        return []
    return [
        "The front is what no cheaper architecture beats: a choice below a limit is there.",
        columns(drawn),
    ]


def _best(run: Run, drawer: Drawer) -> list[str]:
    """The ten best as cards: drawing, value, costs, truth."""
    best = run.summary["top"][:TOP]
    drawn, wide = small(drawer, [tuple(row["tuple"]) for row in best], "top")
    pieces = [
        joined([picture or "", _card(run, row, place)])
        for place, (row, picture) in enumerate(zip(best, drawn, strict=True), 1)
    ]
    ones = "architecture" if len(best) == 1 else "architectures"
    told = (
        f"The {counted(len(best), ones, ones)} with the highest {run.value_name}, the best first"
    )
    lost = [f"Not all are drawn: {drawer.lost}."] if drawer.lost else []
    return [
        f"{told}{' (before the finals)' if run.summary['finals'] else ''}.",
        *lost,
        cards(pieces, wide),
    ]


def _card(run: Run, row: Any, place: int) -> Html:
    arch = tuple(row["tuple"])
    lines: list[str] = [bold(f"{place}. {figure(row['score'])}")]
    lines += [f"{name} {short(row[name])}" for name in run.metric_names if name in row]
    true = run.truth(arch)
    if run.true is not None and not isnan(true):
        lines.append(f"true {run.true.column} {written(true)}")
    here = f" {bold('winner')}" if arch == run.winner else ""
    told = [Html(f"{lines[0]}{here}"), *lines[1:]]
    return Html(f"<div>{'<br>'.join(told)}</div>{details('architecture', [mono(run.arch(arch))])}")


def _front_drawn(run: Run, drawer: Drawer) -> list[str]:
    """Up to ten architectures of the front, spread over it."""
    assert run.front is not None
    points = run.front["points"]
    step = max(1, -(-len(points) // TOP))
    chosen = points[::step][:TOP]
    drawn, wide = small(drawer, [tuple(point["tuple"]) for point in chosen], "front")
    pieces = []
    for point, made in zip(chosen, drawn, strict=True):
        lines = [f"{name} = {figure(value)}" for name, value in point["values"].items()]
        here = f"<br>{bold('winner')}" if tuple(point["tuple"]) == run.winner else ""
        more = details("architecture", [mono(point["arch"])])
        pieces.append(joined([made or "", Html(f"<div>{'<br>'.join(lines)}{here}</div>{more}")]))
    told = "" if len(chosen) == len(points) else f", each {ordinal(step)} of {len(points)}"
    lost = [f"Not all are drawn: {drawer.lost}."] if drawer.lost else []
    by = run.front["objectives"][0]
    return [f"From the best by {by} down{told}.", *lost, cards(pieces, wide)]


def _repeat(run: Run) -> list[str]:
    """The command, the versions, the seeds and all settings."""
    told = run.summary
    parts: list[str] = []
    if run.repeat:
        parts += ["This makes the same search anew, in a new folder:", command(run.repeat)]
    if not run.repeat:
        parts.append("A program made this search, by nas.search: the program makes it again.")
    if run.go_on:
        parts += ["This goes on where the search was stopped:", command(run.go_on)]
    seeds = f"{told['seed']}: draws of the strategy, weights of the networks"
    parts.append(facts({"seed": seeds, **{f"version of {k}": v for k, v in run.versions.items()}}))
    if run.record:
        text = as_yaml(dict(run.record))
        parts.append(details("All settings, as in config.yaml", [command(text)]))
    return parts
