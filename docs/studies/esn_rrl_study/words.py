"""What can be said of the numbers; every sentence is made from them, and says what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esn_rrl_study.paper import TABLE_I, TABLE_II

from halfspread.reports import formats

__all__ = ["against_constant", "costs", "findings", "first_days", "made", "new_market", "paths", "signs"]

Study = Mapping[str, Any]


def _n(value: float, digits: int = 2) -> str:
    return formats.number(value, digits)


def _mean(row: Mapping[str, Any], name: str = "total") -> str:
    one = row[name]
    return _n(one["mean"]) if one["count"] == 1 else f"{_n(one['mean'])} ± {_n(one['std'])}"


def findings(study: Study) -> list[str]:
    """The page in a few sentences."""
    rows = study["rows"]
    literal, daily, constant, bias = (rows[key] for key in ("literal", "daily", "constant_daily", "bias_daily"))
    hold = rows["hold"]["total"]["mean"]
    found = [
        f"**{_letter(literal)}** With the gate looked at every bar the agent makes {_mean(literal)} (mean ± "
        f"deviation over "
        f"{literal['seeds']} draws; the paper: {_n(TABLE_II['total']['mean'])} ± "
        f"{_n(TABLE_II['total']['std'])}), and "
        f"pays {_n(-literal['execution']['mean'])} for trading, where the paper pays 0.54. Looked at once a "
        f"day, a choice "
        f"made after seeing results, it makes {_mean(daily)}, {_near(daily)}, with an information ratio of "
        f"{_mean(daily, 'ir')} (1.16 ± 0.30).",
        f"**The carry does not reproduce.** The paper earns {_n(TABLE_I['carry']['sum'], 3)} from funding; with "
        f"the published "
        f"rates this agent pays {_n(-daily['carry']['mean'])} ± {_n(daily['carry']['std'])}. With the sign of "
        f"every rate "
        f"flipped it earns {_n(rows['flipped_daily']['carry']['mean'])} ± "
        f"{_n(rows['flipped_daily']['carry']['std'])}.",
        f"**Nothing needs to be learnt.** A constant position of +0.99 under the same gate makes "
        f"{_n(constant['total']['mean'])}, the learner with a constant as its only input {_mean(bias)}, buy and hold "
        f"{_n(hold)} without any gate. {_share_above(study)}",
    ]
    if "nudged" in rows:
        nudged = rows["nudged"]
        found.append(
            f"**The spread over reservoirs is not one of reservoirs.** One and the same reservoir, with the "
            f"half-spread "
            f"changed by billionths of a dollar, ends between {_n(nudged['total']['min'])} and "
            f"{_n(nudged['total']['max'])} (deviation {_n(nudged['total']['std'])} over {nudged['seeds']} runs; over "
            f"reservoirs {_n(daily['total']['std'])}): the recipe amplifies rounding until it decides which "
            f"side is held."
        )
    if study.get("first_days"):
        spread = study["first_days"]["bias only"]
        found.append(
            f"**The first day matters.** The learner with a constant input, which hardly depends on the draw, "
            f"goes from "
            f"{_n(_least(rows, 'start_bias_'))} to {_n(_most(rows, 'start_bias_'))} over eight first days; "
            f"{formats.percent(spread['days'], 0)} of that variance lies between days."
        )
    if "new_market" in study:
        new = study["new_market"]
        found.append(
            f"**On a market that nothing was chosen on** (Bybit BTCUSDT, registered before it was run): "
            f"{_mean(rows['new_esn_rrl'])}; the constant under the same gate {_n(new['constant'])}, holding "
            f"{_n(new['hold'])}."
        )
    return found


def _letter(literal: Mapping[str, Any]) -> str:
    """Whether the letter of the paper gives its totals."""
    one, paper = literal["total"], TABLE_II["total"]["mean"]
    if one["mean"] + one["std"] < paper:
        return "By its letter the paper's totals do not come out."
    return "By its letter the paper's totals come out within one deviation."


def _near(row: Mapping[str, Any]) -> str:
    away = abs(row["total"]["mean"] - TABLE_II["total"]["mean"]) / row["total"]["std"]
    return f"{_n(away, 1)} deviations from the paper's mean"


def _share_above(study: Study) -> str:
    if "old_market" not in study:
        return ""
    one = study["old_market"]
    less = one["less_constant"]
    return (
        f"{formats.percent(one['above_constant'], 0)} of the draws are above the constant; the mean over draws "
        f"less the "
        f"constant is {_n(less['total'])} (95 % from {_n(less['low'])} to {_n(less['high'])}, by resampled days)."
    )


def _least(rows: Study, prefix: str) -> float:
    return min(float(row["total"]["min"]) for key, row in rows.items() if key.startswith(prefix))


def _most(rows: Study, prefix: str) -> float:
    return max(float(row["total"]["max"]) for key, row in rows.items() if key.startswith(prefix))


def against_constant(study: Study) -> str:
    """The mean over draws beside the constant, with the market's error."""
    if "old_market" not in study:
        return ""
    one = study["old_market"]
    alone = one["alone"]
    return (
        f"The mean over draws, gate every day, is {_n(alone['total'])}; the market's own error of that sum, "
        f"from resampled "
        f"days, is {_n(alone['error'])} (95 % from {_n(alone['low'])} to {_n(alone['high'])}), where the error "
        f"over draws "
        f"is {_n(study['rows']['daily']['total']['se'])}. {_share_above(study)}"
    )


