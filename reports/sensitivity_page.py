"""The page of a cost sensitivity: net return over multiples of each cost, and where the edge is gone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.reports import formats
from halfspread.reports.basis_sections import provenance
from halfspread.reports.html import document, page_head
from halfspread.reports.html_tables import definitions, row, table
from halfspread.reports.sweep_charts import multiples_chart
from halfspread.reports.view import percent_label, section

__all__ = ["COST_NAMES", "Line", "break_even", "break_even_text", "sensitivity_page"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

COST_NAMES = {
    "half_spread": "Half-spread",
    "fees": "Fees",
    "funding": "Funding",
    "latency": "Latency",
    "all": "All together",
}
_STYLES = {
    "half_spread": "part-half-spread",
    "fees": "part-fee",
    "funding": "part-funding",
    "latency": "series-4",
    "all": "net",
}


@dataclass(frozen=True)
class Line:
    """One cost: net return and information ratio at each multiple; NaN where that run failed."""

    cost: str
    returns: Floats
    ratios: Floats


def break_even(multiples: Sequence[float], returns: Floats) -> float:
    """The multiple at which the net return falls to zero, between two of ``multiples`` by a straight line.

    0 where it is not above zero even at the first, infinite where it stays above zero, NaN where a value is missing
    before it falls.
    """
    for i, value in enumerate(returns.tolist()):
        if math.isnan(value):
            return math.nan
        if value <= 0.0:
            if i == 0:
                return 0.0
            before, step = float(returns[i - 1]), multiples[i] - multiples[i - 1]
            return float(multiples[i - 1] + step * before / (before - value))
    return math.inf


def break_even_text(multiples: Sequence[float], returns: Floats) -> str:
    """The same in words."""
    at = break_even(multiples, returns)
    if math.isnan(at):
        return "not known"
    if at == 0.0:
        return "loses even without it" if multiples[0] == 0.0 else f"loses at {multiples[0]:g}\N{MULTIPLICATION SIGN}"
    return f"above {multiples[-1]:g}\N{MULTIPLICATION SIGN}" if math.isinf(at) else f"{at:.2f}\N{MULTIPLICATION SIGN}"


def sensitivity_page(
    title: str,
    what: str,
    agent: str,
    multiples: Sequence[float],
    lines: Sequence[Line],
    untouched: Mapping[str, str],
    assumptions: Mapping[str, str],
    manifest: Mapping[str, object] | None = None,
) -> str:
    """The page. ``untouched``: costs that are not scaled, with the reason."""
    every = np.concatenate([line.returns for line in lines])
    label = percent_label(every[np.isfinite(every)])
    drawn = [(COST_NAMES[line.cost], _STYLES[line.cost], line.returns) for line in lines]
    chart = multiples_chart(
        multiples, drawn, caption="Net return", note="at multiples of one cost, the others as they are", label=label
    )
    lead = "Each run is the same but for one cost, at so many times what the config says; 1 is the config itself."
    head = ["", *(f"{multiple:g}\N{MULTIPLICATION SIGN}" for multiple in multiples), "Edge gone at"]
    shown = section("Net return", lead, chart, _table(head, multiples, lines), anchor="returns")
    ratios = [row(COST_NAMES[line.cost], *(formats.number(value) for value in line.ratios.tolist())) for line in lines]
    other = section("Information ratio", "Of the same runs.", table(head[:-1], ratios), anchor="ratios")
    notes = {COST_NAMES[cost]: f"not scaled: {reason}" for cost, reason in untouched.items()}
    if any(line.cost == "funding" for line in lines):
        notes["Funding seen"] = "an agent that looks at funding rates sees the multiple, too"
    basis = section("Assumptions", "Of the run at 1\N{MULTIPLICATION SIGN}.", definitions({**notes, **assumptions}))
    return document(title, page_head(title, what, agent), shown, other, basis, provenance(manifest))


def _table(head: Sequence[str], multiples: Sequence[float], lines: Sequence[Line]) -> str:
    every = [value for line in lines for value in line.returns.tolist()]
    digits = formats.returned_digits(every)
    rows = [
        row(
            COST_NAMES[line.cost],
            *(formats.percent(value, digits, sign=True) for value in line.returns.tolist()),
            break_even_text(multiples, line.returns),
            kind="total" if line.cost == "all" else None,
        )
        for line in lines
    ]
    return table(head, rows)
