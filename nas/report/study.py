"""The page of a study: its verdict, its table with tests, its curves with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.report.charts import Axis, Chart, Layer
from nas.report.page import (
    Html,
    Page,
    Section,
    bold,
    command,
    facts,
    html,
    listing,
    mono,
    paragraph,
)
from nas.report.tables import MISSING, Cell, Column, Told, table, written
from nas.report.verdict import interval, verdict
from nas.report.words import counted, figure
from nas.study.text import p

BANDS = 8
"""For more variants than this the intervals are left out: they would hide each other."""
START = 0.04
"""The share of a search that is left out where the height of a chart is chosen."""


def study_page(
    study: Mapping[str, Any],
    commands: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
    asked: Sequence[str] = (),
) -> Page:
    """The page of a study that is plain data, as in study.json.

    `commands` make one search of each variant, by the variant's name; `versions` are those of the
    packages; `asked` are the commands of the whole study.
    """
    better = "lower" if study["lower_is_better"] else "higher"
    compared = f"Compared is {bold(study['report'])} of {html(study['of'])}: {better} is better."
    lead = [paragraph(Html(compared), "lead"), paragraph(verdict(study), "lead")]
    curves = [_chart(study, title, lines).html for title, lines in study["curves"].items()]
    how = f"In brackets: {study['interval']}."
    how += f" p: {study['test']}." if study["pairs"] else ""
    notes = [listing(study["notes"])] if study["notes"] else []
    sections = [Section("Variants", [_final(study), paragraph(how, "quiet"), *notes])]
    if curves:
        sections.append(Section("Best so far", curves))
    if study["pairs"]:
        sections.append(Section("Every pair", [_pairs(study)]))
    sections.append(Section("Every search", [_searches(study)]))
    repeat = _repeat(study, commands or {}, versions or {}, asked)
    sections.append(Section("Repeat it", repeat))
    title = f"Study of {counted(study['searches_in_all'], 'search', 'searches')}"
    return Page(title, lead, sections, "nas report with the study's folder writes this page again")


def _mean(row: Mapping[str, Any] | None, sign: str = "") -> Cell | Told:
    """A mean with its interval, sorted by the mean."""
    if row is None or row["mean"] is None:
        return None
    return Told(f"{written(row['mean'], sign + '.6g')} {interval(row, sign)}", row["mean"])


def _final(study: Mapping[str, Any]) -> Html:
    """A row a variant, the best first."""
    lower = study["lower_is_better"]
    tested, known = bool(study["pairs"]), study["best"] is not None
    columns = [Column("variant"), Column("mean [95 %]", number=True, lowest_first=lower)]
    columns += [Column("median", True, lowest_first=lower), Column("sd", True, lowest_first=True)]
    columns += [Column("regret [95 %]", True, lowest_first=True)] if known else []
    columns += [Column("less the best's [95 %]", True)] if tested else []
    columns += [
        Column("p", True, lowest_first=True),
        Column("p (Holm)", True, lowest_first=True),
    ] * tested
    columns += [
        Column("searches", True),
        Column("trials", True),
        Column("seconds", True, ".4g", True),
    ]
    rows = [_final_row(row, tested, known) for row in study["rows"]]
    order = "ascending" if lower else "descending"
    caption = f"{study['report']} by variant"
    return table(columns, rows, caption, sorted_by=("mean [95 %]", order), marked=[0])


def _final_row(row: Mapping[str, Any], tested: bool, known: bool) -> list[Cell | Told]:
    cells: list[Cell | Told] = [row["variant"], _mean(row), row["median"], row["sd"]]
    if known:
        cells.append(_mean(row["regret"]))
    if tested:
        other = row["to_best"]
        cells.append(_mean(other, "+"))
        cells += [Told(p(other[key]), other[key]) if other else None for key in ("p", "p_holm")]
    return [*cells, row["searches"], row["trials"], row["seconds"]]


def _pairs(study: Mapping[str, Any]) -> Html:
    columns = [
        Column("one"),
        Column("other"),
        Column("difference [95 %]", number=True),
        Column("better", number=True, about="seeds on which the one is better"),
        Column("worse", number=True, about="seeds on which the one is worse"),
        Column("seeds", number=True),
        Column("p", number=True, lowest_first=True),
        Column("p (Holm)", number=True, lowest_first=True),
    ]
    rows: list[list[Cell | Told]] = [
        [
            pair["one"],
            pair["other"],
            _mean(pair["difference"], "+"),
            pair["better"],
            pair["worse"],
            pair["seeds"],
            Told(p(pair["p"]), pair["p"]),
            Told(p(pair["p_holm"]), pair["p_holm"]),
        ]
        for pair in study["pairs"]
    ]
    return table(columns, rows, "The one less the other, seed by seed")


def _searches(study: Mapping[str, Any]) -> Html:
    """A row a search: what it returned."""
    name = study["report"]
    scored = any("score" in row for row in study["searches"]) and name != "score"
    columns = [Column("variant"), Column("seed", True, lowest_first=True), Column("trials", True)]
    columns += [Column(name, True, lowest_first=study["lower_is_better"])]
    columns += [Column("score", number=True)] if scored else []
    columns += [Column("architecture")]
    rows: list[list[Cell | Told]] = [
        [
            row["variant"],
            row["seed"],
            row["trials"],
            row[name],
            *([row.get("score")] if scored else []),
            _archs(row),
        ]
        for row in study["searches"]
    ]
    return table(columns, rows, "What each search returned")


def _archs(row: Mapping[str, Any]) -> Cell:
    if "front" in row:
        return f"a front of {len(row['front'])}"
    if row.get("tuple") is None:
        return None
    return mono(f"({','.join(map(str, row['tuple']))})")


def _chart(study: Mapping[str, Any], title: str, lines: Mapping[str, Any]) -> Chart:
    """The best so far over the trials: a line a variant, and its interval."""
    names = [row["variant"] for row in study["rows"] if row["variant"] in lines]
    layers = []
    for place, name in enumerate(names):
        line = lines[name]
        if len(names) <= BANDS:
            band = {key: line[key] for key in ("trials", "low", "high")}
            layers.append(Layer("band", band, "trials", "low", y2="high", look=place, tip=False))
        data = {"trials": line["trials"], title: line["mean"]}
        data["95 %"] = [
            MISSING if low is None else f"[{written(low, '.5g')}, {written(high, '.5g')}]"
            for low, high in zip(line["low"], line["high"], strict=True)
        ]
        layers.append(Layer("line", data, "trials", title, name=name, look=place))
    ends = {name: lines[name]["mean"][-1] for name in names if lines[name]["mean"]}
    told = "; ".join(f"{name}: {figure(value)}" for name, value in ends.items())
    logarithmic = title.startswith("regret of ") and _positive(lines, names)
    low, high = (None, None) if logarithmic else heights([lines[name] for name in names])
    return Chart(
        f"{title} of the best so far",
        f"The mean over the seeds, with its 95 % interval. At the end: {told}.",
        Axis("trials"),
        Axis(title, "log" if logarithmic else "linear", low, high),
        layers,
        height=380,
    )


def _positive(lines: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether a logarithmic scale shows every mean and interval."""
    values = [v for n in names for key in ("mean", "low", "high") for v in lines[n][key]]
    there = [value for value in values if value is not None]
    return bool(there) and min(there) > 0


