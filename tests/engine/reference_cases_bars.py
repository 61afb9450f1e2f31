"""Hand-worked runs on bars of a minute. The first stands at 100; the half-spread is 0.5, taker 10 bp, maker 2 bp."""

from __future__ import annotations

from tests.engine.reference_cases import INVERSE, Case
from tests.engine.reference_terms import BY_MARK, IOC, POST_ONLY, REDUCE_ONLY, Cancel, Event, Place, Settings
from tests.engine.strategies_for_orders import SECOND, at, bar

FLAT = bar(0, (100.0, 100.0, 100.0, 100.0))
WIDE = [*FLAT, *bar(60, (100.0, 104.0, 97.0, 101.0))]
OPTIMISTIC = Settings(matching="optimistic")

BRACKET = [
    Place("market", 1.0),
    Place("stop", -1.0, trigger=98.0, flags=REDUCE_ONLY),
    Place("take_profit", -1.0, trigger=103.0, flags=REDUCE_ONLY),
]
ENTRY = [
    Place("limit", 1.0, 99.0),
    Place("stop", -1.0, trigger=98.0, flags=REDUCE_ONLY),
    Place("take_profit", -1.0, trigger=103.0, flags=REDUCE_ONLY),
]
BOUGHT = (60.0, 1.0, 100.5, -0.5, 0.0, -0.1005, False)
STOPPED = (120.0, -1.0, 97.5, -0.5, 0.0, -0.0975, False)
PROFIT = (120.0, -1.0, 102.5, -0.5, 0.0, -0.1025, False)
ENTERED = (120.0, 1.0, 99.0, 0.0, 0.0, -0.0198, True)

