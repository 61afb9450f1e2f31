"""The permutation test: against the PnL of every shift, and what must always hold."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.errors import ConfigError, DataError
from halfspread.reports.statistics.permutation import PERMUTATION_ROWS, permutation_test, shifted_pnl
from halfspread.reports.statistics.series import Floats


def market(rows: int = 120, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    """A position that changes now and then, returns, and a cost for each row."""
    rng = np.random.default_rng(seed)
    position = np.sign(np.cumsum(rng.standard_normal(rows))) * rng.integers(1, 3, rows)
    return position.astype(np.float64), 0.02 * rng.standard_normal(rows), 1e-3 * rng.random(rows)


def test_the_pnl_of_a_shift_by_hand() -> None:
    position = np.zeros(60)
    position[2] = 1.0
    returns = np.arange(60) / 100.0
    # held in row 3 after a shift by one: earns 0.03; traded into in row 3 and out of in row 4, 0.001 each
    pnl = shifted_pnl(position, returns, 0.001, shift=1)
    assert pnl[3] == pytest.approx(0.029)
    assert pnl[4] == -0.001
    assert float(np.abs(pnl).sum()) == pytest.approx(0.03)
    # around the end
    assert shifted_pnl(position, returns, shift=58)[0] == returns[0]
    assert shifted_pnl(position, returns, shift=57)[59] == returns[59]


@pytest.mark.parametrize("statistic", ["ratio", "mean"])
@pytest.mark.parametrize("rows", [60, 97, 120])
def test_every_shift_is_measured_as_if_it_had_been_traded(rows: int, statistic: Literal["ratio", "mean"]) -> None:
    position, returns, cost = market(rows)
    found = permutation_test(position, returns, cost, statistic)
    pnls = [shifted_pnl(position, returns, cost, shift) for shift in range(rows)]
    slow = [float(pnl.mean() / (pnl.std() if statistic == "ratio" else 1.0)) for pnl in pnls]
    assert found.drawn.tolist() == pytest.approx(slow, rel=1e-8, abs=1e-14)
    assert found.statistic == found.drawn[0]
    assert found.p == pytest.approx(sum(each >= slow[0] - 1e-10 for each in slow) / rows)


def test_a_position_that_knows_the_next_return_is_found() -> None:
    _, returns, _ = market(200)
    found = permutation_test(np.sign(returns), returns)
    assert found.p == 1 / 200
    assert permutation_test(-np.sign(returns), returns).p == 1.0


def test_an_edge_that_costs_eat_is_no_edge_of_the_ratio() -> None:
    # holding through every second row earns by timing; costs are the same at every shift, so the mean's p-value is too
    position, returns, _ = market(200, seed=7)
    free, dear = (permutation_test(position, returns, cost, "mean") for cost in (0.0, 0.01))
    assert dear.p == free.p
    assert dear.statistic < free.statistic


def test_a_drift_earned_by_a_position_that_is_always_long_is_no_evidence() -> None:
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        returns = 0.01 + 0.01 * rng.standard_normal(100)
        found.append(permutation_test(1.0 + 0.1 * np.sign(rng.standard_normal(100)), returns).p <= 0.05)
    assert 0.01 <= float(np.mean(found)) <= 0.1  # the PnL of each is far above zero


def test_shifts_that_tie_count_against_the_position() -> None:
    # the position repeats every second row, the returns too: half of the shifts are the same
    position = np.tile([1.0, -1.0], 30)
    found = permutation_test(position, np.tile([0.01, -0.02], 30), statistic="mean")
    assert found.p == 0.5


def test_what_cannot_be_tested_is_refused() -> None:
    position, returns, cost = market()
    with pytest.raises(DataError, match=f"at least {PERMUTATION_ROWS} days of position, got 59"):
        permutation_test(position[:59], returns[:59])
    with pytest.raises(DataError, match="have 120, 119 and 120 rows"):
        permutation_test(position, returns[1:])
    with pytest.raises(DataError, match="have 120, 120 and 119 rows"):
        permutation_test(position, returns, cost[1:])
    for still in (np.ones(120), np.zeros(120)):
        with pytest.raises(DataError, match="do not vary"):
            permutation_test(still, returns)
        with pytest.raises(DataError, match="do not vary"):
            permutation_test(position, still)
    with pytest.raises(ConfigError, match="cost must be 0 or more"):
        permutation_test(position, returns, -0.001)
    with pytest.raises(DataError, match="cost has 120 days"):
        permutation_test(position, returns, math.nan)
    with pytest.raises(ConfigError, match="'ratio' or 'mean'"):
        permutation_test(position, returns, statistic="median")  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 16.0]), st.integers(0, 119))
def test_the_p_value_is_a_share_and_does_not_depend_on_units_or_on_where_the_ring_begins(
    seed: int, scale: float, turn: int
) -> None:
    position, returns, cost = market(120, seed)
    found = permutation_test(position, returns, cost)
    assert 1 / 120 <= found.p <= 1.0
    assert permutation_test(position, scale * returns, scale * cost).p == found.p
    turned = permutation_test(np.roll(position, turn), np.roll(returns, turn), np.roll(cost, turn))
    assert turned.p == found.p
