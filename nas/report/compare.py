"""The page of a comparison: which proxy ranks best, how that was found, and all figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.compare.text import glued, too_few
from nas.compare.verdict import rated, verdict
from nas.report.compare_charts import against_truth, agreement, best_of, correlation, worth
from nas.report.compare_tables import (
    all_correlations,
    among_best,
    best_of_table,
    favourites,
    main_table,
    reasons_table,
    repeats_table,
)
from nas.report.compare_under import under_parts
from nas.report.page import (
    Html,
    Page,
    Section,
    bold,
    columns,
    command,
    details,
    facts,
    heading,
    html,
    joined,
    link,
    listing,
    mono,
    paragraph,
)
from nas.report.points import Points

Result = Mapping[str, Any]
Row = Mapping[str, Any]

PANELS = 12
"""So many charts of scores against the truth are open at once."""
MEANING = (
    "Spearman's ρ compares two orders: 1 is the order of the true figures, 0 no better than "
    "chance, below 0 the wrong way round. In brackets: the range that holds the true ρ in about "
    "95 of 100 such samples. Architectures without a score are ranked last."
)
FILES = {
    "compare.json": "all figures of this page",
    "scores.csv": "every architecture with its scores and its true figure",
    "under.csv": "every choice under a limit",
    "scores.jsonl": "the scores as they were computed: the same command computes none twice",
    "config.yaml": "all settings, and the versions",
    "pictures/": "the charts as PNG and SVG, for a paper",
}


def compare_page(
    result: Result,
    points: Points | None,
    files: Sequence[str] = (),
    versions: Mapping[str, str] | None = None,
) -> Page:
    """The page of a comparison, from its compare.json and scores.csv.

    Without `points` nothing is drawn that needs single architectures. `files` are those beside the
    page, `versions` those of the packages.
    """
    result = rated(result)
    rows = _best_first(result)
    lead = [_lead(result.get("verdict") or verdict(result))]
    sections = [Section("Settings", _settings(result, versions or {}))]
    parts: list[str] = [main_table(result, rows)]
    if "truth" in result:
        lead.append(paragraph(MEANING, "quiet"))
        parts.append(columns(chart.html for chart in correlation(result, rows)))
        parts += [details("All correlations", [all_correlations(rows)])]
        sections.append(Section("Which proxy ranks best", parts))
        if points is not None:
            sections.append(Section("Scores and truth", _panels(result, rows, points)))
        sections += _found(result, rows)
        if "under" in result:
            sections.append(Section("Under a limit", under_parts(result, rows, points)))
    else:
        sections.append(Section("Scores", parts))
    sections.append(Section("Agreement and cost", _beside(result, rows)))
    sections += [Section("Without a score", _reasons(result, rows)), _files(files)]
    return Page(
        f"How well proxies rank {result['space']}", lead, [each for each in sections if each.parts]
    )


def _lead(text: str) -> Html:
    """The verdict, its first sentence in bold."""
    first, dot, rest = glued(text).partition(". ")
    return Html(f'<p class="lead" id="verdict">{bold(first + dot.strip())} {html(rest)}</p>')


def _beside(result: Result, rows: Sequence[Row]) -> list[str]:
    """How proxies agree, and what they cost; beside each other where they are few."""
    charts = [agreement(result), worth(rows) if "truth" in result else None]
    drawn: list[str] = [chart.html for chart in charts if chart is not None]
    return [columns(drawn)] if len(rows) <= PANELS else drawn


def _best_first(result: Result) -> list[Row]:
    """The rows in the order of rho over all; those without one are last."""
    return sorted(
        result["rows"],
        key=lambda row: row["behind"]["value"] if row.get("behind") else float("inf"),
    )


def _settings(result: Result, versions: Mapping[str, str]) -> list[str]:
    """The command and what was compared with what."""
    parts: list[str] = []
    if result.get("command"):
        parts.append(command(result["command"]))
    truth = result.get("truth")
    every = result.get("sample") == "all"
    pairs = {
        "space": mono(result["space"]),
        "true figures": "none"
        if truth is None
        else joined([mono(truth["target"]), "of", mono(str(result["table"]))], " "),
        "architectures": f"{result['n']:,}, "
        + ("all that have a true figure" if every and truth else "all" if every else "at random"),
        "batch": mono(str(result.get("batch", "–"))),
        "seed": str(result.get("seed", "–")),
    }
    if result.get("repeats", 1) > 1:
        pairs["draws of weights"] = f"{result['repeats']}: a score is their mean"
    if result.get("live") is False:
        pairs["layers"] = "all, as published (live=false)"
    if "interval" in result:
        pairs["intervals"] = str(result["interval"])
    if "seconds" in result:
        pairs["time"] = (
            f"{result['seconds']:.3g} s; scores that were in the folder took none of it"
        )
    if versions:
        pairs["versions"] = ", ".join(f"{name} {each}" for name, each in versions.items())
    parts.append(facts(pairs))
    notes = [str(note) for note in (truth or {}).get("notes", [])]
    return [*parts, listing(notes)] if notes else parts


def _panels(result: Result, rows: Sequence[Row], points: Points) -> list[str]:
    """One chart a proxy; of many proxies those after the best are closed at first."""
    charts = [chart.html for chart in against_truth(result, rows, points)]
    parts: list[str] = [
        "Each architecture at its place in both orders: the more the dots follow the diagonal, "
        "the higher ρ. The axes show the values at the ends, the quarters and the middle, so that "
        "a few very low ones do not press all others together.",
        columns(charts[:PANELS]),
    ]
    if len(charts) > PANELS:
        parts.append(details(f"{len(charts) - PANELS} more", [columns(charts[PANELS:])]))
    return parts


def _found(result: Result, rows: Sequence[Row]) -> list[Section]:
    """What choosing by a proxy gives, and the best architectures alone."""
    chosen = [
        best_of(result, rows).html,
        details("The figures of all N", [best_of_table(result, rows)]),
        favourites(result, rows),
    ]
    few = too_few(result)
    inside: list[str] = [among_best(result, rows, within=not few)]
    if few:
        inside.append(paragraph(f"{few[0].upper()}{few[1:]}.", "quiet"))
    sections = [Section("The choice", chosen), Section("Among the truly best", inside)]
    if any("repeats" in row for row in rows):
        sections.append(Section("Single draws of weights", [repeats_table(rows)]))
    return sections


def _reasons(result: Result, rows: Sequence[Row]) -> list[str]:
    """Why there is no score or no correlation, and what the proxies note."""
    lines: list[str] = [
        joined([bold(name), f"left out, {why}"], ": ")
        for name, why in result.get("left_out", {}).items()
    ]
    lines += [
        joined([bold(row["proxy"]), f"no correlation over the scored, {row['undefined']}"], ": ")
        for row in rows
        if "undefined" in row
    ]
    table = reasons_table(rows)
    parts: list[str] = [table] if table is not None else []
    if not parts and not lines:
        parts = ["Every proxy has a score for every architecture."]
    parts += [listing(lines)] if lines else []
    notes = [joined([bold(row["proxy"]), note], ": ") for row in rows for note in row["notes"]]
    judges = result.get("finals", {}).get("left_out", {})
    notes += [
        joined([bold(name), f"no judge of the finals, {why}"], ": ")
        for name, why in judges.items()
    ]
    return [*parts, heading("Notes"), listing(notes)] if notes else parts


def _files(files: Sequence[str]) -> Section:
    """The files beside the page."""
    told: dict[str, str] = {link(name, name): FILES[name] for name in files if name in FILES}
    return Section("Files", [facts(told)] if told else [])
