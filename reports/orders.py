"""What became of orders and what fills cost by who waited: numbers of the ledger, of fills, and of liquidations.

Money is in report currency, times are in seconds. NaN where there is nothing to compute from.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from halfspread.reports.protocol import EXECUTION, ResultLike

__all__ = ["fills_by_role", "liquidation_fills", "order_metrics", "order_table", "reasons", "sent_orders"]

#: The kind of a ledger line that is no order but a cancel or an amendment that found none.
REQUEST = "cancel or amend"

#: The order number of a fill by which the venue closed a position.
TAKEN_OVER = -1


def sent_orders(result: ResultLike) -> pd.DataFrame:
    """The ledger without the requests that found no order; see `BacktestResult.orders`."""
    orders = result.orders
    return orders[(orders["kind"] != REQUEST).to_numpy()]


def order_table(result: ResultLike) -> pd.DataFrame:
    """A row for each kind of order that was sent, and ``all``.

    Columns ``orders``, by their end ``filled`` (all of it), ``cancelled``, ``rejected``, ``open``; ``partly`` (ended
    without all, but with a part), ``fill_ratio`` (mean over orders of contracts filled / contracts), ``maker_share``
    (of their fills), and ``mean_seconds`` and ``median_seconds`` from sent to wholly filled.
    """
    orders = sent_orders(result)
    kinds = list(dict.fromkeys(orders["kind"]))
    found = {kind: _of_orders(orders[(orders["kind"] == kind).to_numpy()]) for kind in kinds}
    if len(kinds) != 1:
        found["all"] = _of_orders(orders)
    return pd.DataFrame.from_dict(found, orient="index")


def _of_orders(orders: pd.DataFrame) -> dict[str, float]:
    state = orders["state"].to_numpy()
    filled = state == "filled"
    part = ~filled & (orders["filled"].to_numpy(dtype=np.float64) != 0.0)
    fills = float(orders["fills"].sum())
    seconds = (orders["done"] - orders["sent"]).to_numpy()[filled] / np.timedelta64(1, "s")
    return {
        "orders": float(len(orders)),
        "filled": float(filled.sum()),
        "cancelled": float((state == "cancelled").sum()),
        "rejected": float((state == "rejected").sum()),
        "open": float((state == "open").sum()),
        "partly": float(part.sum()),
        "fill_ratio": _fill_ratio(orders),
        "maker_share": float(orders["maker_fills"].sum()) / fills if fills else math.nan,
        "mean_seconds": float(seconds.mean()) if len(seconds) else math.nan,
        "median_seconds": float(np.median(seconds)) if len(seconds) else math.nan,
    }


def _fill_ratio(orders: pd.DataFrame) -> float:
    """Mean share of an order that was filled; an order of no known size counts as one that was not."""
    asked = np.abs(orders["contracts"].to_numpy(dtype=np.float64))
    filled = np.abs(orders["filled"].to_numpy(dtype=np.float64))
    shares = np.divide(filled, asked, out=np.zeros(len(asked)), where=np.isfinite(asked) & (asked > 0.0))
    return float(np.minimum(shares, 1.0).mean()) if len(shares) else math.nan


def reasons(result: ResultLike) -> pd.DataFrame:
    """Why orders and requests ended without all of their fills: columns reason, rejected and cancelled, most first."""
    orders = result.orders
    ended = orders[orders["state"].isin(["rejected", "cancelled"]).to_numpy()]
    table = pd.crosstab(ended["reason"], ended["state"]).reindex(columns=["rejected", "cancelled"], fill_value=0)
    order = table.sum(axis=1).sort_values(ascending=False, kind="stable").index
    return table.loc[order].rename_axis(columns=None).reset_index()


def fills_by_role(result: ResultLike) -> pd.DataFrame:
    """A row each for fills as maker and as taker, and for liquidations, where there are any: ``fills``, ``value``
    (absolute), and the sums of ``half_spread``, ``fee``, ``impact`` and ``liquidation``; a cost is negative."""
    fills = result.fills
    taken_over = (fills["order"] == TAKEN_OVER).to_numpy()
    maker = (fills["maker"] == 1).to_numpy()
    roles = {"maker": maker, "taker": ~maker & ~taken_over, "liquidation": taken_over}
    columns = ["value", *EXECUTION, "liquidation"]
    found = {}
    for role, chosen in roles.items():
        if chosen.any():
            sums = fills.loc[chosen, columns].to_numpy(dtype=np.float64).sum(axis=0)
            found[role] = {"fills": float(chosen.sum())} | dict(zip(columns, sums.tolist(), strict=True))
    return pd.DataFrame.from_dict(found, orient="index", columns=["fills", *columns])


def liquidation_fills(result: ResultLike) -> pd.DataFrame:
    """The fills by which the venue closed positions, in order."""
    return result.fills[(result.fills["order"] == TAKEN_OVER).to_numpy()]


def order_metrics(result: ResultLike) -> dict[str, float | int]:
    """``maker_share`` (of the value traded, NaN without fills), ``liquidations``, and of the agent's own orders
    ``orders``, ``rejected_orders``, ``fill_ratio`` and ``mean_seconds_to_fill`` as in `order_table`."""
    fills = result.fills
    value = fills["value"].to_numpy(dtype=np.float64)
    made = float(value[(fills["maker"] == 1).to_numpy()].sum())
    found: dict[str, float | int] = {
        "maker_share": made / float(value.sum()) if value.sum() > 0.0 else math.nan,
        "liquidations": int((fills["order"] == TAKEN_OVER).sum()),
    }
    if not result.counts.get("orders", 0):
        return found | {"orders": 0, "rejected_orders": 0, "fill_ratio": math.nan, "mean_seconds_to_fill": math.nan}
    of_all = _of_orders(sent_orders(result))
    return found | {
        "orders": int(of_all["orders"]),
        "rejected_orders": int(of_all["rejected"]),
        "fill_ratio": of_all["fill_ratio"],
        "mean_seconds_to_fill": of_all["mean_seconds"],
    }
