"""The kernels of costs: hand-worked values, signs, and the compiled code against plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs import kernels
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.records import HALF_SPREAD_BARS

prices = st.floats(1e-3, 1e6)
rates = st.floats(-0.01, 0.01)
contracts = st.floats(-1e8, 1e8)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that numba compiled."""
    return cast(Callable[..., Any], cast(Any, function).py_func)


@pytest.mark.parametrize(
    ("model", "price", "tick", "expected"),
    [
        (HalfSpread.none(), 800.0, 0.5, 0.0),
        (HalfSpread.price(0.3), 800.0, 0.5, 0.3),
        (HalfSpread.ticks(1), 800.0, 0.5, 0.25),
        (HalfSpread.ticks(3), 800.0, 0.1, 0.15),
        (HalfSpread.bps(2), 50_000.0, 0.5, 10.0),
    ],
)
def test_half_spread_is_in_quote_currency(model: HalfSpread, price: float, tick: float, expected: float) -> None:
    assert kernels.half_spread_at(model.code, model.amount, price, tick) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("kind", [HALF_SPREAD_BARS, 99, -1])
def test_half_spread_that_needs_quotes_is_nan(kind: int) -> None:
    assert math.isnan(kernels.half_spread_at(kind, 1.0, 100.0, 0.5))


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_taker_loses_the_half_spread_on_both_sides(side: float) -> None:
    half = kernels.half_spread_at(HalfSpread.ticks(1).code, 1.0, 100.0, 0.5)
    fill = 100.0 + side * half
    assert side * (100.0 - fill) == -0.25


def test_a_fee_is_a_cost_and_a_rebate_is_a_gain() -> None:
    assert kernels.fee_amount(7.5e-4, 20.0) == -0.015
    assert kernels.fee_amount(-2.5e-4, 20.0) == 0.005


def test_longs_pay_funding_and_shorts_receive_it_at_a_positive_rate() -> None:
    assert kernels.funding_amount(1e-4, 2.0, 50_000.0) == -10.0
    assert kernels.funding_amount(1e-4, -2.0, 50_000.0) == 10.0
    assert kernels.funding_amount(-1e-4, 2.0, 50_000.0) == 10.0


def test_longs_of_an_inverse_contract_pay_funding_too_although_its_value_is_negative() -> None:
    assert kernels.funding_amount(1e-4, 15_000.0, -1.0 / 750.0) == pytest.approx(-0.002, rel=1e-15)


@pytest.mark.parametrize("amount", [kernels.fee_amount(0.0, 5.0), kernels.funding_amount(0.0, 5.0, 3.0)])
def test_nothing_is_not_a_negative_zero(amount: float) -> None:
    assert amount == 0.0
    assert math.copysign(1.0, amount) == 1.0


def test_nan_is_not_swallowed() -> None:
    assert math.isnan(kernels.fee_amount(math.nan, 1.0))
    assert math.isnan(kernels.funding_amount(1e-4, 1.0, math.nan))


@given(rates, contracts, prices)
def test_longs_and_shorts_pay_each_other(rate: float, held: float, value: float) -> None:
    assert kernels.funding_amount(rate, held, value) + kernels.funding_amount(rate, -held, value) == 0.0


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, unique=True), st.integers(-(2**63), 2**63 - 1))
def test_schedule_index_is_the_last_start_that_is_not_later(starts: list[int], time: int) -> None:
    ordered = np.array(sorted(starts), np.int64)
    earlier = [i for i, start in enumerate(ordered) if start <= time]
    assert kernels.schedule_index(ordered, time) == (earlier[-1] if earlier else 0)


@given(st.integers(0, 4), st.floats(0, 100), prices, st.floats(1e-6, 10), rates, contracts)
def test_compiled_and_plain_kernels_agree_to_the_bit(
    kind: int, amount: float, price: float, tick: float, rate: float, held: float
) -> None:
    for function, arguments in (
        (kernels.half_spread_at, (kind, amount, price, tick)),
        (kernels.fee_amount, (rate, price)),
        (kernels.funding_amount, (rate, held, -price)),
    ):
        compiled = np.float64(cast(Callable[..., float], function)(*arguments))
        assert compiled.tobytes() == np.float64(plain(function)(*arguments)).tobytes()
