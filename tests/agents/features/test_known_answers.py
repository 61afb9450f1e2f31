"""Every kind of feature on a market so small that its values are worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from halfspread.agents.features import KINDS
from halfspread.engine import instruments
from halfspread.engine.market import Market
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR, SECOND
from tests.agents.features.lookers import Script, hand_bars, hand_tape, look
from tests.engine.worlds import LINEAR, START, funding

XBTUSD = instruments.get("bitmex:XBTUSD")  # its rates are published one interval before they are paid
RATES = {4: 1e-4, 12: 2e-4, 20: -1e-4, 28: 3e-4}


@dataclass
class Case:
    """What a feature gives at each decision on ``tape``."""

    name: str
    expected: Sequence[float]
    tape: Callable[[], Tape] = hand_tape
    events: tuple[str, ...] = ("bar",)
    script: Script | None = None


def funded() -> Tape:
    return hand_tape(XBTUSD, funding=funding(RATES))


def unpublished() -> Tape:
    """A venue that says a rate when it is paid."""
    return hand_tape(LINEAR, funding=funding({7: 1e-4, 15: 2e-4}))


def marked() -> Tape:
    """An index from hour 7 on, the mark before and after it."""
    mark = {"ts": [START + 3 * HOUR, START + 13 * HOUR], "price": [101.0, 99.0]}
    return hand_tape(mark=mark, index={"ts": [START + 7 * HOUR], "price": [100.0]})


def with_signed_volume() -> Tape:
    """More bought than sold in a bar, or less, whichever way it closed."""
    frame = hand_bars(signed_volume=[5.0, 30.0, -2.0, 0.0, -10.0])
    return Tape.from_bars(frame, LINEAR, interval="6h", extra=("signed_volume",))


def at(*seconds: float) -> list[int]:
    return [START + round(each * SECOND) for each in seconds]


def quoted() -> Tape:
    """Three quotes, with mids of 100, 101 and 101; between them trades, two at one time, and one of no known side."""
    quotes = {
        "ts": at(0, 1, 2),
        "bid": [99.0, 100.5, 100.0],
        "bid_size": [3.0, 2.0, 1.0],
        "ask": [101.0, 101.5, 102.0],
        "ask_size": [1.0, 2.0, 4.0],
    }
    trades = {
        "ts": at(0.5, 0.5, 1.5, 1.7),
        "price": [100.5, 100.5, 101.5, 101.5],
        "size": [2.0, 1.0, 3.0, 5.0],
        "side": [1, -1, -1, 0],
    }
    return Tape.from_quotes(quotes, LINEAR, trades=trades)


def booked() -> Tape:
    """Two snapshots of two levels; in the second there is one bid."""
    sizes = {
        "bid_size_1": [3.0, 1.0],
        "ask_size_1": [1.0, 2.0],
        "bid_size_2": [5.0, math.nan],
        "ask_size_2": [1.0, 4.0],
    }
    prices = {"bid_1": [99.0, 99.0], "ask_1": [101.0] * 2, "bid_2": [98.0, math.nan], "ask_2": [102.0] * 2}
    return Tape.from_books({"ts": at(0, 1), **prices, **sizes}, LINEAR)


def trade(number: int, market: Market) -> float | None:
    """Long from the first close, half a short from the third, nothing from the fourth."""
    return (1.0, None, -0.5, 0.0, None)[number]


def turn(hours: float, period: float) -> float:
    return 2.0 * math.pi * hours / period


UP, DOWN, JUMP = math.log(1.1), math.log(0.9), math.log(121.0 / 99.0)
#: A half-life of one bar: after the third, fourth and fifth bar, of the moves before.
FADED = [UP, math.sqrt((0.5 * UP**2 + DOWN**2) / 1.5), math.sqrt((0.25 * UP**2 + 0.5 * DOWN**2) / 1.75)]
#: The same where the fourth bar is the first that is asked about, and the move of the third the first that counts.
SINCE = [-DOWN, math.sqrt(0.5 * DOWN**2 / 1.5)]
LEVELS = [math.log(each) for each in (31.0, 21.0, 1.0, 41.0)]  # from the second bar on
MEANS = [LEVELS[0], (0.5 * LEVELS[0] + LEVELS[1]) / 1.5, (0.25 * LEVELS[0] + 0.5 * LEVELS[1] + LEVELS[2]) / 1.75]
AWAY = [(level - mean) ** 2 for level, mean in zip(LEVELS, MEANS, strict=False)]
HOURS = (6.0, 12.0, 18.0, 24.0, 30.0)
CASES = {
    "column": [Case("column(low)", (98.0, 100.0, 95.0, 98.0, 97.0))],
    "log_return": [
        Case("log_return(1)", (UP, DOWN, 0.0, JUMP)),
        Case("log_return(3)", (math.log(0.99), UP)),
    ],
    "momentum": [
        Case(
            "momentum(2)",
            [
                math.log(0.99) / (0.5 * JUMP * math.sqrt(2.0)),  # the deviation of two numbers is half their distance
                DOWN / (-0.5 * DOWN * math.sqrt(2.0)),
                JUMP / (0.5 * JUMP * math.sqrt(2.0)),
            ],
        )
    ],
    "volatility": [Case("volatility(2)", (0.5 * JUMP, -0.5 * DOWN, 0.5 * JUMP))],
    "volume": [Case("volume", [math.log(1.0 + each) for each in (10.0, 30.0, 20.0, 0.0, 40.0)])],
    "volume_ratio": [Case("volume_ratio(2)", (0.5, -0.2, -1.0, 1.0))],
    "signed_volume": [Case("signed_volume(2)", (0.2, -1.0, 1.0)), Case("signed_volume(1)", (1.0, -1.0, 0.0, 1.0))],
    "bar_range": [
        Case("bar_range(1)", [math.log(each) for each in (102 / 98, 1.12, 111 / 95, 100 / 98, 125 / 97)]),
        Case("bar_range(5)", [math.log(102 / 98 * 1.12 * 111 / 95 * 100 / 98 * 125 / 97) / 5.0]),
    ],
    "range_position": [Case("range_position(2)", (5.0 / 7.0, -9.0 / 17.0, -0.5, 5.0 / 7.0))],
    "average_gap": [Case("average_gap(1, 2)", (110 / 105 - 1, 99 / 104.5 - 1, 0.0, 0.1))],
    "strength": [Case("strength(2)", (-1.0 / 21.0, -1.0, 1.0)), Case("strength(1)", (1.0, -1.0, 0.0, 1.0))],
    "faded_volatility": [Case("faded_volatility(1)", FADED)],
    "scaled_return": [
        Case("scaled_return(1, 1)", (DOWN / FADED[0], 0.0, JUMP / FADED[2])),
        Case("scaled_return(3, 1)", [math.log(0.99) / SINCE[0] / math.sqrt(3.0), UP / SINCE[1] / math.sqrt(3.0)]),
    ],
    "scaled_range": [
        Case("scaled_range(1)", (16 / 99 / FADED[0] - 1.5, 2 / 99 / FADED[1] - 1.5, 28 / 121 / FADED[2] - 1.5)),
    ],
    "volume_score": [
        Case(
            "volume_score(1)",
            [
                -5.0,  # the one volume before has no deviation
                -5.0,
                (LEVELS[3] - MEANS[2]) / (math.sqrt((0.5 * AWAY[1] + AWAY[2]) / 1.75) + 1e-6),
            ],
        )
    ],
    "signed_share": [
        Case("signed_share", (0.0, 1.0, -1.0, 0.0, 1.0)),
        Case("signed_share", (0.5, 1.0, -0.1, 0.0, -0.25), with_signed_volume),
    ],
    "day_sine": [Case("day_sine", (1.0, 0.0, -1.0, 0.0, 1.0))],
    "day_cosine": [Case("day_cosine", (0.0, -1.0, 0.0, 1.0, 0.0))],
    "week_sine": [Case("week_sine", [math.sin(turn(each, 168.0)) for each in HOURS])],
    "week_cosine": [Case("week_cosine", [math.cos(turn(each, 168.0)) for each in HOURS])],
    "to_funding": [
        Case("to_funding", (0.75, 1.0, 0.25, 0.5, 0.75), funded),
        Case("to_funding", (0.0, 3 / 8, 5 / 8, 0.0, 0.0), unpublished),  # not known; then 15:00; then 23:00, passed
    ],
    "last_funding": [
        Case("last_funding", (1e-4, 2e-4, 2e-4, -1e-4, 3e-4), funded),
        Case("last_funding", (0.0, 1e-4, 2e-4, 2e-4, 2e-4), unpublished),
        Case("last_funding(bp)", (1.0, 2.0, 2.0, -1.0, 3.0), funded),
    ],
    "next_funding": [
        Case("next_funding", (2e-4, -1e-4, -1e-4, 3e-4, 0.0), funded),
        Case("next_funding", (0.0,) * 5, unpublished),
        Case("next_funding(bp)", (2.0, -1.0, -1.0, 3.0, 0.0), funded),
    ],
    "basis": [
        Case("basis", (0.0, 0.01, -0.01, -0.01, -0.01), marked),
        Case("basis(bp)", (0.0, 100.0, -100.0, -100.0, -100.0), marked),
    ],
    "imbalance": [
        Case("imbalance", (0.5, 0.0, -0.6), quoted, ("quote",)),
        Case("imbalance", (0.5, -1 / 3), booked, ("book",)),
    ],
    "spread": [Case("spread", (0.02, 1 / 101, 2 / 101), quoted, ("quote",))],
    "micro_price": [Case("micro_price", (0.005, 0.0, (100.4 - 101) / 101), quoted, ("quote",))],
    "trade_flow": [
        Case("trade_flow(1s)", (0.0, 1 / 3, (0.5 * 1.0 - 3.0) / (0.5 * 3.0 + 3.0)), quoted, ("quote",)),
        Case("trade_flow(1s)", (1 / 3, -2.5 / 4.5, -2.5 / 4.5), quoted, ("trade",)),
    ],
    "micro_volatility": [
        Case("micro_volatility(1s)", (0.0, math.log(1.01), math.sqrt(0.5) * math.log(1.01)), quoted, ("quote",))
    ],
    "depth_imbalance": [
        Case("depth_imbalance(1)", (0.5, -1 / 3), booked, ("book",)),
        Case("depth_imbalance(2)", (0.6, -5 / 7), booked, ("book",)),
    ],
    "position": [Case("position", (0.0, 1.0, 1.0, -0.5, 0.0), script=trade)],
    "open_pnl": [
        Case("open_pnl(price)", (0.0, 10.0, -1.0, 0.0, 0.0), script=trade),
        Case("open_pnl", (0.0, 10 / 110, -1 / 99, 0.0, 0.0), script=trade),
    ],
    "age": [Case("age", (0.0, 1.0, 2.0, 1.0, 0.0), script=trade)],
    "cool_down": [
        Case("cool_down(3)", (0.0, 0.0, 0.0, 0.0, 2.0), script=trade),
        Case("cool_down(1)", (0.0, 0.0, 0.0, 0.0, 0.0), script=trade),
    ],
}


def test_every_kind_has_an_answer_worked_by_hand() -> None:
    assert set(CASES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_gives_what_was_worked_by_hand(kind: str) -> None:
    for case in CASES[kind]:
        more: Any = {"sizing": FixedContracts(4.0)} if case.script else {}
        found = look(case.tape(), (case.name,), case.script, case.events, **more)
        assert found.table[:, 0].tolist() == pytest.approx(list(case.expected), rel=1e-12, abs=1e-12), case


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_says_how_many_rows_it_needs(kind: str) -> None:
    for case in CASES[kind]:
        looker = look(case.tape(), (case.name,), case.script, case.events)
        if case.events == ("bar",):
            assert len(looker.rows) == 5 - looker.lookback == len(case.expected)
        else:
            assert looker.lookback == 0
