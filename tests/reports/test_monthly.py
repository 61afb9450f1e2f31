"""The table of months."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from halfspread.reports.monthly import MONTHS, monthly


def days_of(first: str, count: int, value: float = 0.001) -> pd.DataFrame:
    index = pd.date_range(first, periods=count, freq="D", tz="UTC")
    return pd.DataFrame({"pnl": np.full(count, value)}, index=index)


def test_months_are_sums_of_simple_daily_returns() -> None:
    table = monthly(days_of("2023-12-30", 2 + 31 + 29 + 1))
    assert list(table.columns) == [*MONTHS, "year"]
    assert table.index.tolist() == [2023, 2024]
    assert table.loc[2023, "Dec"] == pytest.approx(0.002)
    assert list(table.loc[2024, ["Jan", "Feb", "Mar"]]) == pytest.approx([0.031, 0.029, 0.001])
    assert table["year"].tolist() == pytest.approx([0.002, 0.061])


def test_months_without_days_are_nan_and_flat_months_are_zero() -> None:
    table = monthly(days_of("2024-02-01", 29, 0.0))
    assert table.loc[2024, "Feb"] == 0.0
    assert table.loc[2024, ["Jan", "Mar"]].isna().all()


def test_a_year_without_days_between_two_others_is_a_row_of_nan() -> None:
    table = monthly(pd.concat([days_of("2021-05-01", 1), days_of("2023-05-01", 1)]))
    assert table.index.tolist() == [2021, 2022, 2023]
    assert table.loc[2022].isna().all()


def test_the_months_add_up_to_the_days() -> None:
    days = days_of("2019-03-04", 900, 0.0007)
    assert monthly(days)["year"].sum() == pytest.approx(days["pnl"].sum())


def test_no_days_make_an_empty_table() -> None:
    table = monthly(days_of("2024-01-01", 0))
    assert table.shape == (0, 13)
