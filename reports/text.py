"""Tables for the terminal, plain and readable in 100 columns."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from halfspread.errors import ConfigError
from halfspread.reports import formats
from halfspread.reports.comparison import rank
from halfspread.reports.measured import measured
from halfspread.reports.names import PART_NAMES, distinct
from halfspread.reports.protocol import ATTRIBUTION, ResultLike

__all__ = ["comparison_table", "plain", "summary_table"]

_WIDTH = 100
_SHARES = ("price_return", "execution_return", "funding_return")
_TERMS = ("fills", "half-spread", "fees", "funding")


def summary_table(result: ResultLike) -> RenderableType:
    """Headline, attribution and the terms of one run, for a rich console."""
    m: dict[str, Any] = dict(measured(result).metrics)
    parts: list[RenderableType] = [_title(result), "", _headline(m), ""]
    parts += [_attribution(result, m["turnover"] * result.notional), ""]
    terms = [f"{topic}: {words}" for topic, words in result.assumptions.items() if topic in _TERMS]
    parts += [Text(line, style="dim") for line in terms]
    parts += [Text(f"warning: {words}", style="yellow") for words in result.warnings]
    return Group(*parts)


def _title(result: ResultLike) -> Text:
    symbols = ", ".join(f"{one.venue} {one.symbol}" for one in result.instruments)
    title = Text(result.name, style="bold")
    return title.append(
        f"  {symbols}, {formats.day(result.start)} to {formats.day(result.end)}, {result.bars:,} bars",
        style="not bold dim",
    )


def _headline(m: Mapping[str, Any]) -> Table:
    error = m["information_ratio_error"]
    fills, cost = formats.plural(m["fills"], "fill"), formats.basis_points(m["cost_per_turnover"])
    entries = [
        ("net return", formats.percent(m["total_return"], sign=True), "sum of simple returns, constant notional"),
        ("before costs", formats.percent(m["price_return"], sign=True), "price moves alone"),
        (
            "information ratio",
            formats.number(m["information_ratio"]),
            f"daily, 365 days; standard error {formats.number(error)}",
        ),
        ("max. drawdown", formats.percent(m["max_drawdown"]), "of the notional"),
        (
            "account return",
            formats.percent(m["equity_return"], sign=True),
            f"compounded; max. drawdown {formats.percent(m['equity_max_drawdown'])} of the peak",
        ),
        (
            "turnover",
            f"{formats.compact(m['turnover'])}x",
            f"of the notional; {fills} at {cost} of their value",
        ),
    ]
    grid = _table(["", "", ""], header=False)
    grid.columns[2].justify = "left"
    for name, value, basis in entries:
        grid.add_row(name, value, Text(basis, style="dim"))
    return grid


def _attribution(result: ResultLike, turnover: float) -> Table:
    grid = _table(["attribution", result.report_currency, "% of notional", "bp of turnover"])
    net = math.fsum(result.attribution[name] for name in ATTRIBUTION)
    lines = [(PART_NAMES[name].lower(), result.attribution[name], "") for name in ATTRIBUTION]
    lines.append(("net PnL", net, "bold"))
    if result.attribution["collateral"]:
        lines.append(("collateral", result.attribution["collateral"], "dim"))
    digits = formats.decimals(amount for _, amount, _ in lines)
    for name, amount, style in lines:
        in_turnover = formats.number(1e4 * amount / turnover, 2, sign=True) if turnover > 0 else formats.MISSING
        share = formats.percent(amount / result.notional, 2, sign=True)
        grid.add_row(name, formats.number(amount, digits, sign=True), share, in_turnover, style=style)
    return grid


def comparison_table(results: Sequence[ResultLike], ranking: str = "total_return") -> Table:
    """One line per agent, best first by the metric ``ranking``; returns, costs and drawdowns in % of the notional.

    Raises `ConfigError` without results or for an unknown metric.
    """
    if not results:
        raise ConfigError("comparison_table: expected at least one result, got none")
    with_metrics = [(result, measured(result).metrics) for result in results]
    ordered = rank([(each, each[1]) for each in with_metrics], ranking)
    grid = _table(
        ["", "agent", "net %", "IR", "± se", "max dd %", "price %", "fills %", "funding %", "turnover", "fills"]
    )
    grid.columns[1].justify = "left"
    grid.columns[1].no_wrap = False
    grid.columns[1].overflow = "fold"
    names = distinct([result.name for result, _ in ordered])
    for place, ((_, m), name) in enumerate(zip(ordered, names, strict=True), start=1):
        shares = [formats.number(100 * float(m[column]), 1, sign=True) for column in _SHARES]
        grid.add_row(
            f"{place}",
            Text(name),
            formats.number(100 * float(m["total_return"]), 1, sign=True),
            formats.number(float(m["information_ratio"])),
            formats.number(float(m["information_ratio_error"])),
            formats.number(100 * float(m["max_drawdown"]), 1),
            *shares,
            f"{formats.compact(float(m['turnover']))}x",
            f"{m['fills']:,}",
        )
    return grid


def _table(columns: Sequence[str], *, header: bool = True) -> Table:
    grid = Table(box=None, show_header=header, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for index, name in enumerate(columns):
        grid.add_column(name, justify="right" if index else "left", no_wrap=True)
    return grid


def plain(renderable: RenderableType, width: int = _WIDTH) -> str:
    """What a rich object looks like in a terminal of ``width`` columns without colours."""
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
