"""Rolling figures worked by hand and against a loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.measured import Measured
from halfspread.reports.rolling import rolling

Build = Callable[..., Any]


def table(pnl: list[float], execution: list[float], turnover: list[float]) -> pd.DataFrame:
    index = pd.date_range("2024-01-01", periods=len(pnl), freq="D", tz="UTC")
    return pd.DataFrame({"pnl": pnl, "execution": execution, "turnover": turnover}, index=index)


def test_windows_of_two_days_worked_by_hand() -> None:
    found = rolling(table([0.01, 0.03, -0.01], [-0.001, -0.003, 0.0], [1.0, 1.0, 0.0]), window=2)
    root = 365**0.5
    assert [f"{day:%m-%d}" for day in found.index] == ["01-02", "01-03"]
    assert found["return"].tolist() == pytest.approx([0.04, 0.02])
    assert found["volatility"].tolist() == pytest.approx([0.01 * root, 0.02 * root])
    assert found["ratio"].tolist() == pytest.approx([2.0 * root, 0.5 * root])
    assert found["cost_per_turnover"].tolist() == pytest.approx([0.002, 0.003])


def test_what_cannot_be_said_is_nan_and_never_infinite() -> None:
    found = rolling(table([0.1, 0.1, 0.1], [0.0] * 3, [0.0] * 3), window=2)
    assert found["volatility"].tolist() == [0.0, 0.0]
    assert all(math.isnan(value) for value in found["ratio"])
    assert all(math.isnan(value) for value in found["cost_per_turnover"])


def test_fewer_days_than_the_window_give_no_row() -> None:
    assert len(rolling(table([0.1] * 89, [0.0] * 89, [0.0] * 89))) == 0
    assert len(rolling(table([0.1] * 90, [0.0] * 90, [0.0] * 90))) == 1


def test_every_row_is_what_a_loop_over_days_finds(walk: Build) -> None:
    days = Measured.of(walk(days=120)).days
    found = rolling(days, window=30)
    for row, (day, line) in enumerate(found.iterrows()):
        part = days.iloc[row : row + 30]
        assert part.index[-1] == day
        assert line["return"] == pytest.approx(part["pnl"].sum())
        assert line["ratio"] == pytest.approx(part["pnl"].mean() / np.std(part["pnl"]) * 365**0.5)
        assert line["cost_per_turnover"] == pytest.approx(-part["execution"].sum() / part["turnover"].sum())
