"""Find the other series of a contract, and hold a series against them, day by day or month by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from halfspread.datafeeds.quality.compare_mark import MarkComparison
from halfspread.datafeeds.quality.compare_quotes import QuoteComparison, TradePlaces
from halfspread.datafeeds.quality.compare_trades import FIELDS, TradeComparison
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.jumps import Confirm
from halfspread.datafeeds.quality.places import many
from halfspread.datafeeds.quality.reading import block_of, blocks, subject_of
from halfspread.datafeeds.quality.replayed import replay
from halfspread.datafeeds.quality.subject import Block, Subject
from halfspread.datafeeds.quality.trade_bars import Bars, TradeBars
from halfspread.datafeeds.store.kinds import kind_of
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.spans import shared, united
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, Floats, Integers

__all__ = ["Compared", "compare", "confirm_by", "others"]


@dataclass(frozen=True)
class Compared:
    """What a series was held against, in words, and what was found."""

    what: str
    found: tuple[Finding, ...]


def others(store: Store, series: Series, family: str) -> list[Series]:
    """Series of the same contract of a family (``mark``, ``books``, ``trades``), the shortest interval first."""
    same = [one for one in store.series() if (one.venue, one.symbol) == (series.venue, series.symbol)]
    found = [one for one in same if one.kind == family or one.kind.rpartition("_")[0] == family]
    return sorted(found, key=lambda one: (kind_of(one.kind).interval, one.kind))


def confirm_by(store: Store, subject: Subject) -> tuple[Confirm | None, str]:
    """A function that gives low and high of another price in a span, and whose: the mark bars of the shortest interval
    that is not longer than the series' own, or trades where there are none; None without either."""
    marks = [one for one in others(store, subject.series, "mark") if one.of_kind.interval <= subject.interval]
    trades = others(store, subject.series, "trades")
    if subject.family != "bars" or not (marks or trades):
        return None, ""
    series = marks[0] if marks else trades[0]
    low, high = ("low", "high") if marks else ("price", "price")

    def confirm(start: int, end: int) -> tuple[float, float] | None:
        table = store.read(series, start, end, list(dict.fromkeys(["ts", low, high])))
        if not table.num_rows:
            return None
        block = block_of(table)
        return float(block.number(low).min()), float(block.number(high).max())

    return confirm, "the mark price" if marks else "the trades"


def compare(store: Store, subject: Subject) -> list[Compared]:
    """Hold a series against the trades, mark price, books and quotes that the store has of its contract; book
    updates are played back."""
    found: list[Compared | None] = []
    if subject.family == "bars":
        found += [_trades(store, subject, one) for one in others(store, subject.series, "trades")]
        found += [_mark(store, subject, one) for one in others(store, subject.series, "mark")[:1]]
    if subject.family == "book_updates":
        what, findings = replay(store, subject)
        found.append(Compared(what, tuple(findings)))
    if subject.family == "quotes":
        found += [_quotes(store, subject, one) for one in others(store, subject.series, "books")[:1]]
    if subject.family == "trades":
        found += [_places(store, subject, one) for one in others(store, subject.series, "quotes")]
    return [each for each in found if each is not None]


def _trades(store: Store, subject: Subject, series: Series) -> Compared | None:
    """Bars against trades, over the bars that lie in what is covered of both."""
    trades = subject_of(store, series, subject.start, subject.end)
    if trades is None:
        return None
    length = subject.interval
    comparison = TradeComparison(subject)
    for start, end in shared(trades.covered, united(subject.covered) or ((subject.start, subject.end),)):
        first, last = start + -start % length, end - end % length
        if first < last:
            _rebuild(store, subject, series, comparison, first, last)
    if not comparison.bars:
        return None
    return Compared(f"{many(comparison.bars, 'bar')} held against {series.kind}", tuple(comparison.findings()))


