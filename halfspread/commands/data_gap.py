"""``halfspread data gap``: say that there are no data to be had in a span, and why; or take that back."""

from __future__ import annotations

from argparse import Namespace

from halfspread.commands.output import print_json
from halfspread.commands.terminal import without_controls
from halfspread.datafeeds.store.places import store_folder
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Gap, Store
from halfspread.engine.times import parse_time, time_text
from halfspread.errors import ConfigError

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Declare the gap, or with ``arguments.withdraw`` take back what is declared of the span. A run has no market in
    a gap of its series."""
    parts = arguments.series.split(":")
    if len(parts) != 3:
        raise ConfigError(
            f"SERIES: expected VENUE:SYMBOL:KIND, such as bybit:BTCUSDT:bars_5m, got {arguments.series!r}"
        )
    withdraw = getattr(arguments, "withdraw", False)
    if withdraw == (arguments.reason is not None):
        raise ConfigError("data gap: expected --reason TEXT to declare a gap, or --withdraw to take one back")
    store, series = Store(store_folder(arguments.store)), Series(*parts)
    start, end = parse_time(arguments.start, "FROM"), parse_time(arguments.end, "TO")
    store.summary(series)
    taken: tuple[Gap, ...] = ()
    if withdraw:
        taken = store.withdraw_gaps(series, start, end)
    else:
        store.declare_gap(series, start, end, arguments.reason)
    if arguments.json:
        print_json(
            {"series": str(series), "gaps": _plain(store.gaps(series)), "withdrawn": _plain(taken)}, arguments.stdout
        )
        return 0
    span = f"from {time_text(start)} to {time_text(end)}"
    if withdraw:
        print(f"{series}: no gap is declared {span} any more ({len(taken):,} were)")
    else:
        print(f"{series}: no data {span}: {without_controls(arguments.reason)}")
    return 0


def _plain(gaps: tuple[Gap, ...]) -> list[dict[str, str]]:
    return [{"start": time_text(gap.start), "end": time_text(gap.end), "reason": gap.reason} for gap in gaps]
