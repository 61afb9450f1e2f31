"""What became of orders, worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from halfspread.reports.orders import (
    fills_by_role,
    liquidation_fills,
    order_metrics,
    order_table,
    reasons,
    sent_orders,
)

Build = Callable[..., Any]

ROWS = [
    ("limit", 2.0, 2.0, "filled", "", 4.0, 2, 2),
    ("limit", -4.0, -1.0, "cancelled", "by the agent", 9.0, 1, 1),
    ("limit", 1.0, 0.0, "rejected", "off tick", 0.0, 0, 0),
    ("limit", 1.0, 0.0, "open", "", None, 0, 0),
    ("market", 3.0, 3.0, "filled", "", 1.0, 1, 0),
    ("cancel or amend", 0.0, 0.0, "rejected", "unknown order", 0.0, 0, 0),
    ("cancel or amend", 0.0, 0.0, "rejected", "unknown order", 0.0, 0, 0),
]


@pytest.fixture
def result(from_periods: Build, make_fills: Build, make_orders: Build) -> Any:
    rows = [("00:01", 1.0, 100.0), ("00:02", 1.0, 100.0), ("00:03", -1.0, 100.0), ("00:04", 3.0, 100.0)]
    fills = make_fills([(f"2024-01-01 {clock}", traded, price) for clock, traded, price in rows], fee=0.001)
    fills["order"], fills["maker"] = [1, 1, 2, 5], [1, 1, 1, 0]
    return from_periods(["2024-01-02"], fills=fills, orders=make_orders(ROWS), counts={"orders": len(ROWS)})


def test_orders_are_counted_by_kind_and_by_how_they_ended(result: Any) -> None:
    table = order_table(result)
    assert table.index.tolist() == ["limit", "market", "all"]
    ends = ["orders", "filled", "cancelled", "rejected", "open", "partly"]
    assert list(table.loc["limit", ends]) == [4, 1, 1, 1, 1, 1]
    assert list(table.loc["market", ends]) == [1, 1, 0, 0, 0, 0]
    assert list(table.loc["all", ends]) == [5, 2, 1, 1, 1, 1]


def test_the_share_filled_is_of_contracts_and_the_time_that_of_orders_filled_wholly(result: Any) -> None:
    table = order_table(result)
    assert table["fill_ratio"].tolist() == pytest.approx([(1 + 0.25) / 4, 1.0, (1 + 0.25 + 1) / 5])
    assert table["mean_seconds"].tolist() == pytest.approx([4.0, 1.0, 2.5])
    assert table["median_seconds"].tolist() == pytest.approx([4.0, 1.0, 2.5])
    assert table["maker_share"].tolist() == pytest.approx([1.0, 0.0, 0.75])


def test_an_order_of_no_known_size_counts_as_one_that_was_not_filled(from_periods: Build, make_orders: Build) -> None:
    ledger = make_orders(
        [
            ("limit", math.nan, 0.0, "rejected", "not a finite number", 0.0, 0, 0),
            ("limit", 1.0, 1.0, "filled", "", 1.0, 1, 1),
        ]
    )
    assert order_table(from_periods(["2024-01-02"], orders=ledger)).loc["limit", "fill_ratio"] == 0.5


def test_a_request_that_found_no_order_is_a_reason_and_no_order(result: Any) -> None:
    assert len(sent_orders(result)) == 5
    table = reasons(result)
    assert table.to_numpy().tolist() == [["unknown order", 2, 0], ["by the agent", 0, 1], ["off tick", 1, 0]]


def test_fills_are_told_apart_by_who_waited(result: Any) -> None:
    table = fills_by_role(result)
    assert table.index.tolist() == ["maker", "taker"]
    assert table["fills"].tolist() == [3, 1]
    assert table["value"].tolist() == [300.0, 300.0]
    assert table["fee"].tolist() == pytest.approx([-0.3, -0.3])


def test_metrics_of_orders(result: Any) -> None:
    assert order_metrics(result) == {
        "maker_share": 0.5,
        "liquidations": 0,
        "orders": 5,
        "rejected_orders": 1,
        "fill_ratio": pytest.approx(0.45),
        "mean_seconds_to_fill": 2.5,
    }


def test_a_run_of_targets_has_no_orders_and_no_ratio_of_them(from_periods: Build) -> None:
    found = order_metrics(from_periods(["2024-01-02"]))
    assert (found["orders"], found["liquidations"]) == (0, 0)
    assert all(math.isnan(found[name]) for name in ("maker_share", "fill_ratio", "mean_seconds_to_fill"))


def test_a_liquidation_is_neither_maker_nor_taker(from_periods: Build, make_fills: Build) -> None:
    fills: pd.DataFrame = make_fills([("2024-01-01 01:00", 1.0, 100.0), ("2024-01-01 02:00", -1.0, 90.0)])
    fills["order"], fills["liquidation"] = [0, -1], [0.0, -1.5]
    result = from_periods(["2024-01-02"], fills=fills)
    table = fills_by_role(result)
    assert table.index.tolist() == ["taker", "liquidation"]
    assert table["liquidation"].tolist() == [0.0, -1.5]
    assert liquidation_fills(result).index.tolist() == [1]
    assert order_metrics(result)["liquidations"] == 1