def _rebuild(
    store: Store, subject: Subject, series: Series, comparison: TradeComparison, first: int, last: int
) -> None:
    names = ["ts", "exch_ts", "price", "size"]
    maker = TradeBars(subject.interval, subject.instrument)
    for start in range(first - first % DAY, last, DAY):
        since, until = max(start, first), min(start + DAY, last)
        table = store.read(subject.series, since, until)
        if not table.num_rows:
            continue
        bars = block_of(table)
        made: list[Bars] = []
        for block in blocks(store, series, since, until, names):
            made.append(maker.add(*_in_order(block)))
        made.append(maker.finish())
        built = {name: np.concatenate([each[name] for each in made]) for name in made[0]}
        stored = {name: values for name in FIELDS if (values := bars.get(name)) is not None}
        comparison.add(bars.ts, stored, built)


def _in_order(block: Block) -> tuple[Integers, Floats, Floats]:
    """Trades in order of exchange time."""
    exchange = block.get("exch_ts")
    ts = block.ts if exchange is None else np.where(exchange > 0, exchange, block.ts).astype(np.int64)
    order = np.argsort(ts, kind="stable")
    return ts[order], block.number("price")[order], block.number("size")[order]


def _mark(store: Store, subject: Subject, series: Series) -> Compared | None:
    mark = subject_of(store, series, subject.start, subject.end)
    if mark is None:
        return None
    comparison = MarkComparison(subject, mark)
    pairs = 0
    for block in blocks(store, subject.series, subject.start, subject.end, ["ts", "close"]):
        first, last = int(block.ts[0]), int(block.ts[-1]) + subject.interval
        table = store.read(series, first + subject.interval - mark.interval, last, ["ts", "close"])
        if not table.num_rows:
            continue
        other = block_of(table)
        closes, marks = block.ts + subject.interval, other.ts + mark.interval
        common, a, b = np.intersect1d(closes, marks, assume_unique=True, return_indices=True)
        comparison.add(common, block.number("close")[a], other.number("close")[b])
        pairs += len(common)
    return (
        Compared(f"{many(pairs, 'close')} held against {series.kind}", tuple(comparison.findings())) if pairs else None
    )


def _days(subject: Subject) -> Iterator[tuple[int, int]]:
    for start in range(subject.start - subject.start % DAY, subject.end, DAY):
        yield max(start, subject.start), min(start + DAY, subject.end)


def _quotes(store: Store, subject: Subject, series: Series) -> Compared | None:
    books = subject_of(store, series, subject.start, subject.end)
    if books is None:
        return None
    comparison, rows = QuoteComparison(subject, books), 0
    for start, end in _days(subject):
        quotes, tops = (
            store.read(one, start, end, ["ts", *names])
            for one, names in ((subject.series, ("bid", "ask")), (series, ("bid_1", "ask_1")))
        )
        if quotes.num_rows and tops.num_rows:
            a, b = block_of(quotes), block_of(tops)
            comparison.add(a.ts, _pair(a, "bid", "ask"), b.ts, _pair(b, "bid_1", "ask_1"))
            rows += len(a)
    return Compared(f"{many(rows, 'quote')} held against {series.kind}", tuple(comparison.findings())) if rows else None


def _places(store: Store, subject: Subject, series: Series) -> Compared | None:
    quotes = subject_of(store, series, subject.start, subject.end)
    if quotes is None:
        return None
    comparison, rows = TradePlaces(subject, quotes), 0
    for start, end in _days(subject):
        trades, tops = (
            store.read(one, start, end, ["ts", *names])
            for one, names in ((subject.series, ("price",)), (series, ("bid", "ask")))
        )
        if trades.num_rows and tops.num_rows:
            a, b = block_of(trades), block_of(tops)
            comparison.add(a.ts, a.number("price"), b.ts, _pair(b, "bid", "ask"))
            rows += len(a)
    return Compared(f"{many(rows, 'trade')} held against {series.kind}", tuple(comparison.findings())) if rows else None


def _pair(block: Block, *names: str) -> Floats:
    return np.column_stack([block.number(name) for name in names])
