"""Decisions on quotes, books, trades and a timer, and features of other instruments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import halfspread as hs
from halfspread.agents.reservoir.reservoir import ReservoirSettings
from halfspread.agents.rrl import records as at
from halfspread.agents.rrl.esn_rrl import EsnRrl
from halfspread.agents.rrl.esn_rrl_kernels import decide_once
from halfspread.agents.rrl.online_trader import Gate
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.costs.margin import Margin
from halfspread.engine.instruments import linear
from halfspread.engine.tape import Tape
from halfspread.engine.times import SECOND
from halfspread.errors import DataError
from tests.agents.rrl.esn_worlds import FEE, state_of
from tests.agents.rrl.worlds import autoregressive, market, paying, prepared, run
from tests.engine.worlds import START

FINE = linear("FINE", multiplier=1e-6, lot=1.0, tick=0.01)
COSTS = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees(taker=FEE, maker=FEE), funding=Funding.none())
SMALL: dict[str, Any] = {"reservoir": ReservoirSettings(size=8), "feedback": 3}


def quoted(rows: int = 400, seed: int = 0) -> tuple[dict[str, Any], Tape]:
    """Quotes about a mid that wanders, one a second."""
    rng = np.random.default_rng(seed)
    mid = 100.0 + 0.05 * rng.standard_normal(rows).cumsum()
    half = 0.01 * rng.integers(1, 4, rows)
    table = {
        "ts": START + SECOND * np.arange(1, rows + 1),
        "bid": mid.round(2) - half,
        "ask": mid.round(2) + half,
        "bid_size": rng.integers(1, 9, rows) * 1e6,
        "ask_size": rng.integers(1, 9, rows) * 1e6,
    }
    return table, Tape.from_quotes(table, FINE)


def on_quotes(tape: Tape, agent: EsnRrl) -> Any:
    return hs.backtest(tape, agent, COSTS, sizing=hs.FixedContracts(1e5), margin=Margin.none(), capital=1e6)


def test_it_decides_on_quotes_at_their_mid_and_pays_half_of_their_spread() -> None:
    table, tape = quoted()
    agent = EsnRrl(features=("imbalance",), decides_on=("quote",), gate=Gate(kind="none"), **SMALL)
    result = on_quotes(tape, agent)
    mid, half = 0.5 * (table["bid"] + table["ask"]), 0.5 * (table["ask"] - table["bid"])
    sizes = table["bid_size"] + table["ask_size"]
    u = (table["bid_size"] - table["ask_size"]) / sizes
    alone = EsnRrl(features=("log_return(1)",), **SMALL)
    memory = prepared(alone)
    for t in range(len(mid)):
        decide_once(memory, u[t : t + 1], mid[t] - mid[max(t - 1, 0)], FEE * mid[t] + half[t], 0.0)
    alone.see_memory(memory)
    assert agent.counts()["updates"] == len(mid)
    np.testing.assert_allclose(state_of(agent)["weights"], state_of(alone)["weights"], rtol=0, atol=1e-12)
    assert np.abs(state_of(agent)["weights"]).max() > 1e-4
    assert len(result.fills) > 10


def test_it_decides_on_a_timer() -> None:
    _, tape = quoted()
    agent = EsnRrl(features=("spread", "imbalance"), decides_on=("timer",), interval="10s", **SMALL)
    on_quotes(tape, agent)
    assert agent.places[at.DECISIONS] in (39, 40)


def test_it_decides_on_trades_at_their_price() -> None:
    rng = np.random.default_rng(2)
    price = (100.0 + 0.05 * rng.standard_normal(300).cumsum()).round(2)
    table = {"ts": START + SECOND * np.arange(1, 301), "price": price, "size": np.full(300, 1e6), "side": np.ones(300)}
    agent = EsnRrl(features=("trade_flow(60s)",), decides_on=("trade",), **SMALL)
    costs = Costs(half_spread=HalfSpread.price(0.01), fees=Fees(taker=FEE, maker=FEE), funding=Funding.none())
    hs.backtest(
        Tape.from_trades(table, FINE), agent, costs, sizing=hs.FixedContracts(1e5), margin=Margin.none(), capital=1e6
    )
    assert agent.counts()["updates"] == 300
    assert np.abs(state_of(agent)["weights"]).max() > 1e-4


def test_it_needs_the_events_that_it_decides_on() -> None:
    tape = market(autoregressive(50))
    with pytest.raises(DataError, match="EsnRrl decides on quote events, and the tape holds bars only"):
        run(tape, EsnRrl(features=(), decides_on=("quote",), **SMALL), paying(FEE))


def two_markets(gap_of_other: bool = False) -> Tape:
    """Bars of five minutes of two instruments; the second one knows the next return of the first."""
    returns = autoregressive(1_500, phi=0.0, sigma=0.003, seed=3)
    other = linear("OTHER", multiplier=1e-6, lot=1.0, tick=1e-6)
    ahead = np.append(returns[1:], 0.0)
    skip = range(700, 720) if gap_of_other else ()
    return Tape.join(market(returns), market(ahead, other, skip=skip))


def test_a_feature_of_another_instrument_is_learnt_from() -> None:
    settings: Any = {
        "units": "bp",
        "reservoir": "none",
        "gate": Gate(kind="none"),
    }
    result = run(two_markets(), EsnRrl(features=("scaled_return(1, 50)@OTHER",), **settings), paying(1e-4))
    without = run(two_markets(), EsnRrl(features=("scaled_return(1, 50)",), **settings), paying(1e-4))
    assert result.total_return > 1.0
    assert result.total_return > without.total_return + 1.0
    assert set(result.fills["instrument"]) == {"FINE"}


def test_the_instrument_that_is_traded_is_the_one_named() -> None:
    agent = EsnRrl(features=("log_return(1)",), instrument=1, units="bp", **SMALL)
    result = run(two_markets(), agent, paying(1e-4))
    assert set(result.fills["instrument"]) == {"OTHER"}


def test_only_gaps_of_the_instrument_that_is_traded_count_and_each_once() -> None:
    tape = two_markets(gap_of_other=True)
    first = EsnRrl(features=(), on_gap="reset", **SMALL)
    run(tape, first, paying(1e-4))
    assert first.counts()["gaps_met"] == 0
    second = EsnRrl(features=(), on_gap="reset", instrument=1, **SMALL)
    run(tape, second, paying(1e-4))
    assert second.counts()["gaps_met"] == second.counts()["resets_at_gaps"] == 1


def test_minutes_of_another_instrument_do_not_make_a_gap_of_one_many() -> None:
    five = market(autoregressive(200), skip=range(100, 110))
    minutes = market(autoregressive(1_000), linear("OTHER", multiplier=1e-6, lot=1.0, tick=1e-6), minutes=1)
    agent = EsnRrl(features=(), on_gap="reset", **SMALL)
    run(Tape.join(five, minutes), agent, paying(1e-4))
    assert agent.counts()["gaps_met"] == 1
    assert agent.counts()["resets_at_gaps"] == 1
