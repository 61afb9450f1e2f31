"""The section on performance: every headline figure with how sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Sized
from functools import partial
from typing import Any, Protocol

from halfspread.reports import formats
from halfspread.reports.certainty import LEVEL, limits, shortage
from halfspread.reports.html_tables import row, table
from halfspread.reports.names import ZERO
from halfspread.reports.statistics.intervals import Intervals
from halfspread.reports.statistics.probabilistic import RATIO_DAYS
from halfspread.reports.svg import element, text
from halfspread.reports.time_sections import LEAST_DAYS, LEAST_ROLLING
from halfspread.reports.unsaid import needs, unsaid
from halfspread.reports.view import View, section

__all__ = ["Shown", "interval_words", "performance", "performance_table"]

Write = Callable[[float], str]


class Shown(Protocol):
    """What is read here: a `View`, or anything else with days, figures of them, and how sure these are."""

    @property
    def metrics(self) -> Mapping[str, Any]: ...
    @property
    def days(self) -> Sized: ...
    @property
    def intervals(self) -> Intervals | None: ...
    @property
    def seed(self) -> int: ...


_signed = partial(formats.percent, digits=1, sign=True)
_small = partial(formats.percent, digits=2)
_small_signed = partial(formats.percent, digits=2, sign=True)
_ratio = partial(formats.number, digits=2)
_bp = partial(formats.basis_points, digits=2)
_TIMES = "\N{MULTIPLICATION SIGN}"

_BESIDE = "Against the benchmark"

#: Name of the metric, what it is called, how it is written, what it is.
_GROUPS: dict[str, tuple[tuple[str, str, Write, str], ...]] = {
    "Return": (
        ("total_return", "Net return", _signed, "sum of simple returns on the notional, all costs paid"),
        ("annual_return", "Net return a year", _signed, "mean day times 365"),
        ("price_return", "Before costs", _signed, "price moves alone"),
        ("cost_and_funding_return", "Costs and funding", _signed, "all that is not price; a cost is negative"),
        ("equity_return", "Account return", _signed, "compounded, of the capital at the start"),
    ),
    "Ratio": (
        ("information_ratio", "Information ratio", _ratio, "a year"),
        ("probabilistic_sharpe", "Probability of a true ratio above zero", _small, "probabilistic Sharpe ratio"),
        ("sortino_ratio", "Sortino ratio", _ratio, "a year; by losing days only"),
        ("calmar_ratio", "Calmar ratio", _ratio, "return a year over the deepest drawdown of days"),
    ),
    _BESIDE: (
        ("benchmark_return", "Return of the benchmark", _signed, "sum of its days"),
        ("active_return", "Net return less the benchmark's", _signed, "sum of days"),
        ("tracking_error", "Tracking error", formats.percent, "volatility a year of the PnL less the benchmark's"),
        ("alpha", "Alpha a year", _signed, "what is left of the mean day without beta times the benchmark's"),
        ("beta", "Beta", _ratio, "slope of the PnL on the benchmark's"),
        ("correlation", "Correlation", _ratio, "of days"),
        ("up_capture", "Up capture", _ratio, "PnL on days on which the benchmark gained, over its gains"),
        ("down_capture", "Down capture", _ratio, "PnL on days on which it lost, over its losses"),
        ("sharpe_ratio", "Sharpe ratio", _ratio, "a year; against zero"),
    ),
    "Risk": (
        ("annual_volatility", "Volatility a year", formats.percent, "of days, times the root of 365"),
        ("max_daily_drawdown", "Deepest drawdown", formats.percent, "of the notional, at the ends of days"),
        ("longest_drawdown_days", "Longest drawdown", lambda value: f"{formats.count(value)} days", "below the peak"),
        ("days_under_water", "Days below the peak", formats.percent, "share of days"),
        ("expected_shortfall", "Expected shortfall", _small, "mean loss of the worst 5% of days"),
        ("worst_day", "Worst day", _small_signed, "of the notional"),
        ("best_day", "Best day", _small_signed, "of the notional"),
    ),
    "Trading": (
        ("turnover", "Turnover", lambda value: f"{formats.compact(value)}{_TIMES}", "value traded over notional"),
        ("cost_per_turnover", "Cost per turnover", _bp, "half-spread, fee and impact per unit of value traded"),
        ("break_even_cost", "Break-even cost", _bp, "per unit of value traded; at this cost nothing would be left"),
        ("exposure", "Exposure", _ratio, "mean absolute position over notional"),
        ("positive_days", "Days with a gain", formats.percent, "share of days"),
        ("hit_ratio", "Round trips with a gain", formats.percent, "share of round trips"),
    ),
}


def performance(view: View) -> str:
    """Figures with their intervals; without intervals where the days are too few, and then with the number needed;
    nothing for a run that is too short for daily statistics, or an agent that never traded."""
    if view.brief or not view.metrics["fills"] or len(view.days) < 2:
        return ""
    days = len(view.days)
    sections = {"rolling figures": LEAST_ROLLING, "hours and weekdays": LEAST_DAYS}
    short = {needs(least, days).replace("needs", "need", 1): [name] for name, least in sections.items() if days < least}
    return performance_table(view, short)


def performance_table(view: Shown, also_left_out: Mapping[str, Sequence[str]] | None = None) -> str:
    """The same without asking whether there is enough to be shown; a figure that is NaN, or not there, is left out.
    ``also_left_out``: by reason what else is not on the page."""
    rows, marked = [], False
    left_out = {reason: [*names] for reason, names in (also_left_out or {}).items()}
    reasons = unsaid(view.metrics)
    against = view.metrics.get("benchmark", ZERO)
    for group, entries in _GROUPS.items():
        if group == _BESIDE and against == ZERO:
            continue
        for name, words, *_ in entries:
            if name in reasons:
                left_out.setdefault(reasons[name], []).append(words)
        shown = [entry for entry in entries if math.isfinite(float(view.metrics.get(entry[0], math.nan)))]
        head = f"Against {against}" if group == _BESIDE else group
        rows += [element("tr", element("th", text(head), scope="rowgroup", colspan=5), class_="group")] if shown else []
        for name, words, write, note in shown:
            cells, by_percentile = _limits(view, name, write)
            marked = marked or by_percentile
            mark = " *" if by_percentile else ""
            value = element("td", text(write(float(view.metrics[name]))), class_="strong")
            rows.append(row(words + mark, value, *cells, _noted(_note(view, name, note))))
    ends = ["from", "to"] if view.intervals else []
    listing = table(["", "value", *ends, "what it is"], rows, kind="performance", words=(2 + len(ends),))
    return section("Performance", _lead(view, marked), listing, _left_out(left_out), anchor="performance")


def interval_words(view: Shown, name: str, write: Write) -> str:
    """The interval of a figure as the end of a sentence; empty where there is none."""
    found = limits(view.intervals, name)
    return f"; {LEVEL:.0%} interval {write(found.low)} to {write(found.high)}" if found else ""


def _limits(view: Shown, name: str, write: Write) -> tuple[list[str], bool]:
    """Cells for the limits, and whether these are percentiles."""
    if view.intervals is None:
        return [], False
    found = limits(view.intervals, name)
    if found is None:
        return ["", ""], False
    return [write(found.low), write(found.high)], found.method == "percentile"


def _note(view: Shown, name: str, note: str) -> str:
    m = view.metrics
    if name in ("information_ratio", "sortino_ratio"):
        against = m.get("benchmark", ZERO)
        note += f"; against {against}" + (
            ", so the Sharpe ratio" if (name, against) == ("information_ratio", ZERO) else ""
        )
    if name == "information_ratio" and math.isfinite(m["information_ratio_robust_error"]):
        robust, plain = (formats.number(m[f"information_ratio_{which}error"]) for which in ("robust_", ""))
        return f"{note}; standard error {robust}, for independent days {plain}"
    if name == "probabilistic_sharpe":
        if math.isfinite(m["minimum_track_record"]):
            needed = formats.count(math.ceil(m["minimum_track_record"]))
            return f"{note}; a ratio as high is told from zero after {needed} days (95%)"
        return f"{note}; no number of days tells a ratio like this from zero"
    return note


def _left_out(reasons: Mapping[str, Sequence[str]]) -> str:
    """Which figures are not in the table, and why."""
    if not reasons:
        return ""
    told = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    return element("p", text(f"Left out. {told}."), class_="lead after")


def _noted(words: str) -> str:
    return element("td", text(words), class_="words aside")


def _lead(view: Shown, marked: bool) -> str:
    days = len(view.days)
    words = f"Of {days:,} UTC days; a year has 365."
    if view.intervals is None:
        words += f" There are no intervals: {shortage(days)}."
        if days < RATIO_DAYS:
            words += f" The error that holds for days that hang together needs at least {RATIO_DAYS} days."
        return words
    found = view.intervals
    words += (
        f" From and to: {LEVEL:.0%} intervals of the stationary block bootstrap, {found.resamples:,} resamples in "
        f"blocks of {formats.number(found.block, 1)} days on average, drawn from seed {view.seed}. They hold where the "
        "days to come are like these."
    )
    if marked:
        words += " * Percentiles: what other orders of such days would have shown."
    return words
