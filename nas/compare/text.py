"""A comparison as text for a terminal: tables with one row a proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from nas.compare.correlations import FEWEST

WIDEST = 14
"""For more proxies than this no table of agreement is printed."""

NO_BREAK = "\u00a0"

Row = Mapping[str, Any]
SHOWN = ("10", "100", "1000")
"""The values of N in best-of-N that are printed."""
TOP_NEEDS = 10 * (FEWEST - 1) + 1
"""From this sample on the true top tenth has the rows that a correlation needs."""


def rendered(result: Mapping[str, Any]) -> str:
    """The result of `compare`, with the settings that the command adds, as text."""
    blocks = [_head(result)]
    rows: Sequence[Row] = result["rows"]
    if "truth" in result:
        blocks += [_correlations(result), _found(result), _gained(result), _chosen(result)]
        if any("repeats" in row for row in rows):
            blocks.append(_repeats(rows))
        blocks += [_under(each, result) for each in result.get("under", [])]
    blocks += [_agreement(result), _costs(rows)]
    blocks += [note for note in (_notes(result),) if note]
    return "\n\n".join(blocks)


def _head(result: Mapping[str, Any]) -> str:
    truth = result.get("truth")
    against = f"{truth['target']} of {result['table']}" if truth else "no table of true figures"
    return (
        f"{result['n']:,} architectures · space {result['space']} · {against} · "
        f"batch {result['batch']} · seed {result['seed']}"
    )


def _correlations(result: Mapping[str, Any]) -> str:
    columns = [
        ("ρ scored", ("spearman", "dropped")),
        ("ρ all", ("spearman", "last")),
        ("τ scored", ("kendall", "dropped")),
        ("τ all", ("kendall", "last")),
    ]
    baseline = result["rows"][0]["difference"]["to"]
    first = table(
        ["proxy", "coverage", *(head for head, _ in columns)],
        [
            [
                row["proxy"],
                f"{row['coverage']:.1%}",
                *(interval(row[coefficient][rule]) for _, (coefficient, rule) in columns),
            ]
            for row in result["rows"]
        ],
    )
    second = table(
        ["proxy", *(f"Δ {head}" for head, _ in columns)],
        [
            [
                row["proxy"],
                *(
                    interval(row["difference"][coefficient][rule], sign=True)
                    for _, (coefficient, rule) in columns
                ),
            ]
            for row in result["rows"]
            if row["proxy"] != baseline
        ],
    )
    text = (
        "rank correlation (Spearman's ρ, Kendall's τ-b) over those with a score, and over all "
        f"with no score ranked last\n[{result['interval']}]\n{first}"
    )
    if len(result["rows"]) == 1:
        return text
    less = f"the same less that of {baseline} on the same architectures, paired"
    return f"{text}\n\n{less}\n{second}"


def _found(result: Mapping[str, Any]) -> str:
    lines, few = [], too_few(result)
    for row in result["rows"]:
        best = row["best"]
        within = [] if few else _within(row)
        lines.append(
            [
                row["proxy"],
                *within,
                *("–" if each is None else f"{each:.1%}" for each in row["top_tenth"].values()),
                f"{best['in_top_twentieth']:.3g} of {best['of']}",
            ]
        )
    heads = [] if few else ["ρ scored", "ρ all", "τ scored", "τ all"]
    first = "inside the true top tenth; share of it" if not few else "share of the true top tenth"
    shown = table(["proxy", *heads, "∩ scored", "∩ all", "best in 5 %"], lines)
    return (
        f"{first} among the scores' top tenth (∩); best scores in the true top twentieth\n"
        f"{shown}{f'{chr(10)}  {few}' if few else ''}"
    )


def _within(row: Row) -> list[str]:
    """The correlations inside the true top tenth."""
    return [
        interval(row["top"][coefficient][rule])
        for coefficient in ("spearman", "kendall")
        for rule in ("dropped", "last")
    ]


def too_few(result: Mapping[str, Any]) -> str:
    """Which sample correlations inside the true top tenth need; empty if this one is enough."""
    if result["n"] >= TOP_NEEDS:
        return ""
    return (
        f"correlations inside the true top tenth need a sample of {TOP_NEEDS} or more: a tenth of "
        f"{result['n']} is too few"
    )


def _gained(result: Mapping[str, Any]) -> str:
    rows, baseline = result["rows"], result["rows"][0]["difference"]["to"]
    name = f"nDCG@{rows[0]['ndcg']['of']}"
    lines = [
        [
            row["proxy"],
            interval(row["ndcg"]["last"]),
            ""
            if row["proxy"] == baseline
            else interval(row["difference"]["ndcg"]["last"], sign=True),
        ]
        for row in rows
    ]
    random = result["truth"]["ndcg_at_random"]
    lines.append(["(at random)", "–" if random is None else f"{random:.3f}", ""])
    return (
        f"{name}: how much of the possible gain the best scores have, no score ranked last, and "
        f"that less {baseline}'s, paired\n{table(['proxy', name, f'Δ {name}'], lines)}"
    )


def _chosen(result: Mapping[str, Any]) -> str:
    truth = result["truth"]
    sizes = [size for size in SHOWN if size in truth["best_of"]]
    lines = []
    for row in result["rows"]:
        favourite = row["favourite"]
        chosen = ["–", "–"] if favourite is None else _favourite(favourite)
        lines.append([row["proxy"], *chosen, *(_mean_sd(row["best_of"][n]) for n in sizes)])
    nothing = _mean_sd(truth)
    lines.append(["(the truth)", f"{truth['best']:.6g}", "1", *_each(truth["best_of"], sizes)])
    lines.append(["(at random)", nothing, "", *(nothing for _ in sizes)])
    heads = ["proxy", "favourite", "rank", *(f"best of {int(size):,}" for size in sizes)]
    return (
        f"{truth['target'].removeprefix('-')} of the best score, its true rank, and of the best "
        f"of N random architectures (mean ± sd of 500 draws)\n{table(heads, lines)}"
    )


def _favourite(favourite: Mapping[str, Any]) -> list[str]:
    tied = f" ({favourite['tied']} tied)" if favourite["tied"] > 1 else ""
    return [f"{favourite['truth']:.6g}", f"{favourite['rank']:,}{tied}"]


def _each(picked: Mapping[str, Mapping[str, float]], sizes: Sequence[str]) -> list[str]:
    return [_mean_sd(picked[size]) for size in sizes]


def _mean_sd(figure: Mapping[str, float]) -> str:
    return f"{figure['mean']:.5g} ± {figure['sd']:.2g}"


def _repeats(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        if "repeats" in row:
            figures = [
                _plus_minus(row["repeats"][coefficient][rule])
                for coefficient in ("spearman", "kendall")
                for rule in ("dropped", "last")
            ]
            lines.append([row["proxy"], str(row["repeats"]["draws"]), *figures])
    heads = ["proxy", "draws", "ρ scored", "ρ all", "τ scored", "τ all"]
    return f"single draws of weights, mean ± sd over the draws\n{table(heads, lines)}"


def _plus_minus(figure: Mapping[str, float | None]) -> str:
    if figure["mean"] is None or figure["sd"] is None:
        return "–"
    return f"{figure['mean']:.3f} ± {figure['sd']:.3f}"


DISTANCES = {"mean gap": "mean_gap", "largest gap": "largest_gap", "area": "area"}


def _under(under: Row, result: Mapping[str, Any]) -> str:
    """What proxies choose under limits: one line a limit, one column a proxy."""
    rows = under["rows"]
    if len(rows) > WIDEST:
        lines = [[row["proxy"], *_distance(row)] for row in (*rows, _random(under))]
        shown = table(["proxy", *DISTANCES], lines)
    else:
        lines = [_limit(under, place) for place in range(len(under["limits"]))]
        every = [_distance(row) for row in (*rows, _random(under))]
        lines += [[name, "", "", *each] for name, *each in zip(DISTANCES, *every, strict=True)]
        names = [row["proxy"] for row in rows]
        shown = table([under["name"], "meet", "(best)", *names, "(at random)"], lines)
    target = result["truth"]["target"].removeprefix("-")
    return (
        f"{target} of the best score among those with {under['name']} {under['relation']} limit: "
        f"the mean of tied ones,\nof all that meet the limit if none has a score (*); gap: to the "
        f"best; area: between the curves\n{shown}"
    )


def _random(under: Row) -> Row:
    return {"proxy": "(at random)", **under["at_random"]}


def _limit(under: Row, place: int) -> list[str]:
    """One line: a limit, and what is chosen under it."""
    fact = under["limits"][place]
    picks = [row["picks"][place] for row in under["rows"]]
    best = None if fact["best"] is None else fact["best"]["truth"]
    cells = [
        "–" if pick is None else f"{pick['truth']:.5g}{'' if pick['scored'] else '*'}"
        for pick in picks
    ]
    ends = ["–" if each is None else f"{each:.5g}" for each in (best, fact["mean"])]
    return [
        f"{under['relation']} {fact['limit']:.6g}",
        f"{fact['meet']:,}",
        ends[0],
        *cells,
        ends[1],
    ]


def _distance(row: Row) -> list[str]:
    return ["–" if row[name] is None else f"{row[name]:.3g}" for name in DISTANCES.values()]


def _agreement(result: Mapping[str, Any]) -> str:
    names = result["agreement"]["proxies"]
    title = "agreement between proxies: ρ where both have a score"
    if any(rho is None for row in result["agreement"]["spearman"] for rho in row):
        title += f" (–: fewer than {FEWEST} have both, or a score is constant)"
    if len(names) > WIDEST:
        return f"{title}\n  {len(names)} proxies are too many to print: compare.json has them all"
    lines = [
        [name, *("–" if rho is None else f"{rho:.2f}" for rho in row)]
        for name, row in zip(names, result["agreement"]["spearman"], strict=True)
    ]
    heads = ["", *(str(place) for place in range(1, len(names) + 1))]
    numbered = [[f"{place} {line[0]}", *line[1:]] for place, line in enumerate(lines, 1)]
    return f"{title}\n{table(heads, numbered)}"


def _costs(rows: Sequence[Row]) -> str:
    lines = [
        [row["proxy"], f"{row['coverage']:.1%}", f"{row['seconds_per_arch']:.2g}"] for row in rows
    ]
    return f"cost\n{table(['proxy', 'coverage', 's per architecture'], lines)}"


def _notes(result: Mapping[str, Any]) -> str:
    lines = [f"table: {note}" for note in result.get("truth", {}).get("notes", [])]
    lines += [f"{name}: left out, {why}" for name, why in result.get("left_out", {}).items()]
    lines += [
        f"{each['name']}: {why}" for each in result.get("under", []) for why in each["notes"]
    ]
    judges = result.get("finals", {}).get("left_out", {})
    lines += [f"{name}: no judge of the finals, {why}" for name, why in judges.items()]
    for row in result["rows"]:
        if "undefined" in row:
            lines.append(f"{row['proxy']}: no correlation over the scored, {row['undefined']}")
        lines += [f"{row['proxy']}: {count} × {why}" for why, count in row["reasons"].items()]
        lines += [f"{row['proxy']}: {note}" for note in row["notes"]]
        lines += [f"{row['proxy']}: {note}" for note in fitted(row, result["n"])]
    return "\n".join(lines)


def told(text: str) -> str:
    """Sentences for a terminal, in lines of at most 99 characters."""
    lines = wrap(glued(text), 99, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(NO_BREAK, " ")


def glued(text: str) -> str:
    """A text whose figures stay in one line: ρ .90 [.89, .91], 41 %."""
    return re.sub(r"(?<=ρ) (?=[−<.\d])|(?<=\d,) (?=[−.\d])|(?<=\d) (?=[%\[])", NO_BREAK, text)


def fitted(row: Row, n: int) -> list[str]:
    """A sentence if the proxy was fitted to some of the `n` architectures."""
    if "fitted" not in row:
        return []
    found = row["fitted"]
    rho, tau = found["spearman"], found["kendall"]
    others = "no others have a score" if not found["others"] else ""
    if found["others"]:
        shown = "undefined" if rho is None else f"ρ {rho:.3f}, τ {tau:.3f}"
        others = f"over the other {found['others']:,} with a score: {shown}"
    return [
        f"fitted to {found['to']:,} of these {n:,} architectures, so its figures above are no "
        f"test; {others}"
    ]


def interval(figure: Mapping[str, float | None], sign: bool = False) -> str:
    """A value with its interval, to three digits; a dash if it is undefined."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    if value is None:
        return "–"
    plus = "+" if sign else ""
    ends = "" if low is None or high is None else f" [{low:{plus}.3f}, {high:{plus}.3f}]"
    return f"{value:{plus}.3f}{ends}"


def table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns as wide as needed; the first is aligned left, the others right."""
    widths = [max(len(row[i]) for row in (heads, *lines)) for i in range(len(heads))]
    return "\n".join(
        "  " + "  ".join(_aligned(row[i], widths[i], i) for i in range(len(heads))).rstrip()
        for row in (heads, *lines)
    )


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)
