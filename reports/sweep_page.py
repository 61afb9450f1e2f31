"""The page of a sweep: what luck alone would give, the best settings, how all of them did, and what did not run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.reports import formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.charts import histogram
from halfspread.reports.comparison import LOWER_IS_BETTER
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, figure_cells, row, table
from halfspread.reports.svg import element, text
from halfspread.reports.sweep_charts import Dimension, heat_map, parallel_coordinates, profile, value_text
from halfspread.reports.sweep_statistics import SweepStatistics
from halfspread.reports.view import percent_label, section

__all__ = ["SHARES", "Swept", "metric_label", "metric_name", "short_keys", "sweep_page"]

#: Rows of the table of the best.
SHOWN = 20
#: Metrics that are fractions and shown in percent.
SHARES = frozenset(
    {
        *("annual_return", "annual_volatility", "best_day", "equity_max_drawdown", "equity_return", "execution_return"),
        *("exposure", "fee_return", "fill_ratio", "funding_return", "gross_exposure", "half_spread_return"),
        *("hit_ratio", "impact_return", "liquidation_return", "maker_share", "max_drawdown", "positive_days"),
        *("price_return", "total_return", "worst_day"),
    }
)


@dataclass(frozen=True)
class Swept:
    """What a sweep leaves: ``keys`` that were swept (``drawn``: at random), and of every setting that ran, best first,
    its ``parameters`` by key and its ``metrics``; ``reasons``: why settings were refused or failed, one entry each."""

    title: str
    what: str
    keys: tuple[str, ...]
    drawn: bool
    ranking: str
    parameters: Sequence[Mapping[str, Any]]
    metrics: Sequence[Mapping[str, Any]]
    statistics: SweepStatistics
    reasons: Sequence[tuple[str, str]]
    assumptions: Mapping[str, str]


def metric_name(name: str) -> str:
    """A metric in words."""
    return "net return" if name == "total_return" else name.replace("_", " ")


def short_keys(keys: Sequence[str]) -> list[str]:
    """``fast`` for ``agent.fast`` and ``agents.NAME.fast``, where no two keys are called the same then."""
    short = []
    for key in keys:
        parts = key.split(".")
        start = 1 if parts[0] == "agent" else 2 if parts[0] == "agents" else 0
        short.append(".".join(parts[start:]) or key)
    return short if len(set(short)) == len(short) else list(keys)


def metric_label(name: str, values: Sequence[float]) -> Callable[[float], str]:
    """How a metric is written, with the decimals that its values ask for."""
    finite = np.array([value for value in values if math.isfinite(value)])
    if name in SHARES:
        return percent_label(finite)
    size = float(np.abs(finite).max()) if len(finite) else 0.0
    digits = 0 if size >= 1_000 else 2
    return lambda value: formats.number(value, digits)


def sweep_page(swept: Swept, manifest: Mapping[str, object] | None = None) -> str:
    """The page; ``manifest`` is shown as its provenance. Everything that came from outside is escaped."""
    count = formats.plural(len(swept.metrics), "setting")
    head = page_head(swept.title, swept.what, f"{count} of {', '.join(swept.keys)}")
    content = [figures(swept), verdict(swept.statistics), best_table(swept), landscape(swept), distribution(swept)]
    content += [luck(swept.statistics), not_run(swept), terms(swept), provenance(manifest)]
    return document(swept.title, head, *content)


def figures(swept: Swept) -> str:
    """The numbers to read first."""
    found, name = swept.statistics, metric_name(swept.ranking)
    label = metric_label(swept.ranking, [float(each[swept.ranking]) for each in swept.metrics])
    best = float(swept.metrics[0][swept.ranking])
    net = formats.returned(found.best_return, sign=True)
    before = f"and {found.before:,} on these data before; " if found.before else ""
    parts = [
        ("Settings tried", formats.count(found.tried), f"{before}they count as {formats.number(found.effective, 1)} "
         "that have nothing to do with each other" if math.isfinite(found.effective) else ""),
        ("Best", label(best), f"by {name}; net return {net}"),
        ("Median setting", formats.returned(found.median_return, sign=True), "net return, all costs paid"),
        ("Above zero", formats.returned(found.positive), "share of settings with a gain"),
        ("Ratio of the best", formats.number(found.best_ratio), "information ratio, daily, 365 days a year"),
        ("Ratio by luck", formats.number(found.luck_ratio), "best to expect of so many without any edge"),
        ("Deflated Sharpe", formats.percent(found.deflated, 0), "probability that the best is more than luck"),
        ("Overfitting", formats.percent(found.overfitting, 0), "probability that the best of one half of the days is "
         "below the median in the other"),
    ]  # fmt: skip
    return figure_cells([(*part, 0.0) for part in parts])


def verdict(found: SweepStatistics) -> str:
    """What the figures say, in words."""
    return element("div", text(found.verdict), class_="alert", role="note")


def best_table(swept: Swept) -> str:
    """The first settings by the ranking."""
    returns = [float(each["total_return"]) for each in swept.metrics[:SHOWN]]
    digits = formats.returned_digits(returns)
    extra = swept.ranking not in ("total_return", "information_ratio", "max_drawdown", "turnover", "fills")
    label = metric_label(swept.ranking, [float(each[swept.ranking]) for each in swept.metrics])
    rows = []
    for place, (settings, m) in enumerate(zip(swept.parameters, swept.metrics, strict=True), start=1):
        if place > SHOWN:
            break
        error = float(m["information_ratio_error"])
        ratio = formats.number(float(m["information_ratio"]))
        rows.append(
            row(
                f"{place}",
                *(value_text(settings[key]) for key in swept.keys),
                *([label(float(m[swept.ranking]))] if extra else []),
                formats.percent(float(m["total_return"]), digits, sign=True),
                f"{ratio} \N{PLUS-MINUS SIGN} {formats.number(error)}" if math.isfinite(error) else ratio,
                formats.returned(float(m["max_drawdown"])),
                formats.percent(float(m["price_return"]), digits, sign=True),
                f"{formats.compact(float(m['turnover']))}\N{MULTIPLICATION SIGN}",
                formats.count(float(m["fills"])),
            )
        )
    name = metric_name(swept.ranking)
    head = ["", *short_keys(swept.keys), *([name.capitalize()] if extra else []), "Net return", "Information ratio"]
    listing = table([*head, "Max. drawdown", "Before costs", "Turnover", "Fills"], rows, kind="ranking")
    less = ", the lowest first" if swept.ranking in LOWER_IS_BETTER else ""
    rest = len(swept.metrics) - len(rows)
    lead = f"Best first by {name}{less}, of all days. {f'{rest:,} more are in sweep.parquet. ' if rest > 0 else ''}"
    lead += "Each error is that of one setting looked at alone: it does not know that the best were picked."
    return section("The best settings", lead, listing, anchor="best")


def landscape(swept: Swept) -> str:
    """The ranking over the settings: bars for one key, a map for two, lines for more."""
    named = zip(short_keys(swept.keys), swept.keys, strict=True)
    dimensions = [Dimension(name, tuple(each[key] for each in swept.parameters)) for name, key in named]
    values = np.array([float(each[swept.ranking]) for each in swept.metrics])
    name = metric_name(swept.ranking)
    label = metric_label(swept.ranking, values.tolist())
    common: dict[str, Any] = {"caption": name.capitalize(), "note": "of every setting", "label": label, "best": 0}
    if len(dimensions) == 1 and not swept.drawn:
        chart = profile(dimensions[0], values, **common)
    elif len(dimensions) == 2 and not swept.drawn:
        chart = heat_map(dimensions[0], dimensions[1], values, **common)
    else:
        chart = parallel_coordinates(dimensions, values, name=name, **common)
    lead = (
        "An edge shows as a broad region of good settings. A single good one among bad neighbours is what picking the "
        "luckiest looks like."
    )
    return section("All settings", lead, chart, anchor="settings")


def distribution(swept: Swept) -> str:
    """How often which net return came out."""
    values = np.array([float(each["total_return"]) for each in swept.metrics])
    if len(values) < 5:
        return ""
    return histogram(values, caption="Net return", note="how many settings", label=percent_label(values), bins=31)


def luck(found: SweepStatistics) -> str:
    """The statistics of picking the best, each with what it says."""
    number, percent = formats.number, formats.percent
    tried = f"{formats.plural(found.tried, 'setting')} tried" + (f", {found.before:,} before" if found.before else "")
    entries = {
        "deflated Sharpe": f"{percent(found.deflated, 1)}: the probability that the true ratio of the best is above "
        f"zero, once the {tried} and the spread of their ratios are allowed for",
        "best by luck": f"{number(found.luck_ratio)} a year is the highest ratio to expect of so many settings without "
        f"any edge; the best has {number(found.best_ratio)}, the median {number(found.median_ratio)}",
        "p-value": f"{number(found.p_value, 3)}: the probability of so good a best without an edge, of the "
        f"{number(found.effective, 1)} independent settings that these count as",
        "overfitting (CSCV)": f"{percent(found.overfitting, 1)} of the ways to cut the days into halves: the best of "
        f"one half was no better than the median in the other; it lost money there {percent(found.loss, 1)} of the "
        f"time ({found.blocks} blocks)",
        "median, above zero": f"net return {formats.returned(found.median_return, sign=True)}; "
        f"{formats.returned(found.positive)} of the settings gained",
    }
    if not math.isfinite(found.deflated):
        entries = {name: words for name, words in entries.items() if name not in ("deflated Sharpe", "p-value")}
        entries.pop("best by luck")
    if not math.isfinite(found.overfitting):
        entries.pop("overfitting (CSCV)")
    if found.missing:
        entries["not known"] = "; ".join(found.missing)
    lead = "The more settings are tried, the better the best of them looks. These figures allow for it."
    return section("Luck", lead, definitions(entries), anchor="luck")


def not_run(swept: Swept) -> str:
    """Why settings are missing, most frequent first."""
    if not swept.reasons:
        return ""
    many = Counter(swept.reasons).most_common(12)
    rows = [row(state, f"{count:,}", words, words=(2,)) for (state, words), count in many]
    listing = table(["", "Settings", "Why"], rows, words=(2,))
    more = len(Counter(swept.reasons)) - len(many)
    lead = "Refused: the settings contradict each other. Failed: the run stopped. They count as not tried."
    lead += f" {more:,} more reasons are in sweep.parquet." if more > 0 else ""
    return section("Settings without a result", lead, listing, anchor="without")


def terms(swept: Swept) -> str:
    """What the best setting's numbers rest on."""
    return section("Assumptions", "Of the best setting.", definitions(swept.assumptions), anchor="assumptions")
