"""What a tape of quotes, books and trades holds: cut, joined, hashed and described whatever it was read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.engine import instruments, parquet
from halfspread.engine.codes import MAX_INSTRUMENTS
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import MINUTE, SECOND, time_text
from halfspread.errors import DataError, InstrumentError
from tests.engine.event_markets import EventMarket, event_market
from tests.engine.worlds import LINEAR, START, bars

ALL = ("books", "quotes", "trades", "bars")
MARKET = event_market(21, ALL)


def exact(table: Any) -> list[Any]:
    """Everything of a table that a replay uses."""
    local = getattr(table, "local_times", None)
    gaps = getattr(table, "gaps", ())
    return [table.times.tolist(), None if local is None else local.tolist(), table.rows.tobytes(), gaps]


def changed(kind: str, column: str, row: int, by: float) -> EventMarket:
    frame = MARKET.tables[kind] if isinstance(MARKET.tables[kind], pd.DataFrame) else pd.DataFrame(MARKET.tables[kind])
    frame = frame.copy()
    values = frame[column].to_numpy().copy()
    values[row] += by
    return replace(MARKET, tables={**MARKET.tables, kind: frame.assign(**{column: values})})


@pytest.mark.parametrize("block", [1, 7, 1_000])
@pytest.mark.parametrize("kinds", [("books",), ("quotes",), ("trades",), ALL])
def test_a_streamed_tape_has_the_hash_of_the_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: tuple[str, ...], block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    market = event_market(22, kinds)
    assert market.streamed(tmp_path).hash() == market.in_memory().hash()


def test_the_hash_tells_any_number_of_any_table_apart() -> None:
    hashes = [MARKET.in_memory().hash()]
    for kind, column, row, by in (
        ("books", "ts", -1, 1),
        ("books", "exch_ts", 0, -1),
        ("books", "ask_2", 5, 0.5),
        ("books", "bid_size_1", -1, 1.0),
        ("quotes", "ts", -1, 1),
        ("quotes", "bid", 0, -0.5),
        ("trades", "price", 7, 0.5),
        ("trades", "size", 7, 1),
        ("trades", "side", 7, 1 if MARKET.tables["trades"]["side"][7] < 1 else -1),
        ("bars", "volume", 2, 1.0),
    ):
        hashes.append(changed(kind, column, row, by).in_memory().hash())
    hashes.append(replace(MARKET, beside={}).in_memory().hash())
    hashes += [event_market(21, tuple(kind for kind in ALL if kind != left)).in_memory().hash() for left in ALL[1:]]
    hashes.append(replace(MARKET, instrument=instruments.linear("OTHER", lot=1.0, tick=0.5)).in_memory().hash())
    assert len(set(hashes)) == len(hashes) == 16


def test_the_hash_of_a_joined_tape_depends_on_each_part_and_their_order() -> None:
    one, two, three = (event_market(seed, ("quotes",), f"M{seed}").in_memory() for seed in (1, 2, 3))
    tapes = [Tape.join(one, two), Tape.join(two, one), Tape.join(one, three), one, Tape.join(one, two, three)]
    assert len({tape.hash() for tape in tapes}) == len(tapes)
    assert Tape.join(one).hash() == one.hash()


@pytest.mark.parametrize("kind", ["books", "quotes", "trades"])
@pytest.mark.parametrize(("start", "end"), [(None, 60), (60, None), (60, 120), (61, 121)])
def test_a_slice_holds_the_rows_from_start_to_end_by_exchange_time(
    tmp_path: Path, kind: str, start: int | None, end: int | None
) -> None:
    market = event_market(23, (kind,))
    terms = {name: START + second * SECOND for name, second in (("start", start), ("end", end)) if second is not None}
    frame = market.tables[kind]
    inside = (frame["exch_ts"] >= terms.get("start", 0)) & (frame["exch_ts"] <= terms.get("end", 10**19))
    expected = replace(market, tables={kind: frame[inside]}).in_memory()
    assert 0 < len(expected) < len(frame)
    for cut in (market.in_memory().slice(**terms), market.in_memory(**terms), market.streamed(tmp_path, **terms)):
        assert cut.hash() == expected.hash()
        assert (cut.start_ns, cut.end_ns) == (expected.start_ns, expected.end_ns)


def test_a_slice_cuts_all_tables_of_all_instruments_and_the_gaps_in_them() -> None:
    fmt = TableFormat(invalid="gap")
    frame = event_market(24, ("quotes",)).tables["quotes"]
    last_of_its_time = np.flatnonzero(np.diff(frame["exch_ts"]) > 0)
    frame.loc[last_of_its_time[[10, -20, -10]], "bid"] += 50.0  # crossed
    gappy = EventMarket(instruments.linear("GAPPY", lot=1.0, tick=0.5), {"quotes": frame}, fmt=fmt).in_memory()
    gaps = gappy.feeds[0].quotes.gaps  # type: ignore[union-attr]
    assert len(gaps) == 3
    start, end = gaps[0][1], gaps[1][0]
    whole = Tape.join(gappy, MARKET.in_memory())
    cut = whole.slice(start, end)
    assert cut.feeds[0].quotes.gaps == ((end, end + 1),)  # type: ignore[union-attr]
    assert (cut.feeds[0].start_ns, cut.feeds[0].end_ns) == (start, end)
    for feed, before in zip(cut.feeds, whole.feeds, strict=True):
        for kind in feed.kinds:
            table, uncut = feed.table(kind), before.table(kind)
            length = uncut.interval if kind == "bars" else 0
            here = (uncut.times >= start) & (uncut.times + length <= end)
            assert table.times.tolist() == uncut.times[here].tolist()
            assert table.rows.tobytes() == uncut.rows[here].tobytes()
            assert len(table.times)


@pytest.mark.parametrize("kind", ["books", "quotes", "trades"])
@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_a_cut_of_a_table_with_faults_is_the_same_however_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, block: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    market = event_market(26, (kind,))
    frame = market.tables[kind].copy()
    frame.loc[[0, 1, 30, 31, 32, 60, 90, 91, 118, 119], next(n for n in ("bid_1", "bid", "price") if n in frame)] = -1.0
    market = replace(market, tables={kind: frame}, fmt=TableFormat(invalid="gap"))
    times = frame["exch_ts"].tolist()
    for first, last in ((None, None), (31, None), (None, 91), (1, 118), (30, 60), (0, 119)):
        terms = {"start": None if first is None else times[first], "end": None if last is None else times[last]}
        cut, streamed = market.in_memory(**terms), market.streamed(tmp_path, **terms)
        sliced = market.in_memory().slice(**terms)
        assert cut.hash() == streamed.hash() == sliced.hash()
        assert (cut.start_ns, cut.end_ns) == (streamed.start_ns, streamed.end_ns) == (sliced.start_ns, sliced.end_ns)
        assert cut.feeds[0].table(kind).counts == streamed.feeds[0].table(kind).counts
        assert cut.feeds[0].table(kind).counts["invalid_rows"] > 0
        assert cut.feeds[0].table(kind).gaps == sliced.feeds[0].table(kind).gaps


def test_the_hash_tells_gaps_and_the_rows_that_made_them_apart() -> None:
    fmt = TableFormat(invalid="gap")
    frame = pd.DataFrame({"ts": START + SECOND * np.arange(10), "bid": 100.0, "ask": 101.0})
    hashes = []
    for bad in ([], [5], [6], [0], [9]):
        faulty = frame.copy()
        faulty.loc[bad, "bid"] = -1.0
        faulty = faulty.drop(index=[i for i in (0, 5, 6, 9) if i not in bad])  # the same good rows each time
        hashes.append(EventMarket(LINEAR, {"quotes": faulty}, fmt=fmt).in_memory().hash())
    hashes.append(EventMarket(LINEAR, {"quotes": frame}, {"gaps": [(START, START + 1)]}).in_memory().hash())
    hashes.append(EventMarket(LINEAR, {"quotes": frame}).in_memory().hash())
    assert len(set(hashes)) == len(hashes)


def test_a_slice_without_rows_names_the_table_and_what_there_is() -> None:
    tape = event_market(25, ("trades",)).in_memory()
    with pytest.raises(DataError, match=r"no trades from 2024-01-02 00:00:00 UTC to the end; there are trades from"):
        tape.slice("2024-01-02")


def test_a_streamed_tape_is_cut_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"start= and end= of Tape\.scan_bars or Tape\.scan"):
        event_market(25, ("trades",)).streamed(tmp_path).slice("2024-01-01")


def test_a_joined_tape_spans_its_parts_and_keeps_their_order() -> None:
    one, two = event_market(26, ("quotes",), "ONE").in_memory(), event_market(27, ALL, "TWO").in_memory()
    tape = Tape.join(one, two)
    assert tape.instruments == (one.instrument, two.instrument)
    assert tape.instrument is one.instrument
    assert len(tape) == len(one) + len(two)
    assert (tape.start_ns, tape.end_ns) == (min(one.start_ns, two.start_ns), max(one.end_ns, two.end_ns))
    assert [feed.market for feed in tape.feeds] == ["quotes", "books"]
    assert tape.origin["ONE quotes"] == tape.origin["TWO books"] == "DataFrame"
    assert Tape.join(Tape.join(one), two).hash() == tape.hash()


def test_what_cannot_be_joined_is_refused() -> None:
    one = event_market(26, ("quotes",), "ONE").in_memory()
    with pytest.raises(DataError, match="ONE is there 2 times"):
        Tape.join(one, event_market(27, ("trades",), "ONE").in_memory())
    with pytest.raises(DataError, match=f"expected 1 to {MAX_INSTRUMENTS} instruments, got 0"):
        Tape.join()
    many = [event_market(1, ("trades",), f"M{i}", count=2).in_memory() for i in range(MAX_INSTRUMENTS + 1)]
    with pytest.raises(DataError, match=f"expected 1 to {MAX_INSTRUMENTS} instruments, got {MAX_INSTRUMENTS + 1}"):
        Tape.join(*many)


def test_a_tape_says_what_it_holds() -> None:
    tape = Tape.join(MARKET.in_memory(), event_market(3, ("trades",), "TWO", count=1_500).in_memory())
    assert repr(tape) == (
        "<Tape UNIT 11 bars of 1m, 120 trades, 120 quotes, 120 book snapshots of 2 levels; TWO 1,500 trades, "
        f"{time_text(tape.start_ns)} to {time_text(tape.end_ns)}>"
    )
    one = EventMarket(LINEAR, event_market(4, ("books",), levels=1).tables).in_memory()
    assert one.feeds[0].describe() == "120 book snapshots of 1 level"


@pytest.mark.parametrize(
    ("kinds", "market", "first"),
    [(ALL, "books", "books"), (("quotes", "trades"), "quotes", "quotes"), (("trades", "bars"), "trades", "trades")],
)
def test_the_finest_table_is_the_market(tmp_path: Path, kinds: tuple[str, ...], market: str, first: str) -> None:
    made = event_market(28, kinds)
    row = made.tables[first].iloc[0]
    price = row["price"] if first == "trades" else (row.filter(regex="^bid(_1)?$") + 0).iloc[0] / 2
    if first != "trades":
        price += row.filter(regex="^ask(_1)?$").iloc[0] / 2
    for tape in (made.in_memory(), made.streamed(tmp_path)):
        assert tape.feeds[0].market == market
        assert tape.feeds[0].first_price == price
        assert tape.streamed == tape.feeds[0].streamed


def test_trades_that_are_not_those_of_the_book_are_refused() -> None:
    tables = {**MARKET.tables, "trades": MARKET.tables["trades"].assign(price=300.0)}
    with pytest.raises(DataError, match="are they of one instrument"):
        replace(MARKET, tables=tables).in_memory()


def test_tables_of_one_capture_are_shifted_by_one_clock(tmp_path: Path) -> None:
    fmt = TableFormat(clock="shift")
    times = START + SECOND * np.arange(4)
    quotes = pd.DataFrame({"ts": times - 2 * SECOND, "exch_ts": times, "bid": 100.0, "ask": 101.0})
    trades = pd.DataFrame({"ts": times - 5 * SECOND, "exch_ts": times, "price": 100.0, "size": 1.0, "side": 1})
    market = EventMarket(LINEAR, {"quotes": quotes, "trades": trades}, fmt=fmt)
    for tape in (market.in_memory(), market.streamed(tmp_path)):
        feed = tape.feeds[0]
        seen = {kind: next(feed.blocks(kind)).local_times for kind in ("quotes", "trades")}
        assert seen["quotes"] is not None
        assert seen["trades"] is not None
        assert (seen["trades"] - times).tolist() == [0] * 4
        assert (seen["quotes"] - times).tolist() == [3 * SECOND] * 4


@pytest.mark.parametrize(
    "make",
    [
        Tape.from_bars,
        Tape.from_books,
        Tape.from_quotes,
        Tape.from_trades,
        lambda table, instrument: Tape.scan(instrument, bars=table),
        lambda table, instrument: Tape.scan_bars("bars.parquet", instrument),
    ],
)
def test_a_tape_needs_an_instrument_and_a_table(make: Callable[[Any, Any], Tape]) -> None:
    with pytest.raises(InstrumentError, match=r"instrument: expected one such as .*, got str 'UNIT'"):
        make(None, "UNIT")
    with pytest.raises(DataError):
        make(None, LINEAR)


def test_bars_beside_books_are_read_with_their_own_terms() -> None:
    frame = pd.DataFrame(bars([100.0, 101.0, 102.0], interval=MINUTE)).assign(signal=[1.0, 2.0, 3.0])
    books = event_market(29, ("books",)).tables["books"]
    tape = Tape.from_books(books, LINEAR, bars=frame, interval="1m", extra=("signal",))
    assert tape.columns[-1] == "signal"
    assert exact(tape.bars)[0] == frame["ts"].tolist()
    before = books[books["exch_ts"] <= START + MINUTE]
    with pytest.raises(DataError, match="reaches into the gap"):
        Tape.from_books(before, LINEAR, bars=frame, interval="1m", gaps=[(START + MINUTE, START + 2 * MINUTE)])
