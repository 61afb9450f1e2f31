"""Tapes of synthetic worlds: which tables they hold, and that nothing hidden is on them."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import (
    ConstantFunding,
    PoissonBook,
    Trending,
    World,
    book_world,
    consistent_market,
    two_legs,
)
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def book() -> World:
    return consistent_market(rng(), "5m", levels=3, trades_per_snapshot=1.0)


def test_a_world_of_order_flow_has_books_trades_and_bars() -> None:
    world = book()
    tape = world_tape(world)
    assert tape.feeds[0].kinds == ("books", "trades", "bars")
    assert len(tape.bars) == 5
    assert tape.bars.rows[:, :5].tolist() == world.table("bars").iloc[:, 1:6].to_numpy().tolist()  # type: ignore[union-attr]
    assert tape.mark is not None
    assert tape.origin == {"market": world.describe()}


@pytest.mark.parametrize("show", [("quotes",), ("trades",), ("books", "bars"), ("quotes", "trades"), ("bars",)])
def test_a_tape_holds_the_tables_that_are_asked_for(show: tuple[str, ...]) -> None:
    assert world_tape(book(), show).feeds[0].kinds == show


def test_bars_of_a_world_with_latency_are_of_what_was_received() -> None:
    slow = consistent_market(rng(), "5m", levels=3, trades_per_snapshot=1.0, feed_latency="10s")
    fast, late = world_tape(book()).bars, world_tape(slow).bars
    assert late.rows[0, 4] < fast.rows[0, 4]  # type: ignore[union-attr]


def test_the_length_of_bars_can_be_chosen_where_they_are_made() -> None:
    assert world_tape(book(), bars_interval="30s").interval == 30_000_000_000
    with pytest.raises(ConfigError, match="a world of bars has its own interval"):
        world_tape(Trending(bars=10).market(rng()), bars_interval="30s")


def test_a_world_without_trades_has_no_bars_and_one_that_is_asked_for_is_refused() -> None:
    world = book_world(rng(), 100, 3)
    assert world_tape(world).feeds[0].kinds == ("books",)
    with pytest.raises(ConfigError, match=r"tables: expected some of books, quotes, which this world has, got trades"):
        world_tape(world, ("trades",))


def test_a_world_of_bars_keeps_what_agents_may_see_and_nothing_hidden() -> None:
    seen = world_tape(Trending(bars=50).market(rng()))
    assert seen.columns[-1] == "next_drift"
    hidden = world_tape(Trending(bars=50, observable=False).market(rng()))
    assert "next_drift" not in hidden.columns
    assert world_tape(ConstantFunding(bars=500).market(rng())).funding is not None


def test_two_legs_are_joined_to_one_tape() -> None:
    tape = Tape.join(*map(world_tape, two_legs(rng(), bars=48)))
    assert [instrument.symbol for instrument in tape.instruments] == ["INVERSE", "LINEAR"]
    assert all(feed.funding is not None for feed in tape.feeds)


def test_the_poisson_book_is_a_market_of_snapshots() -> None:
    tape = world_tape(PoissonBook(duration="2m", levels=4).market(rng()))
    assert tape.feeds[0].market == "books"
    assert tape.feeds[0].books is not None
    assert tape.feeds[0].books.levels == 4
