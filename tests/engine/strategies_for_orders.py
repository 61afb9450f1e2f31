"""Small random markets and random agents for the tests of orders: bars, quotes, books and trades on a grid of ticks.

Everything is in the words of ``reference_terms``. Prices are whole ticks around 100, sizes small whole contracts, so
that orders meet, queue and exhaust the market often. ``scenarios`` draws a whole run; ``random_scenario`` does the same
from a plain ``random.Random``, for long searches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from halfspread.errors import DataError
from tests.engine.reference_terms import (
    BY_MARK,
    FOK,
    HOUR,
    IOC,
    POST_ONLY,
    REDUCE_ONLY,
    Amend,
    Bar,
    Book,
    Cancel,
    CancelAll,
    Decision,
    Event,
    EventKind,
    Margin,
    OrderKind,
    Place,
    Request,
    Settings,
    Terms,
    Tier,
    Trade,
    View,
)

START = 1_704_067_200 * 10**9  # 2024-01-01 00:00 UTC
SECOND = 10**9
MINUTE = 60 * SECOND
TICK = 0.5
MARKETS = ("bar", "quote", "book", "trade")

#: Odd rates, so that an equity never equals a margin but for rounding.
LINEAR_TIERS = (Tier(1_500.0, 20.0, 0.01003), Tier(math.inf, 5.0, 0.04117, 46.71))
INVERSE_TIERS = (Tier(0.15, 20.0, 0.01003), Tier(math.inf, 5.0, 0.04117, 0.004671))
LINEAR = Terms(
    "LIN", "linear", "USD", taker=5e-4, maker=2e-4, half_spread_kind="price", half_spread=0.25, tiers=LINEAR_TIERS
)
INVERSE = Terms(
    "INV",
    "inverse",
    "COIN",
    taker=7.5e-4,
    maker=-2.5e-4,
    half_spread_kind="ticks",
    half_spread=1.0,
    tiers=INVERSE_TIERS,
)
QUANTO = Terms(
    "QUA",
    "quanto",
    "COIN",
    multiplier=1e-5,
    taker=7.5e-4,
    half_spread_kind="price",
    half_spread=0.25,
    tiers=INVERSE_TIERS,
)


@dataclass
class Script:
    """An agent that does what a table says, by the number of its decision, and keeps what it was shown."""

    table: Mapping[int, Decision]
    views: list[View] = field(default_factory=list)

    def __call__(self, view: View) -> Decision | None:
        self.views.append(view)
        return self.table.get(view.number)


@dataclass(frozen=True)
class Scenario:
    """A run: ``simulate(scenario.events, Script(scenario.table), scenario.terms, scenario.settings)``."""

    events: tuple[Event, ...]
    terms: tuple[Terms, ...]
    table: Mapping[int, Decision]
    settings: Settings


def at(seconds: float) -> int:
    """Seconds after the start, as a time."""
    return START + round(seconds * SECOND)


def book(
    seconds: float,
    bids: Sequence[tuple[float, float]],
    asks: Sequence[tuple[float, float]],
    kind: EventKind = "book",
    instrument: int = 0,
    local: float | None = None,
) -> Event:
    """A snapshot, or a quote of one level."""
    return Event(at(seconds), kind, instrument, Book(tuple(bids), tuple(asks)), None if local is None else at(local))


def trade(seconds: float, price: float, size: float, side: int = 0, instrument: int = 0) -> Event:
    return Event(at(seconds), "trade", instrument, Trade(price, size, side))


def bar(
    seconds: float, prices: tuple[float, float, float, float], length: float = 60.0, instrument: int = 0
) -> list[Event]:
    """The open and the close of a bar that begins at ``seconds``."""
    shape = Bar(*prices)
    return [
        Event(at(seconds), "bar_open", instrument, shape),
        Event(at(seconds + length), "bar_close", instrument, shape),
    ]


def _pick(rng: Random, weights: Mapping[Any, int]) -> Any:
    (found,) = rng.choices(list(weights), list(weights.values()))
    return found


def _sizes(rng: Random, unknown: bool) -> float:
    return math.nan if unknown and rng.random() < 0.1 else float(rng.randint(1, 9))


def random_book(rng: Random, middle: int, levels: int, unknown: bool) -> Book:
    """Levels around ``middle`` (in ticks), with holes; sometimes fewer levels than usual on one side."""
    bid, ask = middle - rng.randint(0, 1), middle + rng.randint(1, 2)
    sides = []
    for first, step in ((bid, -1), (ask, 1)):
        shown = levels if rng.random() < 0.9 else rng.randint(1, levels)
        price, side = first, []
        for _ in range(shown):
            side.append((price * TICK, _sizes(rng, unknown)))
            price += step * rng.randint(1, 2)
        sides.append(tuple(side))
    return Book(*sides)


def random_bar(rng: Random, first: int, middle: int) -> Bar:
    """From ``first`` to ``middle`` (ticks), with shadows; sometimes it opens away from its range."""
    low = min(first, middle) - rng.randint(0, 3)
    high = max(first, middle) + rng.randint(0, 3)
    opening = first if rng.random() < 0.9 else first + rng.randint(-8, 8)
    return Bar(opening * TICK, high * TICK, low * TICK, middle * TICK)


def _walk(rng: Random, middle: int, calm: bool = False) -> int:
    """A step from ``middle`` (ticks); prices stay well above zero whatever is drawn."""
    step: int = _pick(rng, {0: 14, 1: 1, -1: 1} if calm else {0: 6, 1: 4, -1: 4, 2: 2, -2: 2, 6: 1, -6: 1})
    return min(max(middle + step, 100), 300)


def random_quotes(rng: Random, kind: EventKind, count: int, k: int, trades: bool) -> list[Event]:
    """Quotes or books, with trades between them where asked for; silences, gaps, equal times, late arrivals."""
    events: list[Event] = []
    now, middle, levels, local = START, 200, 1 if kind == "quote" else rng.randint(1, 4), 0
    calm = rng.random() < 0.6  # queues shrink slowly, and places in them last
    for _ in range(count):
        now += _pick(rng, {0: 1, SECOND: 8, 3 * SECOND: 4, 2 * HOUR: 0 if calm else 1})
        local = max(local, now + rng.choice([0, 0, SECOND // 2, 2 * SECOND]))
        if events and rng.random() < (0.01 if calm else 0.06):
            events.append(Event(now, "gap", k))
            continue
        middle = _walk(rng, middle, calm)
        if events and trades and rng.random() < 0.5:
            size, side = float(rng.randint(1, 15)), rng.choice([1, -1, -1, 1, 0])
            traded = Trade((middle + rng.choice([-3, -1, -1, 0, 0, 1, 1, 2, 3])) * TICK, size, side)
            events.append(Event(now, "trade", k, traded, local))
        else:
            events.append(Event(now, kind, k, random_book(rng, middle, levels, kind == "quote"), local))
    return events


def random_trades(rng: Random, count: int, k: int) -> list[Event]:
    """Trades as the whole market."""
    events: list[Event] = []
    now, middle, local = START, 200, 0
    for _ in range(count):
        now += _pick(rng, {0: 1, SECOND: 8, 3 * SECOND: 4, 2 * HOUR: 1})
        local = max(local, now + rng.choice([0, SECOND // 2]))
        if events and rng.random() < 0.04:
            events.append(Event(now, "gap", k))
        middle = _walk(rng, middle)
        shape = Trade(middle * TICK, float(rng.randint(1, 15)), rng.choice([1, -1, 0]))
        events.append(Event(now, "trade", k, shape, local))
    return events


def random_bars(rng: Random, count: int, k: int) -> list[Event]:
    """Bars of one hour, some missing after the first."""
    events: list[Event] = []
    now, middle = START, 200
    for _ in range(count):
        if events and rng.random() < 0.06:
            events.append(Event(now + rng.choice([0, HOUR // 2]), "gap", k))
            now += HOUR * rng.randint(1, 3)
        first, middle = middle, _walk(rng, _walk(rng, middle))
        shape = random_bar(rng, first, middle)
        events.append(Event(now, "bar_open", k, shape))
        events.append(Event(now + HOUR, "bar_close", k, shape))
        now += HOUR
    return events


def random_market(rng: Random, kind: str, k: int, marks: bool) -> list[Event]:
    """One instrument; fundings and, where asked for, mark prices at times of the market and between them."""
    count = rng.randint(4, 30)
    if kind == "bar":
        events = random_bars(rng, count, k)
    elif kind == "trade":
        events = random_trades(rng, count, k)
    else:
        events = random_quotes(rng, "quote" if kind == "quote" else "book", count, k, rng.random() < 0.6)
    return events + random_side(rng, [event.time for event in events], k, marks)


def random_side(rng: Random, times: Sequence[int], k: int, marks: bool) -> list[Event]:
    """Fundings and, where asked for, marks, at these times and between them; no price stands for more than 20 hours."""
    end = max(times)
    fundings: list[int] = []
    for time in sorted(rng.choice(times) for _ in range(rng.randint(0, 3))):
        if not fundings or time >= fundings[-1] + MINUTE:
            fundings.append(time)
    found = [Event(time, "funding", k, rng.choice([-0.02, -1e-3, 1e-4, 3e-3, 0.05])) for time in fundings]
    if marks:
        drawn = [rng.choice(times) + rng.choice([0, SECOND // 2, SECOND]) for _ in range(rng.randint(3, 20))]
        kept = {min(time, end) for time in drawn} | set(range(min(times), end, 20 * HOUR))
        found += [Event(time, "mark", k, (200 + rng.randint(-14, 14)) * TICK) for time in sorted(kept)]
    return found


FLAGS: Mapping[int, int] = {
    0: 10, POST_ONLY: 2, REDUCE_ONLY: 4, IOC: 2, FOK: 2, BY_MARK: 2, REDUCE_ONLY | IOC: 1, POST_ONLY | REDUCE_ONLY: 1,
    REDUCE_ONLY | BY_MARK: 1, POST_ONLY | IOC: 1,
}  # fmt: skip
KINDS: Mapping[OrderKind, int] = {"limit": 8, "market": 3, "stop": 4, "stop_limit": 3, "take_profit": 3}


def _price(rng: Random) -> float:
    """Near the market; now and then off the grid or below zero."""
    odd = {0.1: 1, -200.0: 1, math.nan: 1}
    far = rng.choice([2, 4, 9])
    return (200 + rng.randint(-far, far)) * TICK + (_pick(rng, odd) if rng.random() < 0.03 else 0.0)


def random_place(rng: Random, k: int) -> Place:
    kind = _pick(rng, KINDS)
    size = float(rng.randint(1, 12)) * rng.choice([1, -1]) + (0.3 if rng.random() < 0.02 else 0.0)
    flags = _pick(rng, FLAGS)
    if flags & BY_MARK and kind in ("market", "limit") and rng.random() < 0.9:
        flags &= ~BY_MARK
    price = _price(rng) if kind in ("limit", "stop_limit") else None
    trigger = _price(rng) if kind in ("stop", "stop_limit", "take_profit") else None
    return Place(kind, size, price, trigger, flags, k)


def random_amend(rng: Random, placed: Sequence[Place]) -> Amend:
    number = rng.randint(max(len(placed) - 4, 1), max(len(placed), 1))
    contracts = None
    if rng.random() < 0.6 and placed:
        contracts = math.copysign(float(rng.randint(1, 12)), placed[number - 1].contracts)
    price = _price(rng) if contracts is None or rng.random() < 0.4 else None
    return Amend(number, contracts, None if price is None or math.isnan(price) else price)


def random_script(rng: Random, decisions: int, instruments: int, targets: bool, orders: bool) -> dict[int, Decision]:
    """What to do at each decision; amendments and cancels name any order placed so far, and some that is not."""
    table: dict[int, Decision] = {}
    placed: list[Place] = []
    for number in range(decisions):
        requests: list[Request] = []
        for _ in range(_pick(rng, {0: 3, 1: 4, 2: 2, 3: 1}) if orders else 0):
            what = _pick(rng, {"place": 14, "cancel": 2, "amend": 3, "all": 1})
            k = rng.randrange(instruments)
            if what == "place":
                placed.append(random_place(rng, k))
                requests.append(placed[-1])
            elif what == "cancel":
                requests.append(Cancel(rng.randint(max(len(placed) - 4, 1), len(placed) + 1)))
            elif what == "amend":
                requests.append(random_amend(rng, placed))
            else:
                requests.append(CancelAll(k))
        wanted = {}
        if targets and rng.random() < 0.4:
            wanted = {rng.randrange(instruments): float(rng.randint(-12, 12))}
        table[number] = Decision(wanted, requests)
    return table


def random_settings(rng: Random, margin: bool) -> Settings:
    rules = Margin(
        mode=rng.choice(["cross", "isolated"]),
        leverage=rng.choice([None, 1.0, 5.0, 10.0]),
        basis=rng.choice(["mark", "entry"]),
        without_mark=rng.choice(["worst", "close"]),
    )
    drawn = Settings(
        rule=rng.choice(["next", "next", "this"]),
        matching=rng.choice(["pessimistic", "optimistic"]),
        order_latency=rng.choice([0, 0, SECOND // 2, SECOND, 5 * SECOND]),
        response_latency=rng.choice([0, SECOND]),
    )
    if not margin:
        return drawn
    capital = {"USD": rng.choice([100.0, 400.0]), "COIN": rng.choice([0.01, 0.04])}
    return replace(drawn, margin=rules, capital=capital)


def random_scenario(
    rng: Random,
    kinds: Sequence[str] = MARKETS,
    instruments: int = 1,
    targets: bool = True,
    orders: bool = True,
    margin: bool | None = None,
    change: Callable[[Settings], Settings] = lambda settings: settings,
) -> Scenario:
    """A whole run. ``kinds``: of market to draw from; ``margin`` None: sometimes; ``change``: of the settings drawn."""
    terms = tuple(rng.choice([LINEAR, INVERSE, LINEAR, INVERSE, QUANTO]) for _ in range(instruments))
    events: list[Event] = []
    for k in range(instruments):
        events += random_market(rng, rng.choice(list(kinds)), k, rng.random() < 0.5)
    end = max(event.time for event in events if isinstance(event.payload, (Bar, Book, Trade)))
    events = [event for event in events if event.time <= end]
    settings = change(random_settings(rng, rng.random() < 0.4 if margin is None else margin))
    if settings.rule == "this" and any(event.kind == "bar_close" for event in events):
        settings = replace(settings, order_latency=0)
    return Scenario(tuple(events), terms, random_script(rng, len(events), instruments, targets, orders), settings)


def random_queues(rng: Random, change: Callable[[Settings], Settings] = lambda settings: settings) -> Scenario:
    """Limits that wait in the queues of a market that hardly moves, with many small trades at its touches."""
    kind: EventKind = rng.choice(["quote", "book"])
    events: list[Event] = []
    middle, levels = 200, 1 if kind == "quote" else rng.randint(2, 4)
    for number in range(rng.randint(6, 30)):
        middle += rng.choice([0, 0, 0, 0, 0, 0, 1, -1])
        now = START + number * SECOND
        if number and rng.random() < 0.5:
            side = rng.choice([1, -1])
            price = middle + (1 if side > 0 else 0) + rng.choice([0, 0, 0, side])
            aggressor = side if rng.random() < 0.8 else 0
            events.append(Event(now, "trade", 0, Trade(price * TICK, float(rng.randint(1, 8)), aggressor)))
            continue
        sizes = [float(rng.randint(1, 20)) for _ in range(2 * levels)]
        bids = tuple(((middle - j) * TICK, sizes[j]) for j in range(levels))
        asks = tuple(((middle + 1 + j) * TICK, sizes[levels + j]) for j in range(levels))
        events.append(Event(now, kind, 0, Book(bids, asks)))
    table: dict[int, Decision] = {}
    placed: list[Place] = []
    for number in range(len(events)):
        requests: list[Request] = []
        if rng.random() < 0.5:
            side = rng.choice([1, -1])
            price = (201 if side < 0 else 200) - side * rng.choice([0, 0, 0, 1, 2])
            placed.append(Place("limit", float(side * rng.randint(1, 6)), price * TICK))
            requests.append(placed[-1])
        if placed and rng.random() < 0.15:
            requests.append(random_amend(rng, placed))
        table[number] = Decision({}, requests)
    return Scenario(tuple(events), (rng.choice([LINEAR, INVERSE]),), table, change(random_settings(rng, False)))


@st.composite
def scenarios(draw: st.DrawFn, /, **more: Any) -> Scenario:
    """`random_scenario`, with its arguments, as a Hypothesis strategy; markets that a tape takes."""
    scenario = random_scenario(draw(st.randoms(use_true_random=False, note_method_calls=False)), **more)
    assume(_trades_are_near_the_book(scenario))
    return scenario


def _trades_are_near_the_book(scenario: Scenario) -> bool:
    """Whether a tape takes them for trades of that market: it refuses those that are mostly far from the book."""
    from tests.engine.engine_adapter import tape_of

    try:
        tape_of(scenario)
    except DataError as error:
        if "are outside the book by more than" in str(error):
            return False
        raise
    return True


@st.composite
def queues(draw: st.DrawFn, /, **more: Any) -> Scenario:
    """`random_queues` as a Hypothesis strategy."""
    return random_queues(draw(st.randoms(use_true_random=False, note_method_calls=False)), **more)
