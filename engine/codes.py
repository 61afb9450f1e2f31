"""Numbers that stand for kinds of event, rules, reasons to stop and errors, and the sizes of the state of a run."""

from __future__ import annotations

# Events: a bit each, so that a context can say which kinds fell on its time.
BAR_OPEN = 1
BAR_CLOSE = 2
BAR = BAR_OPEN | BAR_CLOSE
FUNDING = 4
FUNDING_KNOWN = 8
MARK = 16
INDEX = 32
RATE = 64  # price of a settle currency in report currency
QUOTE = 128
BOOK = 256
TRADE = 512
GAP = 1024
TIMER = 2048
OWN_ORDER = 4096  # something has happened to an order of the agent
DEPTH = QUOTE | BOOK

# Where an event counts: at the exchange, at the agent, or both at once.
AT_EXCHANGE = 1
AT_AGENT = 2

# Columns of a history row; further columns of the data follow.
OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
BAR_COLUMNS = ("open", "high", "low", "close", "volume")
QUOTE_COLUMNS = ("bid_open", "ask_open", "bid_close", "ask_close")

# Columns of each level of a row of quotes or book snapshots, and of a row of trades.
BID, BID_SIZE, ASK, ASK_SIZE = range(4)
LEVEL = 4
TRADE_PRICE, TRADE_SIZE, TRADE_SIDE = range(3)

# Half-spreads that are observed; the other kinds are those of `halfspread.costs`.
QUOTES_IN_BARS = 4
QUOTES = 5
HOURS = 6

# Which data are the market of an instrument: its events fill orders.
ON_BARS = 0
ON_TRADES = 1
ON_DEPTH = 2

# How places in the queue and the order of prices within a bar are estimated.
PESSIMISTIC = 0
OPTIMISTIC = 1

# Margin.
NO_MARGIN = 0
CROSS = 1
ISOLATED = 2

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
ORDERS_FULL = -6
SERVICE_WANTED = -7

# What the loop leaves to its core, and how a step of it ends.
CORE_EVENT = 0
CORE_DECISION = 1
CORE_MARGIN = 2
CORE_COSTS = 3
STEP_AGAIN = 0
STEP_ON = 1
STEP_DECIDE = 2

# What the core asks of the extra: quotes, books, trades and orders.
SERVE_DEPTH = 0
SERVE_TRADE = 1
SERVE_OPEN = 2
SERVE_RANGE = 3
SERVE_MARK = 4
SERVE_REQUESTS = 5
SERVE_IN_FORCE = 6
SERVE_REPORTS = 7
SERVE_LIQUIDATED = 8

# What made the loop fail.
AGENT_STATUS = 1
TARGET_RANGE = 2
HALF_SPREAD_MISSING = 3
HALF_SPREAD_TOO_WIDE = 4
NO_REPORT_PRICE = 5
NOT_FINITE = 6
TOO_MANY_REQUESTS = 7
TOO_MANY_REPORTS = 8
IMPACT_UNKNOWN = 9
SERVICE_MISSING = 10
TOO_MANY_MESSAGES = 11
ORDER_AT_NEXT_CLOSE = 12

#: What a compiled agent returns when all is well. numba turns an exception inside one into a return value of 0.
OK = 1

MAX_INSTRUMENTS = 32

#: Dated ticks, lots, fees and margin tiers of all instruments, and delays by time or drawn, of either direction.
MAX_TERMS = 8_192
MAX_DELAYS = 131_072

#: Reports on their way to the agent, and lines of the buffers of fills, finished orders and attribution.
MAX_REPORTS = 65_536
MAX_FILLS = 32_832  # what a chunk of the usual size can fill, and a little more
MAX_LEDGER = 8_192
MAX_PERIODS = 16_384
