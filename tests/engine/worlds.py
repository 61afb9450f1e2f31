"""Small markets, scripted agents and a slow reference engine that the tests of the event loop share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine import instruments
from halfspread.engine.bars import Floats
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from halfspread.strategies import Strategy

START = 1_704_067_200 * 10**9  # 2024-01-01 00:00 UTC

FREE = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
LINEAR = instruments.linear("UNIT", multiplier=1.0, lot=1.0, tick=0.5)
INVERSE = instruments.inverse("INV", multiplier=1.0, lot=1.0, tick=0.5)


class Scripted(Strategy):
    """Gives the targets of a list one after the other, then keeps the last."""

    script: tuple[float | None, ...]

    def reset(self, rng: np.random.Generator, instruments: tuple[Instrument, ...]) -> None:
        self.calls = 0

    def on_bar(self, market: Market) -> float | None:
        self.calls += 1
        return self.script[self.calls - 1] if self.calls <= len(self.script) else None


def bars(
    closes: ArrayLike, opens: ArrayLike | None = None, interval: int = HOUR, skip: Sequence[int] = ()
) -> dict[str, Any]:
    """Bars with the given closes; each opens at the close before it unless ``opens`` are given. ``skip``: left out."""
    close = np.asarray(closes, float)
    open_ = np.concatenate([close[:1], close[:-1]]) if opens is None else np.asarray(opens, float)
    table = {
        "ts": START + interval * np.arange(len(close), dtype=np.int64),
        "open": open_,
        "high": np.maximum(open_, close),
        "low": np.minimum(open_, close),
        "close": close,
        "volume": np.ones(len(close)),
    }
    keep = np.setdiff1d(np.arange(len(close)), skip)
    return {name: values[keep] for name, values in table.items()}


def funding(rates: Mapping[int, float] | Mapping[float, float], interval_hours: float = 8) -> dict[str, Any]:
    """Settlements: hours since the start of the bars, and rates."""
    return {
        "ts": np.array([START + round(hours * HOUR) for hours in rates], np.int64),
        "rate": np.array(list(rates.values())),
        "interval_h": np.full(len(rates), float(interval_hours)),
    }


def tape(closes: Sequence[float], instrument: Instrument = LINEAR, interval: int = HOUR, **more: Any) -> Tape:
    """A tape of the bars above; ``opens`` and ``skip`` as there, the rest as for `Tape.from_bars`."""
    shape = {name: more.pop(name) for name in ("opens", "skip") if name in more}
    return Tape.from_bars(bars(closes, interval=interval, **shape), instrument, interval=interval / 1e9, **more)


@dataclass
class Ledger:
    """What the slow engine finds: equity and position at every close, and totals in report currency."""

    equity: list[float] = field(default_factory=list)
    position: list[float] = field(default_factory=list)
    totals: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("price", "half_spread", "fee", "funding", "collateral"), 0.0)
    )
    fills: int = 0


@dataclass
class SlowAccount:
    """An account kept the long way: a list of trades, valued afresh whenever equity is asked for."""

    instrument: Instrument
    deposit: float
    trades: list[tuple[float, float]] = field(default_factory=list)  # contracts, price
    paid: float = 0.0

    @property
    def contracts(self) -> float:
        return math.fsum(contracts for contracts, _ in self.trades)

    def equity(self, price: float) -> float:
        """Settle currency: every trade valued from its own price to this one."""
        return self.deposit + self.paid + math.fsum(self.instrument.pnl(n, at, price) for n, at in self.trades)


def slow_run(
    tape: Tape, targets: Sequence[float | None], costs: Costs, contracts: float, fill: str, capital: float
) -> Ledger:
    """Replay bars one after the other with fixed contracts and taker costs, by the book and without hurry.

    Only for bars that funding does not fall into, half-spreads in price, and linear or inverse contracts.
    """
    book, instrument = Ledger(), tape.instrument
    inverse = instrument.kind == "inverse"
    rows, times = tape.bars.rows, tape.bars.times  # type: ignore[union-attr]
    account = SlowAccount(instrument, capital / rows[0, 3] if inverse else capital)
    rate = float(rows[0, 3]) if inverse else 1.0
    table, last, pending = tape.funding, float(rows[0, 3]), None
    taker = costs.fees.taker or 0.0

    def move(price: float) -> None:
        nonlocal rate, last
        if inverse:
            book.totals["collateral"] += account.equity(last) * (price - rate)
            rate = price
        book.totals["price"] += instrument.pnl(account.contracts, last, price) * rate
        last = price

    def trade(to: float, reference: float) -> None:
        nonlocal account
        change = to - account.contracts
        if change == 0.0:
            return
        move(reference)
        price = reference + math.copysign(costs.half_spread.amount, change)
        fee = -taker * instrument.notional(change, price)
        account.trades.append((change, price))
        account.paid += fee
        book.totals["half_spread"] += instrument.pnl(change, price, reference) * rate
        book.totals["fee"] += fee * rate
        book.fills += 1

    for i, row in enumerate(rows):
        if fill == "next_open" and pending is not None:
            trade(pending, float(row[0]))
            pending = None
        move(float(row[3]))
        closed = int(times[i]) + tape.interval
        if table is not None and costs.funding.kind != "none":
            for at in np.flatnonzero(table.times == closed):
                amount = -float(table.rates[at]) * account.contracts * abs(instrument.value(last))
                account.paid += amount
                book.totals["funding"] += amount * rate
        if fill == "next_close" and pending is not None:
            trade(pending, float(row[3]))
            pending = None
        target = targets[i] if i < len(targets) else None
        if target is not None:
            pending = math.copysign(math.floor(abs(target) * contracts + 1e-9), target)
        if fill == "this_close" and pending is not None:
            trade(pending, float(row[3]))
            pending = None
        book.equity.append(account.equity(last) * rate)
        book.position.append(account.contracts)
    return book


def column(result: Any, name: str) -> Floats:
    """A column of the curve as an array."""
    return np.asarray(result.curve[name])
