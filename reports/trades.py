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

from halfspread.reports.protocol import EXECUTION, InstrumentLike, ResultLike

__all__ = ["trade_caveats", "trade_statistics", "trades"]

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
    "pnl": "float64",
    "closed": "bool",
}
_HOUR = 3_600_000_000_000
_EXACT = {"price_total", "funding_total"}


def trades(result: ResultLike) -> pd.DataFrame:
    """One row per round trip, in the order of entry.

    ``contracts`` is the largest position held (positive), ``average_entry`` and ``average_exit`` the mean fill prices
    by contracts (harmonic for an inverse contract). ``price`` is the part of the attribution between entry and exit at
    reference prices, ``funding`` what was settled between them, ``pnl`` both with ``half_spread``, ``fee`` and
    ``impact``. Both are exact where the fills carry ``price_total`` and ``funding_total`` (the instrument's
    contributions so far, report currency); else they come from the recorded periods, see `trade_caveats`: unknown
    funding is NaN and left out of ``pnl``. The last row is the position still open at the end, if there is one:
    ``closed`` is False and it stands at the last reference price (``price`` and ``pnl`` are NaN with several
    instruments).
    """
    fills = result.fills
    found = []
    for instrument in result.instruments:
        mine = fills[(fills["instrument"] == instrument.symbol).to_numpy()]
        if len(mine):
            found.append(_trips(_legs(mine), instrument, result))
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
    table = pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]
    if "funding" not in table:
        table["funding"] = _funding(table, result)
    table["pnl"] = table["price"] + table[[*EXECUTION, "funding"]].sum(axis=1)
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
    for name in ("value", *EXECUTION):
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
    exact = set(legs) >= _EXACT
    gained = legs["price_total"].to_numpy() if exact else _cumulative_price(legs, instrument, result)
    times = legs["time"].to_numpy()
    table = pd.DataFrame(
        {
            "instrument": instrument.symbol,
            "side": np.where(side > 0.0, "long", "short"),
            "entry_time": pd.DatetimeIndex(times[starts], tz="UTC"),
            "exit_time": pd.Series(pd.DatetimeIndex(times[ends], tz="UTC")).where(closed, result.end),
            "fills": ends - starts + 1,
            "contracts": np.maximum.reduceat(np.abs(position), starts),
            "average_entry": _average(instrument, prices, contracts * adds, starts),
            "average_exit": _average(instrument, prices, contracts * ~adds, starts),
            "price": np.where(closed, gained[ends], _at_end(result, "price")) - gained[starts],
            "closed": closed,
        }
    )
    if exact:
        paid = legs["funding_total"].to_numpy()
        table["funding"] = np.where(closed, paid[ends], _at_end(result, "funding")) - paid[starts]
    for name in EXECUTION:
        table[name] = np.add.reduceat(legs[name].to_numpy(dtype=np.float64), starts)
    table["duration"] = table["exit_time"] - table["entry_time"]
    return table


def _at_end(result: ResultLike, name: str) -> float:
    """A contribution up to the end of the run; with several instruments it cannot be told whose it is."""
    return float(result.periods[name].iloc[-1]) if len(result.instruments) == 1 else math.nan


def _cumulative_price(legs: pd.DataFrame, instrument: InstrumentLike, result: ResultLike) -> Floats:
    """The `price` contribution from the start up to each leg, in report currency.

    It is taken from the last period that ended before the leg, and carried on from there by the legs of the same
    period. With several instruments, whose periods are not told apart, it is carried on from the first leg.
    """
    reference = legs["reference"].to_numpy(dtype=np.float64)
    worth = _values(instrument, reference)
    after = legs["position_after"].to_numpy(dtype=np.float64)
    times, ends = pd.DatetimeIndex(legs["time"]).as_unit("ns").asi8, _period_ends(result)
    if len(result.instruments) > 1:
        ends = ends[:0]
    period = np.searchsorted(ends, times, side="left")
    known = np.concatenate([[0.0], result.periods["price"].to_numpy(dtype=np.float64)])[period]
    marks = np.concatenate([[reference[0]], result.periods["reference"].to_numpy(dtype=np.float64)])[period]
    fresh = np.r_[True, period[1:] != period[:-1]]
    since = np.where(fresh, _values(instrument, marks), np.r_[worth[0], worth[:-1]])
    steps = np.r_[0.0, after[:-1]] * (worth - since) * _rates(legs, instrument)
    total = np.cumsum(steps)
    group = np.maximum.accumulate(np.where(fresh, np.arange(len(legs)), 0))
    gained: Floats = known + total - (total - steps)[group]
    return gained


def _period_ends(result: ResultLike) -> NDArray[np.int64]:
    return pd.DatetimeIndex(result.periods.index).as_unit("ns").asi8


def _values(instrument: InstrumentLike, prices: Floats) -> Floats:
    """Settle value of one long contract at each price: the contract's `value`, for arrays."""
    return -instrument.multiplier / prices if instrument.kind == "inverse" else instrument.multiplier * prices


def _rates(legs: pd.DataFrame, instrument: InstrumentLike) -> Floats:
    """Report currency per unit of settle currency at each fill."""
    worth = np.abs(legs["contracts"].to_numpy() * _values(instrument, legs["price"].to_numpy(dtype=np.float64)))
    return legs["value"].to_numpy(dtype=np.float64) / worth


def _average(instrument: InstrumentLike, prices: Floats, contracts: Floats, starts: NDArray[np.intp]) -> Floats:
    """Mean price of each trip by contracts; harmonic for an inverse contract. NaN where nothing was traded."""
    total = np.add.reduceat(contracts, starts)
    total[total == 0.0] = np.nan
    if instrument.kind == "inverse":
        return total / np.add.reduceat(contracts / prices, starts)
    return np.add.reduceat(contracts * prices, starts) / total


def _funding(table: pd.DataFrame, result: ResultLike) -> Floats:
    """Funding settled after each entry and up to the exit, from the cumulative funding of the periods."""
    times = _period_ends(result)
    if len(result.instruments) > 1 or not len(times) or _coarse(result):
        return np.full(len(table), math.nan)
    paid = np.concatenate([[0.0], result.periods["funding"].to_numpy(dtype=np.float64)])
    entry = np.searchsorted(times, pd.DatetimeIndex(table["entry_time"]).as_unit("ns").asi8, side="right")
    leave = np.searchsorted(times, pd.DatetimeIndex(table["exit_time"]).as_unit("ns").asi8, side="right")
    settled: Floats = paid[leave] - paid[entry]
    return settled


def _coarse(result: ResultLike) -> bool:
    """Whether the periods are too long to tell which round trip a settlement belongs to."""
    times = _period_ends(result)
    return len(times) > 2 and float(np.median(np.diff(times))) > _HOUR


def trade_caveats(result: ResultLike) -> list[str]:
    """What is not exact in `trades` of this result, as sentences; the reason is that fills do not carry their
    totals."""
    if set(result.fills) >= _EXACT:
        return []
    found = []
    if len(result.instruments) > 1 or _coarse(result):
        found.append("Funding is left out: from the recorded periods it cannot be told which round trip paid it.")
    if result.settle_currency != result.report_currency:
        found.append(
            f"Gains in {result.report_currency} are exact up to the second order of the moves within a recorded period."
        )
    return found


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
