"""Nothing that an agent is shown depends on what it receives later: prices on their way, fills not yet reported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.margin import Margin, MarginSchedule, MarginTier
from halfspread.costs.model import Costs
from halfspread.engine.instruments import inverse, linear
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import Strategy

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
LATE = 4 * SECOND
TIERS = MarginSchedule.constant([MarginTier(initial=0.05, maintenance=0.02)])
LINEAR = linear("LIN", tick=0.5, lot=1.0, multiplier=1.0, margin=TIERS)
INVERSE = inverse("INV", tick=0.5, lot=1.0, margin=TIERS)


def quotes(mids: Any, kind: str, delayed_by: str) -> Tape:
    middle = np.array(mids, float)
    times = START + SECOND * np.arange(len(middle))
    table: dict[str, Any] = {"ts": times + LATE, "exch_ts": times} if delayed_by == "local times" else {"ts": times}
    table |= {"bid": middle - 0.5, "ask": middle + 0.5}
    mark = {"ts": times, "price": middle}
    return Tape.from_quotes(
        table, INVERSE if kind == "inverse" else LINEAR, mark=mark if delayed_by == "feed" else None
    )


class Watches(Strategy):
    """Holds a position, and writes down all that it is shown, by time."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.shown: dict[int, bytes] = {}

    def on_quote(self, market: Market) -> float:
        parts = {name: market._context[name] for name in market._context.dtype.names}
        self.shown[market.time] = b"".join(np.asarray(part).tobytes() for name, part in parts.items() if name != "rows")
        return 1.0 if len(self.shown) > 2 else 0.0


FLAT = [100.0] * 12
MOVES = {"up": [180.0] * 8, "down": [60.0] * 8, "flat": [100.0] * 8}


@pytest.mark.parametrize("kind", ["linear", "inverse"])
@pytest.mark.parametrize("delayed_by", ["local times", "feed", "response"])
@pytest.mark.parametrize("sizing", [FixedNotional(5_000), EquityFraction(1.0), FixedContracts(50)])
def test_what_is_shown_does_not_depend_on_what_is_received_later(kind: str, delayed_by: str, sizing: Sizing) -> None:
    feed = Delay.fixed("4s") if delayed_by == "feed" else Delay.none()
    costs = Costs(
        half_spread=HalfSpread.from_quotes(),
        fees=Fees(taker=1e-3, maker=0.0),
        funding=Funding.none(),
        latency=Latency(order=Delay.none(), response=Delay.fixed("4s"), feed=feed),
    )
    shown = {}
    for name, moved in MOVES.items():
        agent = Watches()
        tape = quotes(FLAT + moved, kind, delayed_by)
        run_backtest(tape, agent, costs, sizing=sizing, margin=Margin.cross(10), capital=2_000.0)
        shown[name] = agent.shown
    received = START + (len(FLAT) - 1) * SECOND + (0 if delayed_by == "response" else LATE)  # the last flat quote
    for moment in shown["flat"]:
        if moment <= received:
            assert shown["up"][moment] == shown["flat"][moment] == shown["down"][moment]
    assert any(shown["up"][moment] != shown["down"][moment] for moment in shown["flat"])


class Long(Strategy):
    """Holds on, and writes down its target, its contracts and its equity."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.shown: list[tuple[int, float, float, float]] = []

    def on_quote(self, market: Market) -> float | None:
        self.shown.append(((market.time - START) // SECOND, market.target, market.contracts, market.equity))
        return 1.0 if len(self.shown) == 1 else None


def test_a_liquidation_is_known_with_its_report() -> None:
    # 150 bought at 100.5 with 2,000 of capital; the mid falls to 60 at 12 s, and the report arrives at 15 s.
    costs = Costs(
        half_spread=HalfSpread.from_quotes(),
        fees=Fees.none(),
        funding=Funding.none(),
        latency=Latency(order=Delay.none(), response=Delay.fixed("3s"), feed=Delay.none()),
    )
    agent = Long()
    tape = quotes([*FLAT, *[60.0] * 6], "linear", "response")
    result = run_backtest(tape, agent, costs, sizing=FixedContracts(150), margin=Margin.cross(20), capital=2_000.0)
    assert result.liquidations == 1
    assert result.attribution["total"] == pytest.approx(-2_000.0, abs=1e-9)
    by_second = {second: line for second, *line in agent.shown}
    assert by_second[14] == [1.0, 150.0, 2_000.0 - 150 * 40.5]
    assert by_second[15] == [0.0, 0.0, 0.0]


def test_a_liquidation_takes_the_target_where_drawn_answers_take_no_time() -> None:
    at_once = Latency(order=Delay.none(), response=Delay.empirical([0, 0]), feed=Delay.none())
    costs = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none(), latency=at_once)
    agent = Long()
    tape = quotes([*FLAT, *[60.0] * 6], "linear", "response")
    run_backtest(tape, agent, costs, sizing=FixedContracts(150), margin=Margin.cross(20), capital=2_000.0)
    by_second = {second: line for second, *line in agent.shown}
    assert by_second[11][:2] == [1.0, 150.0]
    assert by_second[12] == [0.0, 0.0, 0.0]


def test_a_latency_of_market_data_beside_bars_is_refused() -> None:
    prices = np.full(5, 100.0)
    table = dict.fromkeys(("open", "high", "low", "close", "volume"), prices)
    times = (START // SECOND + 60 * np.arange(5)).astype(float)
    tape = Tape.from_bars({"ts": times} | table, LINEAR, interval=60.0, time_unit="s")
    late = Latency(order=Delay.none(), response=Delay.none(), feed=Delay.fixed("1s"))
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none(), latency=late)
    with pytest.raises(ConfigError, match="LIN has bars, which an agent sees when they close"):
        run_backtest(tape, Long(), costs, sizing=FixedContracts(1))


def test_a_fill_beyond_the_price_of_bankruptcy_is_refused() -> None:
    # Isolated at 10x: 100 bought at 100.5 pay in 1,005; at 60 a stop would lose 4,100 of the 2,000 in the account.
    class Stops(Strategy):
        def reset(self, rng: np.random.Generator, instruments: Any) -> None:
            self.calls = 0

        def on_quote(self, market: Market) -> None:
            self.calls += 1
            if self.calls == 1:
                market.send_market(100.0)
            if self.calls == 2:
                market.send_stop(-100.0, 90.0, reduce_only=True)

    costs = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none())
    tape = quotes([*FLAT, *[60.0] * 6], "linear", "")
    for margin, left in ((Margin.isolated(10), 2_000.0 - 1_005.0), (Margin.cross(10), 0.0)):
        result = run_backtest(tape, Stops(), costs, sizing=FixedContracts(1), margin=margin, capital=2_000.0)
        assert result.liquidations == 1
        assert result.orders["reason"].tolist() == ["", "insufficient margin"]
        assert result.curve["equity"].iloc[-1] == pytest.approx(left, abs=1e-9)
