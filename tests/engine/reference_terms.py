"""What the slow simulator is told and what it tells: contracts, events, requests, settings and the ledger.

Times are integer nanoseconds. Prices in quote currency, sizes in contracts (signed where they have a side), values and
amounts in settle currency. ``None`` stands for what is not given; a size may be NaN, which means that it is not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

HOUR = 3_600 * 10**9

POST_ONLY, REDUCE_ONLY, IOC, FOK, BY_MARK = 1, 2, 4, 8, 16

#: Attribution: each change of an instrument's equity has one of these names.
NAMES = ("price", "half_spread", "fee", "impact", "funding", "liquidation")

OrderKind = Literal["market", "limit", "stop", "stop_limit", "take_profit"]
EventKind = Literal[
    "mark", "index", "funding_known", "quote", "book", "trade", "gap", "bar_close", "funding", "bar_open"
]


@dataclass(frozen=True)
class Tier:
    """Positions worth up to ``up_to`` (settle currency): highest leverage, maintenance rate, deduction."""

    up_to: float
    leverage: float
    rate: float
    deduction: float = 0.0


@dataclass(frozen=True)
class Terms:
    """One instrument: contract, grid, fees, the half-spread where the market shows none, risk tiers."""

    symbol: str = "UNIT"
    kind: Literal["linear", "inverse", "quanto"] = "linear"
    settle: str = "USD"
    multiplier: float = 1.0
    tick: float = 0.5
    lot: float = 1.0
    smallest: float = 0.0
    largest: float = math.inf
    taker: float = 0.0
    maker: float = 0.0
    half_spread_kind: Literal["none", "price", "ticks", "bps"] = "none"
    half_spread: float = 0.0
    tiers: tuple[Tier, ...] = ()

    def value(self, price: float) -> float:
        """Of one long contract."""
        return -self.multiplier / price if self.kind == "inverse" else self.multiplier * price

    def price_of(self, value: float) -> float:
        """The price at which one long contract has this value."""
        return -self.multiplier / value if self.kind == "inverse" else value / self.multiplier

    def half_spread_at(self, price: float) -> float:
        """Quote currency, from mid to best."""
        if self.half_spread_kind == "ticks":
            return 0.5 * self.half_spread * self.tick
        if self.half_spread_kind == "bps":
            return self.half_spread * 1e-4 * price
        return self.half_spread if self.half_spread_kind == "price" else 0.0


@dataclass(frozen=True)
class Book:
    """Shown levels, best first, as (price, size); a quote is a book of one level. An empty side shows nothing."""

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Trade:
    """``side`` of the aggressor: 1 bought, -1 sold, 0 unknown."""

    price: float
    size: float
    side: int


@dataclass(frozen=True)
class Bar:
    """One bar; its open event reads only ``open`` and the quotes of the open (bid, ask), where it has them."""

    open: float
    high: float
    low: float
    close: float
    open_quote: tuple[float, float] | None = None
    close_quote: tuple[float, float] | None = None

    @property
    def reference_open(self) -> float:
        return self.open if self.open_quote is None else 0.5 * (self.open_quote[0] + self.open_quote[1])

    @property
    def reference_close(self) -> float:
        return self.close if self.close_quote is None else 0.5 * (self.close_quote[0] + self.close_quote[1])


@dataclass(frozen=True)
class Event:
    """``time`` at the exchange, ``local`` when the agent gets it (None: at once). The payload follows the kind:

    Book (quote, book), Trade, Bar (bar_open, bar_close), a price (mark, index), a rate (funding, funding_known),
    None (gap). ``funding`` is the settlement, ``funding_known`` the publication of the next rate.
    """

    time: int
    kind: EventKind
    instrument: int = 0
    payload: Book | Trade | Bar | float | None = None
    local: int | None = None


@dataclass(frozen=True)
class Place:
    """An order; the sign of ``contracts`` is its side."""

    kind: OrderKind
    contracts: float
    price: float | None = None
    trigger: float | None = None
    flags: int = 0
    instrument: int = 0


@dataclass(frozen=True)
class Cancel:
    order: int


@dataclass(frozen=True)
class CancelAll:
    instrument: int = 0


@dataclass(frozen=True)
class Amend:
    """What is None stays. ``contracts``: of the whole order, signed."""

    order: int
    contracts: float | None = None
    price: float | None = None
    trigger: float | None = None


Request = Place | Cancel | CancelAll | Amend


@dataclass(frozen=True)
class Decision:
    """Positions wanted, in contracts by instrument, and requests in the order of sending."""

    targets: Mapping[int, float] = field(default_factory=dict)
    requests: Sequence[Request] = ()


@dataclass(frozen=True)
class View:
    """What an agent knows at ``time``: its call's number, what came in now, and its position and orders as reported."""

    time: int
    number: int
    events: tuple[Event, ...]
    positions: tuple[float, ...]
    open_contracts: Mapping[int, float]


