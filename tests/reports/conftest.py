"""Results made up for the reports: small ones worked by hand, and large ones that look like the real thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

PARTS = ("price", "half_spread", "fee", "impact", "funding", "liquidation")
FILL_COLUMNS = (
    *("time", "decision_time", "instrument", "contracts", "price", "reference", "value"),
    *("half_spread", "fee", "impact", "liquidation", "fee_rate", "position_after", "order", "maker"),
    *("price_total", "funding_total"),
)
ORDER_COLUMNS = (
    *("order", "instrument", "kind", "contracts", "filled", "state", "reason", "sent", "done", "fills", "maker_fills"),
)

LINEAR = SimpleNamespace(venue="bybit", symbol="BTCUSDT", name="bybit:BTCUSDT", kind="linear", multiplier=1.0)
INVERSE = SimpleNamespace(venue="bitmex", symbol="XBTUSD", name="bitmex:XBTUSD", kind="inverse", multiplier=1.0)


@dataclass
class MadeResult:
    """What the reports read, with defaults for all of it."""

    periods: pd.DataFrame
    fills: pd.DataFrame
    curve: pd.DataFrame
    name: str = "made"
    agent: str = "MadeAgent"
    agent_params: dict[str, object] = field(default_factory=dict)
    instruments: Sequence[Any] = (LINEAR,)
    report_currency: str = "USDT"
    settle_currency: str = "USDT"
    notional: float = 1_000.0
    capital: float = 1_000.0
    start: pd.Timestamp = field(default_factory=lambda: pd.Timestamp("2024-01-01", tz="UTC"))
    bars: int = 0
    events: int = 0
    thinned: bool = False
    fill_convention: str = "next_open"
    matching: str = "pessimistic"
    orders: pd.DataFrame = field(default_factory=lambda: make_orders([]))
    by_instrument: dict[str, pd.DataFrame] = field(default_factory=dict)
    attribution: dict[str, float] = field(default_factory=dict)
    assumptions: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    max_drawdown_equity: float = 0.0
    max_drawdown_notional: float = 0.0
    seed: int = 0
    looks_ahead: bool = False

    @property
    def end(self) -> pd.Timestamp:
        return self.periods.index[-1] if len(self.periods) else self.start

    @property
    def attribution_by_instrument(self) -> dict[str, dict[str, float]]:
        found = {}
        for one in self.instruments:
            last, many = self.periods_of(one.name).iloc[-1], (self.fills["instrument"] == one.symbol).sum()
            parts = {name: float(last[name]) for name in PARTS}
            found[one.name] = parts | {"turnover": float(last["turnover"]), "fills": float(many)}
        return found

    def periods_of(self, instrument: str) -> pd.DataFrame:
        return self.by_instrument.get(instrument, self.periods)


def from_periods(
    times: Sequence[object] | pd.DatetimeIndex, *, fills: pd.DataFrame | None = None, **columns: Any
) -> MadeResult:
    """A result whose cumulative columns (and reference, position, exposure) are given, zero where they are not."""
    settings = {name: columns.pop(name) for name in list(columns) if name in MadeResult.__dataclass_fields__}
    capital = settings.get("capital", 1_000.0)
    index = pd.DatetimeIndex(pd.to_datetime([str(time) for time in times], utc=True), name="time").as_unit("ns")
    periods = pd.DataFrame(0.0, index=index, columns=[*PARTS, "collateral", "turnover", "exposure", "position"])
    periods["reference"] = 100.0
    for name, values in columns.items():
        periods[name] = np.asarray(values, dtype=float)
    periods["equity"] = capital + periods[[*PARTS, "collateral"]].sum(axis=1)
    last = periods.iloc[-1] if len(periods) else pd.Series(0.0, index=periods.columns)
    attribution = {name: float(last[name]) for name in (*PARTS, "collateral")}
    attribution["total"] = sum(attribution.values())
    if fills is None:
        fills = pd.DataFrame(columns=list(FILL_COLUMNS)).astype(
            {name: float for name in FILL_COLUMNS if name not in ("time", "decision_time", "instrument")}
        )
    curve = periods[["equity", "collateral", "position"]]
    made = MadeResult(periods=periods, fills=fills, curve=curve, attribution=attribution, bars=len(periods))
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def make_fills(
    rows: Sequence[tuple[str, float, float]], half: float = 0.0, fee: float = 0.0, **more: Any
) -> pd.DataFrame:
    """Fills of (time, contracts, reference) of a linear contract, each ``half`` away from the reference, with a
    ``fee`` rate and the price totals of one contract per unit; no funding.
    """
    symbol, inverse = more.get("symbol", "BTCUSDT"), more.get("inverse", False)
    times = pd.DatetimeIndex([time for time, _, _ in rows], tz="UTC").as_unit("ns")
    contracts = np.array([traded for _, traded, _ in rows], dtype=float)
    reference = np.array([price for _, _, price in rows], dtype=float)
    price = reference + np.sign(contracts) * half
    value = np.abs(contracts) if inverse else np.abs(contracts) * price
    lost = np.abs(contracts) * half / (reference if inverse else 1.0)
    columns: dict[str, Any] = {"time": times, "decision_time": times, "instrument": symbol, "contracts": contracts}
    columns |= {"price": price, "reference": reference, "value": value, "half_spread": -lost, "fee": -fee * value}
    after = np.cumsum(contracts)
    moves = np.diff(reference) / (reference[:-1] if inverse else 1.0)
    columns |= {"impact": 0.0, "liquidation": 0.0, "fee_rate": fee, "position_after": after, "order": 0, "maker": 0}
    columns |= {"price_total": np.r_[0.0, np.cumsum(after[:-1] * moves)], "funding_total": 0.0}
    return pd.DataFrame(columns, columns=list(FILL_COLUMNS))


def make_orders(rows: Sequence[tuple[Any, ...]], symbol: str = "BTCUSDT") -> pd.DataFrame:
    """A ledger of (kind, contracts, filled, state, reason, seconds from sent to done or None, fills, maker fills)."""
    sent = pd.Timestamp("2024-01-01", tz="UTC")
    lines = [
        (i + 1, symbol, kind, contracts, filled, state, reason, sent, *_ended(sent, seconds), fills, made)
        for i, (kind, contracts, filled, state, reason, seconds, fills, made) in enumerate(rows)
    ]
    ledger = pd.DataFrame(lines, columns=list(ORDER_COLUMNS))
    return ledger.astype({"sent": "datetime64[ns, UTC]", "done": "datetime64[ns, UTC]"})


def _ended(sent: pd.Timestamp, seconds: float | None) -> tuple[Any]:
    return (pd.NaT if seconds is None else sent + pd.Timedelta(seconds=seconds),)


def two_instruments(**settings: Any) -> MadeResult:
    """Two days of a linear and an inverse contract, of which the first earns 30, the second loses 10 (price)."""
    days = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-06"]
    steps = np.arange(1.0, 6.0)
    long: dict[str, Any] = {
        "price": 6.0 * steps,
        "fee": -0.2 * steps,
        "turnover": 100.0 * steps,
        "exposure": np.full(5, 0.8),
    }
    short: dict[str, Any] = {
        "price": -2.0 * steps,
        "funding": 1.0 * steps,
        "turnover": 60.0 * steps,
        "exposure": np.full(5, -0.5),
    }
    first, second = from_periods(days, **long).periods, from_periods(days, **short).periods
    both: dict[str, Any] = {
        name: first[name] + second[name] for name in ("price", "fee", "funding", "turnover", "exposure")
    }
    result = from_periods(days, instruments=(LINEAR, INVERSE), **both)
    result.by_instrument = {LINEAR.name: first, INVERSE.name: second}
    for name, value in settings.items():
        setattr(result, name, value)
    return result


def walk(
    seed: int = 1, days: int = 600, bars_per_day: int = 24, hold: int = 16, edge: float = 0.00004, **settings: Any
) -> MadeResult:
    """An agent that turns its position now and then on a random walk of hourly bars, with every cost charged."""
    rng = np.random.default_rng(seed)
    n, notional = days * bars_per_day, 10_000.0
    side = np.repeat(rng.choice([-1.0, 0.0, 1.0, 1.0], size=n // hold + 1), hold)[:n]
    move = rng.standard_t(4, size=n) * 0.006 / np.sqrt(2) + edge * side
    price = 20_000.0 * np.exp(np.cumsum(move))
    before = np.r_[20_000.0, price[:-1]]
    contracts = np.zeros(n)
    held = 0.0
    for t in range(n):
        if t == 0 or side[t] != side[t - 1]:
            held = round(side[t] * notional / before[t], 3)
        contracts[t] = held
    traded = np.diff(np.r_[0.0, contracts])
    times = pd.date_range("2019-03-04", periods=n, freq="h", tz="UTC").as_unit("ns")
    ends = times + pd.Timedelta(hours=1)
    half = 0.5 + before * 0.00003
    fills_price = before + np.sign(traded) * half
    value = np.abs(traded) * fills_price
    rate = 0.0001 + 0.0002 * np.sin(np.arange(n) / 900.0)
    funding = np.where(np.arange(n) % 8 == 7, -rate * contracts * price, 0.0)
    columns = {
        "price": np.cumsum(contracts * (price - before)),
        "half_spread": np.cumsum(-np.abs(traded) * half),
        "fee": np.cumsum(-value * 0.00055),
        "funding": np.cumsum(funding),
        "turnover": np.cumsum(value),
        "reference": price,
        "position": contracts,
        "exposure": contracts * price / notional,
    }
    here = np.flatnonzero(traded)
    fills = pd.DataFrame(
        {
            "time": times[here],
            "decision_time": times[here],
            "instrument": "BTCUSDT",
            "contracts": traded[here],
            "price": fills_price[here],
            "reference": before[here],
            "value": value[here],
            "half_spread": -np.abs(traded[here]) * half[here],
            "fee": -value[here] * 0.00055,
            "impact": 0.0,
            "liquidation": 0.0,
            "fee_rate": 0.00055,
            "position_after": contracts[here],
            "order": 0,
            "maker": 0,
            "price_total": np.r_[0.0, columns["price"]][here],
            "funding_total": np.r_[0.0, columns["funding"]][here],
        }
    )
    result = from_periods(ends, fills=fills, notional=notional, capital=notional, start=times[0], **columns)
    equity = np.r_[notional, result.periods["equity"].to_numpy()]
    peak = np.maximum.accumulate(equity)
    result.max_drawdown_notional = float((peak - equity).max() / notional)
    result.max_drawdown_equity = float(((peak - equity) / peak).max())
    result.name, result.agent, result.agent_params = "sma cross 20/100", "SmaCross", {"fast": 20, "slow": 100}
    result.assumptions = {
        "data": f"bybit BTCUSDT (linear), {n:,} bars of 1 h, 2019-03-04 00:00 to {ends[-1]:%Y-%m-%d %H:%M}",
        "fills": "a decision at a bar's close is filled at the open of the next bar; market orders, no latency",
        "reference price": "trade prices of the bars",
        "half-spread": "half of a quoted spread of 1 tick",
        "fees": "taker 5.5 bp, maker 2 bp of the value traded",
        "funding": "published rates, 1,800 settlements on a position, on the mark price; known when settled",
        "impact": "none: orders do not move the market",
        "liquidation": "none: no margin is required, equity may fall below zero (a warning says when it did)",
        "sizing": "10,000 USDT for a target of 1",
        "capital": "10,000 USDT at the start, held in USDT",
        "returns": "sum of simple returns on a constant notional of 10,000 USDT; a year has 365 days",
    }
    result.warnings = ["3 fills waited across a gap in the data for the next open"]
    result.counts = {
        "bars": n,
        "decisions": n,
        "fills": len(fills),
        "no_trade_bars": 12,
        "open_outside_range": 0,
        "gaps": 2,
    }
    for name, value in settings.items():
        setattr(result, name, value)
    return result


@pytest.fixture(name="from_periods")
def from_periods_fixture() -> Callable[..., MadeResult]:
    return from_periods


@pytest.fixture(name="make_fills")
def make_fills_fixture() -> Callable[..., pd.DataFrame]:
    return make_fills


@pytest.fixture(name="make_orders")
def make_orders_fixture() -> Callable[..., pd.DataFrame]:
    return make_orders


@pytest.fixture(name="two_instruments")
def two_instruments_fixture() -> Callable[..., MadeResult]:
    return two_instruments


@pytest.fixture(name="walk")
def walk_fixture() -> Callable[..., MadeResult]:
    return walk


@pytest.fixture(name="linear")
def linear_fixture() -> SimpleNamespace:
    return LINEAR


@pytest.fixture(name="inverse")
def inverse_fixture() -> SimpleNamespace:
    return INVERSE
