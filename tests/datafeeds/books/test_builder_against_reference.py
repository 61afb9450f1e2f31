"""The compiled builder gives what a book in plain Python gives, whatever the venue, the faults and the cuts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.books.builder import BookBuilder, Built, joined
from tests.datafeeds.books.reference_book import DELETE, INSERT, SET, SNAPSHOT, UPDATE, ReferenceBook, Row

NAMES = (
    *("ts", "exch_ts", "message", "action", "side", "price", "size"),
    *("id", "first_sequence", "sequence", "previous_sequence"),
)
NULL = -(2**63)
LEVELS = 3
T0 = 1_700_000_000_000_000_000


class Market:
    """A venue that sends true messages, to which faults are then done."""

    def __init__(self, style: str, draw: Any) -> None:
        self.style, self.draw = style, draw
        self.sides: dict[int, dict[float, float]] = {1: {99.5: 1.0, 98.5: 2.0}, -1: {100.5: 1.0, 101.5: 2.0}}
        self.sequence = draw(st.sampled_from((0, 10)))
        self.rows: list[Row] = []
        self.number = 0

    def price(self, side: int) -> float:
        return 100.0 - side * 0.5 * int(self.draw(st.integers(1, 6)))

    def size(self) -> float:
        return float(self.draw(st.integers(1, 3)))

    def send(self, rows: list[Row], **more: Any) -> None:
        self.number += 1
        ts = T0 + 7 * self.number
        rows = rows or [{"action": more.pop("empty"), "side": 0, "price": math.nan, "size": math.nan}]
        more.pop("empty", None)
        self.rows += [{"ts": ts, "exch_ts": ts - 3, "message": self.number, **row, **more} for row in rows]

    def level(self, action: int, side: int, price: float, size: float) -> Row:
        row: Row = {"action": action, "side": side, "price": price, "size": size}
        if self.style == "bitmex":
            row["id"] = int(10_000 - 2 * price)
            if action == DELETE or (action == UPDATE and self.draw(st.booleans())):
                row["price"] = math.nan
        return row

    def snapshot(self, late: int = 0) -> None:
        rows = [self.level(SNAPSHOT, side, *level) for side in (1, -1) for level in self.sides[side].items()]
        numbered = {} if self.style in ("bitmex", "tardis") else {"sequence": self.sequence - late}
        self.send(rows, empty=SNAPSHOT, **numbered)

    def change(self) -> None:
        rows = []
        for _ in range(self.draw(st.integers(0, 4))):
            side = self.draw(st.sampled_from((1, -1)))
            levels, price, size = self.sides[side], self.price(side), self.size()
            if self.draw(st.integers(0, 2)) == 0:
                found = price in levels
                levels.pop(price, None)
                if self.style != "bitmex":
                    rows.append(self.level(SET, side, price, 0.0))
                elif found:
                    rows.append(self.level(DELETE, side, price, math.nan))
                continue
            by_id = UPDATE if price in levels else INSERT
            levels[price] = size
            rows.append(self.level(by_id if self.style == "bitmex" else SET, side, price, size))
        if not rows and self.style in ("bitmex", "tardis"):
            return
        before, self.sequence = self.sequence, self.sequence + (3 if self.style == "binance" else 1)
        numbers = {"bybit": {"sequence": self.sequence}, "spot": {"first_sequence": before + 1}}.get(self.style, {})
        if self.style in ("binance", "spot"):
            numbers |= {"sequence": self.sequence, "first_sequence": before + 1}
        if self.style == "binance":
            numbers["previous_sequence"] = before
        self.send(rows, empty=SET, **numbers)


FAULTS = ("lose", "again", "swap", "price", "size", "cross", "side", "name", "time")


def spoil(rows: list[Row], fault: str, at: int) -> list[Row]:
    """The rows with one thing wrong."""
    messages = [list(group) for _, group in groupby(rows, lambda row: row["message"])]
    at %= len(messages)
    row = messages[at][0]
    if fault == "lose":
        del messages[at]
    elif fault == "again":
        messages.insert(at, [{**row, "message": row["message"] + 1_000_000} for row in messages[at]])
    elif fault == "swap":
        messages.insert(max(at - 1, 0), messages.pop(at))
    elif fault == "price":
        row["price"] = (math.nan, math.inf, -1.0, 0.0)[at % 4]
    elif fault == "size":
        row["size"] = (math.nan, math.inf, -1.0, 0.0)[at % 4]
    elif fault == "cross":
        row["price"] = 100.0 + 0.5 * row["side"]
    elif fault == "side":
        row["side"] = -row["side"]
    elif fault == "name":
        row["id"] = 77
    elif fault == "time":
        row["exch_ts"] = None
    return [row for message in messages for row in message]


@st.composite
def streams(draw: Any) -> list[Row]:
    market = Market(draw(st.sampled_from(("bybit", "bitmex", "binance", "spot", "tardis"))), draw)
    for what in draw(st.sampled_from(("s", "cs", "ccl", "ccs", ""))) + draw(st.text("ccccccccsl", max_size=25)):
        if what == "c":
            market.change()
        else:
            market.snapshot(late=draw(st.integers(0, 4)) if what == "l" else 0)
    rows = market.rows
    for _ in range(draw(st.integers(0, 3))):
        if rows:
            rows = spoil(rows, draw(st.sampled_from(FAULTS)), draw(st.integers(0, 40)))
    return rows


def table(rows: list[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in NAMES:
        values = [row.get(name) for row in rows]
        if name in ("price", "size"):
            found[name] = np.array(values, np.float64)
        else:
            kind = np.int8 if name in ("action", "side") else np.int64
            found[name] = np.array([NULL if value is None else value for value in values], kind)
    return found


def cut(rows: list[Row], places: list[int]) -> Iterator[dict[str, Any]]:
    edges = sorted({0, len(rows), *(place % (len(rows) + 1) for place in places)})
    for start, end in pairwise(edges):
        yield table(rows[start:end])


def built(rows: list[Row], places: list[int], levels: int = LEVELS, **options: Any) -> Built:
    builder = BookBuilder(levels, **options)
    return joined(iter([*(builder.feed(block) for block in cut(rows, places)), builder.finish()]))


def reference(rows: list[Row]) -> ReferenceBook:
    book = ReferenceBook()
    for _, group in groupby(rows, lambda row: row["message"]):
        book.message(list(group))
    book.finish()
    return book


def levels_of(row: Any) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """(bids, asks) that a row shows."""
    pairs = row.reshape(-1, 2, 2)
    shown = [[(float(p), float(s)) for p, s in pairs[:, side] if not math.isnan(p)] for side in (0, 1)]
    return shown[0], shown[1]


def check_equal(found: Built, expected: ReferenceBook) -> None:
    assert len(found) == len(expected.shown)
    for row, (_, _, bids, asks) in zip(found.rows, expected.shown, strict=True):
        assert levels_of(row) == (bids[: found.levels], asks[: found.levels])
        empty = np.isnan(row[0::2])
        assert (row[1::2][empty] == 0.0).all()
    times = found.times if found.local is None else found.local
    assert times.tolist() == np.maximum.accumulate([ts for ts, *_ in expected.shown]).tolist() if len(found) else True
    assert [(gap.start, gap.end) for gap in found.gaps] == [(start, end) for start, end, _ in expected.gaps]
    for gap, (_, _, reason) in zip(found.gaps, expected.gaps, strict=True):
        assert gap.reason.startswith(reason)


@pytest.mark.fuzz
@given(streams(), st.lists(st.integers(0, 100), max_size=5))
def test_any_stream_gives_the_books_and_gaps_of_the_reference(rows: list[Row], places: list[int]) -> None:
    check_equal(built(rows, places), reference(rows))


@pytest.mark.fuzz
@given(streams(), st.lists(st.integers(0, 100), max_size=5), st.sampled_from((None, 10, 50)), st.booleans())
def test_cuts_do_not_change_a_bit(rows: list[Row], places: list[int], every: int | None, changes: bool) -> None:
    one = built(rows, [], every=every, changes=changes)
    other = built(rows, places, every=every, changes=changes)
    assert one.rows.tobytes() == other.rows.tobytes()
    assert one.times.tobytes() == other.times.tobytes()
    assert (one.gaps, one.counts) == (other.gaps, other.counts)


@pytest.mark.fuzz
@given(streams(), st.sampled_from((10, 50)))
def test_a_slower_pace_gives_some_of_the_same_snapshots(rows: list[Row], every: int) -> None:
    everything, slower = built(rows, []), built(rows, [], every=every)
    known = {(int(t), row.tobytes()) for t, row in zip(everything.times, everything.rows, strict=True)}
    assert {(int(t), row.tobytes()) for t, row in zip(slower.times, slower.rows, strict=True)} <= known
    times = slower.times if slower.local is None else slower.local
    assert len(set((times // every).tolist())) == len(slower)
    assert slower.gaps == everything.gaps


@pytest.mark.fuzz
@given(streams())
def test_every_book_is_sorted_and_not_crossed(rows: list[Row]) -> None:
    for row in built(rows, []).rows:
        bids, asks = levels_of(row)
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0][0] < asks[0][0]
        assert min(size for _, size in bids + asks) > 0
