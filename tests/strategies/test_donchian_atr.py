"""The breakout expert: entries, stops and ranges worked by hand on bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Latency
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import DonchianAtr
from tests.engine.worlds import START
from tests.strategies.events import FREE, MODES, UNIT, run, run_twins

HOUR = 3_600 * 10**9


def market(rows: Sequence[tuple[float, float, float, float]]) -> Tape:
    """Hourly bars of (open, high, low, close)."""
    columns = np.array(rows, float).T
    names = ("open", "high", "low", "close")
    table: dict[str, Any] = dict(zip(names, columns, strict=True))
    table |= {"ts": START + HOUR * np.arange(len(rows), dtype=np.int64), "volume": np.ones(len(rows))}
    return Tape.from_bars(table, UNIT, interval=3600)


# True ranges of the second and third bar: 4 and 4, the first average is 4. The fourth closes at 109, above the highest
# high 103 of the three before; its range is 109 - 101 = 8, the average 4 + (8 - 4) / 2 = 6, the stop 109 - 6 = 103.
FLAT = [(100.0, 102.0, 98.0, 100.0), (100.0, 102.0, 98.0, 100.0), (100.0, 103.0, 99.0, 101.0)]
BREAKOUT = [*FLAT, (101.0, 109.0, 101.0, 109.0)]
AGENT: dict[str, Any] = {"channel": 3, "atr_window": 2, "stop_ranges": 1.0}


@pytest.mark.parametrize("mode", MODES)
def test_a_breakout_is_bought_at_the_next_open_behind_a_stop(mode: str) -> None:
    rows = [*BREAKOUT, (110.0, 112.0, 104.0, 105.0), (105.0, 106.0, 102.5, 104.0), (104.0, 105.0, 103.0, 104.0)]
    result = run(market(rows), DonchianAtr(**AGENT), FREE, mode=mode)
    orders = result.orders
    assert orders["kind"].tolist() == ["market", "stop"]
    assert orders["reduce_only"].tolist() == [False, True]
    # The first average is of the bars 2 to 4, when the agent is first called: (4 + 8) / 2 = 6.
    assert orders["trigger"].tolist()[1] == 103.0
    assert result.fills["price"].tolist() == [110.0, 103.0]
    assert result.curve["position"].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("mode", MODES)
def test_a_trailing_stop_follows_the_best_close_and_never_goes_back(mode: str) -> None:
    # Ranges 6 -> 6 + (5 - 6) / 2 = 5.5 at a close of 114: stop 108.5; then a close of 112 (range 4, average 4.75)
    # would ask for 107.25 and changes nothing; 108.0 reaches it.
    rows = [*BREAKOUT, (109.5, 114.0, 109.5, 114.0), (114.0, 114.0, 110.0, 112.0), (112.0, 112.0, 108.0, 111.0)]
    rows += [(111.0, 111.0, 110.0, 110.0)]
    result = run(market(rows), DonchianAtr(**AGENT, trailing=True), FREE, mode=mode)
    assert result.fills["price"].tolist() == [109.5, 108.5]
    assert result.orders["trigger"].tolist()[1] == 108.5
    resting = run(market(rows), DonchianAtr(**AGENT), FREE, mode=mode)
    assert resting.fills["price"].tolist() == [109.5]


@pytest.mark.parametrize("mode", MODES)
def test_the_other_side_of_the_channel_reverses_or_closes(mode: str) -> None:
    rows = [*BREAKOUT, (109.0, 110.0, 104.0, 106.0), (106.0, 107.0, 104.5, 105.0), (105.0, 106.0, 97.0, 98.0)]
    rows += [(98.0, 99.0, 96.0, 97.0)]
    wide = AGENT | {"stop_ranges": 10.0}  # out of reach
    both = run(market(rows), DonchianAtr(**wide), FREE, mode=mode)
    assert both.fills["contracts"].tolist() == [1.0, -1.0, -1.0]
    assert both.fills["price"].tolist() == [109.0, 98.0, 98.0]
    assert both.orders["kind"].tolist() == ["market", "stop", "market", "market", "stop"]
    assert both.orders["state"].tolist() == ["filled", "cancelled", "filled", "filled", "open"]
    assert both.orders["reduce_only"].tolist() == [False, True, True, False, True]
    assert both.orders["contracts"].tolist() == [1.0, -1.0, -1.0, -1.0, 1.0]
    long_only = run(market(rows), DonchianAtr(**wide, allow_short=False), FREE, mode=mode)
    assert long_only.fills["contracts"].tolist() == [1.0, -1.0]
    assert long_only.orders["state"].tolist() == ["filled", "cancelled", "filled"]


@pytest.mark.parametrize("mode", MODES)
def test_a_stop_is_never_below_one_tick(mode: str) -> None:
    result = run(market([*BREAKOUT, (109.0,) * 4]), DonchianAtr(**AGENT | {"stop_ranges": 50.0}), FREE, mode=mode)
    assert result.orders["trigger"].tolist()[1] == 0.5


LATE = Costs(
    half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none(), latency=Latency.fixed("1h", "30m")
)


@pytest.mark.parametrize("parameters", [{}, {"trailing": True}, {"allow_short": False, "trailing": True}])
@pytest.mark.parametrize("costs", [FREE, LATE])
def test_both_forms_do_the_same_and_hold_one_position_at_most(parameters: dict[str, Any], costs: Costs) -> None:
    tape = SyntheticMarket(days=100, interval="1h").tape(np.random.default_rng(3))
    agent = DonchianAtr(channel=10, atr_window=14, contracts=3.0, **parameters)
    result = run_twins(tape, agent, costs)
    held = np.cumsum(result.fill_records["contracts"])
    assert len(held) > 50
    assert np.abs(held).max() == 3.0
    stops = result.orders[result.orders["kind"] == "stop"]
    assert (stops["state"] == "filled").sum() > 10


def test_the_average_true_range_is_wilders() -> None:
    """Stops of the whole run against ranges averaged in another way: as a sum of weights."""
    tape = SyntheticMarket(days=30, interval="1h").tape(np.random.default_rng(8))
    rows = tape.bars.rows  # type: ignore[union-attr]
    high, low, close = rows[:, 1], rows[:, 2], rows[:, 3]
    ranges = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    orders = run(tape, DonchianAtr(channel=6, atr_window=6, stop_ranges=2.0), FREE).orders
    stops = orders[orders["kind"] == "stop"]
    assert len(stops) > 20
    for sent, trigger, contracts in zip(stops["sent"], stops["trigger"], stops["contracts"], strict=True):
        row = (sent.value - tape.start_ns) // HOUR - 1
        weights = (1 / 6) * (5 / 6) ** np.arange(row - 6)[::-1]
        average = ranges[:6].mean() * (5 / 6) ** (row - 6) + float(weights @ ranges[6:row])
        assert trigger == pytest.approx(close[row] + contracts * 2.0 * average, abs=0.51 * tape.instrument.tick)


def test_contracts_that_the_instrument_does_not_trade_are_refused() -> None:
    with pytest.raises(ConfigError, match="DonchianAtr: contracts: UNIT trades 1 contracts or more"):
        run(market(BREAKOUT), DonchianAtr(contracts=0.5), FREE)
