"""EDGE as a cross-check: it finds a spread that is there, warns always, and refuses bars that cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.costs.edge_check import spread_from_bars
from halfspread.errors import DataError


def bars(half_spread: float, count: int = 2_000, own_opens: bool = True) -> tuple[Any, ...]:
    """Bars of trades that bounce between bid and ask around a random walk; four trades to a bar."""
    rng = np.random.default_rng(7)
    mid = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 2e-4, 4 * count)))
    price = (mid * (1.0 + half_spread * rng.choice([-1.0, 1.0], 4 * count))).reshape(count, 4)
    opened = price[:, 0] if own_opens else np.r_[price[0, 0], price[:-1, 3]]
    return opened, np.maximum(price.max(1), opened), np.minimum(price.min(1), opened), price[:, 3]


@pytest.mark.parametrize("half_spread", [5e-4, 2e-3])
def test_a_spread_that_is_there_is_found(half_spread: float) -> None:
    found = spread_from_bars(*bars(half_spread))
    assert found.half_spread_bps == pytest.approx(1e4 * half_spread, rel=0.1)
    assert found.bars == 2_000
    assert found.own_opens > 1_990


def test_every_estimate_carries_the_warning_that_it_is_no_cost() -> None:
    warning = spread_from_bars(*bars(1e-3)).warning
    assert "a cross-check and never a cost" in warning
    assert "0.8 bp where quotes showed 0.3 bp" in warning


def test_bars_that_open_at_the_previous_close_are_refused() -> None:
    with pytest.raises(DataError, match=r"0 of 2,000 bars open off the previous close; .* Use bars made from trades"):
        spread_from_bars(*bars(1e-3, own_opens=False))
    opened, high, low, close = bars(1e-3, own_opens=False)
    opened[100] = 0.5 * (low[100] + high[100])
    with pytest.raises(DataError, match="1 of 2,000 bars"):
        spread_from_bars(opened, high, low, close)
    found = spread_from_bars(opened, high, low, close, anyway=True)
    assert "1 of 2,000 bars open off the previous close" in found.warning
    assert "never a cost" in found.warning


def test_noise_without_a_spread_is_told_as_noise() -> None:
    noise = [spread_from_bars(*(column[i : i + 200] for column in bars(0.0))) for i in range(0, 2_000, 200)]
    assert any("cannot be told from noise" in found.warning for found in noise)
    assert all(found.half_spread_bps >= 0.0 for found in noise)


@pytest.mark.parametrize(
    ("column", "row", "value", "complaint"),
    [
        (0, 3, np.nan, "open: row 3"),
        (1, 0, np.inf, "high: row 0"),
        (2, 5, 0.0, "low: row 5"),
        (3, 9, -1.0, "close: row 9"),
    ],
)
def test_a_price_that_is_none_is_refused(column: int, row: int, value: float, complaint: str) -> None:
    arrays = [values.copy() for values in bars(1e-3, 50)]
    arrays[column][row] = value
    with pytest.raises(DataError, match=f"{complaint}: expected a price above zero"):
        spread_from_bars(*arrays)


def test_too_few_or_too_still_bars_are_refused() -> None:
    two: Any = np.array([1.0, 2.0])
    for arrays in ((two, two, two, two), [np.empty(0)] * 4):
        with pytest.raises(DataError, match="too few, or too still"):
            spread_from_bars(*arrays)
    with pytest.raises(DataError, match=r"high: expected one price for each of 2 bars, got \(1,\)"):
        spread_from_bars(two, two[:1], two, two)


def read(path: Path) -> tuple[Any, ...]:
    import pandas as pd

    frame = pd.read_parquet(path, columns=["open", "high", "low", "close"])
    return tuple(frame[name].to_numpy(float) for name in frame)


def test_the_bars_of_bitmex_are_refused(halfspread_data: Path) -> None:
    with pytest.raises(DataError, match=r"0 of 564,047 bars open off the previous close"):
        spread_from_bars(*read(halfspread_data / "bitmex" / "xbtusd_5m_2016_2021.parquet"))


def test_the_estimate_on_bybits_five_minutes_is_one_jump_across_a_gap(halfspread_data: Path) -> None:
    arrays = read(halfspread_data / "bybit" / "btcusdt_5m_2024_2026.parquet")
    with pytest.raises(DataError, match=r"1 of 192,174 bars open off the previous close"):
        spread_from_bars(*arrays)
    found = spread_from_bars(*arrays, anyway=True)
    assert 2.0 * found.half_spread_bps == pytest.approx(0.8, abs=0.05)
    (jump,) = np.flatnonzero(arrays[0][1:] != arrays[3][:-1]) + 1
    after = spread_from_bars(*(column[jump:] for column in arrays), anyway=True)
    assert after.half_spread_bps == 0.0


def test_minute_bars_beside_quotes_are_estimated_only_roughly(halfspread_data: Path) -> None:
    import pandas as pd

    path = halfspread_data / "bybit" / "btcusd_1m_bidask_20221213.parquet"
    found = spread_from_bars(*read(path))
    quotes = pd.read_parquet(path)[["bid_close", "ask_close"]].dropna()
    quoted = 1e4 * float(
        ((quotes["ask_close"] - quotes["bid_close"]) / (quotes["ask_close"] + quotes["bid_close"])).mean()
    )
    assert found.half_spread_bps == pytest.approx(0.22, abs=0.01)
    assert quoted == pytest.approx(0.145, abs=0.005)
    assert "cannot be told from noise" in found.warning
