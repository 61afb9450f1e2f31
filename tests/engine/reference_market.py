"""One instrument of the slow simulator: what is offered at an event, queues, orders in force. From docs/fills.md.

An *offer* is what takers find: the levels of a book, or one price plus and minus the half-spread without end. What an
order takes from it is gone for the next order at that event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.engine.reference_terms import Amend, Bar, Book, Cancel, Order, Terms

Queue = float | None


@dataclass(frozen=True)
class Walk:
    """What a taker would get: contracts without sign, average price, the touch, and how much of each level."""

    size: float
    price: float
    touch: float
    taken: tuple[float, ...] = ()


class Flat:
    """A price and a half-spread, without limit of size; the position is valued at the price when it trades."""

    def __init__(self, reference: float, half_spread: float) -> None:
        self.reference: float | None = reference
        self.half_spread = half_spread

    def touch(self, side: float) -> float | None:
        if self.reference is None:
            raise ValueError("an offer without a price")
        price = self.reference + (self.half_spread if side > 0.0 else -self.half_spread)
        if not price > 0.0:
            raise ValueError("the half-spread is wider than the price")
        return price

    def walk(self, side: float, size: float, limit: float | None) -> Walk | None:
        """None where nothing can be taken at the limit or better."""
        price = self.touch(side)
        if price is None or (limit is not None and beyond(price, limit, side)):
            return None
        return Walk(size, price, price)

    def commit(self, side: float, walk: Walk) -> None:
        """Nothing is used up."""


class Shown:
    """A book in force and what is left of it."""

    def __init__(self, book: Book, terms: Terms) -> None:
        self.book = book
        self.terms = terms
        self.reference: float | None = None
        self.left = {1.0: [size for _, size in book.asks], -1.0: [size for _, size in book.bids]}

    def side(self, side: float) -> tuple[tuple[float, float], ...]:
        """The levels that an order of this side takes."""
        return self.book.asks if side > 0.0 else self.book.bids

    @property
    def mid(self) -> float | None:
        if not self.book.bids or not self.book.asks:
            return None
        return 0.5 * (self.book.bids[0][0] + self.book.asks[0][0])

    def touch(self, side: float) -> float | None:
        levels = self.side(side)
        return levels[0][0] if levels else None

    def walk(self, side: float, size: float, limit: float | None) -> Walk | None:
        """Level by level, at most what is left; the average is one of contract values."""
        levels, rest = self.side(side), size
        total, value_sum, last, used, taken = 0.0, 0.0, 0.0, 0, []
        for (price, _), left in zip(levels, self.left[side], strict=True):
            if rest <= 0.0 or (limit is not None and beyond(price, limit, side)):
                break
            part = rest if math.isnan(left) else min(rest, left)
            taken.append(part)
            if part > 0.0:
                rest -= part
                total += part
                value_sum += part * self.terms.value(price)
                last, used = price, used + 1
        whole = whole_lots(total, self.terms.lot)
        if whole == 0.0:
            return None
        if whole < total and not math.isclose(whole, total, rel_tol=1e-12):
            return self.walk(side, whole, limit)
        price = last if used == 1 else self.terms.price_of(value_sum / total)
        return Walk(total, price, levels[0][0], tuple(taken))

    def commit(self, side: float, walk: Walk) -> None:
        for level, part in enumerate(walk.taken):
            self.left[side][level] -= part  # unknown sizes stay unknown


Offer = Flat | Shown


def whole_lots(size: float, lot: float) -> float:
    """Fills are whole lots; a billionth of one is forgiven."""
    return math.floor(size / lot + 1e-9) * lot


def beyond(price: float, limit: float, side: float) -> bool:
    """The price is worse than the limit for an order of this side."""
    return price > limit if side > 0.0 else price < limit


def reached(order: Order, price: float) -> bool:
    """The price has reached the order's trigger."""
    if order.trigger is None:
        raise ValueError("an order without a trigger")
    upwards = (order.side > 0.0) != (order.place.kind == "take_profit")
    return price >= order.trigger if upwards else price <= order.trigger


def shown_at(book: Book, side: float, price: float) -> Queue:
    """Size shown at a price on the order's own side: 0 where nobody is shown, None where the data cannot tell."""
    levels = book.bids if side > 0.0 else book.asks
    for level, size in levels:
        if level == price:
            return None if math.isnan(size) else size
    if not levels or beyond(levels[-1][0], price, side):
        return None
    return 0.0


def join(order: Order, book: Book) -> None:
    """The order comes to rest behind what is shown."""
    ahead = shown_at(book, order.side, order.price or math.nan)
    order.ahead = {"pessimistic": ahead, "optimistic": ahead}
    order.shown, order.traded = ahead, 0.0


def follow(order: Order, book: Book) -> None:
    """A later book: the queue ahead falls with the level."""
    shown = shown_at(book, order.side, order.price or math.nan)
    careful, hopeful = order.ahead["pessimistic"], order.ahead["optimistic"]
    if careful is None or hopeful is None:
        join(order, book)
        return
    if shown is not None:
        left = 0.0 if order.shown is None else max(order.shown - shown - order.traded, 0.0)
        order.ahead["pessimistic"] = min(careful, shown)
        order.ahead["optimistic"] = min(max(hopeful - left, 0.0), shown)
    order.shown, order.traded = shown, 0.0


@dataclass
class Target:
    contracts: float
    decided: int
    arrives: int


@dataclass
class Message:
    """A cancel or an amendment under way."""

    request: Cancel | Amend
    instrument: int
    sent: int
    arrives: int


@dataclass
class Market:
    """State of one instrument. ``kind``: of the events that fill orders; ``has_trades``, ``has_marks``: on the tape."""

    terms: Terms
    kind: str
    has_trades: bool
    has_marks: bool
    orders: list[Order] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    target: Target | None = None
    wanted: float = 0.0  # the last target that was sent
    offer: Offer | None = None
    last_event: int | None = None
    gap_since: int | None = None
    closed: int | None = None  # time of the last close of a bar
    held: float = 0.0  # what is left of the position at the bar's open
    bar: Bar | None = None
    worst: Bar | None = None  # the bar that closed now

    def alive(self) -> list[Order]:
        """Orders that are open, in the order of sending."""
        return [order for order in self.orders if order.status == "open"]
