"""Lay out the state of a run: records for the loop from the models of costs, instrument and sizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from halfspread.costs.model import Costs
from halfspread.engine.bars import Floats, Integers
from halfspread.engine.instruments import Instrument
from halfspread.engine.records import (
    ACCOUNT,
    CONTEXT,
    CONTRACT,
    HOLDING,
    RUN,
    SAME_CURRENCY,
    State,
)
from halfspread.engine.tape import Tape
from halfspread.engine.terms import CONVENTIONS, Terms

__all__ = ["PROGRESS_EVENTS", "PROGRESS_SECONDS", "lay_out"]

#: The loop lets Python look up (Ctrl-C, progress) after so many events at first, at most, and about so many seconds.
FIRST_PROGRESS, PROGRESS_EVENTS, PROGRESS_SECONDS = 16, 200_000, 0.2


def lay_out(tape: Tape, terms: Terms, lookback: int, memory: Floats) -> State:
    """The state of a run before its first event."""
    starts, schedule, spans = _schedules(tape.instrument, terms.costs)
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
    _fill_run(state.run[0], terms, lookback)
    _fill_account(state.account[0], terms)
    _fill_contract(state.contracts[0], tape, terms.costs, spans)
    for name in ("mark", "half_spread"):
        state.holdings[0][name] = np.nan
    context = state.context[0]
    context["instruments"] = 1
    context["capital"] = context["equity"] = terms.capital
    for name in ("mark", "index", "last_funding_rate", "next_funding_rate"):
        context[name][:] = np.nan
    return state


def _fill_run(run: Any, terms: Terms, lookback: int) -> None:
    run["convention"] = CONVENTIONS[terms.fill]
    run["sizing"], run["size"] = terms.sizing.code()
    run["resize"] = terms.sizing.resize == "always"
    run["lookback"] = lookback
    run["period"] = terms.period
    run["progress_every"] = run["next_progress"] = FIRST_PROGRESS


def _fill_account(account: Any, terms: Terms) -> None:
    account["rate_source"] = terms.rate_source
    account["capital"] = account["lowest"] = terms.capital
    if terms.rate_source == SAME_CURRENCY:
        account["rate"], account["deposited"] = 1.0, 1
        account["deposit"] = account["cash"] = terms.capital


def _fill_contract(contract: Any, tape: Tape, costs: Costs, spans: list[tuple[int, int]]) -> None:
    contract["inverse"] = tape.instrument.kind == "inverse"
    contract["multiplier"] = tape.instrument.multiplier
    contract["interval"] = tape.interval
    contract["half_spread_kind"] = costs.half_spread.code
    contract["half_spread"] = costs.half_spread.amount
    contract["carry_half_spread"] = costs.half_spread.missing == "last"
    contract["charge_funding"] = costs.funding.kind != "none"
    contract["quote_column"] = tape.quote_column
    contract["ticks"], contract["lots"], contract["fees"] = spans


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
