"""The slow simulator: docs/fills.md and docs/margin.md in plain Python, one event after the other.

``simulate(events, decide, terms, settings)`` replays events of one or several instruments to an agent and returns the
ledger. It shares nothing with the compiled loop: the two are written from the same pages and have to agree. Words and
shapes are in ``reference_terms``; the account in ``reference_account``; queues and offers in ``reference_market``; one
order in ``reference_orders``; one event in ``reference_events``. Here: time, sending, liquidation.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, pairwise
from typing import Any

from tests.engine.reference_account import Accounts
from tests.engine.reference_checks import BILLIONTH, check_order, snapped
from tests.engine.reference_events import on_bar_close, on_bar_open, on_book, on_trade_alone, on_trade_beside_book
from tests.engine.reference_market import Flat, Market, Message, Target
from tests.engine.reference_orders import Desk
from tests.engine.reference_terms import (
    BY_MARK,
    Bar,
    Book,
    Cancel,
    CancelAll,
    Decision,
    Event,
    Fill,
    Ledger,
    Order,
    Place,
    Request,
    Settings,
    Terms,
    Trade,
    View,
)

#: Order at one time. Within the market data: marks, index prices, trades, quotes, snapshots.
DATA, BAR_CLOSE, GAP, FUNDING, CHECK, AT_CLOSE, ARRIVAL, DECIDE, BAR_OPEN = range(9)
PHASES = {"bar_close": BAR_CLOSE, "gap": GAP, "funding": FUNDING, "funding_known": FUNDING, "bar_open": BAR_OPEN}
RANKS = {"mark": 0, "index": 1, "trade": 2, "quote": 3, "book": 4, "funding_known": 1}

#: What the market is: the first of these that the tape has for an instrument.
FINEST = (("book", "book"), ("quote", "quote"), ("trade", "trade"), ("bar_close", "bar"))

Decide = Callable[[View], Decision | None]


class Simulation:
    """A run in progress. The timeline is a heap of (time, phase, rank, instrument, number, what)."""

    def __init__(self, events: Iterable[Event], decide: Decide, terms: Sequence[Terms], settings: Settings) -> None:
        self.settings = settings
        self.decide = decide
        self.events = list(events)
        markets = [self._market(k, one) for k, one in enumerate(terms)]
        self.accounts = Accounts(terms, settings.capital, settings.margin)
        self.desk = Desk(markets, self.accounts, settings)
        self.ledger = self.desk.ledger
        self.numbers = count()
        self.decisions = 0
        self.end = max(max(event.time, event.local or 0) for event in self.events)
        self.delivered: dict[int, list[Event]] = defaultdict(list)
        self.timeline: list[tuple[int, int, int, int, int, Any]] = []
        self._plan()

    def _market(self, k: int, terms: Terms) -> Market:
        kinds = {event.kind for event in self.events if event.instrument == k}
        market = next((name for kind, name in FINEST if kind in kinds), "none")
        return Market(terms, market, "trade" in kinds, "mark" in kinds)

    def _plan(self) -> None:
        checks = {event.time for event in self.events if event.kind != "bar_open"}
        for event in self.events:
            self._at(event.time, PHASES.get(event.kind, DATA), RANKS.get(event.kind, 0), event.instrument, event)
            if event.kind in self.settings.subscribe:
                self.delivered[event.time if event.local is None else event.local].append(event)
        for time in checks:
            self._at(time, CHECK, 0, 0, None)
            if self.settings.rule == "next_close":
                self._at(time, AT_CLOSE, 0, 0, None)
        for time in self.delivered:
            self._at(time, DECIDE, 0, 0, None)
        for k, market in enumerate(self.desk.markets):
            if market.kind in ("quote", "book"):
                self._plan_silences(k, market.kind)

    def _plan_silences(self, k: int, kind: str) -> None:
        """A gap where quotes or books do not come for longer than `stale_after`, or end so long before the others."""
        times = sorted(event.time for event in self.events if event.instrument == k and event.kind == kind)
        times.append(max(event.time for event in self.events if isinstance(event.payload, (Book, Trade, Bar))))
        for before, after in pairwise(times):
            if after - before > self.settings.stale_after:
                silence = before + self.settings.stale_after
                self._at(silence, GAP, 0, k, Event(silence, "gap", k))

    def _at(self, time: int, phase: int, rank: int, instrument: int, what: Event | None) -> None:
        heapq.heappush(self.timeline, (time, phase, rank, instrument, next(self.numbers), what))

    def run(self) -> Ledger:
        while self.timeline:
            time, phase, _, _, _, event = heapq.heappop(self.timeline)
            if phase == CHECK:
                self._check(time)
            elif phase == AT_CLOSE:
                self._trade_at_closes(time)
            elif phase == ARRIVAL:
                self._arrive_all(time)
            elif phase == DECIDE:
                self._decide(time)
            else:
                self._event(event, time)
        return self._close()

    # Events.

    def _event(self, event: Event, now: int) -> None:
        k, payload, fills = event.instrument, event.payload, len(self.ledger.fills)
        market, holding = self.desk.markets[k], self.accounts.holdings[k]
        if isinstance(payload, (Book, Trade, Bar)):
            self._market_event(event.kind, k, payload, now)
        elif event.kind == "gap":
            market.gap_since = now if market.gap_since is None else market.gap_since
        elif event.kind == "mark" and isinstance(payload, (int, float)):
            holding.mark = payload
            self.desk.trigger_by_mark(k, now)
        elif event.kind == "funding" and isinstance(payload, (int, float)):
            self.accounts.settle(k, payload)
        elif event.kind == "funding_known" and isinstance(payload, (int, float)):
            holding.rate = payload
        if event.kind == "bar_open":
            self._liquidate_all(now, {}) if len(self.ledger.fills) > fills else None

    def _market_event(self, kind: str, k: int, payload: Book | Trade | Bar, now: int) -> None:
        market = self.desk.markets[k]
        if isinstance(payload, Trade) and market.kind in ("book", "quote"):
            on_trade_beside_book(self.desk, k, payload, now)
        elif isinstance(payload, Trade):
            on_trade_alone(self.desk, k, payload, now)
        elif isinstance(payload, Book) and kind == market.kind:
            on_book(self.desk, k, payload, now)
        elif isinstance(payload, Bar) and market.kind == "bar":
            (on_bar_open if kind == "bar_open" else on_bar_close)(self.desk, k, payload, now)

    def _check(self, now: int) -> None:
        """After all data, closes and funding of a time; a bar without a mark price is checked at its worst price."""
        worst = {}
        for k, market in enumerate(self.desk.markets):
            bar, held = market.worst, self.accounts.holdings[k].contracts
            by_worst = self.settings.margin is not None and self.settings.margin.without_mark == "worst"
            if bar is not None and self.accounts.holdings[k].mark is None and by_worst:
                worst[k] = bar.low if held > 0.0 else bar.high
            market.worst = None
        self._liquidate_all(now, worst)

    def _liquidate_all(self, now: int, worst: Mapping[int, float]) -> None:
        for currency in self.accounts.cash:
            self._liquidate(currency, now, worst)

    def _liquidate(self, currency: str, now: int, worst: Mapping[int, float]) -> None:
        found = self.accounts.to_liquidate(currency, worst)
        if not found:
            return
        cross = self.settings.margin is not None and self.settings.margin.mode == "cross"
        for k in self.accounts.members(currency) if cross else [k for k, _ in found]:
            market = self.desk.markets[k]
            for order in market.alive():
                self.desk.end(order, now, "cancelled", "liquidated")
            market.target = None
            market.targets.clear()
            market.wanted = 0.0
        for k, price in found:
            holding = self.accounts.holdings[k]
            contracts = -holding.contracts
            before = self.accounts.cash[currency]
            amount = self.accounts.liquidate(k, price, last=cross and k == max(each for each, _ in found))
            self.ledger.fills.append(
                Fill(now, now, k, contracts, price, holding.reference or math.nan, 0.0, 0.0, 0.0, False, 0, 0.0, True,
                     amount)
            )  # fmt: skip
            self.desk.markets[k].held = 0.0
            self.desk.unsaid = self.accounts.cash[currency] - before
            self.desk.tell(now, k)
            self.ledger.liquidations += 1

    def _trade_at_closes(self, now: int) -> None:
        """Targets of earlier decisions, at the close that has just been seen."""
        for k, market in enumerate(self.desk.markets):
            if market.offer is not None and market.last_event == now:
                self.desk.pursue(k, market.offer, now)
        self._liquidate_all(now, {})

    def _arrive_all(self, now: int) -> None:
        """Rule `this`, at the end of a latency; at once where there is none."""
        for k in range(len(self.desk.markets)):
            self._arrive(k, now)
        self._liquidate_all(now, {})

    def _arrive(self, k: int, now: int) -> None:
        """Rule `this`: what has arrived meets what is in force: of bars only the close of this moment."""
        market = self.desk.markets[k]
        if market.kind == "bar" and market.closed != now:
            return
        self.desk.serve_messages(k, now)
        in_gap = market.kind != "bar" and market.gap_since is not None
        arrived = [order for order in self.desk.arrived(k, now) if not order.pulled]
        new = [order for order in arrived if not order.seen or order.stage == "new"]
        for order in new:
            first, order.seen = not order.seen, True
            if in_gap or market.offer is None or self.accounts.holdings[k].reference is None:
                if first:
                    self.desk.end(order, now, "rejected", "no market")
                continue
            self._meet(order, first, now)
        if not in_gap and market.offer is not None and self.accounts.holdings[k].reference is not None:
            self.desk.pursue(k, market.offer, now)

    def _meet(self, order: Order, first: bool, now: int) -> None:
        """An order that arrives, or one whose price has been amended, against the offer in force."""
        market = self.desk.markets[order.place.instrument]
        offer = market.offer
        if offer is None:
            return
        if first and order.stage == "waiting":
            price = offer.reference if isinstance(offer, Flat) else offer.touch(order.side)
            if order.has(BY_MARK):
                price = self.accounts.holdings[order.place.instrument].mark
            elif market.has_trades:
                price = None
            self.desk.trigger_at(order, price)
        if order.stage == "new":
            self.desk.take(order, offer, now)

    # Decisions.

    def _decide(self, now: int) -> None:
        view = self._view(now)
        decision = self.decide(view)
        self.decisions += 1
        if decision is not None:
            for request in decision.requests:
                self._send(request, now, view)
            for k, contracts in sorted(decision.targets.items()):
                self._send_target(k, contracts, now)
        if self.settings.rule == "this" and self.settings.order_latency == 0:
            self._arrive_all(now)
        equity = {currency: self.accounts.equity(currency) for currency in self.accounts.cash}
        self.ledger.curve.append((now, equity, tuple(holding.contracts for holding in self.accounts.holdings)))

    def _view(self, now: int) -> View:
        positions = [0.0] * len(self.desk.markets)
        for time, k, position in self.desk.positions_told:
            if time <= now:
                positions[k] = position
        delivered = tuple(self.delivered[now])
        return View(now, self.decisions, delivered, tuple(positions), self._open_now(now))

    def known_equity(self, view: View) -> float:
        """What the agent knows: positions and cash that it was told of, at the last prices delivered to it."""
        late = self.settings.response_latency > 0 or any(event.local is not None for event in self.events)
        if not late:
            return sum(self.accounts.equity(currency) for currency in self.accounts.cash)
        total = sum(self.accounts.cash.values())
        total -= sum(cash for told, _, cash in self.desk.cash_told if told > view.time)
        for k, holding in enumerate(self.accounts.holdings):
            value = self._known_value(k, view.time)
            total += view.positions[k] * (holding.entry if value is None else value) if view.positions[k] else 0.0
        return total

    def _known_value(self, k: int, now: int) -> float | None:
        """Value of one contract at the last price of its market that was delivered by now."""
        kind = {"bar": "bar_close"}.get(self.desk.markets[k].kind, self.desk.markets[k].kind)
        mine = [event for event in self.events if event.instrument == k and event.kind == kind]
        there = [(event.time if event.local is None else event.local, i) for i, event in enumerate(mine)]
        latest = max(((when, i) for when, i in there if when <= now), default=None)
        if latest is None:
            return None
        payload = mine[latest[1]].payload
        if isinstance(payload, Book):
            price = 0.5 * (payload.bids[0][0] + payload.asks[0][0])
        elif isinstance(payload, Bar):
            price = payload.reference_close
        elif isinstance(payload, Trade):
            price = payload.price
        else:
            raise TypeError(f"an event of the market without a price: {payload!r}")
        return self.accounts.holdings[k].terms.value(price)

    def _open_now(self, now: int) -> dict[int, float]:
        """Contracts still open of each order that the agent knows to be open."""
        still = {order.id: [left for time, left in order.known if time <= now][-1] for order in self.ledger.orders}
        return {number: left for number, left in still.items() if left != 0.0}

    def _arrival(self, now: int) -> int:
        late = now + self.settings.order_latency
        if self.settings.rule == "this" and now < late <= self.end:
            self._at(late, ARRIVAL, 0, 0, None)
        return late

    def _send_target(self, k: int, contracts: float, now: int) -> None:
        market = self.desk.markets[k]
        if contracts == market.wanted:
            return
        market.wanted = contracts
        lot = market.terms.lot
        lots = math.floor(abs(contracts) / lot + BILLIONTH)
        whole = math.copysign(lots * lot, contracts) if lots > 0.0 else 0.0
        market.targets.append(Target(whole, now, self._arrival(now)))

    def _send(self, request: Request, now: int, view: View) -> None:
        if isinstance(request, Place):
            self._place(request, now)
            return
        if isinstance(request, CancelAll):
            for number in view.open_contracts:
                if self.ledger.orders[number - 1].place.instrument == request.instrument:
                    self._send(Cancel(number), now, view)
            return
        known = 1 <= request.order <= len(self.ledger.orders)
        order = self.ledger.orders[request.order - 1] if known else None
        k = order.place.instrument if order is not None else 0
        arrives = self._arrival(now)
        found = order is not None and order.status == "open"
        waiting = self.desk.markets[k].messages if found else self.desk.strays
        waiting.append(Message(request, k, now, arrives))

    def _place(self, place: Place, now: int) -> None:
        if self.settings.rule == "next_close":
            raise ValueError("next_close is for targets")
        known = 0 <= place.instrument < len(self.desk.markets)
        reason = "" if known else "unknown instrument"
        price, trigger, contracts = place.price, place.trigger, place.contracts
        if known:
            terms = self.desk.markets[place.instrument].terms
            reason = check_order(place, terms)
            price, trigger = snapped(price, terms.tick), snapped(trigger, terms.tick)
        opened = max(sum(order.status == "open" for order in self.ledger.orders), len(self._open_now(now)))
        if not reason and opened >= self.settings.most_orders:
            reason = "too many orders"
        if not reason:
            lots = snapped(contracts, self.desk.markets[place.instrument].terms.lot)
            contracts = contracts if lots is None else lots
        number = len(self.ledger.orders) + 1
        order = Order(number, place, contracts, price, trigger, now, now)
        order.stage = "waiting" if place.kind in ("stop", "stop_limit", "take_profit") else "new"
        self.ledger.orders.append(order)
        order.known.append((now, contracts))
        if reason:
            order.status, order.reason, order.ended = "rejected", reason, now
            order.known.append((now, 0.0))
            return
        order.arrives = self._arrival(now)
        self.desk.markets[place.instrument].orders.append(order)

    def _close(self) -> Ledger:
        ledger = self.ledger
        ledger.attribution = [dict(holding.attribution) for holding in self.accounts.holdings]
        ledger.cash = dict(self.accounts.cash)
        ledger.equity = {currency: self.accounts.equity(currency) for currency in self.accounts.cash}
        ledger.positions = [holding.contracts for holding in self.accounts.holdings]
        ledger.choice_missed = sum(order.missed and order.filled == 0.0 for order in ledger.orders)
        for order in ledger.orders:
            if order.filled != 0.0:
                terms = self.desk.markets[order.place.instrument].terms
                ledger.average_prices[order.id] = terms.price_of(order.value_sum / order.filled)
        return ledger


def simulate(
    events: Iterable[Event], decide: Decide, terms: Sequence[Terms], settings: Settings | None = None
) -> Ledger:
    """Replay the events to the agent; the ledger has every fill, order, refusal and contribution.

    ``terms``: one for each instrument number of the events. ``decide`` is called once for each local time at which
    a kind of event that it is subscribed to comes in, after all events of that time.
    """
    return Simulation(events, decide, terms, settings or Settings()).run()
