"""Round trips: from flat through a position and back to flat, put together from the fills.

A fill that turns a long into a short closes one trip and opens the next; its costs are shared by contracts. Prices are
in quote currency, PnL in report currency, costs negative. Everything is vectorised: the work grows with the number of
fills.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from halfspread.engine.instrument import labels
from halfspread.reports.protocol import EXECUTION, InstrumentLike, ResultLike

__all__ = ["trade_statistics", "trades"]

Floats = NDArray[np.float64]

_COLUMNS = {
    "instrument": "object",
    "side": "object",
    "entry_time": "datetime64[ns, UTC]",
    "exit_time": "datetime64[ns, UTC]",
    "duration": "timedelta64[ns]",
    "fills": "int64",
    "contracts": "float64",
    "average_entry": "float64",
    "average_exit": "float64",
    "price": "float64",
    "half_spread": "float64",
    "fee": "float64",
    "impact": "float64",
    "funding": "float64",
    "liquidation": "float64",
    "pnl": "float64",
    "closed": "bool",
}


def trades(result: ResultLike) -> pd.DataFrame:
    """One row per round trip, in the order of entry.

    ``contracts`` is the largest position held (positive), ``average_entry`` and ``average_exit`` the mean fill prices
    by contracts (harmonic for an inverse contract). ``price`` and ``funding`` are what the attribution gained between
    entry and exit, from the totals that the fills carry (``price_total``, ``funding_total``), and ``pnl`` is both with
    ``half_spread``, ``fee``, ``impact`` and ``liquidation``: the trips add up to the attribution. Fills of several
    instruments are never mixed. The last row of an instrument is its position still open at the end, if there is one:
    ``closed`` is False and it stands at the last reference price.
    """
    fills = result.fills
    found = []
    for instrument, label in zip(result.instruments, labels(result.instruments), strict=True):
        mine = fills[(fills["instrument"] == label).to_numpy()]
        if len(mine):
            found.append(_trips(_legs(mine), instrument, result).assign(instrument=label))
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
    table = pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]
    table["pnl"] = table["price"] + table["funding"] + table[[*EXECUTION, "liquidation"]].sum(axis=1)
    return table[list(_COLUMNS)].sort_values("entry_time", kind="stable", ignore_index=True)


def _legs(fills: pd.DataFrame) -> pd.DataFrame:
    """The fills with every turning fill cut in two, and the number of the trip each part belongs to."""
    after = fills["position_after"].to_numpy(dtype=np.float64)
    before = np.concatenate([[0.0], after[:-1]])
    traded = fills["contracts"].to_numpy(dtype=np.float64)
    turns = before * after < 0.0
    rows = np.repeat(np.arange(len(fills)), 1 + turns)
    second = np.zeros(len(rows), dtype=bool)
    second[1:] = rows[1:] == rows[:-1]
    first = turns[rows] & ~second
    legs = fills.iloc[rows].reset_index(drop=True)
    legs["contracts"] = np.where(second, after[rows], np.where(first, -before[rows], traded[rows]))
    share = legs["contracts"].to_numpy() / traded[rows]
    for name in ("value", *EXECUTION, "liquidation"):
        legs[name] = legs[name].to_numpy(dtype=np.float64) * share
    legs["position_after"] = np.where(first, 0.0, after[rows])
    legs["trip"] = np.cumsum(second | (before[rows] == 0.0)) - 1
    return legs


def _trips(legs: pd.DataFrame, instrument: InstrumentLike, result: ResultLike) -> pd.DataFrame:
    trip = legs["trip"].to_numpy()
    starts = np.flatnonzero(np.r_[True, trip[1:] != trip[:-1]])
    ends = np.r_[starts[1:], len(legs)] - 1
    contracts = legs["contracts"].to_numpy(dtype=np.float64)
    position = legs["position_after"].to_numpy(dtype=np.float64)
    prices = legs["price"].to_numpy(dtype=np.float64)
    side = np.sign(contracts[starts])
    adds = contracts * side[trip] > 0.0
    closed = position[ends] == 0.0
    times = legs["time"].to_numpy()
    table = pd.DataFrame(
        {
            "side": np.where(side > 0.0, "long", "short"),
            "entry_time": pd.DatetimeIndex(times[starts], tz="UTC"),
            "exit_time": pd.Series(pd.DatetimeIndex(times[ends], tz="UTC")).where(closed, result.end),
            "fills": ends - starts + 1,
            "contracts": np.maximum.reduceat(np.abs(position), starts),
            "average_entry": _average(instrument, prices, contracts * adds, starts),
            "average_exit": _average(instrument, prices, contracts * ~adds, starts),
            "closed": closed,
        }
    )
    for name in ("price", "funding"):
        total = legs[f"{name}_total"].to_numpy(dtype=np.float64)
        table[name] = np.where(closed, total[ends], _at_end(result, instrument, name)) - total[starts]
    for name in (*EXECUTION, "liquidation"):
        table[name] = np.add.reduceat(legs[name].to_numpy(dtype=np.float64), starts)
    table["duration"] = table["exit_time"] - table["entry_time"]
    return table


def _at_end(result: ResultLike, instrument: InstrumentLike, name: str) -> float:
    """A contribution of one instrument up to the end of the run."""
    periods = result.periods if len(result.instruments) == 1 else result.periods_of(instrument.name)
    return float(periods[name].iloc[-1])


def _average(instrument: InstrumentLike, prices: Floats, contracts: Floats, starts: NDArray[np.intp]) -> Floats:
    """Mean price of each trip by contracts; harmonic for an inverse contract. NaN where nothing was traded."""
    total = np.add.reduceat(contracts, starts)
    total[total == 0.0] = np.nan
    if instrument.kind == "inverse":
        return total / np.add.reduceat(contracts / prices, starts)
    return np.add.reduceat(contracts * prices, starts) / total


def trade_statistics(trips: pd.DataFrame) -> pd.DataFrame:
    """Columns all, long and short over the closed rows of `trades`; PnL in report currency, durations in hours.

    ``hit_ratio`` is the share with a PnL above zero, ``profit_factor`` gains over losses (NaN without losses).
    Whatever has nothing to be computed from is NaN.
    """
    closed = trips[trips["closed"].to_numpy(dtype=bool)]
    sides = {"all": closed, "long": closed[closed["side"] == "long"], "short": closed[closed["side"] == "short"]}
    return pd.DataFrame({name: _statistics(some) for name, some in sides.items()})


def _statistics(trips: pd.DataFrame) -> dict[str, float]:
    pnl = trips["pnl"].to_numpy(dtype=np.float64)
    hours = trips["duration"].to_numpy() / np.timedelta64(1, "h")
    gains, losses = pnl[pnl > 0.0], pnl[pnl <= 0.0]
    lost = -float(losses.sum())
    return {
        "round_trips": float(len(pnl)),
        "hit_ratio": len(gains) / len(pnl) if len(pnl) else math.nan,
        "pnl": float(pnl.sum()) if len(pnl) else math.nan,
        "mean_pnl": _mean(pnl),
        "mean_gain": _mean(gains),
        "mean_loss": _mean(losses),
        "best": float(pnl.max()) if len(pnl) else math.nan,
        "worst": float(pnl.min()) if len(pnl) else math.nan,
        "profit_factor": float(gains.sum()) / lost if lost > 0.0 else math.nan,
        "mean_hours": _mean(hours),
        "median_hours": float(np.median(hours)) if len(hours) else math.nan,
    }


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan
