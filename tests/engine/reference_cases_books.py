"""Hand-worked runs on quotes and book snapshots. Unless said otherwise the mid is 100: bid 99, ask 101."""

from __future__ import annotations

import math

from tests.engine.reference_cases import (
    ASKS,
    BIDS,
    BUY_99,
    HIGHER,
    INVERSE,
    LOWER,
    Case,
    joined,
    mark,
    optimistic,
    plain,
)
from tests.engine.reference_terms import (
    BY_MARK,
    FOK,
    IOC,
    POST_ONLY,
    REDUCE_ONLY,
    Amend,
    Cancel,
    CancelAll,
    Place,
    Settings,
)
from tests.engine.strategies_for_orders import SECOND, book, trade

SHRINKING = joined(
    book(2, ((99.0, 9.0),), ASKS), book(3, ((99.0, 6.0),), ASKS), trade(4, 99.0, 3.0, -1), book(5, *HIGHER)
)
THIN_TRADED = [*(book(second, ((99.0, 1.0),), ASKS) for second in (0, 1)), trade(2, 99.0, 3.0, -1)]

TAKING = [
    Case(
        "a market order walks the book: 2 at 101 and 2 at 102 are 4 at 101.5",
        plain(0, 1), {0: [Place("market", 4.0)]},
        [(1, 4.0, 101.5, -4.0, -2.0, -0.406, False)], [("filled", "", 4.0)],
    ),
    Case(
        "what the shown book cannot fill of a market order is cancelled: (202 + 306) / 5 = 101.6",
        plain(0, 1), {0: [Place("market", 7.0)]},
        [(1, 5.0, 101.6, -5.0, -3.0, -0.508, False)], [("cancelled", "depth", 5.0)],
    ),
    Case(
        "a sell takes bids: 5 at 99, 1 at 98; (495 + 98) / 6 = 98.8333, half-spread 6 x 1, impact 6 x 0.16667 = 1",
        plain(0, 1), {0: [Place("market", -6.0)]},
        [(1, -6.0, 593 / 6, -6.0, -1.0, -0.593, False)], [("filled", "", -6.0)],
    ),
    Case(
        "an inverse contract is averaged by value: 1 at 100 (-1) and 1 at 125 (-0.8) are 2 at 100 / 0.9; mid 90 "
        "(-1.1111): half-spread 2 x 0.1111, impact 2 x 0.1, fee 0.001 x 1.8",
        [book(second, ((80.0, 9.0),), ((100.0, 1.0), (125.0, 5.0))) for second in (0, 1)],
        {0: [Place("market", 2.0)]},
        [(1, 2.0, 100 / 0.9, -2 * (100 / 90 - 1), -0.2, -0.0018, False)], [("filled", "", 2.0)], INVERSE,
    ),
    Case(
        "what one order has taken is not there for the next, whose touch is still the best shown",
        plain(0, 1), {0: [Place("market", 2.0), Place("market", 1.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (1, 1.0, 102.0, -1.0, -1.0, -0.102, False)],
        [("filled", "", 2.0), ("filled", "", 1.0)],
    ),
    Case(
        "a size that is not known is without limit for takers",
        [book(second, ((99.0, math.nan),), ((101.0, math.nan),), "quote") for second in (0, 1)],
        {0: [Place("market", 1000.0)]},
        [(1, 1000.0, 101.0, -1000.0, 0.0, -101.0, False)], [("filled", "", 1000.0)],
    ),
    Case(
        "own fills leave no trace: the next event shows everything again",
        plain(0, 1, 2), {0: [Place("market", 2.0)], 1: [Place("market", 2.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (2, 2.0, 101.0, -2.0, 0.0, -0.202, False)],
        [("filled", "", 2.0), ("filled", "", 2.0)],
    ),
    Case(
        "an ioc limit takes what there is at its price",
        plain(0, 1, 2), {0: [Place("limit", 4.0, 101.0, flags=IOC)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("cancelled", "ioc", 2.0)],
    ),
    Case(
        "fok: all or nothing at its price",
        plain(0, 1), {0: [Place("limit", 3.0, 101.0, flags=FOK), Place("limit", 3.0, 102.0, flags=FOK)]},
        [(1, 3.0, 304 / 3, -3.0, -1.0, -0.304, False)], [("rejected", "fok", 0.0), ("filled", "", 3.0)],
    ),
    Case(
        "post-only is rejected where it would take, and rests where it would not",
        plain(0, 1), {0: [Place("limit", 1.0, 101.0, flags=POST_ONLY), Place("limit", 1.0, 100.5, flags=POST_ONLY)]},
        [], [("rejected", "post only", 0.0), ("open", "", 0.0)],
    ),
    Case(
        "reduce-only: rejected without a position, cut to the position held",
        plain(0, 1, 2),
        {0: [Place("market", -1.0, flags=REDUCE_ONLY), Place("market", 2.0)],
         1: [Place("market", -5.0, flags=REDUCE_ONLY)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (2, -2.0, 99.0, -2.0, 0.0, -0.198, False)],
        [("rejected", "reduce only", 0.0), ("filled", "", 2.0), ("cancelled", "reduce only", -2.0)],
    ),
]  # fmt: skip

RESTING = [
    Case(
        "a limit takes 2 at 101 and rests with 2; a book that reaches it fills 1 of 101 asked, the next the rest at "
        "its own price: mids 100 and 100.25",
        [*plain(0, 1), book(2, BIDS, ((101.0, 1.0), (102.0, 9.0))), book(3, ((100.0, 1.0),), ((100.5, 5.0),))],
        {0: [Place("limit", 4.0, 101.0)]},
        [
            (1, 2.0, 101.0, -2.0, 0.0, -0.202, False),
            (2, 1.0, 101.0, -1.0, 0.0, -0.0202, True),
            (3, 1.0, 101.0, -0.75, 0.0, -0.0202, True),
        ],
        [("filled", "", 4.0)],
    ),
    Case(
        "an inverse sell rests at 125 (-0.8) and is crossed at a mid of 160 (-0.625): 2 x 0.175 lost to the mid, "
        "fee 0.0002 x 1.6",
        [*(book(second, ((80.0, 9.0),), ((100.0, 9.0),)) for second in (0, 1)),
         book(2, ((140.0, 9.0),), ((180.0, 9.0),))],
        {0: [Place("limit", -2.0, 125.0)]},
        [(2, -2.0, 125.0, -0.35, 0.0, -0.00032, True)], [("filled", "", -2.0)], INVERSE,
    ),
    Case(
        "a limit behind 5: a trade of 3 leaves 2 ahead, one of 3 fills 1, a buyer's none, the next 1",
        joined(trade(2, 99.0, 3.0, -1), trade(3, 99.0, 3.0, -1), trade(4, 99.0, 9.0, 1), trade(5, 99.0, 9.0, 0)),
        BUY_99,
        [(3, 1.0, 99.0, 1.0, 0.0, -0.0198, True), (5, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("filled", "", 2.0)],
    ),
    Case(
        "a trade beyond the price leaves nobody ahead of the rest, whatever its side",
        joined(trade(2, 98.5, 1.0, 1), trade(3, 99.0, 1.0, -1)), BUY_99,
        [(2, 1.0, 99.0, 1.0, 0.0, -0.0198, True), (3, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("filled", "", 2.0)],
    ),
    Case(
        "a book that reaches the price leaves nobody ahead of the rest: 1 of 2 asked at 99, the next trade fills 1",
        joined(book(2, ((98.5, 9.0),), ((99.0, 1.0), (101.0, 9.0))), *plain(3), trade(4, 99.0, 1.0, -1)), BUY_99,
        [(2, 1.0, 99.0, -0.25, 0.0, -0.0198, True), (4, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("filled", "", 2.0)],
    ),
    Case(
        "a resting reduce-only limit goes at the end of the event that closes the position",
        plain(0, 1, 2, 3),
        {0: [Place("market", 2.0)], 1: [Place("limit", -1.0, 103.0, flags=REDUCE_ONLY), Place("market", -2.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (2, -2.0, 99.0, -2.0, 0.0, -0.198, False)],
        [("filled", "", 2.0), ("cancelled", "reduce only", 0.0), ("filled", "", -2.0)],
    ),
    Case(
        "a trade beyond the price fills whatever the queue, at most its size",
        joined(trade(2, 98.5, 1.0, -1)), BUY_99,
        [(2, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
    ),
    Case(
        "better orders first, all together at most the trade: 1 at 99.5 (nobody ahead), then 9 - 1 - 5 = 3, at most 2",
        joined(trade(2, 99.0, 9.0, -1)), {0: [Place("limit", 2.0, 99.0), Place("limit", 1.0, 99.5)]},
        [(2, 1.0, 99.5, 0.5, 0.0, -0.0199, True), (2, 2.0, 99.0, 2.0, 0.0, -0.0396, True)],
        [("filled", "", 2.0), ("filled", "", 1.0)],
    ),
    Case(
        "what a better order got of a trade is not there for the next: 3 - 1 - 1 ahead is 1",
        THIN_TRADED, {0: [Place("limit", 2.0, 99.0), Place("limit", 1.0, 99.5)]},
        [(2, 1.0, 99.5, 0.5, 0.0, -0.0199, True), (2, 1.0, 99.0, 1.0, 0.0, -0.0198, True)],
        [("open", "", 1.0), ("filled", "", 1.0)],
    ),
    Case(
        "two orders at the price of a trade, each behind 1: 3 - 1 fills the first with 1, 2 - 1 the second",
        THIN_TRADED, {0: [Place("limit", 1.0, 99.0), Place("limit", 2.0, 99.0)]},
        [(2, 1.0, 99.0, 1.0, 0.0, -0.0198, True), (2, 1.0, 99.0, 1.0, 0.0, -0.0198, True)],
        [("filled", "", 1.0), ("open", "", 1.0)],
    ),
    Case(
        "two resting orders share the 3 asked by the book that reaches them; mid 98.75",
        [*plain(0, 1), book(2, ((98.0, 1.0),), ((99.5, 3.0),))], {0: [Place("limit", 2.0, 100.0)] * 2},
        [(2, 2.0, 100.0, -2.5, 0.0, -0.04, True), (2, 1.0, 100.0, -1.25, 0.0, -0.02, True)],
        [("filled", "", 2.0), ("open", "", 1.0)],
    ),
    Case(
        "pessimistic: a level that shrinks to 3 leaves at most 3 ahead, and a trade of 4 fills 1",
        joined(book(2, ((99.0, 3.0),), ASKS), trade(3, 99.0, 4.0, -1)), BUY_99,
        [(3, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
    ),
    Case(
        "optimistic: a level out of sight that comes back with 2 leaves at most 2 of the 9 ahead",
        [*plain(0, 1), book(2, ((99.5, 5.0), (99.0, 5.0)), ASKS), book(3, ((99.0, 5.0), (98.0, 2.0)), ASKS),
         trade(4, 98.0, 3.0, -1)],
        {0: [Place("limit", 2.0, 98.0)]}, [(4, 1.0, 98.0, 2.0, 0.0, -0.0196, True)], [("open", "", 1.0)],
        settings=optimistic(),
    ),
    Case(
        "pessimistic: behind 5; the level grows to 9 and falls to 6: still 5 ahead, a trade of 3 does not reach it",
        SHRINKING, BUY_99, [], [("open", "", 0.0)], choices=(0, 1),
    ),
    Case(
        "optimistic: of the 9 three left ahead of it, so 2 are ahead and a trade of 3 fills 1",
        SHRINKING, BUY_99, [(4, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
        settings=optimistic(), choices=(1, 0),
    ),
    Case(
        "what was traded does not count as having left: 9 fall to 6 by a trade of 3, which took 3 of the 5 ahead",
        joined(book(2, ((99.0, 9.0),), ASKS), trade(3, 99.0, 3.0, -1), book(4, ((99.0, 6.0),), ASKS),
               trade(5, 99.0, 3.0, -1)),
        BUY_99, [(5, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)], settings=optimistic(),
    ),
    Case(
        "beyond the last shown level the place is unknown until the level is shown: then 4 are ahead",
        [*plain(0, 1), trade(2, 97.0, 9.0, -1), book(3, ((98.0, 1.0), (97.0, 4.0)), ((100.0, 3.0),)),
         trade(4, 97.0, 5.0, -1)],
        {0: [Place("limit", 2.0, 97.0)]}, [(4, 1.0, 97.0, 2.0, 0.0, -0.0194, True)], [("open", "", 1.0)],
    ),
    Case(
        "between shown levels nobody is ahead, yet only a trade or a crossing book fills",
        [book(0, ((99.0, 5.0), (97.0, 9.0)), ASKS), book(1, ((99.0, 5.0), (97.0, 9.0)), ASKS), *plain(2),
         trade(3, 98.0, 1.0, -1)],
        {0: [Place("limit", 2.0, 98.0)]}, [(3, 1.0, 98.0, 2.0, 0.0, -0.0196, True)], [("open", "", 1.0)],
    ),
    Case(
        "a resting reduce-only limit is cut to the position and ends",
        [*plain(0, 1, 2), book(3, *HIGHER)],
        {0: [Place("market", 2.0)], 1: [Place("limit", -5.0, 99.5, flags=REDUCE_ONLY)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False), (3, -2.0, 99.5, -3.0, 0.0, -0.0398, True)],
        [("filled", "", 2.0), ("cancelled", "reduce only", -2.0)],
    ),
]  # fmt: skip

TRIGGERS = [
    Case(
        "a stop that the best ask reaches takes at once: 3 at 102, 1 at 103; mid 101, fee 0.001 x 409",
        [*plain(0, 1), book(2, *HIGHER)], {0: [Place("stop", 4.0, trigger=102.0)]},
        [(2, 4.0, 102.25, -4.0, -1.0, -0.409, False)], [("filled", "", 4.0)],
    ),
    Case(
        "a sell stop looks at the best bid",
        [*plain(0, 1), book(2, *LOWER)], {0: [Place("stop", -4.0, trigger=98.0)]},
        [(2, -4.0, 98.0, -4.0, 0.0, -0.392, False)], [("filled", "", -4.0)],
    ),
    Case(
        "a stop-limit takes up to its price and rests with the rest",
        [*plain(0, 1), book(2, *HIGHER)], {0: [Place("stop_limit", 4.0, 102.5, 102.0)]},
        [(2, 3.0, 102.0, -3.0, 0.0, -0.306, False)], [("open", "", 3.0)],
    ),
    Case(
        "a take-profit looks the other way: a buy when the ask is at or below its trigger",
        [*plain(0, 1), book(2, *LOWER)], {0: [Place("take_profit", 3.0, trigger=100.0)]},
        [(2, 3.0, 100.0, -3.0, 0.0, -0.3, False)], [("filled", "", 3.0)],
    ),
    Case(
        "where there are trades only they pull triggers, and the next book is taken",
        [*plain(0, 1), book(2, *HIGHER), trade(3, 102.5, 1.0, 1), *plain(4)], {0: [Place("stop", 2.0, trigger=102.0)]},
        [(4, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
    ),
    Case(
        "a stop looks at every trade from its arrival on, and executes at the next book",
        [*plain(0), trade(0.5, 102.5, 1.0, 1), *plain(1, 2)], {0: [Place("stop", 2.0, trigger=102.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
    ),
    Case(
        "this: a stop that a trade has triggered waits for the next book all the same",
        [*plain(0), trade(1, 102.5, 1.0, 1), *plain(2)], {0: [Place("stop", 2.0, trigger=102.0)]},
        [(2, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)], settings=Settings(rule="this"),
    ),
    Case(
        "by_mark: the mark price pulls the trigger, not the book",
        [*plain(0, 1), book(2, *HIGHER), mark(2.5, 102.0), *plain(3)],
        {0: [Place("stop", 2.0, trigger=102.0, flags=BY_MARK)]},
        [(3, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
    ),
    Case(
        "a reduce-only stop without a position is cancelled when it is triggered",
        [*plain(0, 1), book(2, *HIGHER)], {0: [Place("stop", 4.0, trigger=102.0, flags=REDUCE_ONLY)]},
        [], [("cancelled", "reduce only", 0.0)],
    ),
]  # fmt: skip

MESSAGES = [
    Case(
        "a cancel that has arrived is served before the event; a second one finds nothing",
        [*plain(0, 1), book(2, ((98.0, 1.0),), ((99.0, 9.0),)), *plain(3)],
        {**BUY_99, 1: [Cancel(1)], 2: [Cancel(1)]}, [], [("cancelled", "cancelled", 0.0)],
    ),
    Case(
        "a cancel on its way comes too late for what happens before it arrives",
        [*plain(0, 2), book(2.5, ((98.0, 1.0),), ((99.0, 9.0),)), *plain(4)],
        {**BUY_99, 1: [Cancel(1)]}, [(2.5, 2.0, 99.0, -1.0, 0.0, -0.0396, True)], [("filled", "", 2.0)],
        settings=Settings(order_latency=SECOND),
    ),
    Case(
        "cancel all ends what was sent before it, not what comes after",
        plain(0, 1, 2), {0: [Place("limit", 1.0, 99.0), Place("stop", 1.0, trigger=110.0)],
                         1: [CancelAll(), Place("limit", 1.0, 98.0)]},
        [], [("cancelled", "cancelled", 0.0), ("cancelled", "cancelled", 0.0), ("open", "", 0.0)],
    ),
    Case(
        "an amended size that falls keeps the place: 5 ahead still, a trade of 6 fills 1",
        joined(book(2, ((99.0, 9.0),), ASKS), trade(3, 99.0, 6.0, -1)), {**BUY_99, 1: [Amend(1, 1.0)]},
        [(3, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("filled", "", 1.0)],
    ),
    Case(
        "an amended size that grows loses it: 9 ahead, a trade of 6 fills nothing, one of 4 more 1",
        joined(book(2, ((99.0, 9.0),), ASKS), trade(3, 99.0, 6.0, -1), trade(4, 99.0, 4.0, -1)),
        {**BUY_99, 1: [Amend(1, 3.0)]},
        [(4, 1.0, 99.0, 1.0, 0.0, -0.0198, True)], [("open", "", 1.0)],
    ),
    Case(
        "an amended price that crosses takes like a new order",
        plain(0, 1, 2), {**BUY_99, 1: [Amend(1, price=101.0)]},
        [(2, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
    ),
    Case(
        "an order amended to what is filled already is done",
        plain(0, 1, 2), {0: [Place("limit", 4.0, 101.0)], 1: [Amend(1, 2.0)]},
        [(1, 2.0, 101.0, -2.0, 0.0, -0.202, False)], [("filled", "", 2.0)],
    ),
    Case(
        "an amended trigger is looked at at once",
        [*plain(0, 1), book(2, *HIGHER)],
        {0: [Place("stop", 2.0, trigger=110.0)], 1: [Amend(1, price=102.0)]},
        [(2, 2.0, 102.0, -2.0, 0.0, -0.204, False)], [("filled", "", 2.0)],
    ),
]  # fmt: skip

CASES = [*TAKING, *RESTING, *TRIGGERS, *MESSAGES]
