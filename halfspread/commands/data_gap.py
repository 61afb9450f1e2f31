"""``halfspread data gap``: say that there are no data to be had in a span, and why."""

from __future__ import annotations

from argparse import Namespace

from halfspread.commands.output import print_json
from halfspread.commands.terminal import without_controls
from halfspread.datafeeds.store.places import store_folder
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import parse_time, time_text
from halfspread.errors import ConfigError

__all__ = ["execute"]


def execute(arguments: Namespace) -> int:
    """Declare the gap; runs over this series have no market in it."""
    parts = arguments.series.split(":")
    if len(parts) != 3:
        raise ConfigError(
            f"SERIES: expected VENUE:SYMBOL:KIND, such as bybit:BTCUSDT:bars_5m, got {arguments.series!r}"
        )
    store, series = Store(store_folder(arguments.store)), Series(*parts)
    start, end = parse_time(arguments.start, "FROM"), parse_time(arguments.end, "TO")
    store.summary(series)
    store.declare_gap(series, start, end, arguments.reason)
    if arguments.json:
        gaps = [
            {"start": time_text(gap.start), "end": time_text(gap.end), "reason": gap.reason}
            for gap in store.gaps(series)
        ]
        print_json({"series": str(series), "gaps": gaps}, arguments.stdout)
    else:
        reason = without_controls(arguments.reason)
        print(f"{series}: no data from {time_text(start)} to {time_text(end)}: {reason}")
    return 0
