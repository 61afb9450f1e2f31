"""What ``halfspread sweep`` says of its cells: as JSON, as a table with sentences, and on its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from halfspread.commands.bases import Base
from halfspread.commands.many_runs import Finished
from halfspread.commands.output import print_table, where_lines
from halfspread.commands.tried import tried_entry
from halfspread.configs.cell_work import DONE, FAILED, REFUSED, Outcome
from halfspread.configs.cells import Cell
from halfspread.reports import formats
from halfspread.reports.result import Result
from halfspread.reports.sweep_charts import value_text
from halfspread.reports.sweep_page import Swept, metric_label, short_keys
from halfspread.reports.sweep_statistics import SweepStatistics
from halfspread.reports.tried import Tried

__all__ = ["Sweep", "page_of", "show", "sweep_object"]

#: Settings in the table on the terminal, and in the object of --json.
SHOWN, IN_JSON = 10, 20


@dataclass(frozen=True)
class Sweep:
    """Everything that is shown: all cells, those that ran best first, and the figures of all together."""

    keys: tuple[str, ...]
    drawn: bool
    ranking: str
    cells: Sequence[Cell]
    finished: Finished
    best_first: Sequence[Outcome]
    statistics: SweepStatistics
    before: Tried


def page_of(base: Base, swept: Sweep, best: Result) -> Swept:
    """What the page shows; ``best``: the result of the best setting."""
    instruments = ", ".join(f"{one.venue} {one.symbol}" for one in best.instruments)
    reasons = [(each.state, each.message) for each in swept.finished.outcomes if each.state != DONE]
    return Swept(
        title=f"{base.loaded.config.name}: {base.built.label}",
        what=f"{instruments}, {formats.span(best.start, best.end)} UTC",
        keys=swept.keys,
        drawn=swept.drawn,
        ranking=swept.ranking,
        parameters=[swept.cells[each.index].parameters for each in swept.best_first],
        metrics=[each.metrics for each in swept.best_first],
        statistics=swept.statistics,
        reasons=reasons,
        assumptions=best.assumptions,
    )


def sweep_object(swept: Sweep) -> dict[str, Any]:
    """What is told of a sweep as JSON."""
    finished = swept.finished
    best = [_setting(swept.cells[each.index], each) for each in swept.best_first[:IN_JSON]]
    return {
        "ranking": swept.ranking,
        "keys": list(swept.keys),
        "cells": len(swept.cells),
        "tried": len(swept.best_first),
        "refused": len(finished.of_state(REFUSED)),
        "failed": len(finished.of_state(FAILED)),
        "tried_before": tried_entry(swept.before),
        "statistics": {**asdict(swept.statistics), "verdict": swept.statistics.verdict},
        "best": best,
    }


def _setting(cell: Cell, outcome: Outcome) -> dict[str, Any]:
    return {
        "cell": cell.index,
        "settings": cell.parameters,
        "metrics": outcome.metrics,
        "attribution": outcome.attribution,
    }


def show(swept: Sweep, path: Path, notes: Sequence[str] = (), *, report: bool) -> None:
    """The best settings on the terminal, what the figures say, ``notes``, and where the results are."""
    found, finished = swept.statistics, swept.finished
    counts = [f"{len(swept.best_first):,} of {len(swept.cells):,} settings ran"]
    for state in (REFUSED, FAILED):
        some = finished.of_state(state)
        if some:
            first = some[0].message.splitlines()[0]
            counts.append(f"{len(some):,} {state}, such as: {first}")
    lines = [
        "; ".join(counts[:1]),
        *counts[1:],
        f"median net return {formats.returned(found.median_return, sign=True)}, "
        f"{formats.returned(found.positive)} of the settings above zero",
        f"deflated Sharpe of the best {formats.percent(found.deflated, 1)}, "
        f"probability of overfitting {formats.percent(found.overfitting, 1)}",
        *([f"{swept.before}: they count too"] if swept.before.settings else []),
        found.verdict,
        *notes,
        *where_lines(path, report=report),
    ]
    print_table(_table(swept), *lines)


def _table(swept: Sweep) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    own = swept.ranking not in ("total_return", "information_ratio")
    heads = [
        *short_keys(swept.keys),
        *([swept.ranking] if own else []),
        "net %",
        "IR",
        "± se",
        "dd %",
        "turnover",
        "fills",
    ]
    for name in heads:
        grid.add_column(Text(name), justify="right")
    label = metric_label(swept.ranking, [float(each.metrics[swept.ranking]) for each in swept.best_first])
    for each in swept.best_first[:SHOWN]:
        m: Mapping[str, Any] = each.metrics
        settings = swept.cells[each.index].parameters
        grid.add_row(
            *(Text(value_text(settings[key])) for key in swept.keys),
            *([label(float(m[swept.ranking]))] if own else []),
            formats.number(100.0 * m["total_return"], 2),
            formats.number(m["information_ratio"]),
            formats.number(m["information_ratio_error"]),
            formats.number(100.0 * m["max_drawdown"], 2),
            formats.compact(m["turnover"]),
            formats.count(m["fills"]),
        )
    return grid
