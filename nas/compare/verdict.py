"""What a comparison says, in one or a few sentences: which proxy ranks best, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.compare.correlations import FEWEST

Result = Mapping[str, Any]
Row = Mapping[str, Any]

NAMED = 3
"""So many proxies are named; the others are counted."""
TOLD = 0.005
"""A share without a score is told from here on."""


def verdict(result: Result) -> str:
    """The result of `compare` in words: first a sentence about the best, then what to know.

    The `baselines` of the result are no proxies to choose.

    Proxies are ordered by Spearman's rho over all architectures, no score ranked last. Two cannot
    be told apart where the 95 % interval of their paired difference has zero in it.
    """
    ordered = _ordered(result["rows"])
    first = _first(result, ordered)
    rest = [_scored_alone(result, ordered), *_gaps(result), _left_out(result), *_fitted(result)]
    return " ".join(each for each in (first, *rest) if each)


def _fitted(result: Result) -> list[str]:
    """A sentence for each row that was fitted to some of these true figures."""
    return [
        f"{row['proxy']} was fitted to {row['fitted']['to']:,} of these architectures, so this is "
        f"no test of it."
        for row in result["rows"]
        if "fitted" in row
    ]


def rated(result: Result) -> dict[str, Any]:
    """A result that says of each row how far it is `behind` the best, even if it is an old one.

    Earlier versions kept no paired difference to the best: then its interval goes from the ends of
    the two intervals, so that it is too wide rather than too narrow. They also had draws for the
    best of one architecture, which is one at random.
    """
    if "truth" not in result:
        return dict(result)
    one = {"1": {key: result["truth"][key] for key in ("mean", "sd")}}
    rows = [{**row, "best_of": {**row["best_of"], **one}} for row in result["rows"]]
    truth = {**result["truth"], "best_of": {**result["truth"]["best_of"], **one}}
    return {**result, "truth": truth, "rows": _behind(rows)}


def _behind(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows with what each is behind the best."""
    known = [row for row in rows if row.get("spearman") and _rho(row)["value"] is not None]
    if not known or any("behind" in row for row in rows):
        return rows
    top = max(known, key=lambda row: float(_rho(row)["value"]))
    behind = {row["proxy"]: _less(top, row) for row in known}
    return [{**row, "behind": behind.get(row["proxy"])} for row in rows]


def _less(top: Row, row: Row) -> dict[str, Any]:
    one, other = _rho(top), _rho(row)
    if one == other:
        return {"best": top["proxy"], "value": 0.0, "low": 0.0, "high": 0.0}
    if row["difference"]["to"] == top["proxy"]:
        less = row["difference"]["spearman"]["last"]
        turned = {
            key: None if less[end] is None else -less[end]
            for key, end in (("value", "value"), ("low", "high"), ("high", "low"))
        }
        return {"best": top["proxy"], **turned}
    ends = [one["low"], one["high"], other["low"], other["high"]]
    known = None not in ends
    return {
        "best": top["proxy"],
        "value": one["value"] - other["value"],
        "low": one["low"] - other["high"] if known else None,
        "high": one["high"] - other["low"] if known else None,
    }


def _ordered(rows: Sequence[Row]) -> list[Row]:
    """The rows with a rho over all, the best first."""
    known = [row for row in rows if row.get("behind")]
    return sorted(known, key=lambda row: float(row["behind"]["value"]))


def _first(result: Result, ordered: Sequence[Row]) -> str:
    """The sentence about the best proxy."""
    if "truth" not in result:
        return _without_truth(result)
    where = f"On {result['table']} ({result['truth']['target']}, {result['n']:,} architectures)"
    if not ordered:
        return f"{where} no proxy has a rank correlation."
    baselines = _baselines(result)
    top, others = ordered[0], ordered[1:]
    tested = [row for row in result["rows"] if row["proxy"] not in baselines]
    if _rho(top)["value"] <= 0:
        return f"{where} no proxy ranks the right way round: {top['proxy']} has {_figure(top)}."
    if not others:
        return f"{where} {top['proxy']} has {_figure(top)}{_chance(top)}; {_alone(result)}."
    if len(tested) == 1 and top["proxy"] in baselines and tested[0].get("behind"):
        return f"{where} {_single(tested[0], top)}"
    if top["proxy"] in baselines:
        return f"{where} {_no_better(top, others, baselines)}"
    return f"{where} {_best(top, others)}{_over_baseline(result, others)}{_chance(top)}."


def _best(top: Row, others: Sequence[Row]) -> str:
    """Which proxy is the best, and which are as good."""
    alike, near = _near(others)
    names = _names([top["proxy"], *alike])
    verb = "rank alike, and best" if alike else "ranks best"
    text = f"{names} {verb}: {_figure(top)}"
    return f"{text}, but cannot be told apart from {_with_rho(near)}" if near else text


