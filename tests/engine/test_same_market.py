"""One market as bars, quotes, snapshots and trades: what the same taker pays on each, and why it differs."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

import halfspread as hs
from benchmarks.same_market import BAR, CAPITAL, CASES, LARGE, LAST, SMALL, mean_spread_ticks, tapes, trade, world
from halfspread.engine.times import Floats, parse_interval

TICK, LOT = 0.1, 0.001
WIDEST = 3 * TICK  # of the world's spread, and how far a side steps in 100 ms


@cache
def result(name: str, contracts: float, fill: str | None = None, modelled: bool = False) -> hs.Result:
    return trade(name, contracts, fill, hs.Impact.square_root(window="10m") if modelled else None)


def fills(*case: Any) -> Any:
    return result(*case).fill_records


def touches(times: Any, buys: Any, later: bool) -> Floats:
    """Ask for buyers, bid for sellers: of the quote in force at ``times``, or of the next one."""
    quotes = world().table("quotes")
    at = np.searchsorted(quotes["ts"].to_numpy(), times, side="right") - (0 if later else 1)
    return np.asarray(np.where(buys, quotes["ask"].to_numpy()[at], quotes["bid"].to_numpy()[at]), np.float64)


def by_decision(records: Any) -> tuple[Any, Floats]:
    """Decision times, and signed contracts filled for each."""
    times, at = np.unique(records["decision_time"], return_inverse=True)
    return times, np.asarray(np.bincount(at, weights=records["contracts"]), np.float64)


@pytest.mark.parametrize("contracts", [SMALL, LARGE])
@pytest.mark.parametrize(("name", "fill", "modelled"), CASES)
def test_the_parts_of_the_attribution_are_the_change_of_equity(
    name: str, fill: str | None, modelled: bool, contracts: float
) -> None:
    found = result(name, contracts, fill, modelled)
    parts = [value for part, value in found.attribution.items() if part != "total"]
    records = found.fill_records
    close = 1e-6 + 1e-12 * float(records["value"].sum())
    assert abs(math.fsum(parts) - (found.curve_values[-1, 0] - CAPITAL)) < close
    # The taker is flat at the end: its equity is what it received and paid.
    received = float(records["fee"].sum()) - float(records["contracts"] @ records["price"])
    assert records["position_after"][-1] == 0.0
    assert abs(math.fsum(parts) - received) < close


def test_small_orders_fill_alike_on_quotes_and_books() -> None:
    books, quotes = result("books", SMALL), result("quotes", SMALL)
    assert len(books.fill_records) == LAST
    for name in ("time", "decision_time", "contracts", "price", "reference", "half_spread", "fee"):
        assert (books.fill_records[name] == quotes.fill_records[name]).all(), name
    assert books.attribution == quotes.attribution
    assert books.attribution["impact"] == 0.0


@pytest.mark.parametrize("name", ["books", "quotes", "quotes without sizes"])
def test_on_quotes_and_books_a_small_order_pays_the_touch_of_the_next_event(name: str) -> None:
    records = fills(name, SMALL)
    assert (records["time"] == records["decision_time"] + parse_interval("100ms")).all()
    assert (records["price"] == touches(records["decision_time"], records["contracts"] > 0.0, later=True)).all()


@pytest.mark.parametrize("contracts", [SMALL, LARGE])
def test_on_bars_an_order_of_any_size_pays_the_touch_in_force_at_the_open(contracts: float) -> None:
    records = fills("bars", contracts)
    touch = touches(records["decision_time"], records["contracts"] > 0.0, later=False)
    assert np.abs(records["price"] - touch).max() < 1e-9
    assert (np.abs(records["contracts"]) == contracts).all()
    assert (records["impact"] == 0.0).all()


def test_bars_and_quotes_differ_by_what_the_touch_does_in_one_event() -> None:
    bars, quotes = fills("bars", SMALL), fills("quotes", SMALL)
    assert (bars["decision_time"] == quotes["decision_time"]).all()
    assert (bars["contracts"] == quotes["contracts"]).all()
    apart = np.abs(bars["price"] - quotes["price"])
    assert apart.max() <= WIDEST + 1e-9
    assert 0.0 < np.mean(apart > 1e-9) < 0.5  # it stands still most of the time
    total = result("bars", SMALL).attribution["total"] - result("quotes", SMALL).attribution["total"]
    assert abs(total) <= SMALL * apart.sum() * (1.0 + 6e-4) + 1e-6


def test_bars_are_quotes_and_books_filled_at_once() -> None:
    bars = result("bars", SMALL)
    for name in ("quotes", "books"):
        at_once = result(name, SMALL, "this_event")
        for column in ("time", "decision_time", "contracts"):
            assert (at_once.fill_records[column] == bars.fill_records[column]).all(), column
        assert np.abs(at_once.fill_records["price"] - bars.fill_records["price"]).max() < 1e-9
        for part, value in bars.attribution.items():
            assert at_once.attribution[part] == pytest.approx(value, abs=1e-6), part


def test_only_books_charge_an_impact_to_a_large_order() -> None:
    impacts = {name: float(fills(name, LARGE)["impact"].sum()) for name in tapes()}
    assert impacts.pop("books") < -LAST * LARGE * TICK  # more than a tick a contract
    assert all(abs(each) < 1e-6 for each in impacts.values())


def walked(levels: Floats, buy: bool, wanted: float) -> tuple[float, float]:
    """Contracts taken from one snapshot and their average price, level by level."""
    taken = paid = 0.0
    for level in range(levels.size // 4):
        price, size = levels[4 * level + (2 if buy else 0) : 4 * level + (4 if buy else 2)]
        here = min(size, wanted - taken)
        taken, paid = taken + here, paid + here * price
    return taken, paid / taken


def test_a_large_order_walks_each_snapshot_and_goes_on_at_the_next() -> None:
    books = world().table("books")
    times, rows = books["ts"].to_numpy(), books.filter(regex="^(bid|ask)").to_numpy()
    position, wanted, more = 0.0, 0.0, 0
    decided = 0
    for record in fills("books", LARGE):
        if record["decision_time"] != decided:
            decided = record["decision_time"]
            wanted = LARGE * float(np.sign(record["contracts"])) if position == 0.0 else 0.0
        else:
            more += 1
        taken, price = walked(rows[np.searchsorted(times, record["time"])], wanted > position, abs(wanted - position))
        assert abs(record["contracts"]) == pytest.approx(taken, abs=1e-9)
        assert record["price"] == pytest.approx(price, rel=1e-12)
        position = round(position + record["contracts"], 3)
        assert record["position_after"] == pytest.approx(position, abs=1e-9)
    assert position == 0.0
    assert more >= 1  # some snapshot shows less than is wanted


def test_on_quotes_a_large_order_takes_what_each_quote_shows() -> None:
    quotes, records = world().table("quotes"), fills("quotes", LARGE)
    at = np.searchsorted(quotes["ts"].to_numpy(), records["time"])
    buys = records["contracts"] > 0.0
    shown = np.where(buys, quotes["ask_size"].to_numpy()[at], quotes["bid_size"].to_numpy()[at])
    best = np.where(buys, quotes["ask"].to_numpy()[at], quotes["bid"].to_numpy()[at])
    assert np.abs(records["price"] - best).max() < 1e-9
    assert (np.abs(records["contracts"]) <= shown + LOT / 2).all()
    decisions, filled = by_decision(records)
    assert len(records) > 4 * len(decisions)
    assert np.abs(np.abs(filled) - LARGE).max() < 1e-9
    # All but the last fill of a decision take everything that is shown.
    last = np.append(np.diff(records["decision_time"]) != 0, True)
    assert np.abs(np.abs(records["contracts"]) - shown)[~last].max() < LOT / 2


def test_where_no_size_is_known_a_large_order_is_a_small_one_many_times() -> None:
    for name in ("bars", "quotes without sizes", "trades", "bars without quotes"):
        small, large = result(name, SMALL), result(name, LARGE)
        assert (small.fill_records["price"] == large.fill_records["price"]).all(), name
        for part, value in small.attribution.items():
            assert large.attribution[part] == pytest.approx(LARGE / SMALL * value, abs=1e-3), (name, part)


def test_bars_without_quotes_are_trades() -> None:
    bars, trades = fills("bars without quotes", SMALL), fills("trades", SMALL)
    volume = world().table("trades")
    edges = bars["decision_time"]
    until = edges + parse_interval(BAR)
    busy = np.searchsorted(volume["ts"].to_numpy(), until) > np.searchsorted(volume["ts"].to_numpy(), edges)
    assert busy.mean() > 0.9
    assert (bars["price"][busy] == trades["price"][busy]).all()
    # Its reference is a trade, which lies at the bid or the ask: on either side of the mid as often, so that a fill is
    # off by half a spread, and the sum by much less.
    half = 0.5 * TICK * mean_spread_ticks()
    off = trades["reference"] - fills("quotes", SMALL)["reference"]
    assert np.mean(np.abs(off) > 0.4 * half) > 0.5
    assert abs(off.mean()) < 4.0 * off.std() / math.sqrt(len(off))


def test_the_modelled_impact_stands_in_for_the_book_on_bars() -> None:
    modelled, plain = result("bars", LARGE, None, True), result("bars", LARGE)
    walked_cost = -result("books", LARGE).attribution["impact"]
    assert plain.attribution["impact"] == 0.0
    assert 0.3 < -modelled.attribution["impact"] / walked_cost < 3.0  # of the right size, and no more than that
    assert modelled.attribution["half_spread"] == pytest.approx(plain.attribution["half_spread"], rel=1e-12)
