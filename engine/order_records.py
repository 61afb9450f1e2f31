"""Memory layout of orders: kinds, flags, states and reasons as the event loop, the agents and the ledger know them.

Contracts are signed: a buy is above zero. Prices in quote currency, NaN where an order has none. Times are integer
nanoseconds UTC, 0 where something has not happened.
"""

from __future__ import annotations

import numpy as np

# What an order does.
CANCEL_REQUEST = 0  # in the ledger only: a cancel or an amendment that found no order
MARKET = 1
LIMIT = 2
STOP = 3
STOP_LIMIT = 4
TAKE_PROFIT = 5
KINDS = ("cancel or amend", "market", "limit", "stop", "stop_limit", "take_profit")

# Flags: a bit each.
POST_ONLY = 1
REDUCE_ONLY = 2
IOC = 4
FOK = 8
BY_MARK = 16
FLAGS = {"post_only": POST_ONLY, "reduce_only": REDUCE_ONLY, "ioc": IOC, "fok": FOK, "by_mark": BY_MARK}

# Where an order stands.
WAITING = 0  # sent, or triggered: takes part in the next market event after its arrival
ARMED = 1  # a stop or take-profit that waits for its trigger
RESTING = 2  # a limit in the book
FILLED = 3
CANCELLED = 4
REJECTED = 5
OPEN_AT_END = 6
STATES = ("waiting", "armed", "resting", "filled", "cancelled", "rejected", "open")

# Whether an order has taken part in the market.
NOT_SEEN = 0
SEEN = 1
TRIGGERED = 2  # seen, then triggered between two events of the market: waits for the next one

# Why an order was rejected or cancelled.
NO_REASON = 0
BY_AGENT = 1
NOT_A_NUMBER = 2
NO_INSTRUMENT = 3
OFF_TICK = 4
OFF_LOT = 5
TOO_SMALL = 6
TOO_LARGE = 7
BAD_PRICE = 8
BAD_FLAGS = 9
TOO_MANY_OPEN = 10
NO_MARKET = 11
WOULD_TAKE = 12
NOTHING_TO_REDUCE = 13
NOT_FILLED_AT_ONCE = 14
NOT_ALL_AT_ONCE = 15
NO_DEPTH = 16
UNKNOWN_ORDER = 17
MARGIN = 18
ABOVE_TIER = 19
LIQUIDATED = 20
REASONS = (
    "",
    "by the agent",
    "not a finite number",
    "no such instrument",
    "off tick",
    "off lot",
    "below the smallest size",
    "above the largest size",
    "price not above zero",
    "flags that contradict each other",
    "too many open orders",
    "no market",
    "would take",
    "nothing to reduce",
    "ioc: not filled at once",
    "fok: not all at once",
    "depth",
    "unknown order",
    "insufficient margin",
    "above tier",
    "liquidated",
)

# What a request of an agent asks for.
PLACE = 0
CANCEL = 1
AMEND = 2
TARGET = 3  # in a message only: a target on its way

#: Instrument of a message about an order that was not open when it was sent.
NOWHERE = -1

#: Requests that an agent may make in one decision, orders that it may have open, and messages that wait to be served.
MAX_REQUESTS = 64
MAX_OPEN = 512
MAX_MESSAGES = 4096

#: Two prices closer than this fraction of the price are the same.
SAME_PRICE = 1e-9

ORDER = np.dtype(
    [
        ("id", "i8"),
        ("instrument", "i8"),
        ("kind", "i8"),
        ("form", "i8"),  # what it works as now: a triggered stop is a market order
        ("flags", "i8"),
        ("state", "i8"),
        ("reason", "i8"),
        ("contracts", "f8"),
        ("filled", "f8"),
        ("price", "f8"),
        ("trigger", "f8"),
        ("filled_value", "f8"),  # sum of contracts x contract value over its fills
        ("average_price", "f8"),
        ("sent", "i8"),
        ("arrives", "i8"),
        ("done", "i8"),
        ("seen", "i8"),  # NOT_SEEN, SEEN or TRIGGERED
        ("ahead", "f8"),  # contracts ahead in the queue by the rule of the run; inf where unknown
        ("ahead_other", "f8"),  # by the other rule
        ("shown", "f8"),  # size of its level at the last book
        ("traded", "f8"),  # traded at its price since then
        ("missed", "i8"),  # 1: the other rule would have filled some of it
        ("fills", "i8"),
        ("maker_fills", "i8"),
    ],
    align=True,
)

MESSAGE = np.dtype(
    [
        ("action", "i8"),  # CANCEL, AMEND or TARGET
        ("order", "i8"),
        ("instrument", "i8"),
        ("sent", "i8"),
        ("arrives", "i8"),
        ("contracts", "f8"),  # NaN in these three: stays as it is
        ("price", "f8"),
        ("trigger", "f8"),
    ],
    align=True,
)

REPORT = np.dtype(
    [
        ("time", "i8"),  # when the agent learns of it
        ("order", "i8"),
        ("instrument", "i8"),
        ("open", "f8"),  # contracts of the order still open, 0 once it is done
        ("price", "f8"),
        ("filled", "f8"),  # contracts filled now
        ("position", "f8"),  # contracts held after it
        ("fraction", "f8"),  # the same as a fraction of what a target of 1 stood for
        ("cash", "f8"),  # what the fill did to the account, settle currency
        ("reason", "i8"),
    ],
    align=True,
)
