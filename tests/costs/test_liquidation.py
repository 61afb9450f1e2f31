"""Liquidation and bankruptcy prices: the check values of both venues, their published forms, and what defines them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.liquidation import (
    bankruptcy_price,
    bitmex_liquidation,
    bybit_inverse_liquidation,
    bybit_inverse_liquidation_until_2026,
    bybit_linear_liquidation,
    liquidation_price,
)
from halfspread.errors import ConfigError

#: 10x, 0.5 % to maintain.
TEN: dict[str, Any] = {"maintenance": 0.005}

leverages = st.floats(1.5, 99.0)
entries = st.floats(10.0, 1e5)
sizes = st.floats(1e-3, 1e6)
sides = st.sampled_from([1.0, -1.0])
rates = st.floats(1e-4, 0.005)


@pytest.mark.parametrize(
    ("contracts", "new", "old"), [(60_000.0, "45681.82", "45662.10"), (-60_000.0, "55277.78", "55248.62")]
)
def test_the_check_values_of_bybit_inverse_contracts(contracts: float, new: str, old: str) -> None:
    assert f"{bybit_inverse_liquidation(contracts, 50_000, 10, **TEN):.2f}" == new
    assert f"{bybit_inverse_liquidation_until_2026(contracts, 50_000, 10, **TEN):.2f}" == old
    assert f"{liquidation_price('inverse', 1.0, contracts, 50_000, 10, **TEN):.2f}" == new
    assert f"{liquidation_price('inverse', 1.0, contracts, 50_000, 10, basis='entry', **TEN):.2f}" == old


@pytest.mark.parametrize("leverage", [2.0, 10.0, 100.0])
def test_an_inverse_position_is_bankrupt_at_entry_over_one_plus_or_minus_its_initial_margin(leverage: float) -> None:
    long = bankruptcy_price("inverse", 1.0, 1_000, 8_000, leverage)
    short = bankruptcy_price("inverse", 1.0, -1_000, 8_000, leverage)
    assert long == pytest.approx(8_000 / (1 + 1 / leverage), rel=1e-14)
    assert short == pytest.approx(8_000 / (1 - 1 / leverage), rel=1e-14)


def test_a_linear_position_is_bankrupt_when_the_price_has_moved_by_its_initial_margin() -> None:
    assert bankruptcy_price("linear", 0.001, 5, 20_000, 10) == pytest.approx(18_000, rel=1e-14)
    assert bankruptcy_price("linear", 0.001, -5, 20_000, 10) == pytest.approx(22_000, rel=1e-14)


def test_the_quoted_form_of_bitmex_by_hand() -> None:
    # 25x, taker 0.075 %, maintenance 0.5 %, funding 0.01 %: IM 4.15 %, MM 0.585 %; 8,000 / 1.03565 and / 0.96435
    terms: dict[str, Any] = {"maintenance": 0.005, "taker": 7.5e-4, "funding": 1e-4}
    assert bitmex_liquidation(1_000, 8_000, 25, **terms) == pytest.approx(8_000 / 1.03565, rel=1e-14)
    assert bitmex_liquidation(-1_000, 8_000, 25, **terms) == pytest.approx(8_000 / 0.96435, rel=1e-14)


@given(sides, sizes, entries, leverages, rates, st.floats(0, 1e-3), st.floats(0, 3.75e-3))
def test_on_entry_the_rule_is_the_form_of_bitmex(
    side: float, size: float, entry: float, leverage: float, kept: float, taker: float, funding: float
) -> None:
    terms: dict[str, Any] = {"maintenance": kept, "taker": taker, "funding": funding}
    ours = liquidation_price("inverse", 1.0, side * size, entry, leverage, basis="entry", **terms)
    assert ours == pytest.approx(bitmex_liquidation(side, entry, leverage, **terms), rel=1e-9)


@given(sides, sizes, entries, leverages, rates, st.floats(0, 0.3), st.floats(0, 1e-3))
def test_on_mark_the_rule_is_the_new_form_of_bybit(
    side: float, size: float, entry: float, leverage: float, kept: float, extra_part: float, deduction_part: float
) -> None:
    extra, deduction = extra_part * size / entry * 0.5, deduction_part * size / entry
    terms: dict[str, Any] = {"maintenance": kept, "extra": extra, "deduction": deduction}
    theirs = bybit_inverse_liquidation(side * size, entry, leverage, **terms)
    ours = liquidation_price("inverse", 1.0, side * size, entry, leverage, **terms)
    if theirs > 0.0:
        assert ours == pytest.approx(theirs, rel=1e-9)
    else:
        assert math.isnan(ours)


@given(sides, sizes, entries, leverages, rates)
def test_on_entry_without_fees_the_rule_is_the_old_form_of_bybit(
    side: float, size: float, entry: float, leverage: float, kept: float
) -> None:
    ours = liquidation_price("inverse", 1.0, side * size, entry, leverage, maintenance=kept, basis="entry")
    theirs = bybit_inverse_liquidation_until_2026(side * size, entry, leverage, maintenance=kept)
    assert ours == pytest.approx(theirs, rel=1e-9)


@given(sides, sizes, entries, leverages, rates, st.floats(0, 0.3), st.floats(0, 1e-3))
def test_on_mark_the_rule_is_the_linear_form_of_bybit(
    side: float, size: float, entry: float, leverage: float, kept: float, extra_part: float, deduction_part: float
) -> None:
    terms: dict[str, Any] = {
        "maintenance": kept,
        "extra": extra_part * size * entry,
        "deduction": deduction_part * size * entry,
    }
    theirs = bybit_linear_liquidation(side * size, entry, leverage, **terms)
    ours = liquidation_price("linear", 1.0, side * size, entry, leverage, **terms)
    if theirs > 1e-6 * entry:
        assert ours == pytest.approx(theirs, rel=1e-6)
    elif theirs < 0.0:
        assert math.isnan(ours)


@given(st.sampled_from(["linear", "inverse", "quanto"]), sides, sizes, entries, leverages, rates, st.floats(0, 1e-3))
def test_at_the_liquidation_price_the_equity_is_the_maintenance_margin(
    kind: Any, side: float, size: float, entry: float, leverage: float, kept: float, taker: float
) -> None:
    multiplier = 0.01

    def value(price: float) -> float:
        return -multiplier / price if kind == "inverse" else multiplier * price

    price = liquidation_price(kind, multiplier, side * size, entry, leverage, maintenance=kept, taker=taker)
    worth = abs(size * value(entry))
    equity = worth / leverage + 2 * taker * worth + side * size * (value(price) - value(entry))
    assert equity == pytest.approx(kept * abs(size * value(price)), rel=1e-6, abs=1e-9 * worth)
    bankrupt = bankruptcy_price(kind, multiplier, side * size, entry, leverage)
    left = worth / leverage + side * size * (value(bankrupt) - value(entry))
    assert left == pytest.approx(0.0, abs=1e-9 * worth)


@given(sides, entries, st.floats(1.5, 50.0), rates)
def test_a_position_is_liquidated_before_it_is_bankrupt(
    side: float, entry: float, leverage: float, kept: float
) -> None:
    kinds: tuple[Any, ...] = ("linear", "inverse")
    for kind in kinds:
        liquidated = liquidation_price(kind, 1.0, side, entry, leverage, maintenance=kept)
        bankrupt = bankruptcy_price(kind, 1.0, side, entry, leverage)
        assert side * (liquidated - bankrupt) > 0.0
        assert side * (entry - liquidated) > 0.0


def test_a_deduction_counts_on_entry_as_well() -> None:
    # long 2 BTC at 20,000, 10x: 4,000 + 2 (P - 20,000) = 0.5 % of 40,000 less 100
    price = liquidation_price("linear", 1.0, 2.0, 20_000, 10, maintenance=0.005, deduction=100, basis="entry")
    assert price == pytest.approx(20_000 - (4_000 - 100) / 2, rel=1e-14)


def test_added_margin_counts_before_the_fee_in_the_form_of_bybit() -> None:
    # 1.2 BTC of value, 0.12 of margin and 0.11 added; fee 10 %
    terms: dict[str, Any] = {"maintenance": 0.005, "extra": 0.11, "taker": 0.1}
    assert bybit_inverse_liquidation(60_000, 50_000, 10, **terms) == pytest.approx(60_300 / 1.42, rel=1e-14)
    terms["extra"] = 0.09
    assert bybit_inverse_liquidation(-60_000, 50_000, 10, **terms) == pytest.approx(59_700 / 0.98, rel=1e-14)


def test_a_cross_account_with_one_position_uses_its_equity() -> None:
    # long 2 BTC at 20,000 with 5,000: 5,000 + 2 (P - 20,000) = 0.5 % of 2 P, P = 35,000 / 1.99
    price = liquidation_price("linear", 1.0, 2.0, 20_000, math.inf, extra=5_000, maintenance=0.005)
    assert price == pytest.approx(35_000 / 1.99, rel=1e-14)
    # after the fee nothing is left: 5,000 + 2 (P - 20,000) = 0.05 % of 2 P
    gone = bankruptcy_price("linear", 1.0, 2.0, 20_000, math.inf, extra=5_000, closing_fee=5e-4)
    assert gone == pytest.approx(35_000 / 1.999, rel=1e-14)


def test_a_position_that_its_margin_covers_in_full_is_never_liquidated() -> None:
    assert math.isnan(liquidation_price("linear", 1.0, 1.0, 20_000, 1.0, maintenance=0.005, extra=1.0))
    assert math.isnan(liquidation_price("inverse", 1.0, -1_000, 20_000, 1.0, maintenance=0.005))
    assert math.isnan(bankruptcy_price("inverse", 1.0, -1_000, 20_000, 1.0))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"multiplier": 0.0}, "multiplier: expected a number above zero, got 0"),
        ({"entry": math.nan}, "entry: expected"),
        ({"entry": math.inf}, "entry: expected"),
        ({"leverage": 0.0}, "leverage: expected"),
        ({"contracts": 0.0}, "contracts: expected a position, got 0"),
        ({"contracts": math.nan}, "contracts: expected a position"),
    ],
)
def test_what_is_no_position_is_refused(change: dict[str, float], complaint: str) -> None:
    terms: dict[str, Any] = {"kind": "linear", "multiplier": 1.0, "contracts": 1.0, "entry": 100.0, "leverage": 5.0}
    with pytest.raises(ConfigError, match=complaint):
        bankruptcy_price(**terms | change)
    with pytest.raises(ConfigError, match=complaint):
        liquidation_price(**terms | change, maintenance=0.005)
