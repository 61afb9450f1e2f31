"""Hand-worked runs: a market, a script, and what must come of it. Shared by the tests of the slow simulator.

Fills are (second, contracts, price, half_spread, impact, fee, maker), worked by hand; amounts in settle currency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.engine.reference_terms import Decision, Event, Request, Settings, Terms

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
