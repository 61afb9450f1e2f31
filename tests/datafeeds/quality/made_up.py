"""Made-up series without a fault, and the checks over them: what a test spoils one thing of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from halfspread.datafeeds.quality.checking import checks_of, run
from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.subject import Block, Steps, Subject
from halfspread.datafeeds.quality.trade_bars import TradeBars
from halfspread.datafeeds.store.series import Series
from halfspread.engine.instruments import bybit
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND

START = 1_704_067_200 * SECOND  # 2024-01-01
BTCUSDT = bybit("BTCUSDT")
LATE = 20 * 365 * DAY + START

Columns = dict[str, Any]


def made_trades(minutes: int = 600, seed: int = 0, a_minute: int = 8) -> Columns:
    """Trades at random times, on tick and lot; a price that walks with fat tails and clusters."""
    rng = np.random.default_rng(seed)
    count = minutes * a_minute
    ts = START + np.sort(rng.integers(0, minutes * MINUTE, count))
    sizes = np.exp(np.cumsum(0.02 * rng.standard_normal(count)) * 0.3) * rng.standard_t(3, count)
    price = 40_000.0 * np.exp(np.cumsum(2e-5 * sizes))
    return {
        "ts": ts,
        "price": np.round(price, 1),
        "size": np.maximum(np.round(rng.exponential(0.5, count), 3), 0.001),
        "side": rng.choice([-1.0, 1.0], count),
        "trade_id": [str(i) for i in range(count)],
    }


def made_bars(minutes: int = 600, seed: int = 0, interval: int = MINUTE, a_minute: int = 8) -> Columns:
    """The bars of such trades, one after the other; those without trades have the close before."""
    return bars_of(made_trades(minutes, seed, a_minute), minutes * MINUTE // interval, interval)


def bars_of(trades: Columns, count: int, interval: int = MINUTE) -> Columns:
    """The ``count`` bars of trades from `START` on."""
    maker = TradeBars(interval, BTCUSDT)
    parts = [maker.add(trades["ts"], trades["price"], trades["size"]), maker.finish()]
    built = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    ts = START + np.arange(count) * interval
    rows = np.searchsorted(built["ts"], ts, side="right") - 1
    there = built["ts"][rows] == ts
    columns: Columns = {"ts": ts}
    for name in ("open", "high", "low", "close"):
        columns[name] = np.where(there, built[name][rows], built["close"][rows])
    for name in ("volume", "turnover", "trades"):
        columns[name] = np.where(there, built[name][rows], 0.0)
    for name in ("vwap", "last_size"):
        columns[name] = np.where(there, built[name][rows], np.nan)
    return columns


def made_mark(hours: int = 400, seed: int = 0) -> Columns:
    """Hourly bars of a price that walks, not on any tick."""
    rng = np.random.default_rng(seed)
    close = 40_000.0 * np.exp(np.cumsum(0.004 * rng.standard_t(4, hours)))
    opens = np.r_[40_000.0, close[:-1]]
    reach = 1.0 + 0.002 * rng.random((2, hours))
    return {
        "ts": START + np.arange(hours) * HOUR,
        "open": opens,
        "high": np.maximum(opens, close) * reach[0],
        "low": np.minimum(opens, close) / reach[1],
        "close": close,
    }


def made_quotes(count: int = 5_000, seed: int = 0) -> Columns:
    """Quotes a tick or two apart, received after a delay that varies."""
    rng = np.random.default_rng(seed)
    exch = START + np.cumsum(rng.exponential(0.1, count) * SECOND).astype(np.int64)
    bid = np.round(40_000.0 + 0.1 * np.cumsum(rng.integers(-2, 3, count)), 1)
    return {
        "ts": np.maximum.accumulate(exch + (rng.gamma(2.0, 0.01, count) * SECOND).astype(np.int64)),
        "exch_ts": exch,
        "bid": bid,
        "bid_size": np.round(rng.exponential(2.0, count) + 0.001, 3),
        "ask": np.round(bid + 0.1 * rng.integers(1, 3, count), 1),
        "ask_size": np.round(rng.exponential(2.0, count) + 0.001, 3),
    }


def made_books(count: int = 500, levels: int = 5, seed: int = 0) -> Columns:
    """Book snapshots with levels a tick apart."""
    quotes = made_quotes(count, seed)
    rng = np.random.default_rng(seed + 1)
    columns: Columns = {"ts": quotes["ts"], "exch_ts": quotes["exch_ts"]}
    for level in range(1, levels + 1):
        columns[f"bid_{level}"] = np.round(quotes["bid"] - 0.1 * (level - 1), 1)
        columns[f"ask_{level}"] = np.round(quotes["ask"] + 0.1 * (level - 1), 1)
        for side in ("bid", "ask"):
            columns[f"{side}_size_{level}"] = np.round(rng.exponential(2.0, count) + 0.001, 3)
    return columns


def made_funding(count: int = 300, seed: int = 0) -> Columns:
    """Settlements every eight hours."""
    rng = np.random.default_rng(seed)
    rate = np.clip(1e-4 + 1e-4 * rng.standard_t(3, count), -0.004, 0.004)
    return {"ts": START + np.arange(count) * 8 * HOUR, "rate": rate, "interval_h": np.full(count, 8.0)}


def subject_for(kind: str, columns: Columns, **known: Any) -> Subject:
    """What is known of a made-up series of Bybit's BTCUSDT."""
    series = Series("bybit", "BTCUSDT", kind)
    end = int(columns["ts"][-1]) + max(series.of_kind.interval, 1)
    given = {
        "instrument": BTCUSDT,
        "ticks": Steps(*BTCUSDT.tick_arrays(), BTCUSDT.name),
        "lots": Steps(*BTCUSDT.lot_arrays(), BTCUSDT.name),
        "retrieved": LATE,
    }
    given |= {"start": int(columns["ts"][0]), "end": end}
    return Subject(series, **{**given, **known})


def blocks_of(columns: Columns, cuts: Sequence[int] = ()) -> list[Block]:
    """The rows in blocks, cut before the rows ``cuts``."""
    edges = [0, *cuts, len(columns["ts"])]
    return [
        Block(columns["ts"][a:b], {name: values[a:b] for name, values in columns.items()})
        for a, b in pairwise(edges)
        if a < b
    ]


def find(kind: str, columns: Columns, cuts: Sequence[int] = (), confirm: Any = None, **known: Any) -> list[Finding]:
    """What the checks of a series on its own find."""
    return run(checks_of(subject_for(kind, columns, **known), confirm), blocks_of(columns, cuts))[1]


def told(findings: Sequence[Finding]) -> list[tuple[str, str, int]]:
    """Check, severity and count of each."""
    return [(one.check, one.severity, one.count) for one in findings]
