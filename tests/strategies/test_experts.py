"""Decisions of the experts, worked by hand on tiny tapes; compiled and in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from halfspread import strategies
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import Bollinger, BuyAndHold, FundingCarry, SmaCross, Strategy
from tests.engine.worlds import FREE, funding, tape

CHARGED = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
MODES = ["compiled", "python"]
BITMEX = instruments.bitmex("XBTUSDT")  # a rate is known one interval before it is paid
BYBIT = instruments.bybit("BTCUSDT")  # a rate is known when it is paid


def decisions(agent: Strategy, market: Tape | Sequence[float], mode: str, costs: Costs = FREE) -> list[float]:
    """The target in force after every bar; without margin, since no account outlives the jumps of these tapes."""
    if not isinstance(market, Tape):
        market = tape(market)
    size = FixedContracts(1000)  # whole lots on both venues
    result = run_backtest(market, agent, costs, sizing=size, fill="this_close", mode=mode, margin=Margin.none())
    return [float(value) for value in result.curve["position"] / 1000]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("position", [1.0, -0.5, 0.0])
def test_buy_and_hold_takes_its_position_at_the_first_bar(mode: str, position: float) -> None:
    assert decisions(BuyAndHold(position=position), [100.0, 50.0, 200.0], mode) == [position] * 3


# closes            10   12   14   10    8    8    8   14
# mean of 2              11   13   12    9    8    8   11
# mean of 3                   12   12 10.67 8.67   8   10
CROSS = [10.0, 12.0, 14.0, 10.0, 8.0, 8.0, 8.0, 14.0]


@pytest.mark.parametrize("mode", MODES)
def test_sma_cross_is_long_above_and_short_below_and_a_tie_counts_as_below(mode: str) -> None:
    expected = [0.0, 0.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0]
    assert decisions(SmaCross(fast=2, slow=3), CROSS, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_sma_cross_goes_flat_below_where_it_may_not_be_short(mode: str) -> None:
    expected = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    assert decisions(SmaCross(fast=2, slow=3, allow_short=False), CROSS, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_sma_cross_keeps_its_position_inside_the_band(mode: str) -> None:
    # 13 is 8.3 % above 12, 9 is 15.6 % below 10.67, 8 is 7.7 % below 8.67, 11 is 10 % above 10
    expected = [0.0, 0.0, 0.0, 0.0, -1.0, -1.0, -1.0, -1.0]
    assert decisions(SmaCross(fast=2, slow=3, band=0.12), CROSS, mode) == expected
    expected = [0.0, 0.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0]
    assert decisions(SmaCross(fast=2, slow=3, band=0.081), CROSS, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_sma_cross_with_a_fast_average_of_one_bar_is_the_close(mode: str) -> None:
    assert decisions(SmaCross(fast=1, slow=2), [10.0, 11.0, 10.0, 10.0, 12.0], mode) == [0.0, 1.0, -1.0, -1.0, 1.0]


def test_sma_cross_refuses_averages_that_do_not_fit() -> None:
    for fast, slow in ((3, 3), (4, 3)):
        with pytest.raises(ConfigError, match=f"fast has to be less than slow, got fast={fast}, slow={slow}"):
            SmaCross(fast=fast, slow=slow)
    with pytest.raises(ConfigError, match="fast: "):
        SmaCross(fast=0)
    with pytest.raises(ConfigError, match="band: "):
        SmaCross(band=-0.1)


def test_sma_cross_agrees_with_averages_taken_afresh_at_every_bar() -> None:
    closes = np.round(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 3_000))), 2)
    expected = np.zeros(len(closes))
    for i in range(29, len(closes)):
        expected[i] = 1.0 if closes[i - 6 : i + 1].mean() > closes[i - 29 : i + 1].mean() else -1.0
    got = decisions(SmaCross(fast=7, slow=30), closes.tolist(), "compiled")
    assert got == expected.tolist()


# Windows of 4 closes; the band is the mean plus or minus 1.5 population deviations.
#   10 10 10 14   mean 11    deviation sqrt(3) = 1.732   upper 13.598  -> sell at 14
#   10 10 14 12   mean 11.5  still above the mean        -> stay short
#   10 14 12 11   mean 11.75 11 is not above the mean    -> flat
#   14 12 11 11   mean 12    deviation 1.225, lower 10.16 -> stay flat
#   12 11 11  5   mean 9.75  deviation 2.773, lower 5.59 -> buy at 5
#   11 11  5  7   mean 8.5   below the mean              -> stay long
#   11  5  7  9   mean 8     9 is not below the mean     -> flat
# With deviations over n - 1 the first band would end at 14 exactly, and 14 would not be above it.
BANDS = [10.0, 10.0, 10.0, 14.0, 12.0, 11.0, 11.0, 5.0, 7.0, 9.0]


@pytest.mark.parametrize("mode", MODES)
def test_bollinger_enters_outside_the_band_and_leaves_at_the_mean(mode: str) -> None:
    expected = [0.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    assert decisions(Bollinger(window=4, width=1.5), BANDS, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_bollinger_turns_from_one_side_to_the_other_at_once(mode: str) -> None:
    # 10 10 14: sell (mean 11.33, deviation 1.886, upper 13.22); 10 14 5: buy (mean 9.67, deviation 3.68, lower 5.99)
    assert decisions(Bollinger(window=3, width=1.0), [10.0, 10.0, 14.0, 5.0], mode) == [0.0, 0.0, -1.0, 1.0]


@pytest.mark.parametrize("mode", MODES)
def test_bollinger_does_nothing_where_the_price_stands_still(mode: str) -> None:
    assert decisions(Bollinger(window=3, width=1.0), [10.0] * 6, mode) == [0.0] * 6


def carry(rates: dict[int, float], instrument: Any, mode: str, hours: int = 26, **parameters: Any) -> list[float]:
    market = tape([100.0] * hours, instrument, funding=funding(rates))
    return decisions(FundingCarry(**parameters), market, mode, CHARGED)


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_acts_on_the_next_rate_where_the_venue_publishes_it(mode: str) -> None:
    rates = {0: 0.0, 8: 0.002, 16: -0.002, 24: 0.0005, 32: 0.0}
    # hours 1 to 7 already know the rate of hour 8; hour 8 itself knows that of hour 16
    expected = [-1.0] * 7 + [1.0] * 8 + [0.0] * 8 + [0.0] * 3
    assert carry(rates, BITMEX, mode, threshold=0.001) == expected


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_acts_on_the_last_rate_where_the_next_is_not_known(mode: str) -> None:
    rates = {0: 0.0, 8: 0.002, 16: -0.002, 24: 0.0005}
    expected = [0.0] * 7 + [-1.0] * 8 + [1.0] * 8 + [0.0] * 3
    assert carry(rates, BYBIT, mode, threshold=0.001) == expected


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_stands_aside_at_the_threshold_itself(mode: str) -> None:
    assert carry({0: 0.001, 8: -0.001, 16: 0.0011, 24: 0.0}, BYBIT, mode, threshold=0.001) == (
        [0.0] * 15 + [-1.0] * 8 + [0.0] * 3
    )


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_smooths_rates_exponentially(mode: str) -> None:
    # weight 2 / (3 + 1) = 0.5: 0.004, then 0.002, 0, -0.002
    rates = {0: 0.004, 8: 0.0, 16: -0.002, 24: -0.004}
    expected = [-1.0] * 7 + [-1.0] * 8 + [0.0] * 8 + [1.0] * 3
    assert carry(rates, BYBIT, mode, threshold=0.001, settlements=3) == expected


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_without_rates_does_nothing(mode: str) -> None:
    assert decisions(FundingCarry(), [100.0] * 5, mode) == [0.0] * 5


@pytest.mark.parametrize("mode", MODES)
def test_funding_carry_earns_what_the_other_side_pays(mode: str) -> None:
    market = tape([100.0] * 26, BITMEX, funding=funding({0: 0.0, 8: 0.002, 16: -0.002, 24: 0.003}))
    result = run_backtest(market, FundingCarry(threshold=0.001), CHARGED, sizing=FixedContracts(1_000_000), mode=mode)
    worth = BITMEX.notional(1_000_000, 100.0)
    assert result.attribution["funding"] == pytest.approx(worth * (0.002 + 0.002 + 0.003))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("expert", "name"),
    [(BuyAndHold, "position"), (SmaCross, "band"), (Bollinger, "width"), (FundingCarry, "threshold")],
)
def test_a_parameter_that_is_no_finite_number_is_refused(expert: type[Strategy], name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{expert.__name__}: {name}: "):
        expert(**{name: value})


@pytest.mark.parametrize("name", strategies.BUILT_IN.values())
def test_every_parameter_of_an_expert_is_described_and_has_a_default(name: str) -> None:
    expert = getattr(strategies, name)
    fields = expert.model().model_fields
    assert all(field.description for field_name, field in fields.items() if field_name != "lookback")
    assert expert().name == name
    assert expert.__doc__.partition("\n")[0].endswith(".")


def test_a_config_calls_every_expert_by_its_name_in_small_letters() -> None:
    for name, expert in strategies.BUILT_IN.items():
        assert name.replace("_", "") == expert.lower()
    others = {"Strategy", "CompiledStrategy", "Shortfall", "implementation_shortfall"}
    assert set(strategies.BUILT_IN.values()) | others == set(strategies.__all__)
