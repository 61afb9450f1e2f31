"""What takers have bought and sold counts at the agent, every trade once, when it is received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.costs.margin import Margin
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.strategies import Strategy
from tests.engine.worlds import FREE, LINEAR, START


class Counts(Strategy):
    """Writes down time and volumes at every trade, and every second."""

    timer = "1s"

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen: list[tuple[int, float, float]] = []

    def on_trade(self, market: Market) -> None:
        self.seen.append((market.time, market.bought, market.sold))

    on_timer = on_trade


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_volumes_are_sums_of_the_trades_received(chunk: int) -> None:
    rng = np.random.default_rng(1)
    happened = START + np.sort(rng.integers(0, 30_000, 200)) * 10**6
    received = happened + 250 * 10**6
    size, side = rng.integers(1, 9, 200).astype(float), rng.integers(-1, 2, 200)
    frame = {"ts": received, "exch_ts": happened, "price": np.full(200, 100.0), "size": size, "side": side}
    agent = Counts()
    terms: Any = {"sizing": FixedContracts(1.0), "capital": 1e6, "margin": Margin.none(), "chunk_events": chunk}
    run_backtest(Tape.from_trades(frame, LINEAR), agent, FREE, **terms)
    assert len(agent.seen) > 180
    for time, bought, sold in agent.seen:
        there = received <= time
        assert bought == size[there & (side > 0)].sum()
        assert sold == size[there & (side < 0)].sum()
    assert agent.seen[-1][1:] == (size[side > 0].sum(), size[side < 0].sum())
