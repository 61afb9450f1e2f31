"""Hand-worked runs about time, silences, targets and remainders, and on trades alone. The mid of books is 100."""

from __future__ import annotations

from tests.engine.reference_cases import ASKS, BIDS, BUY_99, HALF_SECOND, HIGHER, Case, gap, joined, optimistic, plain
from tests.engine.reference_terms import REDUCE_ONLY, Amend, Place, Settings
from tests.engine.strategies_for_orders import SECOND, book, trade

TIME = [
    Case(
        "an order that arrives half a second later takes part at the next event",
        plain(0, 0.25, 1), {0: [Place("market", 1.0)]},
        [(1, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("filled", "", 1.0)], settings=HALF_SECOND,
    ),
    Case(
        "one that arrives at the time of an event takes part in it",
        plain(0, 0.5, 1), {0: [Place("market", 1.0)]},
        [(0.5, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("filled", "", 1.0)], settings=HALF_SECOND,
    ),
    Case(
        "an event that comes in late is not one after the decision",
        [book(0, BIDS, ASKS, local=2), book(1, *HIGHER, local=2.5), *plain(3)], {0: [Place("market", 1.0)]},
        [(3, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("filled", "", 1.0)],
    ),
    Case(
        "this: the book in force when the order arrives, of which one order leaves the next what it did not take",
        plain(0, 1), {0: [Place("market", 2.0), Place("market", 1.0)]},
        [(0, 2.0, 101.0, -2.0, 0.0, -0.202, False), (0, 1.0, 102.0, -1.0, -1.0, -0.102, False)],
        [("filled", "", 2.0), ("filled", "", 1.0)], settings=Settings(rule="this"),
    ),
    Case(
        "this, after a latency: the book that is in force by then, mid 101",
        [*plain(0), book(0.25, *HIGHER), *plain(1)], {0: [Place("market", 1.0)]},
        [(0.5, 1.0, 102.0, -1.0, 0.0, -0.102, False)], [("filled", "", 1.0)],
        settings=Settings(rule="this", order_latency=SECOND // 2),
    ),
    Case(
        "an order that arrives in a gap is rejected; a target waits for the event that ends it",
        [*plain(0), gap(0.2), *plain(1)], {0: [Place("market", 1.0)]},
        [(1, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("rejected", "no market", 0.0)], targets={0: 1.0},
        settings=HALF_SECOND,
    ),
    Case(
        "quotes that have stood still for longer than stale_after are a gap",
        plain(0, 0.9, 3), {0: [Place("market", 1.0)], 1: [Place("market", 1.0)]},
        [(3, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("filled", "", 1.0), ("rejected", "no market", 0.0)],
        settings=Settings(order_latency=SECOND, stale_after=SECOND * 9 // 10),
    ),
    Case(
        "a trade in a gap of the book meets resting orders all the same",
        joined(gap(2), trade(3, 98.0, 9.0, -1), *plain(4)), BUY_99,
        [(3, 2.0, 99.0, 2.0, 0.0, -0.0396, True)], [("filled", "", 2.0)],
    ),
    Case(
        "a stop from before the gap is triggered in it and executes when the book is back; one from within is rejected",
        [*plain(0, 1), gap(2), trade(2.5, 103.0, 1.0, 1), trade(3, 103.0, 1.0, 1), *plain(4)],
        {0: [Place("stop", 1.0, trigger=102.0)], 2: [Place("stop", 1.0, trigger=102.0)]},
        [(4, 1.0, 101.0, -1.0, 0.0, -0.101, False)], [("filled", "", 1.0), ("rejected", "no market", 0.0)],
    ),
    Case(
        "trades come before the book of their time: 5 less 4 traded is 1 ahead, and the book that shows 1 leaves it so",
        joined(trade(2, 99.0, 4.0, -1), book(2, ((99.0, 1.0),), ASKS), trade(3, 99.0, 2.0, -1)), BUY_99,
        [(3, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
    ),
    Case(
        "an amendment on its way does not hold up the one before it",
        plain(0, 1, 2, 3), {0: [Place("limit", 2.0, 98.0)], 1: [Amend(1, price=101.0)], 2: [Amend(1, price=98.0)]},
        [(3, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
        settings=Settings(order_latency=SECOND * 3 // 2),
    ),
    Case(
        "after a gap the place in the queue is unknown, then what is shown: 7",
        joined(gap(2), trade(3, 99.0, 4.0, -1), book(4, ((99.0, 7.0),), ASKS), trade(5, 99.0, 8.0, -1)), BUY_99,
        [(5, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
    ),
]  # fmt: skip

TARGETS = [
    Case(
        "a target goes on at the next event until it has been reached: (202 + 306) / 5, then 2 at 101",
        plain(0, 1, 2, 3), {}, [(1, 5.0, 101.6, -5.0, -3.0, -0.508, False), (2, 2.0, 101.0, -2.0, 0.0, -0.202, False)],
        targets={0: 7.0},
    ),
    Case(
        "a later target replaces it",
        plain(0, 1, 2, 3), {}, [(1, 5.0, 101.6, -5.0, -3.0, -0.508, False), (2, -5.0, 99.0, -5.0, 0.0, -0.495, False)],
        targets={0: 7.0, 1: 0.0},
    ),
    Case(
        "targets are served after orders: the order has 2 at 101, the target goes on from there to 3",
        plain(0, 1), {0: [Place("market", 2.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (1, 1.0, 102.0, -1.0, -1.0, -0.102, False)],
        [("filled", "", 2.0)], targets={0: 3.0},
    ),
]  # fmt: skip

TRADES = [
    Case(
        "on trades alone a taker pays the half-spread of the model at the next trade",
        [trade(0, 100.0, 1.0), trade(1, 101.0, 1.0)], {0: [Place("market", 3.0), Place("market", -3.0)]},
        [(1, 3.0, 101.5, -1.5, 0.0, -0.3045, False), (1, -3.0, 100.5, -1.5, 0.0, -0.3015, False)],
        [("filled", "", 3.0), ("filled", "", -3.0)],
    ),
    Case(
        "a limit that the next trade satisfies takes; another waits for a trade beyond it, of at most its size",
        [trade(0, 100.0, 1.0), trade(1, 100.0, 1.0), trade(2, 99.0, 9.0, -1), trade(3, 98.5, 2.0, -1)],
        {0: [Place("limit", 1.0, 100.5), Place("limit", 3.0, 99.0)]},
        [(1, 1.0, 100.5, -0.5, 0.0, -0.1005, False), (3, 2.0, 99.0, -1.0, 0.0, -0.0396, True)],
        [("filled", "", 1.0), ("open", "", 2.0)],
    ),
    Case(
        "optimistic: a trade at the price is enough",
        [trade(0, 100.0, 1.0), trade(1, 100.0, 1.0), trade(2, 99.0, 2.0, -1)], {0: [Place("limit", 3.0, 99.0)]},
        [(2, 2.0, 99.0, 0.0, 0.0, -0.0396, True)], [("open", "", 2.0)], settings=optimistic(), choices=(1, 0),
    ),
    Case(
        "a stop is triggered by one trade and executed at the next",
        [trade(0, 100.0, 1.0), trade(1, 102.0, 1.0), trade(2, 103.0, 1.0)], {0: [Place("stop", 1.0, trigger=102.0)]},
        [(2, 1.0, 103.5, -0.5, 0.0, -0.1035, False)], [("filled", "", 1.0)],
    ),
]  # fmt: skip

SILENCES = [
    Case(
        "this: a silence as long as allowed is a gap for an order that arrives at its end, after all data of that time",
        [book(0, BIDS, ASKS, local=1), *plain(3)], {0: [Place("market", 1.0)]}, [], [("rejected", "no market", 0.0)],
        settings=Settings(rule="this", stale_after=SECOND),
    ),
    Case(
        "this: after the last book there is a gap where trades go on for longer than allowed",
        [*plain(0), trade(3, 100.0, 1.0)], {1: [Place("market", 1.0)]}, [], [("rejected", "no market", 0.0)],
        settings=Settings(rule="this", stale_after=SECOND),
    ),
]  # fmt: skip

REMAINDERS = [
    Case(
        "this: an order that is rejected when sent has no arrival; the target goes on at the next book, back to 12",
        [*plain(0, 1), trade(1.2, 98.0, 9.0, -1), *plain(2)],
        {0: [Place("limit", 4.0, 99.0)], 1: [Place("market", 1.5)]},
        [
            (0.5, 5.0, 101.6, -5.0, -3.0, -0.508, False), (1, 5.0, 101.6, -5.0, -3.0, -0.508, False),
            (1.2, 4.0, 99.0, 4.0, 0.0, -0.0792, True), (2, -2.0, 99.0, -2.0, 0.0, -0.198, False),
        ],
        [("filled", "", 4.0), ("rejected", "off lot", 0.0)], targets={0: 12.0},
        settings=Settings(rule="this", order_latency=SECOND // 2),
    ),
    Case(
        "half a lot that is left does not reach a reduce-only limit: it is there when the last order buys again",
        [*plain(0, 1), book(2, ((102.0, 2.5),), ((103.0, 9.0),))],
        {0: [Place("market", 2.0), Place("limit", -2.0, 101.5), Place("limit", -1.0, 102.0, flags=REDUCE_ONLY)],
         1: [Place("market", 1.0)]},
        [
            (1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (2, -2.0, 101.5, -2.0, 0.0, -0.0406, True),
            (2, 1.0, 103.0, -0.5, 0.0, -0.103, False),
        ],
        [("filled", "", 2.0), ("filled", "", -2.0), ("open", "", 0.0), ("filled", "", 1.0)],
    ),
]  # fmt: skip

CASES = [*TIME, *TARGETS, *TRADES, *SILENCES, *REMAINDERS]
