"""Small tapes of quotes and trades by hand, and runs of both forms of an expert, for the tests of those with orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.instrument import Instrument
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, Sizing
from halfspread.engine.tape import Tape

START = 1_704_067_200 * 10**9  # 2024-01-01 00:00 UTC, a Monday
SECOND = 10**9
MODES = ["compiled", "python"]
UNIT = instruments.linear("UNIT", multiplier=1.0, lot=1.0, tick=0.5)
OF_QUOTES = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none())
FREE = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())


def quotes(
    rows: Sequence[tuple[float, float, float]],
    trades: Sequence[tuple[float, float, float, int]] = (),
    instrument: Instrument = UNIT,
) -> Tape:
    """Quotes (seconds, bid, ask), each of 100 contracts, and trades (seconds, price, size, side)."""
    seconds, bids, asks = (np.array(column, float) for column in zip(*rows, strict=True))
    table = {"ts": times(seconds), "bid": bids, "ask": asks}
    table |= {"bid_size": np.full(len(rows), 100.0), "ask_size": np.full(len(rows), 100.0)}
    beside = None
    if trades:
        when, price, size, side = (np.array(column, float) for column in zip(*trades, strict=True))
        beside = {"ts": times(when), "price": price, "size": size, "side": side.astype(np.int64)}
    return Tape.from_quotes(table, instrument, trades=beside)


def times(seconds: Any) -> Any:
    return START + np.rint(np.asarray(seconds, float) * SECOND).astype(np.int64)


def seconds_of(column: Any) -> list[float]:
    """Times of a frame as seconds after the start."""
    return [float(each) for each in (column.astype("int64").to_numpy() - START) / SECOND]


def run(
    tape: Tape, agent: Any, costs: Costs = OF_QUOTES, mode: str = "compiled", sizing: Sizing | None = None, **more: Any
) -> BacktestResult:
    """Without margin; a target of 1 is 1000 contracts unless said otherwise."""
    options = {"margin": Margin.none(), **more}
    return run_backtest(tape, agent, costs, sizing=sizing or FixedContracts(1000), mode=mode, **options)


def run_twins(tape: Tape, agent: Any, costs: Costs = OF_QUOTES, **more: Any) -> BacktestResult:
    """Run both forms of an agent and compare all that they did, to the bit; the compiled run."""
    one, other = (run(tape, agent, costs, mode, **more) for mode in MODES)
    assert one.fill_records.tobytes() == other.fill_records.tobytes()
    assert one.order_records.tobytes() == other.order_records.tobytes()
    assert np.array_equal(one.curve_values, other.curve_values)
    return one
