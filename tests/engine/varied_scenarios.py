"""What `random_scenario` leaves out: odd lots and sizes, long latencies, rates known ahead, other silences, amended
triggers, targets at the next close, and more orders than may be open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from tests.engine.reference_terms import HOUR, Amend, Book, Decision, Event, Place, Request, Terms, Trade
from tests.engine.strategies_for_orders import (
    MARKETS,
    SECOND,
    TICK,
    Scenario,
    random_place,
    random_queues,
    random_scenario,
)

LATENCIES = (0, SECOND // 2, SECOND, 3 * SECOND, 5 * SECOND, 30 * SECOND)
LONG = (HOUR // 2, HOUR - SECOND, HOUR)


def varied_scenario(rng: Random) -> Scenario:
    """A whole run on any market, with variations."""
    if rng.random() < 0.1:
        return vary(rng, random_queues(rng))
    if rng.random() < 0.1:
        return _at_next_close(rng)
    kinds = rng.choice([*((kind,) for kind in MARKETS), ("quote", "book"), ("bar", "trade")])
    return vary(rng, random_scenario(rng, kinds, rng.choice([1, 1, 2, 3]), margin=rng.choice([None, True])))


def crowded_scenario(rng: Random) -> Scenario:
    """Sixty and more orders at some decisions, so that the most that may be open are."""
    drawn = random_scenario(rng, (rng.choice(MARKETS),), rng.choice([1, 2]), targets=False)
    table = {}
    for number in drawn.table:
        count = rng.choice([0, 60, 64])
        table[number] = Decision({}, [random_place(rng, rng.randrange(len(drawn.terms))) for _ in range(count)])
    return vary(rng, replace(drawn, table=table))


def _at_next_close(rng: Random) -> Scenario:
    drawn = random_scenario(rng, ("bar",), rng.choice([1, 2, 3]), orders=False)
    drawn = replace(drawn, settings=replace(drawn.settings, rule="next"))
    drawn = vary(rng, drawn)
    return replace(drawn, settings=replace(drawn.settings, rule="next_close"))


def vary(rng: Random, scenario: Scenario) -> Scenario:
    """Some of the variations, each by chance."""
    for chance, change in ((0.35, _lots), (0.15, _limits), (0.6, _times), (0.3, _rates), (0.3, _triggers)):
        if rng.random() < chance:
            scenario = change(rng, scenario)
    return scenario


def _lots(rng: Random, scenario: Scenario) -> Scenario:
    """Lots other than 1, and sizes in the data that are no whole number of them."""
    lots = [rng.choice([1.0, 0.25, 0.5, 2.0, 3.0]) for _ in scenario.terms]
    terms = tuple(replace(one, lot=lot) for one, lot in zip(scenario.terms, lots, strict=True))
    events = tuple(_resized(rng, event, lots[event.instrument]) for event in scenario.events)
    table = {}
    for number, decision in scenario.table.items():
        targets = {k: wanted * lots[k] * rng.choice([1.0, 0.77]) for k, wanted in decision.targets.items()}
        table[number] = Decision(targets, [_in_lots(rng, request, lots) for request in decision.requests])
    return replace(scenario, events=events, terms=terms, table=table)


def _resized(rng: Random, event: Event, lot: float) -> Event:
    def size(number: float) -> float:
        return number * lot + rng.choice([0, 0, 1, 3, 7]) / 16

    payload = event.payload
    if isinstance(payload, Trade):
        return replace(event, payload=replace(payload, size=size(payload.size)))
    if not isinstance(payload, Book):
        return event
    sides = [tuple((price, size(shown)) for price, shown in side) for side in (payload.bids, payload.asks)]
    return replace(event, payload=Book(*sides))


def _in_lots(rng: Random, request: Request, lots: Sequence[float]) -> Request:
    if isinstance(request, Place):
        return replace(request, contracts=request.contracts * lots[request.instrument])
    if isinstance(request, Amend) and request.contracts is not None:
        return replace(request, contracts=request.contracts * lots[0] * rng.choice([1.0, 1.0, 0.5]))
    return request


def _limits(rng: Random, scenario: Scenario) -> Scenario:
    """Orders below two lots are too small, above nine too large."""
    terms: list[Terms] = [replace(one, smallest=2.0 * one.lot, largest=9.0 * one.lot) for one in scenario.terms]
    return replace(scenario, terms=tuple(terms))


def _times(rng: Random, scenario: Scenario) -> Scenario:
    """Other latencies, and other silences that are gaps."""
    bars = any(event.kind == "bar_close" for event in scenario.events)
    spans = (*LATENCIES, *LONG) if bars else LATENCIES
    settings = replace(
        scenario.settings,
        order_latency=rng.choice(spans),
        response_latency=rng.choice(spans),
        stale_after=rng.choice([2 * SECOND, 4 * SECOND, HOUR, 3 * HOUR]),
    )
    if settings.rule == "this" and bars:
        settings = replace(settings, order_latency=0)
    return replace(scenario, settings=settings)


def _rates(rng: Random, scenario: Scenario) -> Scenario:
    """Funding rates that are known before they are paid."""
    added = []
    for k in range(len(scenario.terms)):
        before = min(event.time for event in scenario.events if event.instrument == k)
        settled = (event for event in scenario.events if event.kind == "funding" and event.instrument == k)
        for event in sorted(settled, key=lambda event: event.time):
            if event.time - before > 2 * SECOND and rng.random() < 0.7:
                added.append(Event(rng.randrange(before + 1, event.time), "funding_known", k, event.payload))
            before = event.time
    return replace(scenario, events=(*scenario.events, *added))


def _triggers(rng: Random, scenario: Scenario) -> Scenario:
    """Amendments that give a trigger as well, also to orders that have none."""

    def change(request: Request) -> Request:
        if not isinstance(request, Amend) or rng.random() < 0.5:
            return request
        return replace(request, trigger=(200 + rng.randint(-5, 5)) * TICK)

    table = {
        number: Decision(decision.targets, [change(request) for request in decision.requests])
        for number, decision in scenario.table.items()
    }
    return replace(scenario, table=table)
