"""A taker and a maker in hftbacktest, on a capture converted by its own rules.

    python hftbacktest_job.py --books FOLDER/binance_usdm_btcusdt_20230404_2358_8min --cases cases.json --out found.json

Runs in an environment of its own (hftbacktest and what it brings), without halfspread. A case: ``agent`` ("taker" or
"maker"), ``contracts`` of an order, ``every`` ns between decisions, ``first`` and ``last`` decision (ns, local time),
``latency`` ns each way, ``fees`` [maker, taker], ``exchange`` ("no_partial_fill" or "partial_fill"), ``queue``
("risk_adverse", or "default": what it does unless told), ``ties`` ("received" or "trades_first": order of rows with one
exchange time), ``repeat`` (how often it is clocked).
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from time import process_time
from typing import Any

import hftbacktest as hft
import numpy as np
import polars as pl
from hftbacktest.data import correct_event_order, correct_local_timestamp, validate_event_order
from hftbacktest.types import event_dtype
from numba import njit

TICK, LOT = 0.1, 0.001
MARKET_PRICE = 1.0  # a market order's price is not looked at


def times(column: pl.Series) -> np.ndarray:
    return column.cast(pl.Datetime("ns", "UTC")).to_physical().to_numpy()


def rows(count: int) -> np.ndarray:
    return np.zeros(count, event_dtype)


def depth_events(path: str) -> np.ndarray:
    """As its converter of Binance: a snapshot clears each side up to its last price; then every level is an event."""
    table = pl.read_parquet(path)
    found = rows(len(table))
    found["exch_ts"], found["local_ts"] = times(table["exch_ts"]), times(table["ts"])
    found["px"], found["qty"] = table["price"].to_numpy(), table["size"].to_numpy()
    bid = (table["side"] == "b").to_numpy()
    snapshot = (table["type"] == "snapshot").to_numpy()
    if not snapshot[0] or snapshot[np.argmin(snapshot) :].any():
        raise SystemExit(f"{path}: expected one snapshot, at the beginning")
    found["ev"] = np.where(snapshot, hft.DEPTH_SNAPSHOT_EVENT, hft.DEPTH_EVENT)
    found["ev"] |= np.where(bid, hft.BUY_EVENT, hft.SELL_EVENT).astype(np.uint64)
    clears = rows(2)
    clears[["exch_ts", "local_ts"]] = found[0][["exch_ts", "local_ts"]]
    clears["ev"] = [hft.DEPTH_CLEAR_EVENT | hft.BUY_EVENT, hft.DEPTH_CLEAR_EVENT | hft.SELL_EVENT]
    clears["px"] = found["px"][snapshot & bid].min(), found["px"][snapshot & ~bid].max()
    return np.concatenate([clears, found])


def trade_events(path: str) -> np.ndarray:
    """Trades of the book alone, as its converter of Binance takes them (kind MARKET)."""
    table = pl.read_parquet(path).filter(pl.col("kind") == "MARKET")
    found = rows(len(table))
    found["exch_ts"], found["local_ts"] = times(table["exch_ts"]), times(table["ts"])
    found["px"], found["qty"] = table["price"].to_numpy(), table["size"].to_numpy()
    buy = (table["side"] == "Buy").to_numpy()
    found["ev"] = hft.TRADE_EVENT | np.where(buy, hft.BUY_EVENT, hft.SELL_EVENT)
    return found


def events(stem: str, ties: str) -> tuple[np.ndarray, int]:
    """Events in both orders, by exchange and by local time, and what was added to local times (ns)."""
    depth, trades = depth_events(f"{stem}_l2.parquet"), trade_events(f"{stem}_trades.parquet")
    found = np.concatenate([depth, trades])
    order = np.argsort(found["local_ts"], kind="stable")
    found, is_depth = found[order], (np.arange(len(found)) < len(depth))[order]
    before = int(found["local_ts"][0])
    found = correct_local_timestamp(found, 0)
    shift = int(found["local_ts"][0]) - before
    if ties == "trades_first":
        by_exchange = np.lexsort([is_depth, found["exch_ts"]])
    else:
        by_exchange = np.argsort(found["exch_ts"], kind="mergesort")
    found = correct_event_order(found, by_exchange, np.argsort(found["local_ts"], kind="mergesort"))
    validate_event_order(found)
    return found, shift


def market(data: np.ndarray, case: dict[str, Any]) -> Any:
    asset = (
        hft.BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(case["latency"], case["latency"])
        .trading_value_fee_model(*case["fees"])
        .tick_size(TICK)
        .lot_size(LOT)
    )
    asset = asset.risk_adverse_queue_model() if case["queue"] == "risk_adverse" else asset
    asset = asset.partial_fill_exchange() if case["exchange"] == "partial_fill" else asset.no_partial_fill_exchange()
    return hft.HashMapMarketDepthBacktest([asset])


@njit
def goto(test, time):  # type: ignore[no-untyped-def]
    """Let time pass; 0, or the status that stopped it."""
    return test.elapse(time - test.current_timestamp)


@njit
def take(test, first, last, every, contracts, found):  # type: ignore[no-untyped-def]
    """A market order at each decision, buying and selling in turns; a row of ``found`` is what its account did until
    the next one: status, exchange time, contracts, value, price, fee."""
    status = test.elapse(0)
    time, number = first, 0
    while status == 0 and time <= last:
        status = goto(test, time)
        if status != 0:
            break
        before = test.state_values(0)
        volume, value, fee = before.trading_volume, before.trading_value, before.fee
        if number % 2 == 0:
            test.submit_buy_order(0, number + 1, MARKET_PRICE, contracts, hft.order.GTC, hft.order.MARKET, False)
        else:
            test.submit_sell_order(0, number + 1, MARKET_PRICE, contracts, hft.order.GTC, hft.order.MARKET, False)
        status = goto(test, time + every - 1)
        after = test.state_values(0)
        order = test.orders(0).get(number + 1)
        found[number, 0] = order.status
        found[number, 1] = order.exch_timestamp - first
        found[number, 2] = after.trading_volume - volume
        found[number, 3] = after.trading_value - value
        found[number, 4] = order.exec_price_tick
        found[number, 5] = after.fee - fee
        test.clear_inactive_orders(0)
        time += every
        number += 1
    return status


@njit
def look(test, number, first, row):  # type: ignore[no-untyped-def]
    """What became of an order: status, exchange time, contracts of its last fill, contracts open, its price."""
    order = test.orders(0).get(number)
    row[0], row[1] = order.status, order.exch_timestamp - first
    row[2], row[3], row[4] = order.exec_qty, order.leaves_qty, order.price_tick


@njit
def make(test, first, last, every, contracts, found):  # type: ignore[no-untyped-def]
    """At each decision cancel both orders and rest new ones at the best prices known; rows of bids and asks in turns.
    At ``last`` only cancel."""
    status = test.elapse(0)
    time, number = first, 0
    while status == 0 and time <= last + every:
        status = goto(test, time)
        if status != 0:
            break
        for side in range(2):
            if number >= 2:
                look(test, 2 * number + side - 3, first, found[2 * number + side - 4])
            if number >= 1 and time <= last:
                order = test.orders(0).get(2 * number + side - 1)
                if order.cancellable:
                    test.cancel(0, 2 * number + side - 1, False)
        if time < last:
            depth = test.depth(0)
            bid, ask = depth.best_bid, depth.best_ask
            test.submit_buy_order(0, 2 * number + 1, bid, contracts, hft.GTX, hft.LIMIT, False)
            test.submit_sell_order(0, 2 * number + 2, ask, contracts, hft.GTX, hft.LIMIT, False)
        time += every
        number += 1
    return status


def run(data: np.ndarray, case: dict[str, Any]) -> dict[str, Any]:
    steps = (case["last"] - case["first"]) // case["every"]
    seconds = []
    for _ in range(case.get("repeat", 0) + 1):
        test = market(data, case)
        found = np.zeros((steps + 1, 6) if case["agent"] == "taker" else (2 * steps, 5))
        trade = take if case["agent"] == "taker" else make
        clock = process_time()
        status = trade(test, case["first"], case["last"], case["every"], case["contracts"], found)
        while status == 0:
            status = test.elapse(10**9)
        seconds.append(process_time() - clock)
        state, depth = test.state_values(0), test.depth(0)
        account = {
            name: float(getattr(state, name))
            for name in ("position", "balance", "fee", "num_trades", "trading_volume", "trading_value")
        }
        account["mid"] = 0.5 * (depth.best_bid + depth.best_ask)
        test.close()
    return {"status": int(status), "rows": found.tolist(), "account": account, "seconds": seconds[1:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    for name in ("books", "cases", "out"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    with open(given.cases) as file:
        cases = json.load(file)
    data, found, shift, clock = {}, {}, 0, 0.0
    for name, case in cases.items():
        if case["ties"] not in data:
            clock = process_time()
            data[case["ties"]], shift = events(given.books, case["ties"])
            clock = process_time() - clock
        found[name] = run(data[case["ties"]], case)
    about = {"version": version("hftbacktest"), "shift": shift, "convert_seconds": clock}
    about["events"] = {ties: len(rows) for ties, rows in data.items()}
    with open(given.out, "w") as file:
        json.dump({"about": about, "cases": found}, file)


if __name__ == "__main__":
    main()
