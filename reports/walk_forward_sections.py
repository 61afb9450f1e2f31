"""Sections of the page of a walk-forward on its windows: how much of the choice held, what was chosen, when, what is
counted, and the terms."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from halfspread.reports import formats
from halfspread.reports.html_tables import bar_cell, definitions, row, table
from halfspread.reports.svg import element
from halfspread.reports.sweep_charts import value_text
from halfspread.reports.sweep_page import metric_label, metric_name
from halfspread.reports.view import section
from halfspread.reports.walk_forward_charts import inside_against_outside, inside_and_outside, stages_strip, steps
from halfspread.reports.walk_forward_view import Walked

__all__ = ["chosen", "counted", "held", "schedule", "terms"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Rows of the table of windows.
SHOWN = 120
#: Warnings, and reasons why settings cannot run, that are listed.
MOST = 6


def held(walked: Walked) -> str:
    """In sample against out of sample."""
    pairs = [(stage.inside, stage.outside) for stage in walked.stages]
    both = np.array([pair for pair in pairs if math.isfinite(sum(pair))], np.float64).reshape(-1, 2)
    if not len(both):
        return ""
    label, name = metric_label(walked.metric, both.ravel().tolist()), metric_name(walked.metric)
    first = inside_and_outside(
        walked.stages, caption=f"{name.capitalize()} by window", note="at the time of the test", label=label
    )
    second = inside_against_outside(
        walked.stages,
        caption="Out of sample against in sample",
        note="upwards and to the right; dashed: as good as in training",
        label=label,
    )
    m = walked.metrics
    lead = (
        f"In sample is the {name} of the {walked.choice} in its training window"
        + ("" if walked.learner else f", the best of {walked.tried:,}")
        + f": {label(m['in_sample'])} in the median window, and {label(m['out_of_sample'])} in the "
        "tests. The fall between the two is what fitting flatters."
    )
    agreed = _agreement(both)
    if agreed:
        lead += f" {agreed}"
    if walked.tried > 1:
        lead += " Lower is better." if walked.metric in ("max_drawdown", "cost_per_turnover") else ""
    pair = element("div", first, second, class_="pair")
    return section("In sample and out of sample", lead, pair, anchor="samples")


def _agreement(both: Floats) -> str:
    """Rank correlation of the two over windows, in words; empty with fewer than eight windows."""
    ranks = [pd.Series(column).rank().to_numpy(np.float64) for column in both.T]
    if len(both) < 8 or min(np.ptp(one) for one in ranks) == 0.0:
        return ""
    found = float(np.corrcoef(ranks[0], ranks[1])[0, 1])
    error = 1.0 / math.sqrt(len(both) - 1)
    return (
        f"Over {len(both):,} windows the rank correlation of the two is {formats.number(found)} "
        f"\N{PLUS-MINUS SIGN} {formats.number(error)}."
    )


def chosen(walked: Walked) -> str:
    """What was chosen in every window."""
    keys = list(walked.keys)
    lowest = min([0.0, *(stage.total for stage in walked.stages)])
    highest = max([0.0, *(stage.total for stage in walked.stages)])
    label = metric_label(walked.metric, [v for each in walked.stages for v in (each.inside, each.outside)])
    digits = formats.returned_digits([each.total for each in walked.stages])
    rows = []
    for i, stage in enumerate(walked.stages[:SHOWN], start=1):
        values = [value_text(stage.parameters.get(key, "")) for key in keys]
        values = values if stage.agent else ["flat", *[""] * (len(keys) - 1)] if keys else []
        rows.append(
            row(
                f"{i}",
                *(formats.day(pd.Timestamp(time)) for time in (stage.train[0], *stage.test)),
                *values,
                label(stage.inside),
                label(stage.outside),
                formats.percent(stage.total, digits, sign=True),
                bar_cell([(stage.total, "gain" if stage.total > 0 else "loss", "net return")], lowest, highest),
                kind=None if stage.agent else "aside",
            )
        )
    head = ["", "Train from", "Test from", "To", *keys, "In sample", "Out of sample", "Net return", ""]
    listing = table(head, rows, kind="ranking")
    plots = [
        steps(walked.stages, key, tried, caption=key, note="in every test window") for key, tried in walked.keys.items()
    ]
    return section(
        "What was chosen", _lead_of_choice(walked), *plots, element("h3", "Window by window"), listing, anchor="chosen"
    )


def _lead_of_choice(walked: Walked) -> str:
    made = [tuple(stage.parameters.get(key) for key in walked.keys) for stage in walked.stages if stage.agent]
    if walked.learner:
        lead = "The agent was fitted anew in every training window"
        lead += "; what changed of its parameters is shown." if walked.keys else "; none of its parameters tells how."
    else:
        changes = sum(one != other for one, other in pairwise(made))
        lead = (
            f"By {metric_name(walked.metric)} in training, of {formats.plural(walked.tried, 'setting')}: "
            f"{formats.plural(len(set(made)), 'different one')} in {formats.plural(len(made), 'window')}, changed "
            f"{formats.plural(changes, 'time')}. A choice that jumps about was made by noise."
        )
    rest = len(walked.stages) - SHOWN
    return lead + (f" {rest:,} more windows are in windows.parquet." if rest > 0 else "")


def schedule(walked: Walked) -> str:
    """The windows."""
    chart = stages_strip(walked.stages, walked.purge, caption="Windows", note="each row is one; time to the right, UTC")
    words = walked.schedule
    lead = f"{words[:1].upper()}{words[1:]}. Tests lie end to end; no bar is in training and in the test of a window."
    return section("Windows", lead, chart, anchor="windows")


def counted(walked: Walked) -> str:
    """Which choices the figures allow for, and which they cannot."""
    m = walked.metrics
    number = formats.number
    entries = {}
    if walked.learner:
        entries["fitted in windows"] = (
            "what was learnt in a training window is judged on days after it; no figure here needs a correction for it"
        )
    else:
        entries["settings tried"] = (
            f"{walked.tried:,} in each window, chosen by their training days alone; the stitched days hold what was "
            "chosen before them, so that no figure here is deflated for their number"
        )
    sure = float(m["probabilistic_sharpe"])
    if math.isfinite(sure):
        needed = float(m["minimum_track_record"])
        entries["one result"] = (
            f"{formats.percent(sure, 1)} is the probability that the true ratio of this one result is above zero "
            "(probabilistic Sharpe ratio)"
            + (f"; a ratio as high is told from zero after {number(math.ceil(needed), 0)} days" if needed > 0 else "")
        )
    if walked.before:
        entries["tried before"] = walked.before
    entries["not counted"] = (
        "what was tried elsewhere, with other lengths, metrics, grids, agents or costs on the same days: "
        "the best of k of them needs deflating for k, as the best of k settings does (deflated Sharpe ratio)"
    )
    entries["not seen"] = (
        "that the idea, its keys and their ranges were known to have worked on days like these when it was written down"
    )
    entries["training overlaps"] = (
        "neighbouring windows share most of their training days, so that their choices are alike; the days out of "
        "sample do not overlap"
    )
    lead = "A walk-forward takes the luck out of choosing among its settings. It leaves that of choosing it."
    return section("What is counted, and what is not", lead, definitions(entries), anchor="counted")


def terms(walked: Walked) -> str:
    """What the numbers rest on, warnings, and settings that could not run."""
    own = {
        "between windows": "flat: every test begins flat with the capital anew, and ends flat",
        "leaving": "charged at the last reference price of a window: half the spread and the taker's fee of the lowest "
        "tier, no impact",
        "first decision": "at the close of the first bar of a test, filled as stated below; the rows before it that "
        "the lookback asks for are seen",
        "notional": "that of the first test window that traded",
    }
    content = [definitions({**own, **walked.assumptions})]
    for title, words in (("Warnings, windows", walked.warnings), ("Settings that cannot run", walked.refused)):
        if words:
            many = Counter(words).most_common(MOST)
            rows = [row(f"{count:,}", text_, words=(1,)) for text_, count in many]
            content += [element("h3", title), table(["", "Why"], rows, words=(1,))]
    return section("Assumptions", "What these numbers rest on.", *content, anchor="assumptions")