@dataclass(frozen=True)
class Margin:
    """``leverage`` None: the highest of each tier. ``basis``: of the maintenance margin."""

    mode: Literal["cross", "isolated"] = "cross"
    leverage: float | None = None
    basis: Literal["mark", "entry"] = "mark"
    without_mark: Literal["worst", "close"] = "worst"


@dataclass(frozen=True)
class Settings:
    """A run. ``capital`` in each settle currency; ``subscribe``: kinds of event that call the agent."""

    rule: Literal["next", "this", "next_close"] = "next"
    matching: Literal["pessimistic", "optimistic"] = "pessimistic"
    order_latency: int = 0
    response_latency: int = 0
    stale_after: int = HOUR
    capital: Mapping[str, float] = field(default_factory=lambda: {"USD": 1e6, "COIN": 1e6})
    margin: Margin | None = None
    subscribe: frozenset[str] = frozenset({"quote", "book", "trade", "bar_close"})
    most_orders: int = 512


@dataclass(frozen=True)
class Fill:
    """``liquidated``: what a liquidation cost, fee included; such a fill has no half-spread, impact and fee of its own.

    ``order`` is 0 for a target or a liquidation.
    """

    time: int
    decided: int
    instrument: int
    contracts: float
    price: float
    reference: float
    half_spread: float
    impact: float
    fee: float
    maker: bool
    order: int
    position_after: float
    liquidation: bool = False
    liquidated: float = 0.0


@dataclass
class Order:
    """An order and what became of it. ``stage``: new (executes at its next event), waiting (for its trigger), resting.
    ``seen``: it has met the market; ``pulled``: its trigger was pulled after that, and it waits for the next event.

    ``ahead``: contracts ahead by rule, None where that is unknown; ``shown``: size of its level at the last book, None
    where that is unknown; ``traded``: at its price since. ``in_range``: alive since the open of the present bar.
    """

    id: int
    place: Place
    contracts: float
    price: float | None
    trigger: float | None
    sent: int
    arrives: int
    status: Literal["open", "filled", "cancelled", "rejected"] = "open"
    reason: str = ""
    ended: int | None = None
    filled: float = 0.0
    value_sum: float = 0.0
    stage: Literal["new", "waiting", "resting"] = "new"
    seen: bool = False
    pulled: bool = False
    in_range: bool = False
    missed: bool = False
    ahead: dict[str, float | None] = field(default_factory=lambda: {"pessimistic": None, "optimistic": None})
    shown: float | None = None
    traded: float = 0.0
    known: list[tuple[int, float]] = field(default_factory=list)

    @property
    def side(self) -> float:
        return math.copysign(1.0, self.place.contracts)

    @property
    def left(self) -> float:
        """Contracts still open, without sign."""
        return abs(self.contracts) - abs(self.filled)

    def has(self, flag: int) -> bool:
        return bool(self.place.flags & flag)

    @property
    def limited(self) -> bool:
        """It has a price that it does not trade beyond."""
        return self.place.kind in ("limit", "stop_limit")


@dataclass(frozen=True)
class Refusal:
    """A cancel, an amendment or a target that was refused; ``order`` is 0 for a target."""

    time: int
    order: int
    reason: str


@dataclass
class Ledger:
    """What a run found; amounts in settle currency. ``curve``: time, equity by currency, positions at each decision."""

    fills: list[Fill] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    attribution: list[dict[str, float]] = field(default_factory=list)
    cash: dict[str, float] = field(default_factory=dict)
    equity: dict[str, float] = field(default_factory=dict)
    positions: list[float] = field(default_factory=list)
    curve: list[tuple[int, dict[str, float], tuple[float, ...]]] = field(default_factory=list)
    choice_fills: int = 0
    choice_missed: int = 0
    liquidations: int = 0
    average_prices: dict[int, float] = field(default_factory=dict)
