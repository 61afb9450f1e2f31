"""Memory layout of what the engine keeps of accounts and instruments, of fills, and of the attribution by period.

``_settle`` is in the settle currency of the contract, ``_report`` in the report currency of the run. NaN means "not
known (yet)" in ``mark``, ``half_spread`` and ``worst``, and is never a price. Attribution fields are cumulative signed
contributions: a cost is negative.
"""

from __future__ import annotations

import numpy as np

ACCOUNT = np.dtype(
    [
        ("cash", "f8"),  # settle currency; includes the deposit
        ("untold", "f8"),  # part of it from fills that the agent does not know of yet
        ("rate", "f8"),  # report currency per unit of settle currency
        ("rate_source", "i8"),  # SAME_CURRENCY, BY_PRICE, BY_SERIES
        ("rate_instrument", "i8"),
        ("capital", "f8"),  # report currency; deposited at the first price seen
        ("deposit", "f8"),  # settle currency
        ("deposited", "i8"),
        ("equity_settle", "f8"),
        ("equity_report", "f8"),
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
        ("account", "u8"),
        ("market", "i8"),  # ON_BARS, ON_TRADES or ON_DEPTH
        ("depth_kind", "i8"),  # QUOTE or BOOK where the market is one of them
        ("has_trades", "i8"),
        ("impact_kind", "i8"),
        ("impact", "f8"),
        ("impact_weight", "f8"),  # of a new bar in the averages of volume and squared return
        ("min_contracts", "f8"),
        ("max_contracts", "f8"),
        ("hours", "f8", (168,)),  # half-spread by hour of the week, basis points
        ("ticks", "i8", (2,)),  # rows of the schedule: first and one past the last
        ("lots", "i8", (2,)),
        ("fees", "i8", (2,)),
        ("on_entry", "i8"),  # 1: maintenance margin is of the value at entry, 0: at mark
        ("tiers", "i8", (2,)),
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
        ("shown", "f8"),  # settle value of one contract at the last price that the agent received, 0 before the first
        ("untold", "f8"),  # cash of a fill whose report is about to be written
        ("half_spread", "f8"),  # last one observed in quotes
        ("target", "f8"),
        ("sized", "f8"),  # contracts that a target of 1 stood for when last sized
        ("position", "f8"),  # contracts held as a fraction of that
        ("pending", "f8"),
        ("has_pending", "i8"),
        ("decided", "i8"),
        ("arrives", "i8"),  # when the pending target reaches the exchange
        ("bars", "i8"),
        ("closed", "i8"),  # time of the last close
        ("closed_now", "i8"),
        ("bar", "i8"),  # row of the last bar that closed, while its chunk lasts
        ("entry", "f8"),  # settle value of one contract, averaged over the entries of the position
        ("margin", "f8"),  # isolated: paid in for the position, settle currency
        ("margin_fee", "f8"),  # part of it that is set aside for fees
        ("low_limit", "f8"),  # prices at or beyond which margin has to be looked at
        ("high_limit", "f8"),
        ("worst", "f8"),  # price of the present bar that is worst for the position, NaN outside of bars
        ("at_open", "f8"),  # contracts held at the open of the present bar
        ("live", "i8"),  # open orders
        ("triggers", "i8"),  # stops and take-profits among them
        ("moved", "i8"),  # 1: the position has changed since resting orders were last looked at
        ("book", "i8"),  # row of the book in force, -1 without one
        ("taken_bid", "f8"),  # contracts taken of the book in force
        ("taken_ask", "f8"),
        ("gap", "i8"),  # when the market stopped, 0 while there is one
        ("squares", "f8"),  # of the bars' returns, and volumes and weights, averaged for the impact model
        ("volumes", "f8"),
        ("weights", "f8"),
        ("averaged_close", "f8"),  # close of the last of these bars
        *[(f"{name}_settle", "f8") for name in ATTRIBUTION],
        *[(f"{name}_report", "f8") for name in ATTRIBUTION],
        ("turnover", "f8"),  # report currency
        ("fills", "i8"),
        ("maker_fills", "i8"),
        ("taken_over", "i8"),  # 1: just liquidated
        ("refused_targets", "i8"),  # for lack of margin
        ("liquidations", "i8"),
        ("settlements", "i8"),  # fundings paid or received on a position
        ("settlements_without_mark", "i8"),
        ("carrying", "i8"),  # 1: the half-spread asked for last was one seen before
        ("carried_half_spreads", "i8"),  # fills at such a one
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
        ("liquidation", "f8"),
        ("fee_rate", "f8"),
        ("position_after", "f8"),
        ("order", "i8"),  # number of the order, 0 for a target
        ("maker", "i8"),
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
