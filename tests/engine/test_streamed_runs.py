"""A run on books, quotes and trades gives the same bits from memory and block by block, in blocks of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from halfspread.costs import Costs, Delay, Fees, Funding, HalfSpread, Latency
from halfspread.engine import parquet
from halfspread.engine.market import Market
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.strategies import Strategy
from tests.engine.event_markets import EventMarket, event_market, joined


class Busy(Strategy):
    """Trades at random on every kind of event, with orders of every kind, and looks at all it may see."""

    lookback: int = 3
    timer: ClassVar[str] = "7s"
    column: str = ""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.rng = rng
        self.seen: list[Any] = []

    def decide(self, market: Market) -> Any:
        self.seen.append((market.time, market.equity, market.rejected))
        for view in market.views:
            self.seen += [
                view.history(self.column).tobytes(),
                view.book.tobytes(),
                repr(view.bid),
                repr(view.trade_price),
                view.position,
            ]
        view = market.views[int(self.rng.integers(len(market)))]
        size = float(self.rng.integers(1, 4)) * float(self.rng.choice([-1, 1]))
        act = int(self.rng.integers(8))
        if act == 0:
            view.send_limit(size, view.bid if size > 0 else view.ask, post_only=True)
        elif act == 1:
            view.send_market(size)
        elif act == 2:
            view.cancel_all()
        elif act == 3:
            view.send_stop(size, view.ask + 1 if size > 0 else view.bid - 1)
        elif act == 4:
            return {view.instrument.symbol: size / 4}
        return None

    def on_trade(self, market: Market) -> Any:
        return self.decide(market)

    def on_timer(self, market: Market) -> Any:
        return self.decide(market)

    def on_fill(self, market: Market) -> Any:
        return self.decide(market)


class BusyOnBooks(Busy):
    """The same on books, which are its history."""

    column: str = "bid_1"

    def on_book(self, market: Market) -> Any:
        return self.decide(market)


class BusyOnQuotes(Busy):
    """The same on quotes."""

    column: str = "bid"

    def on_quote(self, market: Market) -> Any:
        return self.decide(market)


def bits(result: BacktestResult) -> tuple[Any, ...]:
    """Everything a run writes, to the bit."""
    return (
        result.curve_times.tobytes(),
        result.curve_values.tobytes(),
        result.fill_records.tobytes(),
        result.order_records.tobytes(),
        result.period_records.tobytes(),
        tuple(result.attribution.items()),
        result.events,
    )


LATENCY = Latency(order=Delay.fixed("700ms"), response=Delay.fixed("1s"), feed=Delay.lognormal("300ms", 1.0))
RUNS: dict[str, tuple[list[EventMarket], Any]] = {
    "books": ([event_market(11, ("books", "trades", "bars"))], BusyOnBooks),
    "joined books": (
        [event_market(4, ("books", "trades"), "ONE"), event_market(5, ("books", "trades"), "TWO", levels=1)],
        BusyOnBooks,
    ),
    "feed latency": ([event_market(12, ("books", "trades"), late=False)], BusyOnBooks),
    "quotes": ([event_market(13, ("quotes", "trades"))], BusyOnQuotes),
    "joined quotes": (
        [event_market(seed, ("quotes", "trades"), f"Q{seed}", late=seed == 14) for seed in (14, 15)],
        BusyOnQuotes,
    ),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("block", [3, 17, 70])
def test_a_streamed_run_gives_the_same_bits_as_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    markets, agent = RUNS[name]
    monkeypatch.setattr(parquet, "BLOCK_ROWS", block)
    costs = Costs(
        half_spread=HalfSpread.from_quotes(),
        fees=Fees(taker=5e-4, maker=-1e-4),
        funding=Funding.published(),
        latency=LATENCY if name != "books" else LATENCY.model_copy(update={"feed": Delay.none()}),  # it has bars
    )
    terms: dict[str, Any] = {"sizing": FixedContracts(4), "seed": 5, "stale_after": "10s", "capital": 10_000}
    agents = [agent() for _ in range(3)]
    whole = run_backtest(joined(markets), agents[0], costs, **terms)
    chunked = run_backtest(joined(markets), agents[1], costs, chunk_events=1, **terms)
    parts = run_backtest(joined(markets, tmp_path), agents[2], costs, keep_curve=True, **terms)
    assert whole.counts["fills"] > 20
    assert agents[0].seen == agents[1].seen == agents[2].seen
    assert bits(whole) == bits(chunked)
    assert bits(whole) == bits(parts)
