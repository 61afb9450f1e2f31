"""Bars of one interval made from bars of a shorter one.

Times are the bars' open times, UTC. Buckets are aligned to UTC: they start at whole multiples of the new interval since
1970-01-01 00:00. Nothing is filled: a bucket that lacks one of its bars, at an end of the data or at a gap within them,
is dropped and counted. A flat bar without volume is the previous close carried on by the venue, not a trade: it counts
towards a complete bucket, but sets high and low only where nothing at all was traded in it. So the venues make their
longer bars (and so BitMEX's open can lie outside low to high in a longer bar too). NaN is passed on: a bucket has no
bid_open where its first bar has none, and no high where one of its bars has none.

``signed_volume`` is made where there is a volume: that of the finer bars which closed above their open, less that of
those which closed below. It tells buying from selling within a bar as well as bars can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.times import interval_text, parse_interval, time_text, to_nanoseconds
from halfspread.errors import ConfigError, DataError

__all__ = ["SIGNED_VOLUME", "Resampled", "resample_bars"]

Array = np.ndarray[Any, np.dtype[Any]]

SIGNED_VOLUME = "signed_volume"
REQUIRED = ("ts", "open", "high", "low", "close")
HOW = {
    **dict.fromkeys(("open", "bid_open", "ask_open"), "first"),
    **dict.fromkeys(("close", "bid_close", "ask_close", "last_size"), "last"),
    **dict.fromkeys(("high", "bid_high", "ask_high"), "max"),
    **dict.fromkeys(("low", "bid_low", "ask_low"), "min"),
    **dict.fromkeys(("volume", "turnover", "trades", SIGNED_VOLUME), "sum"),
}


@dataclass(frozen=True, eq=False)
class Resampled:
    """Bars of the coarser interval, and what became of the others.

    Attributes:
        bars: ``ts`` (open time of the bucket, UTC ns) and the aggregated columns, one row for each complete bucket.
        buckets_dropped: buckets that had at least one bar, but not all of them.
        bars_dropped: bars that stood in those buckets.
    """

    bars: pd.DataFrame
    buckets_dropped: int
    bars_dropped: int


def resample_bars(frame: pd.DataFrame, interval: str | int, source_interval: str | int | None = None) -> Resampled:
    """Aggregate bars to a coarser interval: open first, high max, low min, close last, volume sum.

    Quote columns (``bid_open`` ...) follow the column they are named after, ``turnover`` and ``trades`` are summed, and
    so is ``signed_volume``, which is made where there is a volume and no such column. Other columns are refused rather
    than guessed.

    Args:
        frame: bars with ``ts`` (UTC open time, ascending) and open, high, low, close; any index.
        interval: the new interval, a whole multiple of the bars' own ("1h", "1d", or seconds).
        source_interval: the bars' own interval; None takes the shortest distance between two bars.

    Raises:
        DataError: a column is missing or unknown, times are not ascending UTC on the grid of the bars' own interval.
        ConfigError: an interval is not one, or the new one is no whole multiple of the bars' own.
    """
    frame = _with_signed_volume(frame)
    how = _rules(frame)
    times = to_nanoseconds(frame["ts"], "bars to resample: column ts")
    _check_ascending(times)
    source = _shortest_distance(times) if source_interval is None else parse_interval(source_interval)
    target = parse_interval(interval)
    _check_grid(times, source, target)
    buckets, first, count = np.unique(times - times % target, return_index=True, return_counts=True)
    complete = count == target // source
    work = _without_carried_prices(frame, first, count)
    columns = {name: _reduced(work[name].to_numpy(), rule, first, count)[complete] for name, rule in how.items()}
    opens = pd.DatetimeIndex(buckets[complete].view("datetime64[ns]"), tz="UTC")
    bars = pd.DataFrame({"ts": opens, **columns})
    return Resampled(bars, int((~complete).sum()), int(count[~complete].sum()))


def _with_signed_volume(frame: pd.DataFrame) -> pd.DataFrame:
    if SIGNED_VOLUME in frame.columns or not {"open", "close", "volume"} <= set(frame.columns):
        return frame
    moves = np.sign(frame["close"].to_numpy() - frame["open"].to_numpy())
    return frame.assign(**{SIGNED_VOLUME: moves * frame["volume"].to_numpy()})


def _rules(frame: pd.DataFrame) -> dict[str, str]:
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise DataError(f"bars to resample: expected columns {', '.join(REQUIRED)}; missing {', '.join(missing)}")
    names = [str(name) for name in frame.columns if name != "ts"]
    unknown = [name for name in names if name not in HOW]
    if unknown:
        raise DataError(f"bars to resample: no rule for column(s) {', '.join(unknown)}; drop them first")
    return {name: HOW[name] for name in names}


def _check_ascending(times: Array) -> None:
    wrong = np.flatnonzero(np.diff(times) <= 0)
    if wrong.size:
        row = int(wrong[0]) + 1
        raise DataError(
            f"bars to resample: expected ascending times, got {time_text(times[row])} in row {row} after "
            f"{time_text(times[row - 1])}; sort them and remove duplicates"
        )


def _shortest_distance(times: Array) -> int:
    if times.size < 2:
        raise DataError(f"bars to resample: {times.size} bar(s) do not show their interval; give source_interval")
    return int(np.diff(times).min())


def _check_grid(times: Array, source: int, target: int) -> None:
    if target % source:
        raise ConfigError(
            f"interval: expected a whole multiple of the bars' own interval {interval_text(source)}, "
            f"got {interval_text(target)}"
        )
    off = np.flatnonzero(times % source)
    if off.size:
        raise DataError(
            f"bars to resample: row {int(off[0])} ({time_text(times[off[0]])}) is not on the grid of "
            f"{interval_text(source)} bars; give source_interval if that is not the bars' interval"
        )


def _without_carried_prices(frame: pd.DataFrame, first: Array, count: Array) -> pd.DataFrame:
    """The bars with high and low out of the way in bars that only carry a price into a bucket with trades."""
    if "volume" not in frame.columns or not len(frame):
        return frame
    high, low = frame["high"].to_numpy(), frame["low"].to_numpy()
    carried = (frame["volume"].to_numpy() == 0) & (high == low)
    carried = carried & np.repeat(~np.logical_and.reduceat(carried, first), count)
    if not carried.any():
        return frame
    return frame.assign(high=np.where(carried, -np.inf, high), low=np.where(carried, np.inf, low))


def _reduced(values: Array, rule: str, first: Array, count: Array) -> Array:
    """One value for each bucket of rows ``first`` to ``first + count - 1``."""
    if rule == "last":
        return np.asarray(values[first + count - 1])
    if rule == "first" or first.size == 0:
        return np.asarray(values[first])
    operation = {"max": np.maximum, "min": np.minimum, "sum": np.add}[rule]
    return np.asarray(operation.reduceat(values, first))
