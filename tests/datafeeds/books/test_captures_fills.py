"""On every capture: no fill at a price, or of a size, that the market did not show. And on one of them: the fills of
another simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from benchmarks.capture_agents import TimedMaker, TimedTaker, books_of, tape_of, trades_of
from benchmarks.hftbacktest_cases import LEVELS, STEM, cases, trade
from benchmarks.machine import RESULTS
from benchmarks.order_fates import fates_of
from halfspread.engine.order_records import LIMIT
from tests.datafeeds.books.captured_books import Checker, shown

#: Name of the capture and of the contract; what a taker and a maker ask for: more than a level holds, and less.
CAPTURES = {
    "bitmex_xbtusd_20210722_2236_30s": ("bitmex:XBTUSD", 500_000.0, 100.0),
    "bybit_btcusd_20210417_1643_30s": ("bybit:BTCUSD", 8_000_000.0, 100.0),
    "bybit_v5_linear_btcusdt_20260809_2127_42s": ("bybit:BTCUSDT", 10.0, 0.01),
    STEM: ("binance-futures:BTCUSDT", 10.0, 0.05),
    "binance_coinm_btcusdperp_20240808_2354": ("binance-delivery:BTCUSD_PERP", 2_000.0, 10.0),
}
COSTS = hs.Costs(
    half_spread=hs.HalfSpread.from_quotes(),
    fees=hs.Fees(taker=5e-4, maker=2e-4),
    funding=hs.Funding.none(),
    latency=hs.Latency.fixed("20ms"),
)


class Case:
    """A capture, what five agents got on it, and what checks that."""

    def __init__(self, folder: Path, stem: str) -> None:
        name, much, little = CAPTURES[stem]
        self.instrument = hs.instruments.get(name)
        self.path = folder / "books" / f"{stem}_l2.parquet"
        trades = trades_of(folder / "books" / f"{stem}_trades.parquet")
        self.trades = trades.assign(exch_ts=trades["exch_ts" if "exch_ts" in trades else "ts"].astype("int64"))
        self.tape = tape_of(books_of(self.path, LEVELS), trades, self.instrument)
        self.sizing = hs.FixedContracts(10 * little)
        quotes = hs.strategies.MarketMaker(size=little, inventory_limit=10 * little, bid_ticks=(1.0,))
        taker, maker = TimedTaker(contracts=much, every=1.0), TimedMaker(contracts=little, every=1.0)
        self.results = {
            "taker, next_event": self.run(taker),
            "taker, this_event": self.run(taker, "this_event"),
            "maker, next_event": self.run(maker),
            "maker, this_event": self.run(maker, "this_event"),
            "market maker": self.run(quotes),
            "imbalance": self.run(hs.strategies.BookImbalance(levels=5, threshold=0.6, smoothing=1.0)),
        }
        self.checker = self.checks(*(result.fill_records for result in self.results.values()))

    def run(self, agent: Any, fill: Any = None) -> Any:
        return hs.backtest(
            self.tape, agent, COSTS, sizing=self.sizing, fill=fill, capital=1e12, margin=hs.Margin.none()
        )

    def checks(self, *fills: Any) -> Checker:
        """A checker that knows the books of these fills."""
        moments = {time for some in fills for time in some["time"].tolist()}
        return Checker(self.instrument, shown(self.path, moments, LEVELS), self.trades)


@pytest.fixture(scope="module", params=CAPTURES)
def case(request: pytest.FixtureRequest, halfspread_data: Path) -> Case:
    return Case(halfspread_data, request.param)


def test_takers_pay_prices_of_levels_that_the_book_in_force_showed_for_at_most_their_sizes(case: Case) -> None:
    for moment in ("next_event", "this_event"):
        fills = case.results[f"taker, {moment}"].fill_records
        assert case.checker.check(fills)["taker"] == len(fills) > 20
        assert (fills["impact"] < 0).mean() > 0.2  # they did walk the book


def test_makers_are_filled_at_their_price_while_the_market_trades_there_or_through(case: Case) -> None:
    for moment in ("next_event", "this_event"):
        result = case.results[f"maker, {moment}"]
        fills, orders = result.fill_records, result.order_records[result.order_records["kind"] == LIMIT]
        limits = dict(zip(orders["id"].tolist(), orders["price"].tolist(), strict=True))
        assert [limits[order] for order in fills["order"].tolist()] == fills["price"].tolist()
        assert case.checker.check(fills)["maker"] == len(fills) > 0


def test_ready_made_agents_get_what_the_market_showed(case: Case) -> None:
    assert case.checker.check(case.results["market maker"].fill_records)["taker"] == 0
    assert case.checker.check(case.results["imbalance"].fill_records)["maker"] == 0


@pytest.mark.parametrize("case", [STEM], indirect=True)
def test_fills_that_were_not_to_be_had_are_found(case: Case) -> None:
    fills = case.results["taker, next_event"].fill_records.copy()
    fills["price"][3] -= 0.01 * np.sign(fills["contracts"][3])  # better than the book
    with pytest.raises(AssertionError, match="no book in force"):
        case.checker.check(fills)
    fills = case.results["maker, next_event"].fill_records.copy()
    fills["price"][3] -= 5.0 * np.sign(fills["contracts"][3])  # five USDT better than its price
    with pytest.raises(AssertionError, match="was to be had"):
        case.checker.check(fills)
    fills = case.results["maker, next_event"].fill_records.copy()
    fills["contracts"] *= 1_000.0
    with pytest.raises(AssertionError, match="was to be had"):
        case.checker.check(fills)


@pytest.mark.parametrize("case", [STEM], indirect=True)
@pytest.mark.parametrize("name", ["taker small", "maker small 1 s", "maker small 10 s"])
def test_orders_that_meet_the_book_in_force_are_filled_when_and_where_hftbacktest_fills_them(
    case: Case, name: str
) -> None:
    """But for one maker, 1 ms earlier here: a seller's trade went through its offer."""
    recorded = json.loads((RESULTS / "hftbacktest.json").read_text())["their_fills"][name]
    terms = cases()[name]
    fates = fates_of(trade(case.tape, terms, "this_event"))
    filled = np.flatnonzero(fates.filled > 0)
    prices = np.round(fates.value[filled] / fates.filled[filled], 1)
    mine = zip(filled.tolist(), (fates.last[filled] - terms["first"]).tolist(), prices.tolist(), strict=True)
    differ = [(ours, tuple(theirs)) for ours, theirs in zip(mine, recorded, strict=True) if ours != tuple(theirs)]
    if name == "taker small":
        assert not differ
    else:
        [(ours, theirs)] = differ
        assert ours[::2] == theirs[::2]
        assert theirs[1] - ours[1] == 1_000_000
