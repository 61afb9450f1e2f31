"""Memory layout shared by the event loop, the agents and the recorder: an event, what an agent sees, and the state.

Times are integer nanoseconds UTC. NaN means "not known (yet)" in the prices and funding rates of the context, and is
never a price. Accounts, fills and the attribution: ``account_records``; orders: ``order_records``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from halfspread.engine.account_records import ACCOUNT, CONTRACT, FILL, HOLDING, PERIOD
from halfspread.engine.codes import (
    MAX_DELAYS,
    MAX_FILLS,
    MAX_INSTRUMENTS,
    MAX_LEDGER,
    MAX_PERIODS,
    MAX_REPORTS,
    MAX_TERMS,
)
from halfspread.engine.order_records import MAX_MESSAGES, MAX_OPEN, MAX_REQUESTS, MESSAGE, ORDER, REPORT

EVENT = np.dtype(
    [
        ("time", "i8"),
        ("row", "i8"),  # row of its table; funding: the next settlement time; funding known: the settlement time
        ("value", "f8"),  # funding rate, mark or index price
        ("kind", "i4"),
        ("instrument", "u2"),
        ("end_of_time", "i1"),  # 1: no other event before the agents' decision has this time
        ("place", "i1"),  # quotes, books, trades: AT_EXCHANGE, AT_AGENT or both
    ],
    align=True,
)

CONTEXT = np.dtype(
    [
        ("time", "i8"),  # now: the close of the bar just delivered, or the local time of the event
        ("kind", "i8"),  # bits of the kinds of event that fell on this time
        ("instrument", "i8"),  # the last instrument with a new row in the history
        ("instruments", "i8"),  # how many there are
        ("equity", "f8"),  # report currency
        ("capital", "f8"),  # initial equity, report currency
        ("targets", "f8", (MAX_INSTRUMENTS,)),  # out: fraction of the sizing notional in [-1, 1]; keeps its last value
        ("positions", "f8", (MAX_INSTRUMENTS,)),  # held now, as a fraction of what a target of 1 was worth when sized
        ("contracts", "f8", (MAX_INSTRUMENTS,)),  # held now, signed
        ("rows", "i8", (MAX_INSTRUMENTS,)),  # last row of each instrument in the history
        ("seen", "i8", (MAX_INSTRUMENTS,)),  # rows of the history received so far
        ("gap", "i8", (MAX_INSTRUMENTS,)),  # time missing between the last bar and the one before it
        ("mark", "f8", (MAX_INSTRUMENTS,)),
        ("index", "f8", (MAX_INSTRUMENTS,)),
        ("last_funding_rate", "f8", (MAX_INSTRUMENTS,)),
        ("next_funding_rate", "f8", (MAX_INSTRUMENTS,)),  # NaN where the venue has not published it yet
        ("next_funding_time", "i8", (MAX_INSTRUMENTS,)),  # 0 before the first settlement is known
        (
            "funded",
            "f8",
            (MAX_INSTRUMENTS,),
        ),  # sum of the rates settled since the last decision, where they are charged
        # what a taker would pay now, for an agent that asks (`sees_costs`); NaN otherwise and where unknown
        ("half_spread", "f8", (MAX_INSTRUMENTS,)),  # quote currency
        ("taker_fee", "f8", (MAX_INSTRUMENTS,)),  # fraction of the value
        ("bid", "f8", (MAX_INSTRUMENTS,)),  # best quotes and last trade received, NaN before the first
        ("bid_size", "f8", (MAX_INSTRUMENTS,)),
        ("ask", "f8", (MAX_INSTRUMENTS,)),
        ("ask_size", "f8", (MAX_INSTRUMENTS,)),
        ("trade_price", "f8", (MAX_INSTRUMENTS,)),
        ("trade_size", "f8", (MAX_INSTRUMENTS,)),
        ("trade_side", "f8", (MAX_INSTRUMENTS,)),
        ("bought", "f8", (MAX_INSTRUMENTS,)),  # contracts that takers have bought and sold in all trades received
        ("sold", "f8", (MAX_INSTRUMENTS,)),
        ("tick", "f8", (MAX_INSTRUMENTS,)),  # in force now
        ("lot", "f8", (MAX_INSTRUMENTS,)),
        ("filled", "f8", (MAX_INSTRUMENTS,)),  # contracts of the agent's orders filled since its last decision
        ("rejected", "i8"),  # orders and requests rejected or cancelled by the venue since its last decision
        ("last_reason", "i8"),  # of the last of them
        ("next_order", "i8"),  # number of the next order
        ("requests", "i8"),  # out: how many requests this decision makes
        ("request_action", "i8", (MAX_REQUESTS,)),
        ("request_order", "i8", (MAX_REQUESTS,)),
        ("request_instrument", "i8", (MAX_REQUESTS,)),
        ("request_kind", "i8", (MAX_REQUESTS,)),
        ("request_flags", "i8", (MAX_REQUESTS,)),
        ("request_contracts", "f8", (MAX_REQUESTS,)),
        ("request_price", "f8", (MAX_REQUESTS,)),
        ("request_trigger", "f8", (MAX_REQUESTS,)),
        ("open_orders", "i8"),  # the agent's open orders as it knows them, oldest first
        ("open_ids", "i8", (MAX_OPEN,)),
        ("open_instruments", "i8", (MAX_OPEN,)),
        ("open_contracts", "f8", (MAX_OPEN,)),  # still open, signed
        ("open_prices", "f8", (MAX_OPEN,)),
    ],
    align=True,
)

RUN = np.dtype(
    [
        ("instruments", "i8"),
        ("accounts", "i8"),
        ("cursor", "i8"),
        ("count", "i8"),  # events in the buffer
        ("events", "i8"),
        ("next_progress", "i8"),
        ("progress_every", "i8"),
        ("convention", "i8"),
        ("matching", "i8"),
        ("sizing", "i8"),
        ("size", "f8"),  # contracts, notional in report currency, or multiple of equity
        ("resize", "i8"),  # 1: size again at every decision, 0: only when the target changes
        ("lookback", "i8"),
        ("history_kinds", "i8"),  # kinds of event that bring a new row of the history
        ("subscribed", "i8"),  # kinds of event that the agent decides on
        ("wanted", "i8"),  # those, and those that add a point to the curve
        ("point_kinds", "i8"),
        ("point_step", "i8"),  # 0: a point at every event of those kinds, else at most one in so many nanoseconds
        ("next_point", "i8"),
        ("started", "i8"),  # 1 once a reference price is known
        ("warm", "i8"),  # 1 once every instrument has its lookback rows
        ("kinds", "i8"),  # kinds seen at the present time
        ("instrument", "u8"),
        ("inside", "i8"),  # 1 while the loop runs, and for good where it raised
        ("resume", "i8"),  # 1: a Python agent has just decided
        ("served", "i8"),  # 1: the service is there
        ("between", "i8"),  # 1: the decision is on reports that arrived between two events
        ("fills", "i8"),
        ("points", "i8"),
        ("periods", "i8"),
        ("ledger", "i8"),  # orders that are done, in the buffer
        ("period", "i8"),
        ("next_period", "i8"),
        ("now", "i8"),
        ("equity", "f8"),  # report currency, all accounts
        ("capital", "f8"),
        ("lowest", "f8"),  # lowest equity at any point of the curve
        ("error", "i8"),
        ("error_instrument", "i8"),
        ("error_value", "f8"),
        ("decisions", "i8"),
        ("live", "i8"),  # open orders
        ("finished", "i8"),  # of these, done and not yet moved to the ledger
        ("messages", "i8"),  # cancellations, amendments and targets that wait to be served
        ("next_arrival", "i8"),  # under `this`: when something sent arrives next, 0: nothing does
        ("orders", "i8"),  # orders sent so far
        ("last_arrival", "i8"),
        ("last_report", "i8"),
        ("tells_costs", "i8"),  # 1: the agent is shown what a taker would pay
        ("told", "i8"),  # 1: the agent was told of fills, rejections or settlements since its last decision
        ("lagging", "i8"),  # 1 where the agent may know less of prices or fills than the exchange
        ("delayed_reports", "i8"),  # 1 where the response latency is not zero
        ("first_report", "i8"),  # ring of reports on their way
        ("reports", "i8"),
        ("next_report", "i8"),  # when the first of them arrives
        ("order_delay_mode", "i8"),
        ("order_delays", "i8", (2,)),  # rows of the table of delays: first and one past the last
        ("response_delay_mode", "i8"),
        ("response_delays", "i8", (2,)),
        ("responses", "i8"),
        ("margin", "i8"),  # NO_MARGIN, CROSS or ISOLATED
        ("leverage", "f8"),  # 0: the highest that each tier allows
        ("worst_price", "i8"),  # 1: bars without a mark are checked at their worst price
        ("calm_until", "i8"),  # until then bars pass where no target is pending; 0: no bar does
        ("unvalued", "i8"),  # accounts that have seen no price of their currency yet
        ("check", "i8"),  # 1: margin has to be looked at
        ("checked", "i8"),  # when it last was
        ("tiered", "i8"),  # 1: fees depend on the volume of 30 days
        ("next_change", "i8"),  # when a tick or lot changes next
        ("volume_day", "i8"),
        ("volume", "f8"),  # of the 30 days before today, report currency
        ("volumes", "f8", (31,)),  # by day, in turn
        ("choice_fills", "i8"),  # fills that the other rule of matching would not have made then
        ("choice_missed", "i8"),  # orders without a fill that the other rule would have filled
        ("rejections", "i8"),
        ("liquidations", "i8"),
    ],
    align=True,
)

Records = np.ndarray[Any, Any]


STATE = np.dtype(
    [
        ("run", RUN),
        ("context", CONTEXT),
        ("accounts", ACCOUNT, (MAX_INSTRUMENTS,)),  # one for each settle currency
        ("contracts", CONTRACT, (MAX_INSTRUMENTS,)),
        ("holdings", HOLDING, (MAX_INSTRUMENTS,)),
        ("orders", ORDER, (MAX_OPEN,)),  # the open ones, oldest first
        ("messages", MESSAGE, (MAX_MESSAGES,)),  # on their way to the exchange
        # ticks and lots by date (first column), fees (taker, maker, volume from which they hold) and margin tiers
        # (limit, initial rate, maintenance rate, deduction)
        ("starts", "i8", (MAX_TERMS,)),
        ("schedule", "f8", (MAX_TERMS, 4)),
        # from here on lines are written as a whole before they are read, and begin as what the memory held before
        ("reports", REPORT, (MAX_REPORTS,)),  # a ring of what is on its way to the agent
        ("delays", "i8", (2 * MAX_DELAYS, 2)),  # times and delays of orders, then of responses
        ("fills", FILL, (MAX_FILLS,)),  # what the loop writes, until the recorder takes it away
        ("periods", PERIOD, (MAX_PERIODS,)),
        ("ledger", ORDER, (MAX_LEDGER,)),
    ],
    align=True,
)


#: Bytes of a STATE that begin as zeros.
CLEARED = int(STATE.fields["reports"][1])  # type: ignore[index]


class State:
    """The record that the loop reads and changes, and views of its parts, cut to what the run uses.

    ``record``: a STATE. ``run``, ``context``: records of one; ``accounts``, ``contracts``, ``holdings``: arrays.
    """

    def __init__(self, instruments: int, accounts: int) -> None:
        self.array: Records = np.empty(1, STATE)  # to clear all 19 MB would take longer than many a run
        self.array.view(np.uint8)[:CLEARED] = 0
        self.record: Any = self.array[0]
        self.run: Any = self.record["run"]
        self.context: Any = self.record["context"]
        self.accounts: Records = self.record["accounts"][:accounts]
        self.contracts: Records = self.record["contracts"][:instruments]
        self.holdings: Records = self.record["holdings"][:instruments]
        self.orders: Records = self.record["orders"]
        self.run["instruments"], self.run["accounts"] = instruments, accounts


class Data(NamedTuple):
    """The tables that events point to; those of all instruments stand one after the other in each of them."""

    bars: np.ndarray[Any, np.dtype[np.float64]]
    quotes: np.ndarray[Any, np.dtype[np.float64]]
    books: np.ndarray[Any, np.dtype[np.float64]]
    trades: np.ndarray[Any, np.dtype[np.float64]]


class Curve(NamedTuple):
    """Buffers for the curve: times, and (points, 2 + instruments) equity, collateral and contracts."""

    times: np.ndarray[Any, np.dtype[np.int64]]
    values: np.ndarray[Any, np.dtype[np.float64]]
