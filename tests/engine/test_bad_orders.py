"""Orders that cannot be, and positions that an account cannot carry: one recorded rejection with its reason each, or
one message before the run; the same in memory and streamed."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from halfspread.costs.margin import Margin, MarginSchedule, MarginTier
from halfspread.engine import instruments
from halfspread.engine.market import Market
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.table_format import TableFormat
from halfspread.engine.times import HOUR
from halfspread.strategies import Strategy
from tests.engine.bad_events import frame_of, outcomes, put

NAN, INF = math.nan, math.inf
SMALL = instruments.linear("SMALL", lot=1.0, tick=0.5, min_contracts=2.0, max_contracts=50.0)
Send = Callable[[Market], Any]


class Sends(Strategy):
    """Does one thing at the second quote."""

    def __init__(self, send: Send) -> None:
        self.send = send

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.calls = 0

    def on_quote(self, market: Market) -> None:
        self.calls += 1
        if self.calls == 2:
            self.send(market)


#: What is sent, and the reason of its rejection.
ORDERS: dict[str, tuple[Send, str]] = {
    "off tick": (lambda m: m.send_limit(2.0, 99.7), "off tick"),
    "trigger off tick": (lambda m: m.send_stop(2.0, 101.3), "off tick"),
    "off lot": (lambda m: m.send_limit(2.5, 99.5), "off lot"),
    "below the smallest": (lambda m: m.send_market(1.0), "below the smallest size"),
    "nothing": (lambda m: m.send_market(0.0), "below the smallest size"),
    "above the largest": (lambda m: m.send_market(-51.0), "above the largest size"),
    "negative price": (lambda m: m.send_limit(2.0, -99.5), "price not above zero"),
    "NaN size": (lambda m: m.send_market(NAN), "not a finite number"),
    "infinite size": (lambda m: m.send_market(INF), "not a finite number"),
    "NaN price": (lambda m: m.send_limit(2.0, NAN), "not a finite number"),
    "infinite trigger": (lambda m: m.send_take_profit(2.0, INF), "not a finite number"),
    "contradicting flags": (
        lambda m: m.send_limit(2.0, 99.5, post_only=True, ioc=True),
        "flags that contradict each other",
    ),
    "reduce-only without a position": (lambda m: m.send_market(2.0, reduce_only=True), "nothing to reduce"),
    "reduce-only limit": (lambda m: m.send_limit(2.0, 99.5, reduce_only=True), "nothing to reduce"),
    "post-only that would take": (lambda m: m.send_limit(2.0, 100.5, post_only=True), "would take"),
    "fill or kill beyond the book": (lambda m: m.send_limit(8.0, 100.5, fok=True), "fok: not all at once"),
    "cancel of an unknown order": (lambda m: m.cancel(12_345), "unknown order"),
    "cancel of no order": (lambda m: m.cancel(-1), "unknown order"),
    "amendment of an unknown order": (lambda m: m.amend(12_345, contracts=2.0), "unknown order"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_cannot_be_is_one_recorded_rejection(tmp_path: Path, name: str) -> None:
    send, reason = ORDERS[name]
    found = outcomes(tmp_path, "quotes", frame_of("quotes"), instrument=SMALL, agent=Sends(send))
    assert [each[1] for each in found.rejected] == [reason]
    assert (found.counts["orders"], found.counts["rejections"], found.counts["fills"]) == (1, 1, 0)


def test_an_order_that_is_done_cannot_be_cancelled_or_amended(tmp_path: Path) -> None:
    class Late(Sends):
        """Takes at the second quote, and comes back to it at the fifth."""

        def on_quote(self, market: Market) -> None:
            self.calls += 1
            if self.calls == 2:
                self.order = market.send_market(2.0)
            if self.calls == 5:
                market.cancel(self.order)
                market.amend(self.order, contracts=4.0)

    found = outcomes(tmp_path, "quotes", frame_of("quotes"), instrument=SMALL, agent=Late(lambda market: None))
    assert found.rejected == ((1, "unknown order"), (1, "unknown order"))
    assert found.counts["fills"] == 1


class OnEveryTrade(Strategy):
    """Buys and sells in turn at every trade beside the book."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.side = -1.0

    def on_trade(self, market: Market) -> None:
        self.side = -self.side
        market.send_market(self.side)