def _over_baseline(result: Result, others: Sequence[Row]) -> str:
    """How much better the best is than the baseline, where that was not said."""
    baseline = _baseline(result)
    said = [*_near(others)[0], *(row["proxy"] for row in _near(others)[1][:NAMED])]
    behind = {row["proxy"]: row["behind"] for row in others}.get(baseline)
    if behind is None or baseline in said:
        return ""
    sure = behind["low"] is not None and behind["low"] > 0
    less = f"better than {baseline} by {_interval(behind)}"
    return f", {less}" if sure else f", {less}, which may be chance"


def _single(row: Row, top: Row) -> str:
    """One proxy that is not better than the baselines."""
    text = f"{row['proxy']} has {_figure(row)}"
    against = f"{top['proxy']} ({brief(_rho(top)['value'])})"
    behind = row["behind"]
    if behind["value"] == 0:
        return f"{text}, exactly as {against}."
    if behind["low"] is None or behind["low"] <= 0:
        return f"{text}: it cannot be told apart from {against}."
    return f"{text}: it is worse than {against} by {_interval(behind)}."


def _no_better(top: Row, others: Sequence[Row], baselines: Sequence[str]) -> str:
    """A baseline is the best; what is the best of the other proxies."""
    alike, near = _near(others)
    text = f"no proxy ranks better than {top['proxy']}, a baseline: {_figure(top)}"
    proxies = [row for row in others if row["proxy"] not in baselines]
    same = [name for name in alike if name not in baselines]
    near = [row for row in near if row["proxy"] not in baselines]
    if same:
        text += f". {_names(same)} {'are' if len(same) > 1 else 'is'} exactly as good"
    if near:
        return f"{text}. {_with_rho(near)} cannot be told apart from it."
    if same or not proxies:
        return f"{text}."
    following = proxies[0]
    return (
        f"{text}. The best of the others, {following['proxy']}, has "
        f"{_figure(following)}, worse by {_interval(following['behind'])}."
    )


def _near(others: Sequence[Row]) -> tuple[list[str], list[Row]]:
    """Those that rank exactly as the best does, by name, and those that may be as good."""
    alike = [row["proxy"] for row in others if _same(row["behind"])]
    near = [
        row
        for row in others
        if not _same(row["behind"]) and (row["behind"]["low"] is None or row["behind"]["low"] <= 0)
    ]
    return alike, near


def _same(behind: Mapping[str, Any]) -> bool:
    return behind["value"] == 0 and behind["low"] in (0, None) and behind["high"] in (0, None)


def _chance(top: Row) -> str:
    """A note where even the best may be no better than a random order."""
    low = _rho(top)["low"]
    return "" if low is None or low > 0 else "; a random order could be as good"


def _alone(result: Result) -> str:
    """Why there is nothing to compare with."""
    several = len(result["rows"]) > 1
    return "no other proxy has a correlation" if several else "nothing else is compared"


def _without_truth(result: Result) -> str:
    """What can be said without true figures: who agrees."""
    text = "Without true figures no proxy can be called better than another"
    names, table = (result["agreement"][key] for key in ("proxies", "spearman"))
    pairs = [
        (rho, names[i], names[j])
        for i, row in enumerate(table)
        for j, rho in enumerate(row)
        if i < j and rho is not None
    ]
    if not pairs:
        return f"{text}."
    rho, one, other = max(pairs, key=lambda pair: float(pair[0]))
    most = " most" if len(pairs) > 1 else ""
    return f"{text}; {one} and {other} agree{most}: ρ {brief(rho)}."


def _scored_alone(result: Result, ordered: Sequence[Row]) -> str:
    """The proxy that is better than the baseline over what it scores, but not over all."""
    found = []
    for row in ordered:
        scored, over_all = (row["difference"]["spearman"][rule] for rule in ("dropped", "last"))
        better = scored["low"] is not None and scored["low"] > 0
        said = over_all["low"] is not None and over_all["low"] > 0
        if row["coverage"] < 1 and better and not said:
            found.append((scored["value"], row["proxy"], row["coverage"], scored))
    if not found:
        return ""
    _, name, coverage, figure = max(found, key=lambda each: float(each[0]))
    return (
        f"Over the {share(coverage)} that it scores, {name} is better than {_baseline(result)} by "
        f"{_interval(figure)}."
    )


