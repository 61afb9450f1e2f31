"""Another path of a market: its own days drawn again in blocks, one after the other, at prices that go on where the
block before ended.

The stationary bootstrap (Politis and Romano, JASA 89(428), 1994) over UTC days: blocks begin at a random day, have
geometric lengths, and go on with the first day after the last. A block is the market as it was, times one factor that
puts its first price where the path has got to, so that every return inside it, of opens, highs and lows too, is a true
one. Whole days keep the time of day, and every settlement of funding on its clock: a day has the settlements after its
midnight up to and with the next one. All instruments are drawn together.

What a path keeps of the original: its calendar (days without bars stay where they are, with the settlements and prices
of that time, and so does the rest of a day in which the market begins or ends), its first price, volume in contracts,
rates of funding, the ratio of mark and index prices to the price, and what was known before the first bar. Prices and
quotes are put on the tick of their date; a spread is never less than a tick. Times are int64 nanoseconds UTC; NaN
quotes stay NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from halfspread.datafeeds.calendar import Calendar, Segments
from halfspread.engine.bars import BarChecker, Bars, carried_count
from halfspread.engine.codes import CLOSE, OPEN, QUOTE_COLUMNS
from halfspread.engine.feed import Feed
from halfspread.engine.instrument import Instrument
from halfspread.engine.side_data import Prices
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR, Floats, Integers, time_text
from halfspread.errors import ConfigError, DataError

__all__ = ["PathFeed", "daily_series", "draw_days", "resampled"]


def draw_days(rng: np.random.Generator, days: int, block: float) -> Integers:
    """Numbers of the days (days,) of one path, in blocks of ``block`` days on average, around the end. Raises
    ConfigError for a block that is shorter than a day or longer than there are days."""
    if not 1.0 <= block <= days:
        raise ConfigError(f"block: expected a mean length from 1 to {days} days, all there are, got {block:g}")
    first = rng.integers(0, days, size=days)
    begins = rng.random(days) < 1.0 / block
    begins[0] = True
    steps = np.arange(days)
    start = np.maximum.accumulate(np.where(begins, steps, 0))
    return np.asarray((first[start] + steps - start) % days, np.int64)


def daily_series(tape: Tape) -> dict[str, Floats]:
    """What the length of a block has to hold together, by name, each (days,): the log return of every day from the
    close before it, its size, and where there is funding the sum of the day's rates; of each instrument. Raises
    DataError."""
    calendar = Calendar.of(tape)
    found: dict[str, Floats] = {}
    for k, feed in enumerate(tape.feeds):
        days = _Days.of(feed, calendar)
        returns = np.log(days.last / days.before)
        found |= {f"returns {k}": returns, f"sizes {k}": np.abs(returns)}
        if feed.funding is not None:
            sums = np.concatenate([[0.0], np.cumsum(feed.funding.rates)])
            after, until = (np.searchsorted(feed.funding.times, calendar.days + end, "right") for end in (0, DAY))
            found[f"funding {k}"] = sums[until] - sums[after]
    whole = slice(int(calendar.head), len(calendar.days) - int(calendar.tail))
    return {name: values[whole] for name, values in found.items()}


@dataclass(frozen=True)
class PathFeed(Feed):
    """A feed whose days are in another order, and what is ``told`` of it where data are described."""

    told: str = ""

    def describe(self) -> str:
        """As in `Feed`, with what is told of the path."""
        return f"{super().describe()}{f' ({self.told})' if self.told else ''}"


def resampled(tape: Tape, drawn: Integers, told: str = "") -> Tape:
    """The path of the days ``drawn`` (numbers of the whole days of the tape, as many as it has); ``told``: what reports
    say of it.

    Raises DataError for a tape that is no tape of bars in memory, for bars that do not fit into days, and for funding
    whose clock changes.
    """
    calendar = Calendar.of(tape)
    if len(drawn) != calendar.count or drawn.min() < 0 or drawn.max() >= calendar.count:
        raise ConfigError(f"expected the numbers of {calendar.count} days from 0 on, got {len(drawn)} numbers")
    segments = calendar.segments(drawn)
    return replace(tape, feeds=tuple(_resampled(feed, calendar, segments, told) for feed in tape.feeds))


@dataclass(frozen=True)
class _Days:
    """The bars of one instrument by day: rows from ``first`` up to ``end``, price ``before`` the first of them (the
    close of the day before; of the first day its own open), and the ``last`` close."""

    first: Integers
    end: Integers
    before: Floats
    last: Floats

    @classmethod
    def of(cls, feed: Feed, calendar: Calendar) -> _Days:
        bars: Any = feed.bars
        first, end = (np.searchsorted(bars.times, calendar.days + shift) for shift in (0, DAY))
        last = bars.rows[end - 1, CLOSE]
        before = np.concatenate([[bars.rows[first[0], OPEN]], last[:-1]])
        return cls(first, end, before, last)


def _resampled(feed: Feed, calendar: Calendar, segments: Segments, told: str) -> Feed:
    days = _Days.of(feed, calendar)
    factors = _factors(days, segments)
    made: dict[str, Any] = {each.name: getattr(feed, each.name) for each in fields(Feed)}
    made["bars"] = _bars(feed.bars, feed.instrument, days, segments, factors)
    made["funding"] = None if feed.funding is None else _funding(feed.funding, calendar, segments)
    made["settle_price"] = _by_itself(feed.settle_price, segments)
    made |= {name: _beside(getattr(feed, name), segments, factors) for name in ("mark", "index")}
    return PathFeed(**made | {"gaps": segments.moved(feed.gaps)}, told=told)


def _factors(days: _Days, segments: Segments) -> Floats:
    """What the prices of each segment are multiplied by, so that each goes on where the path has got to. A segment
    without bars is at the level that the path has then."""
    factors = np.ones(len(segments))
    price, of_day = float(days.before[0]), segments.day
    for i in range(1, len(segments)):
        day, before = int(of_day[i]), int(of_day[i - 1])
        if day < 0:  # no bars: the original price of that time is the last close before it
            factors[i] = price / float(days.last[segments.after[i]])
            continue
        goes_on = before >= 0 and day == before + 1
        factors[i] = factors[i - 1] if goes_on else price / float(days.before[day])
        price = factors[i] * float(days.last[day])
    return factors


def _bars(bars: Any, instrument: Instrument, days: _Days, segments: Segments, factors: Floats) -> Bars:
    here = np.flatnonzero(segments.day >= 0)
    of_day = segments.day[here]
    counts = days.end[of_day] - days.first[of_day]
    begun = np.cumsum(counts) - counts
    taken = np.arange(int(counts.sum())) + np.repeat(days.first[of_day] - begun, counts)
    times = bars.times[taken] + np.repeat(segments.shift[here], counts)
    rows = bars.rows[taken]
    _scale(rows, bars.columns, np.repeat(factors[here], counts), _ticks(instrument, times))
    carried = None if bars.carried is None else bars.carried[taken]
    times.flags.writeable = rows.flags.writeable = False
    checker = BarChecker(bars.interval, bars.columns, bars.source)
    checker.check(times, rows)
    counts_of = checker.counts() | carried_count(carried)
    made: Bars = replace(bars, times=times, rows=rows, carried=carried, counts=counts_of)
    return made


def _scale(rows: Floats, columns: tuple[str, ...], factors: Floats, ticks: Floats) -> None:
    """Multiply prices, in place, and put those that are no longer the original ones on the tick."""
    as_it_was = factors == 1.0
    if as_it_was.all():
        return

    inverse = _per_unit(ticks)

    def put(column: int, prices: Floats) -> None:
        rows[:, column] = np.where(as_it_was, rows[:, column], prices) if as_it_was.any() else prices

    for column in range(CLOSE + 1):
        put(column, _on_tick(rows[:, column] * factors, ticks, inverse))
    if QUOTE_COLUMNS[0] not in columns:
        return
    at = columns.index(QUOTE_COLUMNS[0])
    for bid, ask in ((at, at + 1), (at + 2, at + 3)):
        apart = rows[:, ask] > rows[:, bid]
        bids, asks = (_on_tick(rows[:, each] * factors, ticks, inverse) for each in (bid, ask))
        put(bid, bids)
        put(ask, np.maximum(asks, np.where(apart, _on_tick(bids + ticks, ticks, inverse), asks)))


def _per_unit(ticks: Floats) -> Floats | None:
    """Ticks in one unit of the price, where they are whole numbers throughout."""
    inverse = np.rint(1.0 / ticks)
    decimal = (inverse >= 1.0) & (np.abs(inverse * ticks - 1.0) <= 1e-12)
    return np.asarray(inverse) if decimal.all() else None


def _on_tick(prices: Floats, ticks: Floats, inverse: Floats | None) -> Floats:
    """The nearest multiples of the ticks, one at least, as the nearest numbers to their decimals where a unit of the
    price is a whole number of ticks; ``inverse``: that number, where all ticks are such."""
    if inverse is None:
        steps, units = np.maximum(np.rint(prices / ticks), 1.0), np.maximum(np.rint(1.0 / ticks), 1.0)
        return np.where(np.abs(units * ticks - 1.0) <= 1e-12, steps / units, steps * ticks)
    return np.asarray(np.maximum(np.rint(prices * inverse), 1.0) / inverse)


def _ticks(instrument: Instrument, times: Integers) -> Floats:
    """The tick in force at each time."""
    starts, ticks = instrument.tick_arrays()
    return np.asarray(ticks[np.maximum(np.searchsorted(starts, times, "right") - 1, 0)])


def _funding(table: Any, calendar: Calendar, segments: Segments) -> Any:
    """A table of settlements in the order of the path."""
    _refuse_clocks(table, calendar)
    rows, of_segment = segments.rows_of(table.times, "right")
    shift = segments.shift[of_segment]
    times, known = table.times[rows] + shift, table.known_times[rows] + shift
    return replace(table, times=times, rates=table.rates[rows], intervals=table.intervals[rows], known_times=known)


def _refuse_clocks(table: Any, calendar: Calendar) -> None:
    """Raise DataError where settlements of two days could not stand side by side."""
    inside = (table.times > calendar.days[0]) & (table.times <= calendar.days[-1] + DAY)
    times, intervals = table.times[inside], table.intervals[inside]
    if not len(times):
        return
    odd = (DAY % intervals != 0) | (intervals != intervals[-1]) | ((times - times[-1]) % intervals != 0)
    if odd.any():
        row = int(odd.nonzero()[0][-1])
        clock = f"every {intervals[-1] / HOUR:g} h" if DAY % intervals[-1] == 0 else "a whole number of times a day"
        raise DataError(
            f"{table.source}: expected settlements on one clock, {clock} as at the end, so that days can be put in "
            f"another order; until {time_text(times[row])} they are every {intervals[row] / HOUR:g} h, or at other "
            "hours: begin the market after that (start)"
        )


def _beside(prices: Prices | None, segments: Segments, factors: Floats) -> Prices | None:
    """Mark or index prices at the level of the path. Where a block begins, the price that was in force then stands."""
    if prices is None:
        return None
    rows, of_segment = segments.rows_of(prices.times, "left")
    times, values = prices.times[rows] + segments.shift[of_segment], prices.prices[rows] * factors[of_segment]
    more_times, more_values = [], []
    for i in segments.splices():
        at = int(np.searchsorted(prices.times, segments.start[i], "left"))
        known = at < len(prices.times) and prices.times[at] == segments.start[i]
        if at and not known:
            more_times.append(int(segments.start[i] + segments.shift[i]))
            more_values.append(float(prices.prices[at - 1] * factors[i]))
    times = np.concatenate([times, np.array(more_times, np.int64)])
    values = np.concatenate([values, np.array(more_values, np.float64)])
    order = np.argsort(times, kind="stable")
    return Prices(times[order], values[order], prices.source)


def _by_itself(prices: Prices | None, segments: Segments) -> Prices | None:
    """The price of another thing, such as a settle currency, on a path of its own: the same days, its own level."""
    if prices is None:
        return None

    until = np.maximum(np.searchsorted(prices.times, segments.end[:-1], "left") - 1, 0)
    since = np.maximum(np.searchsorted(prices.times, segments.start[1:], "right") - 1, 0)
    steps = np.ones(len(segments))
    cut = segments.start[1:] != segments.end[:-1]
    steps[1:][cut] = prices.prices[until[cut]] / prices.prices[since[cut]]
    return _beside(prices, segments, np.asarray(np.cumprod(steps), np.float64))