def first_days(study: Study) -> str:
    """How the spread divides between first days and seeds."""
    lines = []
    for name, one in study["first_days"].items():
        lines.append(
            f"{name}: {formats.percent(one['days'], 0)} of the variance of totals lies between first days, "
            f"{formats.percent(one['seeds'], 0)} between seeds, {formats.percent(one['both'], 0)} in neither alone"
        )
    rows = study["rows"]
    nudged = ""
    if "nudged" in rows:
        nudged = (
            f" The same happens within one reservoir: seed 0 with the half-spread changed from run to run by a "
            f"billionth of a "
            f"dollar makes {_mean(rows['nudged'])}, from {_n(rows['nudged']['total']['min'])} to "
            f"{_n(rows['nudged']['total']['max'])}; with a constant as its only input {_mean(rows['nudged_bias'])}."
        )
    return "; ".join(lines).capitalize() + "." + nudged


def costs(study: Study) -> str:
    """What costs and delay take."""
    rows = study["rows"]
    free, dear = rows["fee_0"], rows["fee_7.5"]
    late, next_open = rows["one_bar_late"], rows["next_open"]
    return (
        f"Without a fee it trades {_n(free['turnover']['mean'], 0)} times its notional, at 7.5 bp "
        f"{_n(dear['turnover']['mean'], 0)}. Filled at the next open it makes {_mean(next_open)}, one bar late "
        f"{_mean(late)}."
    )


def signs(study: Study) -> str:
    """What the flipped sign does."""
    rows = study["rows"]
    flipped, true = rows["flipped_daily"], rows["daily"]
    return (
        f"Flipped, the total is {_mean(flipped)}, the carry {_mean(flipped, 'carry')} and the mean position "
        f"{_mean(flipped, 'mean_position')}; with the true sign {_mean(true)}, {_mean(true, 'carry')} and "
        f"{_mean(true, 'mean_position')}."
    )


def paths(study: Study) -> str:
    """The market's own error."""
    if "paths" not in study:
        return ""
    one = study["paths"]
    agent, constant = one["esn_rrl"], one["constant"]
    total, other = agent["total_return"], constant["total_return"]
    shares = ", ".join(
        f"{name} {formats.percent(share, 0)}" for name, share in agent["shares"].get("total_return", {}).items()
    )
    return (
        "## Had the market gone another way\n\n"
        f"{one['seeds']} draws of the reservoir on each of {one['paths']} markets resampled from this one (a "
        f"stationary "
        f"bootstrap of its days in blocks of {_n(agent['block_days'], 0)} days on average, funding with them; "
        f"`halfspread "
        f"montecarlo --seeds "
        f"{one['seeds']} --paths {one['paths']}`). Totals have a mean of {_n(total['mean'])} and a deviation of "
        f"{_n(total['std'])}, from {_n(total['min'])} to {_n(total['max'])}; of the variance: {shares}. The constant "
        f"under the same gate makes {_n(other['mean'])} ± {_n(other['std'])} on such markets."
    )


def new_market(study: Study) -> str:
    """The registered run."""
    if "new_market" not in study:
        return ""
    from esn_rrl_study.tables import rows_table

    rows, one = study["rows"], study["new_market"]
    group = [row for row in rows.values() if row["group"] == "new_market"]
    first = group[0]
    alone, less = one["alone"], one["less_constant"]
    told = "above it" if less["low"] > 0 else "below it" if less["high"] < 0 else "the difference is not told from zero"
    answers = [
        f"- 1. Mean total of `esn_rrl` over {first['seeds']} seeds: {_n(alone['total'])}, 95 % by resampled "
        f"days from "
        f"{_n(alone['low'])} to {_n(alone['high'])} (error {_n(alone['error'])}): "
        f"{'above' if alone['total'] > 2 * alone['error'] else 'not above'} zero by two errors of the market.",
        f"- 2. Less the constant under the same gate: {_n(less['total'])}, from {_n(less['low'])} to "
        f"{_n(less['high'])}: "
        f"{told}.",
        f"- 3. {formats.percent(one['above_constant'], 0)} of the seeds are above the constant, "
        f"{formats.percent(one['above_hold'], 0)} above buy and hold, {formats.percent(one['above_zero'], 0)} "
        f"above zero.",
        f"- 4. Carry: {_mean(rows['new_esn_rrl'], 'carry')}.",
    ]
    return (
        "## A market that nothing was chosen on\n\n"
        f"Bybit BTCUSDT, {first['first']} to {first['last']}, filled at the next open, the venue's fees, one "
        f"tick of spread; "
        "[config and questions were registered](esn_rrl_registration.md) before it was run. The data have one gap, "
        "2024-08-09 to 2025-01-01, in which positions wait; its move is one reward of the learner. There are "
        "no minutes, "
        "so the side of the volume is that of the whole bar. Positions are told at the present price, so that "
        "of holding "
        "grows with it.\n\n" + rows_table(group, "agent") + "\n\n" + "\n".join(answers)
    )


def made(study: Study) -> str:
    """How long it took, on what."""
    facts = study["made"]
    packages = ", ".join(f"{name} {release}" for name, release in facts["packages"].items())
    return (
        f"{_n(facts['seconds'] / 60.0, 1)} minutes of runs with {facts['workers']} workers on {facts['processors']} "
        f"processors ({facts['cpu']}) at a load of {facts['load']:g}; Python {facts['python']}, {packages}; "
        f"halfspread "
        f"{study['halfspread']}, sources `{study['sources'][:16]}`."
    )
