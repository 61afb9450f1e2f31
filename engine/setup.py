"""Lay out the state of a run: records for the loop from the models of costs, instrument and sizing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.model import Costs
from halfspread.engine.bars import Floats, Integers
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import (
    ACCOUNT,
    BY_PRICE,
    BY_SERIES,
    CONTEXT,
    CONTRACT,
    HOLDING,
    NEXT_CLOSE,
    NEXT_OPEN,
    RUN,
    SAME_CURRENCY,
    THIS_CLOSE,
)
from halfspread.engine.sizing import Sizing
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["CONVENTIONS", "PROGRESS_EVENTS", "PROGRESS_SECONDS", "State", "lay_out", "rate_source"]

CONVENTIONS = {"next_open": NEXT_OPEN, "this_close": THIS_CLOSE, "next_close": NEXT_CLOSE}

#: The loop lets Python look up (Ctrl-C, progress) after so many events at first, at most, and about so many seconds.
FIRST_PROGRESS, PROGRESS_EVENTS, PROGRESS_SECONDS = 16, 200_000, 0.2


@dataclass
class State:
    """Everything the loop reads and writes besides the tape; one record, or one per instrument."""

    run: np.ndarray[Any, Any]
    account: np.ndarray[Any, Any]
    holdings: np.ndarray[Any, Any]
    contracts: np.ndarray[Any, Any]
    starts: Integers
    schedule: Floats
    context: np.ndarray[Any, Any]
    memory: Floats


def rate_source(instrument: Instrument, report_currency: str, has_series: bool) -> int:
    """How the settle currency is valued in the report currency. Raises ConfigError where that cannot be told."""
    if report_currency == instrument.settle:
        return SAME_CURRENCY
    if has_series:
        return BY_SERIES
    if instrument.kind == "inverse" and report_currency == instrument.quote:
        return BY_PRICE
    raise ConfigError(
        f"{instrument.symbol} settles in {instrument.settle}: to report in {report_currency} the tape needs the price "
        f"of {instrument.settle} in {report_currency} (settle_price=); or report in {instrument.settle}"
    )


def lay_out(
    tape: Tape,
    costs: Costs,
    sizing: Sizing,
    *,
    convention: str,
    capital: float,
    report_currency: str,
    lookback: int,
    memory: Floats,
    period: int,
) -> State:
    """The state of a run before its first event."""
    starts, schedule, spans = _schedules(tape.instrument, costs)
    state = State(
        run=np.zeros(1, RUN),
        account=np.zeros(1, ACCOUNT),
        holdings=np.zeros(1, HOLDING),
        contracts=np.zeros(1, CONTRACT),
        starts=starts,
        schedule=schedule,
        context=np.zeros(1, CONTEXT),
        memory=memory,
    )
    run = state.run[0]
    run["convention"] = CONVENTIONS[convention]
    run["sizing"], run["size"] = sizing.code()
    run["resize"] = sizing.resize == "always"
    run["lookback"] = lookback
    run["period"] = period
    run["progress_every"] = run["next_progress"] = FIRST_PROGRESS
    account = state.account[0]
    account["rate_source"] = rate_source(tape.instrument, report_currency, tape.settle_price is not None)
    account["capital"] = capital
    if account["rate_source"] == SAME_CURRENCY:
        account["rate"], account["deposited"] = 1.0, 1
        account["deposit"] = account["cash"] = capital
    contract = state.contracts[0]
    contract["inverse"] = tape.instrument.kind == "inverse"
    contract["multiplier"] = tape.instrument.multiplier
    contract["interval"] = tape.interval
    contract["half_spread_kind"] = costs.half_spread.code
    contract["half_spread"] = costs.half_spread.amount
    contract["carry_half_spread"] = costs.half_spread.missing == "last"
    contract["quote_column"] = tape.quote_column
    contract["ticks"], contract["lots"], contract["fees"] = spans
    for name in ("mark", "half_spread"):
        state.holdings[0][name] = np.nan
    context = state.context[0]
    context["instruments"] = 1
    context["capital"] = context["equity"] = capital
    for name in ("mark", "index", "last_funding_rate", "next_funding_rate"):
        context[name][:] = np.nan
    return state


def _schedules(instrument: Instrument, costs: Costs) -> tuple[Integers, Floats, list[tuple[int, int]]]:
    """Ticks, lots and fees as (start, value) rows one after the other; column 1 is the maker fee."""
    fee_starts, taker, maker = costs.fees.schedule(instrument.fees).arrays()
    parts = [instrument.tick_arrays(), instrument.lot_arrays(), (fee_starts, taker)]
    starts = np.concatenate([part[0] for part in parts]).astype(np.int64)
    schedule = np.zeros((len(starts), 2))
    schedule[:, 0] = np.concatenate([part[1] for part in parts])
    schedule[-len(maker) :, 1] = maker
    ends = np.cumsum([len(part[0]) for part in parts]).tolist()
    return starts, schedule, list(zip([0, *ends[:-1]], ends, strict=True))
