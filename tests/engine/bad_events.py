"""Small tables of events to be broken, and what a user gets from them whatever they are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine.instruments import Instrument
from halfspread.engine.market import Market
from halfspread.engine.order_records import REASONS, REJECTED
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import SECOND
from halfspread.errors import UserError
from halfspread.strategies import Strategy
from tests.engine.worlds import LINEAR, START

Frame = Any  # pandas-stubs knows no frame of mixed columns
LATENCY = 3_000_000
READ: dict[str, Any] = {"quotes": Tape.from_quotes, "books": Tape.from_books, "trades": Tape.from_trades}


def frame_of(kind: str, count: int = 10) -> Frame:
    """A row a second, received 3 ms later, at 100 and 100.5; books of two levels."""
    times = START + SECOND * np.arange(count)
    stamps = {"ts": times + LATENCY, "exch_ts": times}
    if kind == "trades":
        return pd.DataFrame({**stamps, "price": 100.0, "size": 1.0, "side": "Buy"})
    if kind == "quotes":
        return pd.DataFrame({**stamps, "bid": 100.0, "bid_size": 5.0, "ask": 100.5, "ask_size": 7.0})
    levels: dict[str, Any] = {"bid_1": 100.0, "bid_size_1": 5.0, "ask_1": 100.5, "ask_size_1": 7.0}
    levels |= {"bid_2": 99.5, "bid_size_2": 6.0, "ask_2": 101.0, "ask_size_2": 8.0}
    return pd.DataFrame({**stamps, **levels})


def put(row: int = 7, **cells: Any) -> Callable[[Frame], Frame]:
    """Other cells in a row."""

    def change(frame: Frame) -> Frame:
        for column, value in cells.items():
            if isinstance(value, str):
                frame[column] = frame[column].astype(str)
            frame.loc[row, column] = value
        return frame

    return change


class InTurn(Strategy):
    """Buys and sells a contract in turn."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.side = -1.0

    def act(self, market: Market) -> None:
        self.side = -self.side
        market.send_market(self.side)


class OnQuotes(InTurn):
    """At every quote."""

    def on_quote(self, market: Market) -> None:
        self.act(market)


class OnBooks(InTurn):
    """At every book."""

    def on_book(self, market: Market) -> None:
        self.act(market)


class OnTrades(InTurn):
    """At every trade."""

    def on_trade(self, market: Market) -> None:
        self.act(market)


AGENTS = {"quotes": OnQuotes, "books": OnBooks, "trades": OnTrades}


@dataclass(frozen=True)
class Run:
    """What a run gave: counts, orders and equity to the bit, seconds from the start to its first and last moment, and
    (number of the order, reason) of what was rejected."""

    counts: dict[str, int]
    bits: tuple[bytes, ...]
    first: float
    last: float
    rejected: tuple[tuple[int, str], ...]


def outcome(make: Callable[[], Tape], kind: str, agent: Strategy | None = None, **terms: Any) -> Any:
    """What a user gets: a message, or a `Run`."""
    spread = HalfSpread.bps(1) if kind == "trades" else HalfSpread.from_quotes()
    costs = Costs(half_spread=spread, fees=Fees(taker=5e-4, maker=0.0), funding=Funding.none())
    terms = {"sizing": FixedContracts(1), "capital": 1_000, **terms}
    try:
        tape = make()
        result = run_backtest(tape, agent or AGENTS[kind](), costs, **terms)
    except UserError as error:
        return str(error)
    orders = result.order_records
    return Run(
        result.counts,
        (orders.tobytes(), result.fill_records.tobytes(), result.period_records.tobytes()),
        (tape.start_ns - START) / SECOND,
        (tape.end_ns - START) / SECOND,
        tuple((int(each["id"]), REASONS[each["reason"]]) for each in orders[orders["state"] == REJECTED]),
    )


def outcomes(
    folder: Path,
    kind: str,
    frame: Frame,
    fmt: TableFormat | None = None,
    *,
    instrument: Instrument = LINEAR,
    agent: Strategy | None = None,
    run: dict[str, Any] | None = None,
    **terms: Any,
) -> Any:
    """What all four sources of a table give, which has to be the same but for their names; ``trades``: more of them."""
    paths: dict[str, Any] = {kind: folder / f"{kind}.parquet"}
    frame.to_parquet(paths[kind], row_group_size=3)
    text = folder / f"{kind}.csv"
    frame.to_csv(text, index=False)
    if "trades" in terms:
        paths["trades"] = folder / "trades.parquet"
        terms.pop("trades").to_parquet(paths["trades"], row_group_size=4)
    beside = {name: path for name, path in paths.items() if name != kind}
    common = {"time_format": fmt, **terms}
    more = {"agent": agent, **(run or {})}
    made = [
        outcome(lambda: READ[kind](frame, instrument, **beside, **common), kind, **more),
        outcome(lambda: READ[kind](text, instrument, **beside, **common), kind, **more),
        outcome(lambda: READ[kind](paths[kind], instrument, **beside, **common), kind, **more),
        outcome(lambda: Tape.scan(instrument, **paths, **common), kind, **more),
    ]
    names = ("DataFrame", str(text), str(paths[kind]))
    plain = [
        found.replace(name, "SOURCE") if isinstance(found, str) else found
        for found, name in zip(made, (*names, names[-1]), strict=True)
    ]
    assert plain[1:] == plain[:1] * 3
    return plain[0]