def test_an_order_that_arrives_in_a_gap_is_rejected(tmp_path: Path) -> None:
    quotes = put(4, bid=-1.0)(put(5, bid=101.0)(put(6, ask=NAN)(frame_of("quotes"))))
    fmt = TableFormat(invalid="gap")
    found = outcomes(tmp_path, "quotes", quotes, fmt, trades=frame_of("trades"), agent=OnEveryTrade())
    assert found.rejected == ((5, "no market"), (6, "no market"), (7, "no market"))
    counts = found.counts
    assert (counts["bad_price"], counts["crossed"], counts["one_sided"], counts["invalid_gaps"]) == (1, 1, 1, 1)
    assert counts["trades_without_book"] == 3


class EveryHalfHour(OnEveryTrade):
    """The same by the clock."""

    timer: ClassVar[str] = "30m"

    def on_timer(self, market: Market) -> None:
        self.on_trade(market)


def test_orders_to_quotes_that_have_stood_still_for_an_hour_are_rejected(tmp_path: Path) -> None:
    quotes = frame_of("quotes")
    quotes.loc[5:, ["ts", "exch_ts"]] += 3 * HOUR
    trades = frame_of("trades").iloc[:1]
    found = outcomes(tmp_path, "quotes", quotes, trades=trades, agent=EveryHalfHour())
    # The first follows the trade; then at 0:30, 1:00 (the gap begins 4 s later), 1:30, 2:00, 2:30 and 3:00.
    assert found.rejected == ((4, "no market"), (5, "no market"), (6, "no market"), (7, "no market"))
    never = outcomes(tmp_path, "quotes", quotes, trades=trades, agent=EveryHalfHour(), run={"stale_after": 0})
    assert (never.rejected, never.counts["fills"]) == ((), 7)


TIERS = (
    MarginTier(limit=1e4, initial=0.01, maintenance=0.005),
    MarginTier(initial=0.1, maintenance=0.05),
)
TIERED = instruments.linear("TIER", lot=1.0, tick=0.5, margin=MarginSchedule.constant(TIERS))


@pytest.mark.parametrize(
    ("contracts", "capital", "reason"),
    [(1_000.0, 1e6, "above tier"), (50.0, 10.0, "insufficient margin"), (50.0, 1e6, "")],
)
def test_a_position_beyond_its_tier_or_the_account_is_a_recorded_rejection(
    tmp_path: Path, contracts: float, capital: float, reason: str
) -> None:
    quotes = frame_of("quotes").assign(bid_size=1e6, ask_size=1e6)
    agent = Sends(lambda market: market.send_market(contracts))
    run = {"capital": capital, "margin": Margin.cross(leverage=50)}
    found = outcomes(tmp_path, "quotes", quotes, instrument=TIERED, agent=agent, run=run)
    assert [each[1] for each in found.rejected] == ([reason] if reason else [])


def test_a_target_beyond_its_tier_is_refused_and_counted(tmp_path: Path) -> None:
    class Wants(Strategy):
        """All of it at once."""

        def on_quote(self, market: Market) -> float:
            return 1.0

    quotes = frame_of("quotes").assign(bid_size=1e6, ask_size=1e6)
    run = {"capital": 1e6, "margin": Margin.cross(leverage=50), "sizing": FixedContracts(1_000)}
    found = outcomes(tmp_path, "quotes", quotes, instrument=TIERED, agent=Wants(), run=run)
    assert (found.counts["refused_targets"], found.counts["fills"]) == (1, 0)


def test_leverage_beyond_the_lowest_tier_is_refused_before_the_run(tmp_path: Path) -> None:
    run = {"margin": Margin.isolated(leverage=500)}
    assert outcomes(tmp_path, "quotes", frame_of("quotes"), run=run) == (
        "margin: UNIT allows a leverage of up to 100x at the lowest tier, got 500x; ask for less"
    )
