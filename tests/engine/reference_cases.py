"""Hand-worked runs: a market, a script, and what must come of it. Shared by the tests of the slow simulator.

Fills are (second, contracts, price, half_spread, impact, fee, maker), worked by hand; amounts in settle currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.engine.reference_terms import Decision, Event, Place, Request, Settings, Terms
from tests.engine.strategies_for_orders import SECOND, at, book

Row = tuple[float, float, float, float, float, float, bool]
End = tuple[str, str, float]

#: Fees of 10 bp and 2 bp; where the market shows no spread, half of it is 0.5.
LINEAR = Terms("LIN", taker=1e-3, maker=2e-4, half_spread_kind="price", half_spread=0.5)
#: A contract of 100 USD: worth -1 coin at 100, -0.8 at 125, -1.25 at 80.
INVERSE = Terms("INV", "inverse", "COIN", 100.0, taker=1e-3, maker=2e-4, half_spread_kind="price", half_spread=0.5)


@dataclass(frozen=True)
class Case:
    """``orders``: (status, reason, filled) of each order in the order of sending."""

    name: str
    events: Sequence[Event]
    script: Mapping[int, Sequence[Request]]
    fills: Sequence[Row]
    orders: Sequence[End] = ()
    terms: Terms = LINEAR
    targets: Mapping[int, float] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    choices: tuple[int, int] = (0, 0)

    @property
    def table(self) -> dict[int, Decision]:
        numbers = {*self.script, *self.targets}
        wanted = {number: {0: self.targets[number]} for number in self.targets}
        return {number: Decision(wanted.get(number, {}), self.script.get(number, ())) for number in numbers}


# A book whose mid is 100, and two others.
BIDS = ((99.0, 5.0), (98.0, 9.0))
ASKS = ((101.0, 2.0), (102.0, 3.0))
HIGHER = (((100.0, 5.0),), ((102.0, 3.0), (103.0, 9.0)))  # mid 101
LOWER = (((98.0, 4.0), (97.0, 9.0)), ((100.0, 3.0),))  # mid 99


def plain(*seconds: float) -> list[Event]:
    return [book(second, BIDS, ASKS) for second in seconds]


def mark(second: float, price: float) -> Event:
    return Event(at(second), "mark", 0, price)


def gap(second: float) -> Event:
    return Event(at(second), "gap", 0)


def optimistic() -> Settings:
    return Settings(matching="optimistic")


def joined(*more: Event) -> list[Event]:
    """A buy at 99 sent at second 0 waits from second 1 on behind 5."""
    return [*plain(0, 1), *more]


BUY_99 = {0: [Place("limit", 2.0, 99.0)]}
HALF_SECOND = Settings(order_latency=SECOND // 2)
