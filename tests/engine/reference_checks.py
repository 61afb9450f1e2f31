"""What the slow simulator refuses: orders and amendments off the grid, too small, or that contradict themselves."""

from __future__ import annotations

import math

from tests.engine.reference_terms import BY_MARK, FOK, IOC, POST_ONLY, Amend, Order, Place, Terms

BILLIONTH = 1e-9


def snapped(number: float | None, step: float) -> float | None:
    """The whole number of steps next to it."""
    return None if number is None or not math.isfinite(number) else round(number / step) * step


def off_grid(number: float, step: float) -> bool:
    steps = number / step
    return abs(steps - round(steps)) > BILLIONTH


def check_order(place: Place, terms: Terms) -> str:
    """Why an order is rejected when it is sent; empty where it is not."""
    needs_price = place.kind in ("limit", "stop_limit")
    needs_trigger = place.kind in ("stop", "stop_limit", "take_profit")
    prices = [place.price] if needs_price else []
    prices += [place.trigger] if needs_trigger else []
    given = [math.nan if price is None else price for price in prices]
    if not all(math.isfinite(number) for number in (place.contracts, *given)):
        return "not finite"
    if any(off_grid(price, terms.tick) for price in given):
        return "off tick"
    if off_grid(place.contracts, terms.lot):
        return "off lot"
    if abs(place.contracts) < max(terms.smallest, BILLIONTH):
        return "too small"
    if abs(place.contracts) > terms.largest:
        return "too large"
    if any(price <= 0.0 for price in given):
        return "price"
    return "contradiction" if contradictory(place, needs_trigger) else ""


def contradictory(place: Place, needs_trigger: bool) -> bool:
    post_only, at_once = place.flags & POST_ONLY, place.flags & (IOC | FOK)
    return bool(
        (post_only and (at_once or place.kind not in ("limit", "stop_limit")))
        or at_once == (IOC | FOK)
        or (place.flags & BY_MARK and not needs_trigger)
    )


def amendment(request: Amend, order: Order, terms: Terms) -> tuple[Amend, str]:
    """The amendment on the grid, or why it is refused: it has to make an order that could have been sent."""
    price, trigger = request.price, request.trigger
    if order.place.kind in ("stop", "take_profit") and trigger is None:
        price, trigger = None, request.price
    contracts = order.contracts if request.contracts is None else request.contracts
    checked = Place(
        order.place.kind, contracts, order.price if price is None else price,
        order.trigger if trigger is None else trigger, order.place.flags, order.place.instrument,
    )  # fmt: skip
    reason = check_order(checked, terms)
    other_side = contracts * order.side < 0.0 or order.place.kind == "market"
    no_price = order.place.kind in ("stop", "take_profit") and price is not None
    no_trigger = order.place.kind == "limit" and trigger is not None
    if not reason and (other_side or no_price or no_trigger):
        reason = "contradiction"
    lots = None if request.contracts is None else snapped(contracts, terms.lot)
    return Amend(order.id, lots, snapped(price, terms.tick), snapped(trigger, terms.tick)), reason
