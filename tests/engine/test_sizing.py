"""What a target of 1 stands for: contracts, notional or equity, in whole lots."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.engine import instruments
from halfspread.engine.account_kernels import round_to_lots
from halfspread.engine.instruments import Instrument
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
from halfspread.errors import ConfigError
from tests.engine.worlds import FREE, LINEAR, Scripted, tape

TENTH = instruments.linear("TENTH", multiplier=1.0, lot=0.1, tick=0.5)
INVERSE = instruments.inverse("INV", multiplier=1.0, lot=100.0, tick=0.5)
THOUSANDTH = instruments.linear("SMALL", multiplier=0.001, lot=1.0, tick=0.5)


def positions(
    sizing: Any, closes: list[float], script: tuple[float | None, ...], instrument: Instrument = LINEAR, **more: Any
) -> list[float]:
    """Contracts held at every close, with fills at the close of the decision."""
    result = run_backtest(
        tape(closes, instrument), Scripted(script=script), FREE, sizing=sizing, **{"fill": "this_close", **more}
    )
    # the curve is written after the fills of the close
    return [float(value) for value in result.curve["position"]]


def test_fixed_contracts_do_not_depend_on_the_price() -> None:
    assert positions(FixedContracts(4), [100.0, 200.0, 50.0], (1.0, -0.5, 0.25)) == [4.0, -2.0, 1.0]


def test_a_notional_is_turned_into_contracts_at_the_price_of_the_decision() -> None:
    assert positions(FixedNotional(1000), [100.0, 200.0, 50.0], (1.0, -1.0, 0.5)) == [10.0, -5.0, 10.0]


def test_the_multiplier_of_a_linear_contract_counts() -> None:
    assert positions(FixedNotional(1000), [100.0, 200.0], (1.0, -1.0), THOUSANDTH) == [10_000.0, -5_000.0]


def test_the_notional_of_an_inverse_contract_is_its_contracts_whatever_the_price() -> None:
    assert positions(FixedNotional(1000), [100.0, 200.0, 50.0], (1.0, -1.0, 0.5), INVERSE) == [1000.0, -1000.0, 500.0]


def test_a_notional_is_rounded_towards_zero_to_lots() -> None:
    assert positions(FixedNotional(1000), [300.0, 300.0, 300.0], (1.0, -1.0, 0.7)) == [3.0, -3.0, 2.0]
    assert positions(FixedNotional(1050), [300.0] * 2, (1.0, -1.0), INVERSE) == [1000.0, -1000.0]


def test_a_fraction_of_equity_follows_the_account() -> None:
    # 1,000 at 100: 5; at 120 the account is worth 1,100: 0.5 x 1,100 / 120 = 4.58
    sizing = EquityFraction(0.5)
    assert positions(sizing, [100.0, 120.0, 120.0], (1.0, -1.0, 1.0), TENTH, capital=1000.0) == [
        5.0,
        pytest.approx(-4.5),
        pytest.approx(4.5),
    ]


def test_a_lost_account_is_not_sized_at_all() -> None:
    # twice the equity, and a fall of 60 %: nothing is left to size with
    held = positions(EquityFraction(2.0), [100.0, 40.0, 40.0], (1.0, 0.5, -1.0), capital=1000.0)
    assert held == [20.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("contracts", "lot", "rounded"),
    [
        (0.3, 0.1, 3),
        (0.1 + 0.2, 0.1, 3),
        (0.7, 0.1, 7),
        (-0.3, 0.1, -3),
        (0.29999, 0.1, 2),
        (-0.39, 0.1, -3),
        (0.09, 0.1, 0),
        (-0.09, 0.1, 0),
        (0.0, 0.1, 0),
        (1e9 * 0.1, 0.1, 1_000_000_000),
        (150.0, 100.0, 1),
        (2.9999999999, 1.0, 3),
        (2.99999, 1.0, 2),
    ],
)
def test_rounding_to_lots_is_towards_zero_and_forgives_float_noise(contracts: float, lot: float, rounded: int) -> None:
    def rounds(contracts: float, lot: float) -> float:
        return round_to_lots(contracts, lot)

    assert rounds(contracts, lot) == rounded * lot


@pytest.mark.parametrize("target", [0.3, 0.6, 0.7, -0.3, 1.0])
def test_a_target_of_tenths_is_a_whole_number_of_tenths_of_a_lot(target: float) -> None:
    assert positions(FixedContracts(1), [100.0] * 2, (target,), TENTH) == pytest.approx([target] * 2)


def test_a_target_below_one_lot_is_no_trade() -> None:
    for sizing, instrument in ((FixedContracts(1), LINEAR), (FixedNotional(99), INVERSE), (FixedNotional(60), LINEAR)):
        script = (0.9, -0.9, None, 0.5)
        result = run_backtest(tape([100.0] * 6, instrument), Scripted(script=script), FREE, sizing=sizing)
        assert result.counts["fills"] == 0
        assert result.counts["decisions"] == 6


def test_a_target_that_shrinks_below_one_lot_closes_the_position() -> None:
    assert positions(FixedContracts(2), [100.0] * 2, (1.0, 0.4)) == [2.0, 0.0]


def test_a_position_is_sized_when_the_target_changes_and_not_when_the_price_does() -> None:
    closes = [100.0, 200.0, 50.0, 50.0]
    assert positions(FixedNotional(1000), closes, (1.0, 1.0, None, 0.5)) == [10.0, 10.0, 10.0, 10.0]
    assert positions(FixedNotional(1000, resize="on_change"), closes, (1.0, 1.0, 1.0, -1.0)) == [
        10.0,
        10.0,
        10.0,
        -20.0,
    ]


def test_a_position_is_sized_at_every_decision_on_request() -> None:
    closes = [100.0, 200.0, 50.0, 50.0]
    sizing = FixedNotional(1000, resize="always")
    assert positions(sizing, closes, (1.0, None, 1.0)) == [10.0, 5.0, 20.0, 20.0]
    assert positions(EquityFraction(1.0, resize="always"), [100.0, 125.0], (1.0,), TENTH, capital=1000.0) == [
        10.0,
        pytest.approx(10.0),
    ]


def test_at_the_next_open_the_size_is_that_of_the_decision() -> None:
    result = run_backtest(
        tape([100.0, 200.0, 200.0], opens=[100.0, 190.0, 200.0]),
        Scripted(script=(1.0,)),
        FREE,
        sizing=FixedNotional(1000),
    )
    assert result.fills[["contracts", "price"]].to_numpy().tolist() == [[10.0, 190.0]]


@pytest.mark.parametrize("amount", [0, -1, float("nan"), float("inf"), "much"])
@pytest.mark.parametrize("sizing", [FixedContracts, FixedNotional, EquityFraction])
def test_an_amount_that_is_no_size_is_refused(sizing: Any, amount: Any) -> None:
    with pytest.raises(ConfigError, match=sizing.__name__):
        sizing(amount)


def test_every_sizing_describes_itself_in_one_sentence() -> None:
    texts = [
        FixedContracts(2).describe("USD"),
        FixedNotional(10_000).describe("USD"),
        EquityFraction(0.5, resize="always").describe("USD"),
    ]
    assert texts == [
        "a target of 1 is 2 contract(s)",
        "a target of 1 is 10,000 USD, in whole lots, sized when the target changes",
        "a target of 1 is 0.5 x the account's equity, in whole lots, sized anew at every decision",
    ]
