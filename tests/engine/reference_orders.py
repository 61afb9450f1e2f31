"""How the slow simulator carries out one order: first checks, taking, resting, triggers, and how it ends."""

from __future__ import annotations

import math

from tests.engine.reference_account import Accounts
from tests.engine.reference_checks import amendment
from tests.engine.reference_market import Market, Message, Offer, Shown, beyond, join, reached, whole_lots
from tests.engine.reference_terms import (
    BY_MARK,
    FOK,
    IOC,
    POST_ONLY,
    REDUCE_ONLY,
    Amend,
    Cancel,
    Fill,
    Ledger,
    Order,
    Refusal,
    Settings,
)


class Desk:
    """Executes orders of all instruments and writes the ledger."""

    def __init__(self, markets: list[Market], accounts: Accounts, settings: Settings) -> None:
        self.markets = markets
        self.accounts = accounts
        self.settings = settings
        self.ledger = Ledger()
        self.strays: list[Message] = []  # about orders that were not open when they were sent
        self.told = 0
        self.positions_told: list[tuple[int, int, float]] = []
        self.cash_told: list[tuple[int, str, float]] = []
        self.unsaid = 0.0  # cash of a fill that is about to be told

    # How an order goes on and ends.

    def tell(self, now: int, k: int) -> int:
        """When the agent learns of what happened now, and of the position then; no report overtakes another."""
        self.told = max(self.told, now + self.settings.response_latency)
        holding = self.accounts.holdings[k]
        self.positions_told.append((self.told, k, holding.contracts))
        self.cash_told.append((self.told, holding.terms.settle, self.unsaid))
        self.unsaid = 0.0
        return self.told

    def end(self, order: Order, now: int, status: str, reason: str = "") -> None:
        order.status = status  # type: ignore[assignment]
        order.reason, order.ended = reason, now
        order.known.append((self.tell(now, order.place.instrument), 0.0))

    def refuse(self, order: Order, now: int, reason: str) -> None:
        """A new order is refused; what has been filled of it stays."""
        self.end(order, now, "rejected" if order.filled == 0.0 else "cancelled", reason)

    def refuse_request(self, now: int, number: int, reason: str, k: int = 0) -> None:
        """A cancel, an amendment or a target (number 0) is refused."""
        self.ledger.refusals.append(Refusal(now, number, reason))
        self.tell(now, k)

    def known(self, order: Order, now: int) -> None:
        """What is open of the order will be known after the response latency."""
        order.known.append((self.tell(now, order.place.instrument), math.copysign(order.left, order.side)))

    def reducible(self, order: Order) -> float:
        """Contracts that the order could close."""
        held = self.accounts.holdings[order.place.instrument].contracts
        return abs(held) if held * order.side < 0.0 else 0.0

    # Fills.

    def book(self, k: int, contracts: float, price: float, touch: float, now: int, order: Order | None) -> None:
        """Book a fill of an order, or of the target in force where there is none."""
        market, holding = self.markets[k], self.accounts.holdings[k]
        if holding.reference is None:
            raise ValueError("a fill without a reference price")
        maker = order is not None and order.stage == "resting"
        decided = order.sent if order is not None else market.target.decided if market.target else now
        before = self.accounts.cash[holding.terms.settle]
        half_spread, impact, fee = self.accounts.fill(k, contracts, price, touch, maker)
        self.unsaid = self.accounts.cash[holding.terms.settle] - before
        number = order.id if order is not None else 0
        self.ledger.fills.append(
            Fill(now, decided, k, contracts, price, holding.reference, half_spread, impact, fee, maker, number,
                 holding.contracts)
        )  # fmt: skip
        if market.held * contracts < 0.0:
            market.held = math.copysign(max(abs(market.held) - abs(contracts), 0.0), market.held)
        if order is None:
            self.tell(now, k)
            return
        order.filled += contracts
        order.value_sum += contracts * holding.terms.value(price)
        if order.left <= 0.0:
            self.end(order, now, "filled")
        else:
            self.known(order, now)

    def take(self, order: Order, offer: Offer, now: int) -> None:
        """A new order takes part: it takes what it can, the rest waits or goes."""
        market = self.markets[order.place.instrument]
        order.pulled = False
        size = order.left
        if order.has(REDUCE_ONLY):
            size = min(size, self.reducible(order))
            if size == 0.0:
                if order.trigger is not None:
                    self.end(order, now, "cancelled", "reduce only")
                else:
                    self.refuse(order, now, "reduce only")
                return
        limit = order.price if order.limited else None
        touch = offer.touch(order.side)
        crosses = touch is not None and (limit is None or not beyond(touch, limit, order.side))
        if order.has(POST_ONLY) and crosses:
            self.refuse(order, now, "post only")
            return
        walk = offer.walk(order.side, size, limit)
        if order.has(FOK) and (walk is None or walk.size < size):
            self.refuse(order, now, "fok")
            return
        if walk is not None and not self._take(order, offer, walk.size, now, limit):
            return
        if order.status == "open":
            self._leave(order, offer, market, now)

    def _take(self, order: Order, offer: Offer, size: float, now: int, limit: float | None) -> bool:
        """Fill from the offer; False where margin forbids it."""
        k = order.place.instrument
        if offer.reference is not None:
            self.accounts.move(k, offer.reference)
        walk = offer.walk(order.side, size, limit)
        if walk is None:
            raise ValueError("an offer that is gone")
        contracts = math.copysign(walk.size, order.side)
        reason = self.accounts.refusal(k, contracts, walk.price, maker=False)
        if reason:
            self.refuse(order, now, reason)
            return False
        offer.commit(order.side, walk)
        self.book(k, contracts, walk.price, walk.touch, now, order)
        return True

    def _leave(self, order: Order, offer: Offer, market: Market, now: int) -> None:
        """What has not been taken: rests where it has a price and may."""
        if order.has(REDUCE_ONLY) and self.reducible(order) == 0.0:
            self.end(order, now, "cancelled", "reduce only")
        elif order.has(IOC):
            self.end(order, now, "cancelled", "ioc")
        elif not order.limited:
            self.end(order, now, "cancelled", "depth")
        else:
            self._rest(order, offer, market, now)

    def _rest(self, order: Order, offer: Offer, market: Market, now: int) -> None:
        """It waits at its price, where the account could carry it if all of it were filled there."""
        if not order.has(REDUCE_ONLY):
            left = math.copysign(order.left, order.side)
            reason = self.accounts.refusal(order.place.instrument, left, order.price or math.nan, maker=True)
            if reason:
                self.refuse(order, now, reason)
                return
        order.stage = "resting"
        if isinstance(offer, Shown):
            join(order, offer.book)
        else:
            self.forget_place(order, market)

    def forget_place(self, order: Order, market: Market) -> None:
        """Not known; on trades alone that is so from the start, and then optimists see nobody ahead."""
        order.ahead = {"pessimistic": None, "optimistic": 0.0 if market.kind == "trade" else None}
        order.shown, order.traded = None, 0.0

    def make(self, order: Order, size: float, now: int, price: float | None = None) -> float:
        """Fill a resting limit with at most ``size``, as maker; returns what was filled.

        ``price``: in the range of a bar, where the position is valued at the fill; else the order's own price.
        """
        k = order.place.instrument
        at = price if price is not None else order.price
        size = whole_lots(min(size, order.left), self.accounts.holdings[k].terms.lot)
        if size <= 0.0 or at is None:
            return 0.0
        if order.has(REDUCE_ONLY):
            size = min(size, self.reducible(order))
            if size == 0.0:
                self.end(order, now, "cancelled", "reduce only")
                return 0.0
        if price is not None:
            self.accounts.move(k, price)
        contracts = math.copysign(size, order.side)
        reason = self.accounts.refusal(k, contracts, at, maker=True)
        if reason:
            self.end(order, now, "cancelled", reason)
            return 0.0
        self.book(k, contracts, at, at, now, order)
        if order.status == "open" and order.has(REDUCE_ONLY) and self.reducible(order) == 0.0:
            self.end(order, now, "cancelled", "reduce only")
        return size

    def pursue(self, k: int, offer: Offer, now: int) -> None:
        """The target in force trades; it stays in force until it has been reached."""
        market, holding = self.markets[k], self.accounts.holdings[k]
        while market.targets and market.targets[0].arrives <= now:
            market.target = market.targets.pop(0)
        if market.target is None:
            return
        wanted = market.target.contracts - holding.contracts
        side = math.copysign(1.0, wanted)
        walk = offer.walk(side, abs(wanted), None) if wanted != 0.0 else None
        if walk is not None:
            if offer.reference is not None:
                self.accounts.move(k, offer.reference)
            contracts = math.copysign(walk.size, side)
            reason = self.accounts.refusal(k, contracts, walk.price, maker=False)
            if reason:
                self.ledger.refusals.append(Refusal(now, 0, reason))
                market.target = None
                return
            offer.commit(side, walk)
            self.book(k, contracts, walk.price, walk.touch, now, None)
        if holding.contracts == market.target.contracts:
            market.target = None

    # Arrival, triggers, messages.

    def arrived(self, k: int, now: int) -> list[Order]:
        """Orders that have arrived and are open, in the order of sending."""
        return [order for order in self.markets[k].alive() if order.arrives <= now]

    def refuse_in_gap(self, k: int, now: int) -> bool:
        """At an event of the market: end the gap, refuse what arrived in it, forget places in queues."""
        market = self.markets[k]
        began = market.gap_since
        market.gap_since, market.last_event = None, now
        if began is None:
            return False
        for order in market.alive():
            if not order.seen and began <= order.arrives < now:
                self.end(order, now, "rejected", "no market")
            else:
                self.forget_place(order, market)
        return True

    def trigger_at(self, order: Order, price: float | None) -> bool:
        """A waiting order whose trigger this price has reached becomes a new one."""
        if order.stage != "waiting" or price is None or not reached(order, price):
            return False
        order.stage = "new"
        order.pulled = order.seen
        return True

    def trigger_by_mark(self, k: int, now: int) -> None:
        """Orders that look at the mark price and have arrived."""
        for order in self.markets[k].alive():
            if order.has(BY_MARK) and order.arrives <= now:
                self.trigger_at(order, self.accounts.holdings[k].mark)

    def serve_messages(self, k: int, now: int) -> None:
        """Cancels and amendments that have arrived, in the order of sending."""
        waiting = (self.strays, self.markets[k].messages)
        while arrived := [queue for queue in waiting if queue and queue[0].arrives <= now]:
            queue = min(arrived, key=lambda queue: queue[0].arrives)
            message = queue.pop(0)
            if queue is self.strays:
                self.refuse_request(message.arrives, message.request.order, "unknown order", k)
            else:
                self._serve(message, message.request)

    def _serve(self, message: Message, request: Cancel | Amend) -> None:
        order, k, arrived = self.ledger.orders[request.order - 1], message.instrument, message.arrives
        if order.status != "open":
            self.refuse_request(arrived, request.order, "unknown order", k)
        elif isinstance(request, Cancel):
            self.end(order, arrived, "cancelled", "cancelled")
        else:
            found, reason = amendment(request, order, self.markets[k].terms)
            if reason:
                self.refuse_request(arrived, order.id, reason, k)
            else:
                self._amend(order, found, arrived)

    def _amend(self, order: Order, request: Amend, now: int) -> None:
        if request.contracts is not None:
            if abs(request.contracts) > abs(order.contracts):
                self.forget_place(order, self.markets[order.place.instrument])
            order.contracts = request.contracts
        if request.price is not None and request.price != order.price:
            order.price = request.price
            if order.stage == "resting":
                order.stage, order.in_range = "new", False
        if request.trigger is not None:
            order.trigger = request.trigger
        if order.left <= 0.0:
            self.end(order, now, "filled")
        else:
            self.known(order, now)

    def drop_idle(self, k: int, now: int) -> None:
        """At the end of an event: resting limits that may only reduce a position that is not there."""
        for order in self.markets[k].alive():
            if order.stage == "resting" and order.has(REDUCE_ONLY) and self.reducible(order) == 0.0:
                self.end(order, now, "cancelled", "reduce only")
