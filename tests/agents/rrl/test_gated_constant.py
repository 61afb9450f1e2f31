"""A constant position under the gate: figures measured independently on real data, and markets worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import halfspread as hs
from halfspread.agents.rrl.gated_constant import GatedConstant
from halfspread.agents.rrl.online_trader import Gate
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.audit import audit
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.reports.metrics import metrics
from tests.agents.rrl.worlds import market, paying, run
from tests.engine.worlds import FREE, START, funding

Floats = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module")
def xbtusd(halfspread_data: Path) -> Tape:
    return Tape.from_bars(
        halfspread_data / "bitmex/xbtusd_5m_2016_2021.parquet",
        instruments.bitmex("XBTUSD"),
        funding=halfspread_data / "bitmex/xbtusd_funding_2016_2022.parquet",
        start="2017-02-11",
        end="2021-09-22",
    )


#: Total, information ratio, price, execution and carry of a constant 0.99, from an experiment in plain NumPy.
MEASURED = {
    "none": (Gate(kind="none"), 5.326, 1.355, 5.794, -0.001, -0.468),
    "per bar": (Gate(), 2.286, 0.783, 5.628, -2.580, -0.762),
    "daily": (Gate(every=288), 4.224, 1.551, 5.277, -0.188, -0.865),
    "slow, 8-hourly": (Gate(decay=0.9999, every=96), 4.825, 1.581, 5.647, -0.061, -0.761),
}


@pytest.mark.parametrize("gate", MEASURED)
def test_a_gated_constant_on_xbtusd_gives_the_known_returns(xbtusd: Tape, gate: str) -> None:
    costs = Costs(half_spread=HalfSpread.price(0.25), fees=Fees(taker=5e-4, maker=5e-4), funding=Funding.published())
    looked, total, ratio, price, execution, carry = MEASURED[gate]
    agent = GatedConstant(position=0.99, gate=looked)
    found = hs.backtest(xbtusd, agent, costs, sizing=FixedNotional(10_000), fill="this_close", margin=Margin.none())
    shares = {name: value / found.notional for name, value in found.attribution.items()}
    assert found.total_return == pytest.approx(total, abs=1e-3)
    assert metrics(found)["information_ratio"] == pytest.approx(ratio, abs=1e-3)
    assert shares["price"] == pytest.approx(price, abs=1e-3)
    assert shares["half_spread"] + shares["fee"] == pytest.approx(execution, abs=1e-3)
    assert shares["funding"] == pytest.approx(carry, abs=1e-3)


def positions(tape: Tape, agent: GatedConstant, rows: int, costs: Costs = FREE) -> Floats:
    """What is held after each bar."""
    fills = run(tape, agent, costs).fills
    held = np.zeros(rows)
    for time, contracts in zip(fills["time"], fills["position_after"], strict=True):
        row = (np.int64(time.value) - START) // tape.feeds[0].interval - 1
        held[row:] = np.sign(contracts)
    return held


def test_the_gate_shuts_after_losses_and_opens_again_as_worked_by_hand() -> None:
    """decay 0.5: the mean before each bar is 0, 0, -.005, -.0025, .00875, ...; looked at every 2 bars."""
    returns = np.array([0.0, -0.01, 0.0, 0.02, 0.0, 0.0, -0.03, 0.0, 0.0, 0.0])
    every_bar = positions(market(returns), GatedConstant(position=1.0, gate=Gate(decay=0.5)), 10)
    assert every_bar.tolist() == [1, 1, 0, 0, 1, 1, 1, 0, 0, 0]
    every_other = positions(market(returns), GatedConstant(position=1.0, gate=Gate(decay=0.5, every=2)), 10)
    assert every_other.tolist() == [1, 1, 0, 0, 1, 1, 1, 1, 0, 0]


def test_a_short_constant_is_shut_by_rises() -> None:
    held = positions(
        market(np.array([0.0, 0.01, 0.0, -0.02, 0.0])), GatedConstant(position=-1.0, gate=Gate(decay=0.5)), 5
    )
    assert held.tolist() == [-1, -1, 0, 0, -1]


def test_the_shadow_pays_funding_and_no_costs() -> None:
    """Standing prices: 1 % of fees never shuts the gate, one funding payment does, and one received opens it."""
    rates = funding({8: 1e-4, 16: -3e-4, 24: 0.0, 32: 0.0})
    assert positions(market(np.zeros(8)), GatedConstant(), 8, paying(0.01)).tolist() == [1] * 8
    tape = market(np.zeros(8), minutes=240, funding=rates)
    costs = paying(0.0, funding=Funding.published())
    held = positions(tape, GatedConstant(gate=Gate(decay=0.5)), 8, costs)
    assert held.tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


@given(st.lists(st.floats(-0.05, 0.05), min_size=5, max_size=60), st.integers(1, 7), st.floats(0.0, 0.99))
def test_the_position_is_the_constant_or_nothing_as_the_plain_gate_says(
    moves: list[float], every: int, decay: float
) -> None:
    tape = market(np.array(moves))
    held = positions(tape, GatedConstant(position=0.5, gate=Gate(decay=decay, every=every)), len(moves))
    close = np.asarray(next(iter(tape.feeds[0].blocks("bars"))).rows)[:, 3]
    mean, expected, open_ = 0.0, [], True
    for t, price in enumerate(close):
        open_ = mean >= 0.0 if t % every == 0 else open_
        expected.append(float(open_))
        mean = decay * mean + (1.0 - decay) * (0.5 * (price / close[t - 1] - 1.0) if t else 0.0)
    assert held.tolist() == expected


def test_the_position_just_chosen_pays_what_is_settled_with_it_where_the_config_says_so() -> None:
    """Settled at the close of the first bar: what was carried into it is nothing, what is chosen there is not."""
    tape = market(np.zeros(4), minutes=480, funding=funding({8: 1e-4, 16: 0.0, 24: 0.0, 32: 0.0}))
    costs = paying(0.0, funding=Funding.published())
    held = {
        on: positions(tape, GatedConstant(gate=Gate(decay=0.9), funding_on=on), 4, costs).tolist()
        for on in ("carried", "chosen")
    }
    assert held == {"carried": [1, 1, 1, 1], "chosen": [1, 0, 0, 0]}


def test_it_keeps_to_what_it_has_received() -> None:
    returns = 0.01 * np.random.default_rng(1).standard_normal(300)
    found = audit(
        market(returns), lambda: GatedConstant(gate=Gate(decay=0.9)), FREE, sizing=FixedNotional(1e4), fill="this_close"
    )
    assert found.passed, str(found)


def test_a_position_beyond_its_limits_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"position: expected less than or equal to 1, got 1\.5"):
        GatedConstant(position=1.5)
    with pytest.raises(ConfigError, match=r"position: expected at most clip = 0\.5, got 0\.99"):
        GatedConstant(clip=0.5)
