"""The tables of a comparison's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.compare.text import interval
from nas.compare.verdict import brief, share
from nas.report.compare_charts import column
from nas.report.page import Html, mono
from nas.report.tables import Cell, Column, Told, table, written

Row = Mapping[str, Any]
Result = Mapping[str, Any]
Cells = list[Cell | Told]

RULES = (("last", "all"), ("dropped", "scored"))
"""The two ways to count architectures without a score, and their words."""
SHORT = 40
"""An architecture of no more characters is told by its decisions, which every command reads."""
SCORED = "over those with a score alone"
LAST = "over all; those without a score are ranked last"


def figure(of: Mapping[str, float | None] | None, sign: bool = False) -> Told:
    """A value with its interval, sorted by the value."""
    if of is None or of["value"] is None:
        return Told(written(None), None)
    return Told(interval(of, sign).replace("-", "−"), of["value"])


def main_table(result: Result, rows: Sequence[Row]) -> Html:
    """All proxies with what a reader looks at first, in as many columns as a phone can show."""
    if "truth" not in result:
        return _costs(rows)
    baseline, name = rows[0]["difference"]["to"], column(result)
    size = [size for size in ("10", "100") if size in result["truth"]["best_of"]][-1]
    lower = result["truth"]["target"].startswith("-")
    columns = [
        Column("proxy"),
        Column("ρ", True, about=f"Spearman's ρ {LAST}, with its 95 % interval"),
        Column(f"ρ less {baseline}'s", True, about="on the same architectures, paired"),
        Column("scored", True, about="the share of architectures that have a score"),
        Column(
            f"best of {size}",
            True,
            ".4g",
            lower,
            about=f"true {name} of the best score among {size} random architectures, on average",
        ),
        Column("s", True, ".2g", True, about="seconds that one score takes"),
    ]
    cells: list[Cells] = [
        [
            row["proxy"],
            short(row["spearman"]["last"]),
            short(None if row["proxy"] == baseline else row["difference"]["spearman"]["last"]),
            Told(share(row["coverage"]), row["coverage"]),
            row["best_of"][size]["mean"],
            Told(written(row["seconds_per_arch"], ".2g").lstrip("0"), row["seconds_per_arch"]),
        ]
        for row in rows
    ]
    best = [place for place, row in enumerate(rows) if _is_best(row)]
    caption = (
        f"All proxies, the highest ρ first; in brackets its 95 % interval; best of {size}: "
        f"{name} of the best score among {size}; s: seconds a score. A heading sorts."
    )
    shown = table(columns, cells, caption, sorted_by=("ρ", "descending"), marked=best)
    return Html(f'<div class="compact">{shown}</div>')


def short(of: Mapping[str, float | None] | None) -> Told:
    """A value to two digits, with its interval below it."""
    if of is None or of["value"] is None:
        return Told(written(None), None)
    ends = of["low"], of["high"]
    known = [brief(end) for end in ends if end is not None]
    below = Html(f"<br><small>[{', '.join(known)}]</small>") if len(known) == 2 else ""
    return Told(Html(f"{brief(of['value'])}{below}"), of["value"])


def _is_best(row: Row) -> bool:
    behind = row.get("behind")
    return bool(behind and behind["value"] == 0)


def _costs(rows: Sequence[Row]) -> Html:
    columns = [
        Column("proxy"),
        Column("scored", True, about="the share of architectures that have a score"),
        Column("seconds", True, ".2g", True, about="that one score takes"),
    ]
    cells: list[Cells] = [
        [row["proxy"], Told(share(row["coverage"]), row["coverage"]), row["seconds_per_arch"]]
        for row in rows
    ]
    return table(columns, cells, "All proxies. A click on a heading sorts.")


def favourites(result: Result, rows: Sequence[Row]) -> Html:
    """The architecture with the best score of every proxy, with its true figure and rank."""
    name = column(result)
    columns = [
        Column("proxy"),
        Column(name, True, ".6g", result["truth"]["target"].startswith("-")),
        Column("true rank", True, ",d", True, about="1 is truly the best"),
        Column("architecture", wide=not all(_is_short(row) for row in rows)),
    ]
    cells: list[Cells] = []
    for row in rows:
        own = row["favourite"]
        if own is None:
            cells.append([row["proxy"], None, None, None])
            continue
        tied = f" ({own['tied']:,} tied)" if own["tied"] > 1 else ""
        rank = Told(f"{own['rank']:,}{tied}", own["rank"])
        arch = _decisions(own["tuple"]) if _is_short(row) else own["arch"]
        cells.append([row["proxy"], own["truth"], rank, mono(arch)])
    caption = (
        f"The architecture with the best score, its {name}, and its true rank of {result['n']:,}"
    )
    return table(columns, cells, caption)


def _decisions(arch: Sequence[int]) -> str:
    return f"({','.join(map(str, arch))})"


def _is_short(row: Row) -> bool:
    own = row["favourite"]
    return own is None or len(_decisions(own["tuple"])) <= SHORT


def all_correlations(rows: Sequence[Row]) -> Html:
    """Both correlations under both rules, and their differences to the baseline's."""
    baseline = rows[0]["difference"]["to"]
    kinds = [
        (sign, coefficient, rule, f"{sign} {word}", f"{what} {told}")
        for sign, coefficient, what in (
            ("ρ", "spearman", "Spearman's ρ"),
            ("τ", "kendall", "Kendall's τ-b"),
        )
        for rule, word, told in (("last", "all", LAST), ("dropped", "scored", SCORED))
    ]
    columns = [Column("proxy")]
    columns += [Column(title, True, about=about) for *_, title, about in kinds]
    columns += [
        Column(f"Δ {title}", True, about=f"{about}, less {baseline}'s")
        for *_, title, about in kinds
    ]
    cells: list[Cells] = [
        [
            row["proxy"],
            *(figure(row[coefficient][rule]) for _, coefficient, rule, *_ in kinds),
            *(
                figure(
                    None if row["proxy"] == baseline else row["difference"][coefficient][rule],
                    True,
                )
                for _, coefficient, rule, *_ in kinds
            ),
        ]
        for row in rows
    ]
    caption = f"All correlations with their 95 % intervals; Δ: less that of {baseline}, paired"
    return table(columns, cells, caption)