def heights(lines: Sequence[Mapping[str, Any]]) -> tuple[float | None, float | None]:
    """The ends of an axis for what comes after the first trials, which lie far from all others."""
    kept: list[float] = []
    for line in lines:
        begin = int(START * len(line["mean"]))
        kept += [v for key in ("mean", "low", "high") for v in line[key][begin:] if v is not None]
    if not kept or max(kept) == min(kept):
        return None, None
    room = 0.04 * (max(kept) - min(kept))
    return min(kept) - room, max(kept) + room


def _repeat(
    study: Mapping[str, Any],
    commands: Mapping[str, str],
    versions: Mapping[str, str],
    asked: Sequence[str],
) -> list[str]:
    """The study's commands, one search of each variant as a command, the seeds, the versions."""
    seeds: dict[str, list[int]] = {}
    for row in study["searches"]:
        seeds.setdefault(row["variant"], []).append(row["seed"])
    parts: list[str] = []
    if asked:
        one = "This makes" if len(asked) == 1 else "These, with one out= for all, make"
        parts += [f"{one} the whole study anew, in a new folder:", *map(command, asked)]
    if commands:
        parts.append("One search of each variant; the others differ in their seed= alone:")
    for name, text in commands.items():
        own = ", ".join(map(str, sorted({*seeds.get(name, [])})))
        parts += [paragraph(Html(f"{bold(name)}, seeds {own}")), command(text)]
    if versions:
        parts.append(facts({f"version of {name}": each for name, each in versions.items()}))
    return parts or ["Every search's own folder has its settings, config.yaml."]
