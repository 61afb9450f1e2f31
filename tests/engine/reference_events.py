"""What the slow simulator does at each event of a market: books and quotes, trades, bars. From docs/fills.md."""

from __future__ import annotations

import math

from tests.engine.reference_market import Flat, Shown, beyond, follow, reached
from tests.engine.reference_orders import Desk
from tests.engine.reference_terms import BY_MARK, REDUCE_ONLY, Bar, Book, Order, Trade

OTHER = {"pessimistic": "optimistic", "optimistic": "pessimistic"}


def on_book(desk: Desk, k: int, book: Book, now: int) -> None:
    """A quote or a snapshot that is the market: steps 1 to 6."""
    market = desk.markets[k]
    offer = Shown(book, market.terms)
    market.offer = offer
    if offer.mid is not None:
        desk.accounts.move(k, offer.mid)
    desk.serve_messages(k, now)
    desk.refuse_in_gap(k, now)
    if desk.accounts.holdings[k].reference is None:
        return
    for order in desk.arrived(k, now):
        if order.stage == "resting" and not _crossed(desk, order, offer, now):
            follow(order, book)
    for order in desk.arrived(k, now):
        if _triggered(desk, order, offer.touch(order.side)):
            desk.take(order, offer, now)
    for order in desk.arrived(k, now):
        if order.stage == "new":
            desk.take(order, offer, now)
    desk.pursue(k, offer, now)
    desk.drop_idle(k, now)


def lead(order: Order) -> None:
    """The market has gone through its price: nobody is left ahead of it."""
    order.ahead = {"pessimistic": 0.0, "optimistic": 0.0}
    order.shown, order.traded = None, 0.0


def _crossed(desk: Desk, order: Order, offer: Shown, now: int) -> bool:
    """Fill a resting limit that the opposite side has reached."""
    touch, limit = offer.touch(order.side), order.price
    if touch is None or limit is None or beyond(touch, limit, order.side):
        return False
    walk = offer.walk(order.side, order.left, limit)
    if walk is not None:
        size = desk.make(order, walk.size, now)
        if size > 0.0:
            again = offer.walk(order.side, size, limit)
            if again is not None:
                offer.commit(order.side, again)
    lead(order)
    return True


def _triggered(desk: Desk, order: Order, touch: float | None) -> bool:
    """A waiting order becomes a new one: by the mark price, or by the book of a market that has no trades."""
    k = order.place.instrument
    order.seen = True
    if order.has(BY_MARK):
        return desk.trigger_at(order, desk.accounts.holdings[k].mark)
    return not desk.markets[k].has_trades and desk.trigger_at(order, touch)


def on_trade_beside_book(desk: Desk, k: int, trade: Trade, now: int) -> None:
    """A trade of an instrument that has quotes or books: fills resting limits, moves queues, pulls triggers."""
    desk.serve_messages(k, now)
    match_trade(desk, k, trade, now)
    look_at_trade(desk, k, trade, now)
    desk.drop_idle(k, now)


def look_at_trade(desk: Desk, k: int, trade: Trade, now: int) -> None:
    """Stops and take-profits that have arrived; what is triggered executes at the next event of the market."""
    for order in desk.arrived(k, now):
        if not order.has(BY_MARK):
            desk.trigger_at(order, trade.price)


def match_trade(desk: Desk, k: int, trade: Trade, now: int) -> None:
    """Better orders first, then those at the price behind their queues; all together at most the trade's size."""
    rule = desk.settings.matching
    left = trade.size
    resting = [order for order in desk.arrived(k, now) if order.stage == "resting" and order.price is not None]
    for order in resting:
        if order.price != trade.price and not beyond(trade.price, order.price or math.nan, order.side):
            left -= desk.make(order, left, now)
            lead(order)
    for order in resting:
        if order.price != trade.price or order.status != "open" or trade.side == order.side:
            continue
        size = _behind_queue(order.ahead[rule], left)
        other = _behind_queue(order.ahead[OTHER[rule]], left)
        if size > 0.0:
            filled = desk.make(order, size, now)
            left -= filled
            desk.ledger.choice_fills += filled > 0.0 and other <= 0.0
        elif other > 0.0:
            order.missed = True
        order.traded += trade.size
        for name, ahead in order.ahead.items():
            order.ahead[name] = None if ahead is None else max(ahead - trade.size, 0.0)


def _behind_queue(ahead: float | None, size: float) -> float:
    return 0.0 if ahead is None else max(size - ahead, 0.0)


def on_trade_alone(desk: Desk, k: int, trade: Trade, now: int) -> None:
    """A trade where trades are the market."""
    market = desk.markets[k]
    desk.accounts.move(k, trade.price)
    offer = Flat(trade.price, market.terms.half_spread_at(trade.price))
    market.offer = offer
    desk.serve_messages(k, now)
    desk.refuse_in_gap(k, now)
    match_trade(desk, k, trade, now)
    for order in desk.arrived(k, now):
        order.seen = True
        if order.has(BY_MARK):
            desk.trigger_at(order, desk.accounts.holdings[k].mark)
        if order.stage == "new":
            desk.take(order, offer, now)
    desk.pursue(k, offer, now)
    look_at_trade(desk, k, trade, now)
    desk.drop_idle(k, now)


