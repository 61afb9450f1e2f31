"""What is fetched of BitMEX is what the market was: through REST and through daily files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.datafeeds.bitmex import client as client_module
from halfspread.datafeeds.bitmex.instruments import contracts
from halfspread.datafeeds.fake_exchange import FakeContract, FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.fake_exchange.files import PublicFiles
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.bars import Bars
from halfspread.engine.instruments import bitmex
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR, MINUTE, parse_time
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.bitmex.conftest import Fetch

ALL = ("instrument", "funding", "bars_1m", "bars_1h", "trades", "quotes")


def series(kind: str, symbol: str = "XBTUSD") -> Series:
    return Series("bitmex", symbol, kind)


@pytest.mark.parametrize("dumps", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
def test_all_that_is_fetched_is_the_truth(
    bring: Fetch, market: GeneratedMarket, store: Store, dumps: bool, inclusive: bool
) -> None:
    with FakeExchange(market, end_inclusive=inclusive) as venue:
        fetched = bring(venue, ALL, dumps=dumps, end=market.end - (0 if dumps else HOUR))
    end = market.end if dumps else market.end - HOUR
    assert fetched.error is None
    for kind in ALL[1:]:
        assert store.read(series(kind)).equals(market.truth(kind, end=end, symbol="XBTUSD")), kind
        assert store.covered(series(kind)) == ((market.start, end),), kind
    document = store.document("bitmex", "XBTUSD", "instrument")
    assert document is not None
    assert document.content["tickSize"] == 0.5


def test_wire_to_store_to_tape_to_bars_is_an_identity(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("bars_1m", "funding", "trades"), dumps=True)
    truth = market.truth("bars_1m", symbol="XBTUSD").to_pandas()
    tape = Tape.from_bars(
        store.files(series("bars_1m"))[0], bitmex("XBTUSD"), interval="1m", funding=store.files(series("funding"))[0]
    )
    bars = tape.bars
    assert isinstance(bars, Bars)
    assert np.array_equal(bars.times, truth["ts"].astype("int64"))
    assert np.array_equal(bars.rows[:, :5], truth[["open", "high", "low", "close", "volume"]])
    trades = store.read(series("trades")).to_pandas()
    rebuilt = bars_from_trades(trades, interval="1m", end=market.end)
    skipped = len(truth) - len(rebuilt)
    for name in ("close", "volume"):
        assert np.array_equal(rebuilt[name], truth[name].iloc[skipped:]), name
    busy = (truth["trades"].iloc[skipped:] > 0).to_numpy()
    for name in ("high", "low"):
        assert np.array_equal(rebuilt[name][busy], truth[name].iloc[skipped:][busy]), name


def test_a_second_fetch_asks_for_nothing(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("bars_1m", "funding"))
        asked = len(venue.log)
        again = bring(venue, ("bars_1m", "funding"))
        assert len(venue.log) == asked
        replaced = bring(venue, ("bars_1m",), replace=True)
    assert [part.rows for part in again.parts] == [0, 0]
    assert replaced.parts[0].rows + replaced.parts[0].same == 2 * 1440
    assert store.read(series("bars_1m")).equals(market.truth("bars_1m", symbol="XBTUSD"))


def test_a_fetch_that_breaks_off_goes_on_where_it_was(
    bring: Fetch, market: GeneratedMarket, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MANY", 102)
    failing = Faults(schedule=dict.fromkeys(range(10, 100), "503"), repeat=None)
    with FakeExchange(market, failing) as venue:
        broken = bring(venue, ("bars_1m",))
    assert "overloaded" in str(broken.error)
    covered = store.covered(series("bars_1m"))
    assert covered == ((market.start, market.start + 900 * MINUTE),)
    with FakeExchange(market) as venue:
        fetched = bring(venue, ("bars_1m",))
        assert "2024-01-01T15%3A01" in venue.log[0].address
    assert fetched.parts[0].same == 0
    assert store.read(series("bars_1m")).equals(market.truth("bars_1m", symbol="XBTUSD"))


def test_unfinished_bars_and_rows_to_come_are_not_covered(market: GeneratedMarket, store: Store, bring: Fetch) -> None:
    now = market.start + 30 * HOUR + 30 * MINUTE + 17_000_000_000
    with FakeExchange(market, now=now) as venue:
        fetched = bring(venue, ("bars_1h", "bars_1m", "funding"))
    assert store.covered(series("bars_1h"))[-1][1] == market.start + 30 * HOUR
    assert store.covered(series("bars_1m"))[-1][1] == market.start + 30 * HOUR + 30 * MINUTE
    assert all("not there yet" in part.told[0] for part in fetched.parts)
    with FakeExchange(market) as venue:
        bring(venue, ("bars_1h", "bars_1m", "funding"))
    for kind in ("bars_1h", "bars_1m", "funding"):
        assert store.read(series(kind)).equals(market.truth(kind, symbol="XBTUSD"))


def test_bars_before_the_launch_and_in_a_hole_are_named_gaps(store: Store, bring: Fetch) -> None:
    start = parse_time("2024-01-01")
    hole = (start + 30 * HOUR, start + 31 * HOUR)
    contract = FakeContract(
        "bitmex", "XBTUSD", "inverse", "XBT", "USD", (5, 1), (100, 0), launch=start + DAY, holes=(hole,)
    )
    market = GeneratedMarket(days=2, contracts=(contract,))
    with FakeExchange(market) as venue:
        fetched = bring(venue, ("bars_1m",), start=start - 400 * DAY)
        assert len(venue.log) < 12  # years without rows are jumped over
    assert store.read(series("bars_1m")).equals(market.truth("bars_1m", symbol="XBTUSD"))
    gaps = [(gap.start, gap.end) for gap in store.gaps(series("bars_1m"))]
    assert gaps == [(start - 400 * DAY, start + DAY), hole]
    assert [hole.reason for hole in fetched.parts[0].holes] == ["the server has no bars of 1m there"] * 2


def test_an_outage_is_minutes_without_trades_not_a_gap(store: Store, bring: Fetch) -> None:
    start = parse_time("2024-01-01")
    contract = FakeContract(
        "bitmex", "XBTUSD", "inverse", "XBT", "USD", (5, 1), (100, 0), outages=((start + HOUR, start + 3 * HOUR),)
    )
    market = GeneratedMarket(days=1, contracts=(contract,))
    with FakeExchange(market) as venue:
        bring(venue, ("bars_1m",), end=market.end)
    bars = store.read(series("bars_1m"), start + HOUR, start + 3 * HOUR).to_pandas()
    assert len(bars) == 120
    assert bars["volume"].eq(0).all()
    assert bars["vwap"].isna().all()
    assert store.gaps(series("bars_1m")) == ()


def test_many_trades_of_one_millisecond_lose_none(bring: Fetch, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MANY", 3)
    busy = GeneratedMarket(seed=2, days=1, trades_per_minute=1.0, quotes_per_minute=0.2)
    events = busy.events("XBTUSD", 0)
    events.ts[20:40] = events.ts[20]
    events.ts[41:43] = events.ts[40]
    with FakeExchange(busy) as venue:
        bring(venue, ("trades",), start=busy.start, end=busy.start + 2 * HOUR)
    truth = busy.truth("trades", end=busy.start + 2 * HOUR, symbol="XBTUSD")
    assert store.read(series("trades")).equals(truth)


def test_days_without_a_file_are_named_gaps_and_days_without_rows_are_none(bring: Fetch, store: Store) -> None:
    june = GeneratedMarket(days=4, start="2026-06-09", quotes_per_minute=0.2, trades_per_minute=0.2)
    files = PublicFiles(june, missing=("2026-06-10",), empty=("2026-06-11",))
    with FakeExchange(june, files=files) as venue:
        fetched = bring(venue, ("trades",), dumps=True, start=june.start, end=june.end, clock=ManualClock(june.end))
    assert fetched.error is None
    (gap,) = store.gaps(series("trades"))
    assert (gap.start, gap.end) == (june.start + DAY, june.start + 2 * DAY)
    assert gap.reason == "BitMEX has no daily file of trades of 2026-06-10; several days of June 2026 are missing"
    assert store.covered(series("trades")) == ((june.start, gap.start), (gap.end, june.end))
    assert any("two liquidity pools" in text for text in fetched.warnings)
    assert "two liquidity pools" in store.summary(series("trades")).sources[0].notes[0]
    first = june.truth("trades", end=june.start + DAY, symbol="XBTUSD")
    assert store.read(series("trades"), end=june.start + 3 * DAY).equals(first)


def test_rows_that_name_a_pool_are_warned_of(bring: Fetch, store: Store) -> None:
    may = GeneratedMarket(days=1, start="2026-05-01", quotes_per_minute=0.2, trades_per_minute=0.2)
    with FakeExchange(may) as venue:
        fetched = bring(venue, ("trades",), start=may.start, end=may.end, clock=ManualClock(may.end))
    assert any("two liquidity pools" in text for text in fetched.warnings)


def test_a_server_without_files_is_an_error_and_no_gap(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market) as venue:
        fetched = bring(venue, ("trades",), dumps=True, start=market.start - 5 * DAY, end=market.start)
        assert fetched.parts[0].holes  # others are there: a gap
    files = PublicFiles(market, missing=("2024-01-01", "2024-01-02"))
    with FakeExchange(market, files=files) as venue:
        fetched = bring(venue, ("quotes",), dumps=True)
    assert "BitMEX closed on 2026-09-23" in str(fetched.error)
    assert store.covered(series("quotes")) == ()


def test_the_limit_of_the_server_is_kept(bring: Fetch, market: GeneratedMarket, clock: ManualClock) -> None:
    with FakeExchange(market, requests_per_second=2, now=clock.now) as venue:
        fetched = bring(venue, ("bars_1m", "bars_5m", "funding"), per_second=50.0)
        refused = sum(entry.status == 429 for entry in venue.log)
    assert fetched.error is None
    assert refused <= 2


def test_kinds_and_intervals_that_are_not_there_are_refused_first(bring: Fetch, market: GeneratedMarket) -> None:
    with FakeExchange(market) as venue:
        with pytest.raises(ConfigError, match="expected bars of 1m, 5m, 1h, 1d, which the venue makes, got bars_15m"):
            bring(venue, ("bars_15m",))
        with pytest.raises(ConfigError, match="got liquidations"):  # there is no history of them
            bring(venue, ("liquidations",))
        assert venue.log == []


def test_a_symbol_that_no_file_knows_is_told(bring: Fetch, market: GeneratedMarket) -> None:
    with FakeExchange(market) as venue:
        fetched = bring(venue, ("trades",), dumps=True, symbol="BTCUSD")
        with pytest.raises(DataError, match="no contract is called 'BTCUSD'; BitMEX writes XBT"):
            bring(venue, ("bars_1h",), symbol="BTCUSD")
    assert "rows have none of BTCUSD; is this its name? BitMEX writes XBT for bitcoin" in fetched.warnings[0]


@pytest.mark.parametrize("dumps", [False, True])
def test_two_fetches_of_one_range_at_once_do_no_harm(
    bring: Fetch, market: GeneratedMarket, store: Store, dumps: bool
) -> None:
    kinds, end = ("bars_1h", "trades"), market.end - (0 if dumps else HOUR)
    with FakeExchange(market) as venue, ThreadPoolExecutor(2) as pool:
        both = [pool.submit(bring, venue, kinds, dumps=dumps, end=end) for _ in range(2)]
        assert [one.result().error for one in both] == [None, None]
    for kind in kinds:
        assert store.read(series(kind)).equals(market.truth(kind, end=end, symbol="XBTUSD")), kind


def test_dated_documents_make_the_contract_of_each_era(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    for now in (market.end - DAY, market.end - HOUR):  # prices have changed between, the rules have not
        with FakeExchange(market, now=now) as venue:
            fetched = bring(venue, ("instrument",), clock=ManualClock(now))
    assert (fetched.parts[0].rows, fetched.parts[0].same) == (0, 1)
    documents = store.documents("bitmex", "XBTUSD", "instrument")
    ((since, one),) = contracts((document.time, document.content) for document in documents)
    assert since == market.end - DAY
    assert (one.kind, one.tick, one.lot, one.multiplier) == ("inverse", 0.5, 100.0, 1.0)