def among_best(result: Result, rows: Sequence[Row], within: bool) -> Html:
    """What a proxy finds of the truly best; `within`: also the correlations inside them."""
    baseline = rows[0]["difference"]["to"]
    columns = _columns_of_best(baseline, rows[0]["ndcg"]["of"])
    kinds = [(c, rule) for c in ("spearman", "kendall") for rule, _ in RULES] if within else []
    signs = {"spearman": "ρ", "kendall": "τ"}
    columns += [
        Column(f"{signs[c]} {dict(RULES)[rule]}", True, about="inside the true top tenth")
        for c, rule in kinds
    ]
    cells: list[Cells] = []
    for row in rows:
        less = None if row["proxy"] == baseline else row["difference"]["ndcg"]["last"]
        best = row["best"]
        found = Told(f"{best['in_top_twentieth']:.3g} of {best['of']}", best["in_top_twentieth"])
        cells.append(
            [
                row["proxy"],
                *(_percent(row["top_tenth"][rule]) for rule, _ in RULES),
                found,
                short(row["ndcg"]["last"]),
                short(less),
                *(short(row["top"][coefficient][rule]) for coefficient, rule in kinds),
            ]
        )
    random = result["truth"]["ndcg_at_random"]
    chance = Told(written(None) if random is None else brief(random), random)
    cells.append(["(at random)", None, None, None, chance, None, *([None] * len(kinds))])
    shown = table(columns, cells, "How many of the truly best a proxy finds")
    return Html(f'<div class="figures">{shown}</div>')


def _columns_of_best(baseline: str, of: int) -> list[Column]:
    top = "the share of the true top tenth that is in the scores' top tenth"
    best = f"how many of the {of} best scores are in the true top twentieth"
    gain = "how much of the possible gain the best scores have"
    return [
        Column("proxy"),
        *(Column(f"top 10 % {word}", True, about=top) for _, word in RULES),
        Column("best in 5 %", True, about=best),
        Column(f"nDCG@{of}", True, about=gain),
        Column(f"less {baseline}'s", True, about="nDCG less nDCG, paired"),
    ]


def _percent(part: float | None) -> Told:
    return Told(written(None) if part is None else f"{part:.1%}".replace("%", " %"), part)


def best_of_table(result: Result, rows: Sequence[Row]) -> Html:
    """Mean and sd of the best of N by every proxy."""
    facts = result["truth"]
    lower = facts["target"].startswith("-")
    columns = [
        Column("proxy"),
        *(Column(f"N = {int(size):,}", True, lowest_first=lower) for size in facts["best_of"]),
    ]
    lines = [(row["proxy"], row["best_of"]) for row in rows]
    lines.append(("(the truth)", facts["best_of"]))
    cells: list[Cells] = [
        [
            name,
            *(
                Told(f"{each['mean']:.5g} ± {each['sd']:.2g}".replace("-", "−"), each["mean"])
                for each in best.values()
            ),
        ]
        for name, best in lines
    ]
    caption = (
        f"{column(result)} of the best of N random architectures: mean ± sd of 500 draws; for "
        "N = 1 of all architectures"
    )
    return table(columns, cells, caption)


def repeats_table(rows: Sequence[Row]) -> Html:
    """Correlations of single draws of weights."""
    kinds = [(c, r) for c in ("spearman", "kendall") for r in ("last", "dropped")]
    columns = [
        Column("proxy"),
        Column("draws", True, ",d"),
        *(Column(title, True) for title in ("ρ all", "ρ scored", "τ all", "τ scored")),
    ]
    cells: list[Cells] = []
    for row in rows:
        if "repeats" in row:
            figures = [row["repeats"][c][r] for c, r in kinds]
            cells.append(
                [
                    row["proxy"],
                    row["repeats"]["draws"],
                    *(
                        Told("–", None)
                        if each["mean"] is None or each["sd"] is None
                        else Told(
                            f"{each['mean']:.3f} ± {each['sd']:.3f}".replace("-", "−"),
                            each["mean"],
                        )
                        for each in figures
                    ),
                ]
            )
    return table(columns, cells, "Single draws of weights: mean ± sd over the draws")


def reasons_table(rows: Sequence[Row]) -> Html | None:
    """Why architectures have no score."""
    cells: list[Cells] = [
        [row["proxy"], count, why] for row in rows for why, count in row["reasons"].items()
    ]
    if not cells:
        return None
    columns = [Column("proxy"), Column("architectures", True, ",d"), Column("why", wide=True)]
    return table(columns, cells, "Architectures without a score")
