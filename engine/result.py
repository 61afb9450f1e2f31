"""What a backtest leaves behind: numbers and how they came about, no presentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from halfspread.engine.account_records import ATTRIBUTION, FILL
from halfspread.engine.bars import Floats, Integers
from halfspread.engine.drawdown import deepest_fall
from halfspread.engine.instrument import Instrument, labels
from halfspread.engine.order_records import FLAGS, KINDS, REASONS, STATES
from halfspread.errors import ConfigError

__all__ = ["BacktestResult"]


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """Result of one agent on one tape.

    ``notional`` and ``capital`` are in report currency. Attributions are signed contributions to equity (a cost is
    negative), in report currency, or in settle currency where the name says so. ``max_drawdown_equity`` is a fraction
    of the peak, ``max_drawdown_notional`` the fall of the PnL without collateral in units of notional; both from every
    bar (``streamed_drawdowns`` holds them for a run that did not keep its curve).
    """

    name: str
    agent: str
    agent_params: dict[str, object]
    mode: str
    instruments: tuple[Instrument, ...]
    report_currency: str
    settle_currency: str
    notional: float
    capital: float
    start: pd.Timestamp
    end: pd.Timestamp
    bars: int
    events: int
    interval: int
    period: int
    fill_convention: str
    matching: str
    attribution: dict[str, float]
    attribution_settle: dict[str, float]
    attribution_by_instrument: dict[str, dict[str, float]]
    turnover: float
    settlements: int
    liquidations: int
    streamed_drawdowns: tuple[float, float] | None
    assumptions: dict[str, str]
    warnings: list[str]
    counts: dict[str, int]
    curve_times: Integers = field(repr=False)
    curve_values: Floats = field(repr=False)
    fill_pieces: list[np.ndarray[Any, Any]] = field(repr=False)
    period_records: np.ndarray[Any, Any] = field(repr=False)
    order_records: np.ndarray[Any, Any] = field(repr=False)

    @property
    def pnl(self) -> float:
        """Change of equity in report currency without what the margin coin did (`collateral`)."""
        return self.attribution["total"] - self.attribution["collateral"]

    @property
    def total_return(self) -> float:
        """PnL over the sizing notional: the sum of simple returns."""
        return self.pnl / self.notional

    @property
    def thinned(self) -> bool:
        """Whether the curve holds one point per period only, because the run was streamed."""
        return len(self.curve_times) == 0

    @cached_property
    def max_drawdown_equity(self) -> float:
        """Deepest fall of equity from its peak, as a fraction of the peak, at any bar close."""
        if self.streamed_drawdowns is not None:
            return self.streamed_drawdowns[0]
        return deepest_fall(self.curve_values[:, 0], self.capital, relative=True)

    @cached_property
    def max_drawdown_notional(self) -> float:
        """Deepest fall of the PnL without collateral, in units of notional, at any bar close."""
        if self.streamed_drawdowns is not None:
            return self.streamed_drawdowns[1]
        return (
            deepest_fall(self.curve_values[:, 0] - self.curve_values[:, 1], self.capital, relative=False)
            / self.notional
        )

    @cached_property
    def curve(self) -> pd.DataFrame:
        """Equity and collateral (report currency) and position (contracts) at every point of the curve, or every
        period; with several instruments a position for each, such as position_BTCUSDT."""
        if self.thinned:
            return self.periods[["equity", "collateral", *self._position_columns]]
        names = ("equity", "collateral", *self._position_columns)
        columns = {name: self.curve_values[:, i] for i, name in enumerate(names)}
        return pd.DataFrame(columns, index=_utc(self.curve_times), copy=False)

    @property
    def _position_columns(self) -> tuple[str, ...]:
        if len(self.instruments) == 1:
            return ("position",)
        return tuple(f"position_{label}" for label in self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """What tables call each instrument: its symbol, or its name (``bybit:BTCUSDT``) where two share the symbol."""
        return labels(self.instruments)

    @cached_property
    def periods(self) -> pd.DataFrame:
        """Cumulative attribution at the end of every period, all instruments together, report currency; see ``period``
        for its length. ``reference`` is the price of the first instrument, ``exposure`` the sum of signed positions."""
        lines = self.period_records.reshape(-1, len(self.instruments))
        first = lines[:, 0]
        columns = {"equity": first["equity"], "reference": first["reference"]}
        for k, name in enumerate(self._position_columns):
            columns[name] = lines[:, k]["position"]
        columns["exposure"] = lines["position_value"].sum(axis=1) / self.notional
        columns |= {name: lines[name].sum(axis=1) for name in ATTRIBUTION}
        columns["collateral"] = first["collateral"]
        columns["turnover"] = lines["turnover"].sum(axis=1)
        return pd.DataFrame(columns, index=_utc(first["time"]))

    def periods_of(self, instrument: str) -> pd.DataFrame:
        """Cumulative attribution of one instrument, by symbol or name, at the end of every period, report currency.

        Raises ConfigError for an instrument that was not traded.
        """
        names = [(each.symbol, each.name) for each in self.instruments]
        k = next((k for k, both in enumerate(names) if instrument in both), None)
        if k is None:
            raise ConfigError(f"{instrument}: not in this run; there are {', '.join(name for _, name in names)}")
        lines = self.period_records.reshape(-1, len(self.instruments))[:, k]
        columns = {"reference": lines["reference"], "position": lines["position"]}
        columns["exposure"] = lines["position_value"] / self.notional
        columns |= {name: lines[name] for name in (*ATTRIBUTION, "turnover")}
        return pd.DataFrame(columns, index=_utc(lines["time"]))

    @cached_property
    def orders(self) -> pd.DataFrame:
        """The ledger: every order and refused request, by number. Contracts are signed, prices in quote currency; times
        that never came are NaT."""
        records = self.order_records
        labels = np.array([*self.labels, ""], dtype=object)
        count = len(self.instruments)
        which = np.where((records["instrument"] >= 0) & (records["instrument"] < count), records["instrument"], count)
        frame = pd.DataFrame({"order": records["id"], "instrument": labels[which]})
        frame["kind"] = np.array(KINDS, dtype=object)[records["kind"]]
        for name, bit in FLAGS.items():
            frame[name] = (records["flags"] & bit) != 0
        for name in ("contracts", "filled", "price", "trigger", "average_price"):
            frame[name] = records[name]
        frame["state"] = np.array(STATES, dtype=object)[records["state"]]
        frame["reason"] = np.array(REASONS, dtype=object)[records["reason"]]
        for name in ("sent", "arrives", "done"):
            times = np.where(records[name] == 0, np.iinfo(np.int64).min, records[name])
            frame[name] = _utc(times)
        frame["fills"], frame["maker_fills"] = records["fills"], records["maker_fills"]
        return frame

    @cached_property
    def fill_records(self) -> np.ndarray[Any, Any]:
        """Every fill as a record of ``engine.records.FILL``."""
        return np.concatenate([np.zeros(0, FILL), *self.fill_pieces])

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Every fill. half_spread, fee and impact are its contributions; price_total and funding_total those up to it.

        All in report currency; contracts are signed.
        """
        records = self.fill_records
        frame = pd.DataFrame({"time": _utc(records["time"]), "decision_time": _utc(records["decision_time"])})
        frame["instrument"] = np.array(self.labels, dtype=object)[records["instrument"]]
        shown = [name for name in FILL.names or () if name not in ("time", "decision_time", "instrument", "rate")]
        for name in shown:
            frame[name] = records[name]
        return frame


def _utc(times: Integers) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.asarray(times).astype("datetime64[ns]"), tz="UTC", name="time")