CASES = [
    Case(
        "a market order takes at the next open",
        WIDE, {0: [Place("market", 2.0)]}, [(60, 2.0, 100.5, -1.0, 0.0, -0.201, False)], [("filled", "", 2.0)],
    ),
    Case(
        "an inverse contract: 1 bought at 99.5 + 0.5 is worth -1 there, -100 / 99.5 at the mid",
        [*FLAT, *bar(60, (99.5, 99.5, 99.5, 99.5))], {0: [Place("market", 1.0)]},
        [(60, 1.0, 100.0, 1 - 100 / 99.5, 0.0, -0.001, False)], [("filled", "", 1.0)], INVERSE,
    ),
    Case(
        "an inverse limit sold at 125 is worth 0.8: fee 0.0002 x 2 x 0.8",
        [*FLAT, *bar(60, (100.0, 126.0, 100.0, 100.0))], {0: [Place("limit", -2.0, 125.0)]},
        [(120, -2.0, 125.0, 0.0, 0.0, -0.00032, True)], [("filled", "", -2.0)], INVERSE,
    ),
    Case(
        "a limit that the open satisfies takes there; another fills at its price when the range goes beyond",
        WIDE, {0: [Place("limit", 1.0, 100.5), Place("limit", 1.0, 100.0)]},
        [BOUGHT, (120, 1.0, 100.0, 0.0, 0.0, -0.02, True)], [("filled", "", 1.0), ("filled", "", 1.0)],
    ),
    Case(
        "pessimistic: a touch does not fill",
        WIDE, {0: [Place("limit", 1.0, 97.0)]}, [], [("open", "", 0.0)], choices=(0, 1),
    ),
    Case(
        "optimistic: a touch fills",
        WIDE, {0: [Place("limit", 1.0, 97.0)]}, [(120, 1.0, 97.0, 0.0, 0.0, -0.0194, True)], [("filled", "", 1.0)],
        settings=OPTIMISTIC, choices=(1, 0),
    ),
    Case(
        "where the whole bar lies beyond a resting limit, it fills at the bar's worst price: 98",
        [*FLAT, *bar(60, (101.0, 101.0, 100.5, 101.0)), *bar(120, (97.0, 98.0, 96.0, 97.0))],
        {0: [Place("limit", 1.0, 100.0)]}, [(180, 1.0, 98.0, 0.0, 0.0, -0.0196, True)], [("filled", "", 1.0)],
    ),
    Case(
        "post-only and ioc are decided at the open",
        WIDE, {0: [Place("limit", 1.0, 100.5, flags=POST_ONLY), Place("limit", 1.0, 99.0, flags=IOC)]},
        [], [("rejected", "post only", 0.0), ("cancelled", "ioc", 0.0)],
    ),
    Case(
        "a stop inside the range fills at its trigger plus the half-spread",
        WIDE, {0: [Place("stop", 2.0, trigger=102.0)]},
        [(120, 2.0, 102.5, -1.0, 0.0, -0.205, False)], [("filled", "", 2.0)],
    ),
    Case(
        "a stop that the open has reached fills at the open",
        [*WIDE, *bar(120, (106.0, 106.0, 105.0, 105.0))], {0: [Place("stop", 2.0, trigger=105.0)]},
        [(120, 2.0, 106.5, -1.0, 0.0, -0.213, False)], [("filled", "", 2.0)],
    ),
    Case(
        "a sell stop that the whole bar has passed, whose open is the close before: at 98, not at 100",
        [*FLAT, *bar(60, (101.0, 98.0, 95.0, 97.0))], {0: [Place("stop", -1.0, trigger=100.0)]},
        [(120, -1.0, 97.5, -0.5, 0.0, -0.0975, False)], [("filled", "", -1.0)],
    ),
    Case(
        "a take-profit inside the range fills at its trigger plus the half-spread",
        WIDE, {0: [Place("take_profit", 1.0, trigger=98.0)]},
        [(120, 1.0, 98.5, -0.5, 0.0, -0.0985, False)], [("filled", "", 1.0)],
    ),
    Case(
        "a stop-limit inside the range is a limit from the next open on",
        [*WIDE, *bar(120, (102.0, 102.0, 102.0, 102.0))], {0: [Place("stop_limit", 1.0, 102.5, 102.0)]},
        [(120, 1.0, 102.5, -0.5, 0.0, -0.1025, False)], [("filled", "", 1.0)],
    ),
    Case(
        "stop and take-profit inside one bar: the stop is taken",
        WIDE, {0: BRACKET}, [BOUGHT, STOPPED],
        [("filled", "", 1.0), ("filled", "", -1.0), ("cancelled", "reduce only", 0.0)],
    ),
    Case(
        "optimistic: the take-profit is",
        WIDE, {0: BRACKET}, [BOUGHT, PROFIT],
        [("filled", "", 1.0), ("cancelled", "reduce only", 0.0), ("filled", "", -1.0)], settings=OPTIMISTIC,
    ),
    Case(
        "entered inside the bar: stopped in its third pass; the take-profit may not close what the bar opened",
        WIDE, {0: ENTRY}, [ENTERED, STOPPED],
        [("filled", "", 1.0), ("filled", "", -1.0), ("open", "", 0.0)],
    ),
    Case(
        "optimistic: the take-profit closes what was opened in the same bar",
        WIDE, {0: ENTRY}, [ENTERED, PROFIT],
        [("filled", "", 1.0), ("cancelled", "reduce only", 0.0), ("filled", "", -1.0)], settings=OPTIMISTIC,
    ),
    Case(
        "a mark price inside the bar pulls the trigger; the next open is taken",
        [*WIDE, Event(at(90), "mark", 0, 105.0), *bar(120, (101.0, 101.0, 101.0, 101.0))],
        {0: [Place("stop", 1.0, trigger=105.0, flags=BY_MARK)]},
        [(120, 1.0, 101.5, -0.5, 0.0, -0.1015, False)], [("filled", "", 1.0)],
    ),
    Case(
        "an order half a second after the close has missed the open at that time",
        [*FLAT, *bar(60, (100.0, 104.0, 97.0, 101.0)), *bar(120, (101.0, 101.0, 101.0, 101.0))],
        {0: [Place("market", 1.0)]}, [(120, 1.0, 101.5, -0.5, 0.0, -0.1015, False)], [("filled", "", 1.0)],
        settings=Settings(order_latency=SECOND // 2),
    ),
    Case(
        "a cancel arrives before the next bar",
        [*WIDE, *bar(120, (100.0, 104.0, 90.0, 100.0))], {0: [Place("limit", 1.0, 95.0)], 1: [Cancel(1)]},
        [], [("cancelled", "cancelled", 0.0)],
    ),
    Case(
        "this: the close of the bar just seen",
        WIDE, {0: [Place("market", 1.0)]}, [(60, 1.0, 100.5, -0.5, 0.0, -0.1005, False)], [("filled", "", 1.0)],
        settings=Settings(rule="this"),
    ),
    Case(
        "next_close: a target at the next bar's close",
        WIDE, {}, [(120, 1.0, 101.5, -0.5, 0.0, -0.1015, False)], targets={0: 1.0},
        settings=Settings(rule="next_close"),
    ),
    Case(
        "a target trades at the next open",
        WIDE, {}, [(60, -2.0, 99.5, -1.0, 0.0, -0.199, False)], targets={0: -2.9},
    ),
    Case(
        "next_close: a target that is a second on its way is filled at the close after it",
        WIDE, {}, [(120, 2.0, 101.5, -1.0, 0.0, -0.203, False)], targets={0: 2.0},
        settings=Settings(rule="next_close", order_latency=SECOND),
    ),
]  # fmt: skip