def _gaps(result: Result) -> list[str]:
    """What has no score, or no correlation."""
    rows = result["rows"]
    none = [row["proxy"] for row in rows if not row["scored"]]
    few = [row for row in rows if 0 < row["scored"] < min(FEWEST, result["n"])]
    some = [row for row in rows if row["scored"] >= FEWEST and row["coverage"] <= 1 - TOLD]
    some.sort(key=lambda row: float(row["coverage"]))
    lines = []
    if some:
        names = [f"{row['proxy']} for {share(1 - row['coverage'])}" for row in some[:NAMED]]
        names[0] = names[0].replace(" for ", " has no score for ", 1)
        more = [f"{len(some) - NAMED} more for less"] if len(some) > NAMED else []
        lines.append(f"{_names([*names, *more])}.")
    if few:
        texts = [f"{row['proxy']} has a score for {row['scored']} only" for row in few]
        lines.append(f"{_names(texts)}.")
    if none:
        lines.append(f"{_names(none)} {'have' if len(none) > 1 else 'has'} no score at all.")
    for row in rows:
        if "truth" in result and row["scored"] >= FEWEST and not row.get("behind"):
            why = row.get("undefined", "the score is constant")
            lines.append(f"{row['proxy']} has no correlation: {why}.")
    return lines


def _left_out(result: Result) -> str:
    left = [*result.get("left_out", {})]
    return (
        f"{_names(left)} failed and {'are' if len(left) > 1 else 'is'} left out." if left else ""
    )


def _baselines(result: Result) -> Sequence[str]:
    given: Sequence[str] | None = result.get("baselines")
    return [_baseline(result)] if given is None else given


def _baseline(result: Result) -> str:
    return str(result["rows"][0]["difference"]["to"])


def _rho(row: Row) -> Mapping[str, Any]:
    figure: Mapping[str, Any] = row["spearman"]["last"]
    return figure


def _figure(row: Row) -> str:
    return f"ρ {_interval(_rho(row))}"


def _with_rho(rows: Sequence[Row]) -> str:
    """Proxies with their rho in brackets."""
    names = [f"{row['proxy']} ({brief(_rho(row)['value'])})" for row in rows[:NAMED]]
    more = len(rows) - NAMED
    return _names([*names, f"{more} more"] if more > 0 else names)


def _names(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _interval(figure: Mapping[str, Any]) -> str:
    """A value with its interval, to two digits."""
    value, low, high = (figure[key] for key in ("value", "low", "high"))
    ends = "" if low is None or high is None else f" [{brief(low)}, {brief(high)}]"
    return f"{brief(value)}{ends}"


def brief(value: float) -> str:
    """A correlation to two digits, without the zero before the point."""
    text = f"{value:.2f}"
    if float(text) == 0:
        return "0" if value == 0 else ("<.01" if value > 0 else "−<.01")
    return text.replace("0.", ".", 1).replace("-", "−")


def share(part: float) -> str:
    """A share in percent, which is 0 % or 100 % only where it is exactly that."""
    if 0 < part < 0.01:
        return "<1 %"
    if 0.99 < part < 1:
        return ">99 %"
    return f"{part:.0%}".replace("%", " %")


def board_verdict(board: Mapping[str, Any]) -> str:
    """The leaderboard of several spaces in words."""
    counted = {row["space"] for row in board["rows"] if row["rank"] is not None}
    ranked = [each for each in board["proxies"] if each["mean_rank"] is not None]
    if not counted or not ranked:
        return "No space has true figures, so no proxy can be called better than another."
    top = [each["proxy"] for each in ranked if each["mean_rank"] == ranked[0]["mean_rank"]]
    spaces = f"{len(counted)} space{'s' if len(counted) > 1 else ''}"
    verb = "rank" if len(top) > 1 else "ranks"
    text = f"Over {spaces} with true figures, {_names(top[:NAMED])} {verb} best"
    text += f": mean rank {ranked[0]['mean_rank']:.3g} of {len(ranked)}"
    if len(top) == 1:
        text += f", {_in_spaces(board, top[0])}"
    rest = [each for each in ranked if each["proxy"] not in top]
    if rest:
        text += f". {rest[0]['proxy']} follows with {rest[0]['mean_rank']:.3g}"
    return f"{text}."


def _in_spaces(board: Mapping[str, Any], proxy: str) -> str:
    """In how many spaces a proxy is the best, and its rho from space to space."""
    own = [row for row in board["rows"] if row["proxy"] == proxy and row["rank"] is not None]
    first = sum(
        row["rank"] == min(r["rank"] for r in board["rows"] if r["space"] == row["space"])
        for row in own
    )
    rhos = [row["rho_all"]["value"] for row in own if row["rho_all"]["value"] is not None]
    text = f"the best in {first} of them"
    if not rhos:
        return text
    return f"{text}, with ρ from {brief(min(rhos))} to {brief(max(rhos))}"