def on_bar_open(desk: Desk, k: int, bar: Bar, now: int) -> None:
    """Orders that have arrived by the open: new ones take, triggers that the open has reached are pulled."""
    market, holding = desk.markets[k], desk.accounts.holdings[k]
    price = bar.reference_open
    if market.alive():
        desk.accounts.move(k, price)
    desk.serve_messages(k, now)
    desk.refuse_in_gap(k, now)
    offer = Flat(price, market.terms.half_spread_at(price))
    holding.last = price
    market.bar = bar
    for order in desk.arrived(k, now):
        order.seen = order.in_range = True
        desk.trigger_at(order, holding.mark if order.has(BY_MARK) else price)
        if order.stage == "new":
            desk.take(order, offer, now)
    if desk.settings.rule == "next":
        desk.pursue(k, offer, now)
    desk.drop_idle(k, now)


def on_bar_close(desk: Desk, k: int, bar: Bar, now: int) -> None:
    """The range of the bar in three passes, then its close."""
    market = desk.markets[k]
    desk.refuse_in_gap(k, now)
    market.held = desk.accounts.holdings[k].contracts
    optimistic = desk.settings.matching == "optimistic"
    if optimistic:
        _limits(desk, k, bar, now)
        later = _stops(desk, k, bar, now)
    else:
        later = _stops(desk, k, bar, now)
        _limits(desk, k, bar, now)
    for order in later:
        if order.status == "open":
            _execute_at_trigger(desk, order, bar, now)
    market.held = 0.0
    price = bar.reference_close
    desk.accounts.move(k, price)
    market.offer = Flat(price, market.terms.half_spread_at(price))
    market.worst = bar
    market.closed = now
    desk.drop_idle(k, now)


def _in_range(desk: Desk, k: int, now: int, kinds: tuple[str, ...]) -> list[Order]:
    """Orders of these kinds that were alive at the bar's open and wait or rest."""
    found = (order for order in desk.arrived(k, now) if order.in_range and order.place.kind in kinds)
    return [order for order in found if order.stage != "new"]


def _extreme(bar: Bar, order: Order) -> float:
    """The end of the range in whose direction the trigger lies."""
    upwards = (order.side > 0.0) != (order.place.kind == "take_profit")
    return bar.high if upwards else bar.low


def _stops(desk: Desk, k: int, bar: Bar, now: int) -> list[Order]:
    """Stops that the range has reached; those that have nothing to reduce are returned."""
    later = []
    for order in _in_range(desk, k, now, ("stop", "stop_limit")):
        if order.stage == "waiting" and not order.has(BY_MARK) and reached(order, _extreme(bar, order)):
            if order.place.kind == "stop_limit":
                order.stage, order.pulled = "new", True
            elif order.has(REDUCE_ONLY) and desk.reducible(order) == 0.0:
                later.append(order)
            else:
                _execute_at_trigger(desk, order, bar, now)
    return later


def _execute_at_trigger(desk: Desk, order: Order, bar: Bar, now: int) -> None:
    """A stop or take-profit at its trigger; a stop that the whole bar has passed at the bar's nearest price."""
    price = order.trigger or math.nan
    if order.place.kind == "stop":
        price = max(price, bar.low) if order.side > 0.0 else min(price, bar.high)
    order.stage = "new"
    desk.take(order, Flat(price, desk.markets[order.place.instrument].terms.half_spread_at(price)), now)


def _limits(desk: Desk, k: int, bar: Bar, now: int) -> None:
    """Resting limits, and take-profits, that the range has reached."""
    for order in _in_range(desk, k, now, ("limit", "stop_limit", "take_profit")):
        size = order.left
        if order.has(REDUCE_ONLY) and desk.settings.matching == "pessimistic" and desk.reducible(order) > 0.0:
            held = desk.markets[k].held
            size = min(size, abs(held)) if held * order.side < 0.0 else 0.0
        if size == 0.0:
            continue
        if order.stage == "resting":
            _limit(desk, order, size, bar, now)
        elif order.place.kind == "take_profit" and not order.has(BY_MARK) and reached(order, _extreme(bar, order)):
            _take_profit(desk, order, size, bar, now)


def _limit(desk: Desk, order: Order, size: float, bar: Bar, now: int) -> None:
    """A limit that the range goes beyond; where the range touches it, the rule decides."""
    price = order.price or math.nan
    near, far = (bar.low, bar.high) if order.side > 0.0 else (bar.high, bar.low)
    if near != price and beyond(near, price, order.side):
        return
    touched = near == price
    if touched and desk.settings.matching == "pessimistic":
        order.missed = True
        return
    at = price if beyond(far, price, order.side) else far
    filled = desk.make(order, size, now, at)
    desk.ledger.choice_fills += touched and filled > 0.0


def _take_profit(desk: Desk, order: Order, size: float, bar: Bar, now: int) -> None:
    """At most ``size`` of it; what may not be closed in this bar goes on waiting."""
    if size == order.left or desk.reducible(order) <= size:
        _execute_at_trigger(desk, order, bar, now)
        return
    whole = order.contracts
    order.contracts = order.filled + math.copysign(size, order.side)
    _execute_at_trigger(desk, order, bar, now)
    if order.status == "filled":
        order.contracts, order.status, order.ended, order.stage = whole, "open", None, "waiting"
        desk.known(order, now)
