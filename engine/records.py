"""Memory layout shared by the event loop, the agents and the recorder: codes and NumPy record types.

Times are integer nanoseconds UTC. ``_settle`` is in the settle currency of the contract, ``_report`` in the report
currency of the run. NaN means "not known (yet)" in ``mark``, ``index``, ``half_spread`` and the funding rates of the
context, and is never a price. Attribution fields are cumulative signed contributions: a cost is negative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Events: a bit each, so that a context can say which kinds fell on its time.
BAR_OPEN = 1
BAR_CLOSE = 2
BAR = BAR_OPEN | BAR_CLOSE
FUNDING = 4
FUNDING_KNOWN = 8
MARK = 16
INDEX = 32
RATE = 64  # price of the settle currency in report currency

# Columns of a history row; further columns of the data follow.
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
BAR_COLUMNS = ("open", "high", "low", "close", "volume")
QUOTE_COLUMNS = ("bid_open", "ask_open", "bid_close", "ask_close")

# Half-spread taken from the bars' own quotes; the other kinds are those of `halfspread.costs`.
QUOTES_IN_BARS = 4

# When a decision made at a bar's close is filled.
NEXT_OPEN = 0
THIS_CLOSE = 1
NEXT_CLOSE = 2

# What a target of 1 stands for.
CONTRACTS = 0
NOTIONAL = 1
EQUITY = 2

# How the settle currency is valued in the report currency.
SAME_CURRENCY = 0
BY_PRICE = 1
BY_SERIES = 2

# Why the loop hands control back; a number from 0 up asks for a decision on that history row.
PROGRESS = -1
FILLS_FULL = -2
PERIODS_FULL = -3
FAILED = -4
CHUNK_DONE = -5

# What made the loop fail.
AGENT_STATUS = 1
TARGET_RANGE = 2
HALF_SPREAD_MISSING = 3
HALF_SPREAD_TOO_WIDE = 4
NO_REPORT_PRICE = 5
NOT_FINITE = 6

#: What a compiled agent returns when all is well. numba turns an exception inside one into a return value of 0.
OK = 1

MAX_INSTRUMENTS = 32

EVENT = np.dtype(
    [
        ("time", "i8"),
        ("row", "i8"),  # bar: history row; funding: the next settlement time; funding known: the settlement time
        ("value", "f8"),  # funding rate, mark or index price
        ("kind", "i4"),
        ("instrument", "i2"),
        ("end_of_time", "i2"),  # 1: no other event before the agents' decision has this time
    ],
    align=True,
)

CONTEXT = np.dtype(
    [
        ("time", "i8"),  # now: the close of the bar just delivered
        ("kind", "i8"),  # bits of the kinds of event that fell on this time
        ("instrument", "i8"),  # the last instrument whose bar closed now
        ("instruments", "i8"),  # how many there are
        ("equity", "f8"),  # report currency
        ("capital", "f8"),  # initial equity, report currency
        ("targets", "f8", (MAX_INSTRUMENTS,)),  # out: fraction of the sizing notional in [-1, 1]; keeps its last value
        ("positions", "f8", (MAX_INSTRUMENTS,)),  # held now, as a fraction of what a target of 1 was worth when sized
        ("contracts", "f8", (MAX_INSTRUMENTS,)),  # held now, signed
        ("rows", "i8", (MAX_INSTRUMENTS,)),  # last closed bar of each instrument in the history
        ("gap", "i8", (MAX_INSTRUMENTS,)),  # time missing between the last bar and the one before it
        ("mark", "f8", (MAX_INSTRUMENTS,)),
        ("index", "f8", (MAX_INSTRUMENTS,)),
        ("last_funding_rate", "f8", (MAX_INSTRUMENTS,)),
        ("next_funding_rate", "f8", (MAX_INSTRUMENTS,)),  # NaN where the venue has not published it yet
        ("next_funding_time", "i8", (MAX_INSTRUMENTS,)),  # 0 before the first settlement is known
    ],
    align=True,
)

RUN = np.dtype(
    [
        ("cursor", "i8"),
        ("count", "i8"),  # events in the buffer
        ("events", "i8"),
        ("next_progress", "i8"),
        ("progress_every", "i8"),
        ("convention", "i8"),
        ("sizing", "i8"),
        ("size", "f8"),  # contracts, notional in report currency, or multiple of equity
        ("resize", "i8"),  # 1: size again at every decision, 0: only when the target changes
        ("lookback", "i8"),
        ("started", "i8"),  # 1 once a bar has closed
        ("warm", "i8"),  # 1 once every instrument has its lookback rows
        ("kinds", "i8"),  # kinds seen at the present time
        ("instrument", "i8"),
        ("inside", "i8"),  # 1 while the loop runs, and for good where it raised
        ("resume", "i8"),  # 1: a Python agent has just decided
        ("fills", "i8"),
        ("points", "i8"),
        ("periods", "i8"),
        ("period", "i8"),
        ("next_period", "i8"),
        ("now", "i8"),
        ("error", "i8"),
        ("error_instrument", "i8"),
        ("error_value", "f8"),
        ("decisions", "i8"),
    ],
    align=True,
)

ACCOUNT = np.dtype(
    [
        ("cash", "f8"),  # settle currency; includes the deposit
        ("rate", "f8"),  # report currency per unit of settle currency
        ("rate_source", "i8"),  # SAME_CURRENCY, BY_PRICE, BY_SERIES
        ("rate_instrument", "i8"),
        ("capital", "f8"),  # report currency; deposited at the first price seen
        ("deposit", "f8"),  # settle currency
        ("deposited", "i8"),
        ("equity_settle", "f8"),
        ("equity_report", "f8"),
        ("lowest", "f8"),  # lowest equity in report currency at any close
        ("collateral", "f8"),  # report currency: the settle currency moved against the report currency
    ],
    align=True,
)

ATTRIBUTION = ("price", "half_spread", "fee", "impact", "funding", "liquidation")

CONTRACT = np.dtype(
    [
        ("inverse", "i8"),
        ("multiplier", "f8"),
        ("interval", "i8"),
        ("half_spread_kind", "i8"),
        ("half_spread", "f8"),
        ("carry_half_spread", "i8"),  # 1: a missing quote is replaced by the last half-spread seen
        ("charge_funding", "i8"),  # 0: settlements are shown to agents and cost nothing
        ("quote_column", "i8"),  # first of bid_open, ask_open, bid_close, ask_close; -1 without quotes
        ("ticks", "i8", (2,)),  # rows of the schedule: first and one past the last
        ("lots", "i8", (2,)),
        ("fees", "i8", (2,)),
    ],
    align=True,
)

HOLDING = np.dtype(
    [
        ("contracts", "f8"),
        ("reference", "f8"),  # price at which the position is valued: mid where there are quotes, else bar price
        ("last", "f8"),  # last price seen: the reference, or the open of a bar that has not closed
        ("value", "f8"),  # settle value of one contract at the reference
        ("mark", "f8"),
        ("half_spread", "f8"),  # last one observed in quotes
        ("target", "f8"),
        ("sized", "f8"),  # contracts that a target of 1 stood for when last sized
        ("position", "f8"),  # contracts held as a fraction of that
        ("pending", "f8"),
        ("has_pending", "i8"),
        ("decided", "i8"),
        ("bars", "i8"),
        ("closed", "i8"),  # time of the last close
        ("closed_now", "i8"),
        *[(f"{name}_settle", "f8") for name in ATTRIBUTION],
        *[(f"{name}_report", "f8") for name in ATTRIBUTION],
        ("turnover", "f8"),  # report currency
        ("fills", "i8"),
        ("settlements", "i8"),  # fundings paid or received on a position
        ("settlements_without_mark", "i8"),
        ("carried_half_spreads", "i8"),
        ("fills_after_gap", "i8"),
        ("below_one_lot", "i8"),  # targets too small to trade
    ],
    align=True,
)

FILL = np.dtype(
    [
        ("time", "i8"),
        ("decision_time", "i8"),
        ("instrument", "i8"),
        ("contracts", "f8"),
        ("price", "f8"),
        ("reference", "f8"),
        ("value", "f8"),  # absolute, report currency
        ("half_spread", "f8"),  # report currency
        ("fee", "f8"),
        ("impact", "f8"),
        ("fee_rate", "f8"),
        ("position_after", "f8"),
        ("rate", "f8"),  # report currency per unit of settle currency
        ("price_total", "f8"),  # cumulative price and funding contributions up to this fill, report currency
        ("funding_total", "f8"),
    ],
    align=True,
)

PERIOD = np.dtype(
    [
        ("time", "i8"),
        ("instrument", "i8"),
        ("equity", "f8"),
        ("equity_settle", "f8"),
        ("collateral", "f8"),
        ("reference", "f8"),
        ("position", "f8"),  # contracts
        ("position_value", "f8"),  # signed, report currency
        *[(name, "f8") for name in ATTRIBUTION],
        *[(f"{name}_settle", "f8") for name in ATTRIBUTION],
        ("turnover", "f8"),
    ],
    align=True,
)

Records = np.ndarray[Any, Any]


class State(NamedTuple):
    """All that the loop reads and changes: one record each of run, account and context, one per instrument of the rest.

    ``starts`` (n,) and ``schedule`` (n, 2): ticks, lots and fees by date; ``memory``: of a compiled agent.
    """

    run: Records
    account: Records
    holdings: Records
    contracts: Records
    starts: np.ndarray[Any, np.dtype[np.int64]]
    schedule: np.ndarray[Any, np.dtype[np.float64]]
    context: Records
    memory: np.ndarray[Any, np.dtype[np.float64]]


class Output(NamedTuple):
    """Buffers that the loop writes to; the curve has equity, collateral and contracts (points, 2 + instruments)."""

    fills: Records
    curve_times: np.ndarray[Any, np.dtype[np.int64]]
    curve_values: np.ndarray[Any, np.dtype[np.float64]]
    periods: Records
