"""The parts of a page about the finals and the warm-up of a search."""

from __future__ import annotations

from nas.report.page import Html, mono, paragraph
from nas.report.run import Run
from nas.report.tables import Column, Told, table, written
from nas.report.words import counted, listed, ordinal


def finals_parts(run: Run) -> list[str]:
    """The finalists with their ranks by every judge."""
    held = run.summary["finals"]
    rows, judges = held["finalists"], held["proxies"]
    places = {tuple(row["tuple"]): place for place, row in enumerate(rows, 1)}
    told = (
        f"The {counted(held['size'], 'best architecture')} of the search were ranked among each "
        f"other by {listed([mono(name) for name in judges])}. The rank sum is that of the "
        "logarithms of their ranks; it is 0 for an architecture that is first by every judge."
    )
    favourite = run.summary["favourite"]
    place = places.get(tuple(favourite["tuple"] or ()))
    parts: list[str] = [paragraph(Html(told))]
    if place is not None:
        own = f"The search's favourite, {mono(favourite['arch'])}, has place {place}."
        parts.append(paragraph(Html(own)))
    for name, why in held["left_out"].items():
        parts.append(f"{name} is no judge: {why or 'it scored no finalist'}.")
    columns = [
        Column("architecture", wide=True),
        Column("place", number=True, lowest_first=True),
        Column("rank sum", number=True, format=".4f"),
        *(Column(f"by {name}", number=True, lowest_first=True) for name in judges),
    ]
    lines = [
        [
            mono(row["arch"]),
            place,
            row["rank_sum"],
            *(
                Told(f"{row['ranks'][n]:g} ({written(row['scores'].get(n))})", row["ranks"][n])
                for n in judges
            ),
        ]
        for place, row in enumerate(rows, 1)
    ]
    caption = (
        f"{counted(len(rows), 'finalist')}; by each judge the rank, and in brackets the score"
    )
    parts.append(table(columns, lines, caption, sorted_by=("place", "ascending"), marked=[0]))
    return parts


def warmup_parts(run: Run) -> list[str]:
    """What came of the warm-up; nothing without one."""
    found = run.summary.get("warmup")
    if not found:
        return []
    starts = found["starts"]
    began = f"The best {starts} began the search" if starts else "None of them began the search"
    first = min((t.number for t, v in run.top if v == run.top[0][1]), default=None)
    late = ""
    if first is not None and starts:
        inside = "among them" if first < starts else f"found later, the {ordinal(first + 1)} trial"
        late = f" The search's best is {inside}."
    return [
        f"Before the search, {counted(found['size'], 'random architecture')} were scored by "
        f"{found['proxy']}: {found['distinct']:,} are distinct, {found['scored']:,} have a score. "
        f"{began}.{late}"
    ]
