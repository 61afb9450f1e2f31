"""Tables for the terminal, plain and readable in 100 columns."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from halfspread.engine.instrument import labels
from halfspread.errors import ConfigError
from halfspread.reports import formats
from halfspread.reports.certainty import LEVEL, limits, shortage
from halfspread.reports.certainty_section import contest_sentence
from halfspread.reports.comparison import rank_results
from halfspread.reports.headline import ratio_error
from halfspread.reports.measured import looks_ahead, measured
from halfspread.reports.names import PART_NAMES, against, against_all, amount_of_data, distinct
from halfspread.reports.protocol import ATTRIBUTION, ResultLike
from halfspread.reports.unsaid import unsaid
from halfspread.reports.versus import Difference, Versus, versus

__all__ = ["certainty_table", "comparison_table", "plain", "summary_table"]

_WIDTH = 100
_TERMS = ("fills", "queues", "half-spread", "fees", "funding", "impact", "margin", "benchmark")


def summary_table(result: ResultLike) -> RenderableType:
    """Headline, attribution and the terms of one run, for a rich console."""
    m: dict[str, Any] = dict(measured(result).metrics)
    parts: list[RenderableType] = [_title(result), "", _headline(m), Text(_sureness(result), style="dim"), ""]
    parts += [_attribution(result, m["turnover"] * result.notional), ""]
    if len(result.instruments) > 1:
        parts += [_by_instrument(result), ""]
    if m["orders"]:
        parts += [_orders(m), ""]
    said = {"queues": m["orders"], "impact": result.attribution["impact"], "margin": m["liquidations"]}
    topics = [topic for topic in _TERMS if said.get(topic, True) and topic in result.assumptions]
    terms = [f"{topic}: {result.assumptions[topic]}" for topic in topics]
    parts += [Text(line, style="dim") for line in terms]
    parts += [Text(f"warning: {words}", style="yellow") for words in result.warnings]
    return Group(*parts)


def _title(result: ResultLike) -> Text:
    symbols = ", ".join(f"{one.venue} {one.symbol}" for one in result.instruments)
    title = Text(result.name, style="bold")
    return title.append(
        f"  {symbols}, {formats.span(result.start, result.end)}, {amount_of_data(result)}",
        style="not bold dim",
    )


def _headline(m: Mapping[str, Any]) -> Table:
    error, kind = ratio_error(m)
    fills, cost = formats.plural(m["fills"], "fill"), formats.basis_points(m["cost_per_turnover"])
    made = f", {formats.percent(m['maker_share'], 0)} as maker," if m["maker_share"] > 0.0 else ""
    digits = formats.returned_digits([m["total_return"], m["price_return"]])
    entries = [
        (
            "net return",
            formats.percent(m["total_return"], digits, sign=True),
            "sum of simple returns, constant notional",
        ),
        ("before costs", formats.percent(m["price_return"], digits, sign=True), "price moves alone"),
        (
            "information ratio",
            formats.number(m["information_ratio"]),
            unsaid(m).get("information_ratio")
            or f"daily, 365 days{against(m)}; {kind}standard error {formats.number(error)}",
        ),
        ("max. drawdown", formats.returned(m["max_drawdown"]), "of the notional"),
        (
            "account return",
            formats.returned(m["equity_return"], sign=True),
            f"compounded; max. drawdown {formats.returned(m['equity_max_drawdown'])} of the peak",
        ),
        (
            "turnover",
            f"{formats.compact(m['turnover'])}x",
            f"of the notional; {fills}{made} at {cost} of their value",
        ),
    ]
    grid = _table(["", "", ""], header=False)
    grid.columns[2].justify = "left"
    for name, value, basis in entries:
        grid.add_row(name, value, Text(basis, style="dim"))
    return grid


def _sureness(result: ResultLike) -> str:
    """The intervals of the two figures that matter most, or what is missing for them."""
    tables = measured(result)
    few = shortage(len(tables.days))
    if few:
        return few
    net, ratio = _from_to(result, "total_return", 100.0, 1), _from_to(result, "information_ratio", 1.0, 2)
    return f"{LEVEL:.0%} intervals: net return {net} %, information ratio {ratio}"


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


def _by_instrument(result: ResultLike) -> Table:
    """Contributions of several instruments, report currency, with their sum."""
    shown = [part for part in ATTRIBUTION if part == "price" or result.attribution[part]]
    grid = _table(["by instrument", *(PART_NAMES[part].lower() for part in shown), "net PnL", "turnover", "fills"])
    lines = [dict(result.attribution_by_instrument[one.name]) for one in result.instruments]
    total = {name: math.fsum(line[name] for line in lines) for name in (*ATTRIBUTION, "turnover", "fills")}
    digits = formats.decimals(line[part] for line in lines for part in shown)
    names = [*labels(result.instruments), "total"]
    for name, line in zip(names, [*lines, total], strict=True):
        net = math.fsum(line[part] for part in ATTRIBUTION)
        amounts = [formats.number(amount, digits, sign=True) for amount in (*(line[part] for part in shown), net)]
        turnover = f"{formats.compact(line['turnover'] / result.notional)}x"
        grid.add_row(Text(name), *amounts, turnover, formats.count(line["fills"]), style="bold" * (name == "total"))
    return grid


def _orders(m: Mapping[str, Any]) -> Text:
    """What became of the orders that the agent sent."""
    counts = f"{formats.plural(m['orders'], 'order')}, {m['rejected_orders']:,} rejected"
    taken = formats.duration(m["mean_seconds_to_fill"] / 3_600.0)
    return Text(f"orders: {counts}; filled {formats.percent(m['fill_ratio'])} of what was sent, in {taken} on average")


def comparison_table(results: Sequence[ResultLike], ranking: str = "total_return") -> Table:
    """One line per agent, best first by the metric ``ranking``; returns, costs and drawdowns in % of the notional.

    Raises `ConfigError` without results or for an unknown metric.
    """
    if not results:
        raise ConfigError("comparison_table: expected at least one result, got none")
    ordered = [(result, measured(result).metrics) for result in rank_results(results, ranking)]
    columns = {"fills %": "execution_return", "funding %": "funding_return"}
    if any(float(m["liquidation_return"]) for _, m in ordered):
        columns["liq. %"] = "liquidation_return"
    made = any(float(m["maker_share"]) > 0.0 for _, m in ordered)
    head = ["", "agent", "net %", "IR", "± se", "max dd %", "price %", *columns, "turnover", "fills"]
    if made or len(columns) > 2:  # narrow, so that there is room for the names
        head = [
            name.replace("max dd", "max\ndd").replace("turn", "turn-\n").replace("funding", "fund-\ning")
            for name in head
        ]
    grid = _table([*head, "maker"] if made else head, gap=1 if made or len(columns) > 2 else 2)
    grid.columns[1].justify = "left"
    grid.columns[1].no_wrap = False
    grid.columns[1].overflow = "fold"
    parts = ("price_return", *columns.values())
    digits = formats.returned_digits(float(m[name]) for _, m in ordered for name in (*parts, "total_return"))
    names = distinct([result.name for result, _ in ordered])
    for place, ((result, m), name) in enumerate(zip(ordered, names, strict=True), start=1):
        shares = [formats.number(100 * float(m[column]), digits, sign=True) for column in parts]
        grid.add_row(
            "-" if looks_ahead(result) else f"{place}",
            Text(name),
            formats.number(100 * float(m["total_return"]), digits, sign=True),
            formats.number(float(m["information_ratio"])),
            formats.number(ratio_error(m)[0]),
            formats.number(100 * float(m["max_drawdown"]), digits),
            *shares,
            f"{formats.compact(float(m['turnover']))}x",
            f"{m['fills']:,}",
            *([formats.percent(float(m["maker_share"]), 0)] if made else []),
        )
    words = against_all(names, [m for _, m in ordered])
    if words:
        grid.caption, grid.caption_justify = Text(f"IR: information ratio{words}", style="dim"), "left"
    return grid


def certainty_table(results: Sequence[ResultLike], ranking: str = "total_return") -> RenderableType:
    """How sure the comparison is: intervals by agent, differences to the first and to buy-and-hold, share of the
    bound, and p-values over all agents. Raises as `comparison_table`."""
    if not results:
        raise ConfigError("certainty_table: expected at least one result, got none")
    ordered = rank_results(results, ranking)
    names = distinct([result.name for result in ordered])
    found = versus(ordered, names)
    told = [name for result, name in zip(ordered, names, strict=True) if looks_ahead(result)]
    if all(measured(result).intervals is None for result in ordered):
        days = max(len(measured(result).days) for result in ordered)
        few = [f"how sure: {shortage(days)}", *_bound(found, told, shares=True)]
        return Group(*(Text(line, style="dim") for line in few))
    lines = [contest_sentence(each) for each in found.contests]
    if found.reason and len(results) > 1:
        lines.append(f"no test over all agents: {found.reason}")
    lines += _bound(found, told, shares=False)
    return Group(_certainty_grid(ordered, names, found), *(Text(line, style="dim") for line in lines))


def _bound(found: Versus, told: Sequence[str], *, shares: bool) -> list[str]:
    """Who is ``told`` the future, and what part of the best one's net return the others made, if they are not in a
    table."""
    if not found.bound:
        return []
    words = f"{found.bound} is told the future: a bound, not a competitor"
    if len(told) > 1:
        words = f"{', '.join(told)} are told the future: bounds, not competitors; shares are of {found.bound}"
    if not found.share:
        return [f"{words}; it made nothing, so there are no shares of it"]
    made = ", ".join(f"{name} {formats.percent(share)}" for name, share in found.share.items())
    return [words, *([f"of the bound's net return: {made}"] if shares else [])]


def _certainty_grid(ordered: Sequence[ResultLike], names: Sequence[str], found: Versus) -> Table:
    to_hold = found.to_hold if found.hold != found.first else {}
    beside = found.to_benchmark if found.benchmark not in (found.first, found.hold) else {}
    head = [f"{LEVEL:.0%} intervals", "net %", "IR", *(["less the first %"] if found.to_first else [])]
    head += [*(["less buy-hold %"] if to_hold else []), *(["less benchmark %"] if beside else [])]
    head += ["of bound"] if found.bound else []
    grid = _table(head)
    grid.columns[0].no_wrap = False
    grid.columns[0].overflow = "fold"
    for result, name in zip(ordered, names, strict=True):
        if looks_ahead(result):
            continue
        cells = [_from_to(result, "total_return", 100.0, 1), _from_to(result, "information_ratio", 1.0, 2)]
        cells += [_less(found.to_first.get(name))] if found.to_first else []
        cells += [_less(to_hold.get(name))] if to_hold else []
        cells += [_less(beside.get(name))] if beside else []
        cells += [formats.percent(found.share.get(name, math.nan))] if found.bound else []
        grid.add_row(Text(name), *cells)
    return grid


def _from_to(result: ResultLike, name: str, scale: float, digits: int) -> str:
    one = limits(measured(result).intervals, name)
    if one is None:
        return formats.MISSING
    return " to ".join(formats.number(scale * end, digits, sign=scale > 1.0) for end in (one.low, one.high))


def _less(one: Difference | None) -> str:
    if one is None or not math.isfinite(one.low):
        return ""
    return " to ".join(formats.number(100.0 * end, 1, sign=True) for end in (one.low, one.high))


def _table(columns: Sequence[str], *, header: bool = True, gap: int = 2) -> Table:
    grid = Table(box=None, show_header=header, header_style="dim", pad_edge=False, padding=(0, gap, 0, 0))
    for index, name in enumerate(columns):
        grid.add_column(name, justify="right" if index else "left", no_wrap=True)
    return grid


def plain(renderable: RenderableType, width: int = _WIDTH) -> str:
    """What a rich object looks like in a terminal of ``width`` columns without colours."""
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None, force_terminal=False, legacy_windows=False).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
