"""Bars, quotes, snapshots and trades of one path agree with each other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.aggregate import bars_from_trades
from halfspread.datafeeds.synthetic.book_market import BookMarket, book_world, consistent_market
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.bars import read_bars
from halfspread.engine.depth import read_books, read_quotes
from halfspread.engine.times import MINUTE, Floats
from halfspread.engine.trades import read_trades
from halfspread.engine.trades_beside_book import check_against_book
from halfspread.errors import ConfigError

LEVELS = 4


@cache
def market(seed: int = 1, **changes: str | float) -> World:
    values = {"levels": LEVELS, "trades_per_snapshot": 0.8, "level_size": 0.1, "trade_size": 0.05, "lot": 0.01}
    return consistent_market(np.random.default_rng(seed), "20m", **{**values, **changes})


def book_rows(world: World) -> Floats:
    return np.asarray(world.table("books").drop(columns=["ts", "exch_ts"], errors="ignore"), np.float64)


def test_books_are_sorted_never_crossed_and_hold_whole_lots() -> None:
    rows = book_rows(market())
    bids, asks = rows[:, 0::4], rows[:, 2::4]
    assert (asks[:, 0] > bids[:, 0]).all()
    assert (np.diff(bids, axis=1) < 0.0).all()
    assert (np.diff(asks, axis=1) > 0.0).all()
    spread = np.rint((asks[:, 0] - bids[:, 0]) / 0.1)
    assert set(spread) == {1.0, 2.0, 3.0}
    for sizes in (rows[:, 1::4], rows[:, 3::4]):
        assert (sizes >= 0.01).all()
        assert np.abs(sizes / 0.01 - np.rint(sizes / 0.01)).max() < 1e-9
    ticks = rows[:, 0::2] / 0.1
    assert np.abs(ticks - np.rint(ticks)).max() < 1e-6


def test_quotes_are_the_first_level_of_the_snapshots() -> None:
    quotes, rows = market().table("quotes"), book_rows(market())
    assert (quotes["ts"] == market().table("books")["ts"]).all()
    assert (quotes[["bid", "bid_size", "ask", "ask_size"]].to_numpy() == rows[:, :4]).all()


def test_trades_take_the_best_price_in_force_and_never_more_than_it_shows() -> None:
    quotes, trades = market().table("quotes"), market().table("trades")
    times = quotes["ts"].to_numpy()
    rows = np.searchsorted(times, trades["ts"].to_numpy(), side="right") - 1
    buys = trades["side"].to_numpy() > 0
    shown = np.where(buys, quotes["ask"].to_numpy()[rows], quotes["bid"].to_numpy()[rows])
    assert (trades["price"].to_numpy() == shown).all()
    size = trades["size"].to_numpy()
    assert (size > 0.0).all()
    for side, column in ((True, "ask_size"), (False, "bid_size")):
        taken = np.bincount(rows[buys == side], weights=size[buys == side], minlength=len(times))
        assert (taken <= quotes[column].to_numpy() + 1e-9).all()
    assert 0.45 < buys.mean() < 0.55


def test_a_level_that_is_used_up_is_gone_at_the_next_snapshot() -> None:
    world = market(2, move=0.01, widest_spread=1_000, redrawn=0)
    quotes, trades = world.table("quotes"), world.table("trades")
    times = quotes["ts"].to_numpy()
    rows = np.searchsorted(times, trades["ts"].to_numpy(), side="right") - 1
    buys = trades["side"].to_numpy() > 0
    taken = np.bincount(rows[buys], weights=trades["size"].to_numpy()[buys], minlength=len(times))
    left = quotes["ask_size"].to_numpy() - taken
    ask = np.rint(quotes["ask"].to_numpy() * 10.0)
    used_up = np.flatnonzero(left[:-1] < 0.005)
    assert len(used_up) > 50
    steps = ask[used_up + 1] - ask[used_up]
    assert set(steps) <= {0.0, 1.0, 2.0}  # the spread may narrow or widen at the same snapshot
    assert float(np.mean(steps == 1.0)) > 0.6
    kept = np.flatnonzero((left[:-1] > 0.005) & (ask[1:] == ask[:-1]))
    assert len(kept) > 1_000
    assert quotes["ask_size"].to_numpy()[kept + 1] == pytest.approx(left[kept])


def test_bars_are_the_trades_and_the_quotes_in_force() -> None:
    world = market()
    bars = world.table("bars")
    assert bars.equals(bars_from_trades(world.table("trades"), world.table("quotes"), "1m", world.end))
    assert len(bars) == 20
    trades, quotes = world.table("trades"), world.table("quotes")
    for _, bar in bars.iterrows():
        inside = trades[(trades["ts"] >= bar["ts"]) & (trades["ts"] < bar["ts"] + MINUTE)]
        assert bar["open"] == inside["price"].iloc[0]
        assert bar["high"] == inside["price"].max()
        assert bar["volume"] == pytest.approx(inside["size"].sum())
        assert bar["ask_close"] == quotes[quotes["ts"] <= bar["ts"] + MINUTE]["ask"].iloc[-1]
    assert (bars["bid_open"] <= bars["open"] + 1.0).all()


def test_the_mark_is_the_mid_in_force() -> None:
    world = market()
    mark = world.table("mark")
    quotes = world.table("quotes").set_index("ts")
    inside = mark[mark["ts"].isin(quotes.index)]
    found = quotes.loc[inside["ts"]]
    assert len(inside) == 20
    assert inside["price"].to_numpy() == pytest.approx((0.5 * (found["bid"] + found["ask"])).to_numpy())


def test_times_ascend_strictly_over_snapshots_and_trades_together() -> None:
    world = market()
    times = np.sort(np.concatenate((world.table("books")["ts"], world.table("trades")["ts"])))
    assert (np.diff(times) > 0).all()
    assert world.end - world.start == 20 * MINUTE
    assert times[-1] < world.end


def test_the_engine_reads_every_table() -> None:
    world = market(feed_latency="1ms")
    books = read_books(world.table("books"))
    assert books.levels == LEVELS
    assert (books.rows == book_rows(world)).all()
    assert np.array_equal(np.asarray(books.local_times), books.times + 1_000_000)
    assert len(read_quotes(world.table("quotes")).times) == 12_000
    assert len(read_trades(world.table("trades")).times) == len(world.table("trades"))
    assert len(read_bars(world.table("bars"))) == 20


@pytest.mark.parametrize("trades", [0.0, 0.5])
def test_prices_may_stand_still_while_trades_go_on(trades: float) -> None:
    world = book_world(np.random.default_rng(3), 2_000, 3, move=0.0, trades_per_snapshot=trades)
    rows = book_rows(world)
    assert np.array_equal(rows[:, 0::2], np.tile(rows[0, 0::2], (len(rows), 1)))
    assert len(np.unique(rows[:, 1])) > 10
    assert (len(world.table("trades")) > 500) == (trades > 0.0)


@given(
    st.integers(0, 10_000),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(2, 6),
    st.integers(0, 20),
    st.sampled_from([0.0, 0.5, 20.0]),
)
def test_any_book_is_one_that_the_engine_takes(
    seed: int, levels: int, move: float, widest: int, redrawn: int, trades: float
) -> None:
    world = book_world(
        np.random.default_rng(seed),
        60,
        levels,
        move=move,
        widest_spread=widest,
        redrawn=redrawn,
        trades_per_snapshot=trades,
        level_size=0.01,
        trade_size=0.01,
        first_price=9.0,
    )
    depth = read_books(world.table("books"))
    spread = np.rint((depth.rows[:, 2] - depth.rows[:, 0]) / 0.1)
    assert depth.levels == levels
    assert spread.min() >= 1.0
    assert spread.max() <= widest
    assert depth.rows.min() > 0.0
    if len(world.table("trades")):
        found = check_against_book(read_trades(world.table("trades")), depth, 0.1)
        assert found.outside == 0


def test_one_seed_gives_one_world_and_a_million_snapshots_have_no_drift() -> None:
    one, same = (book_world(np.random.default_rng(5), 300, 2).table("books") for _ in range(2))
    assert one.equals(same)
    assert not one.equals(book_world(np.random.default_rng(6), 300, 2).table("books"))
    ends = [book_world(np.random.default_rng(seed), 5_000, 1).hidden["mid"][[0, -1]] for seed in range(100)]
    moves = np.diff(np.array(ends), axis=1)[:, 0]
    assert abs(moves.mean()) < 3.5 * moves.std() / 10.0
    assert moves.std() > 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"first_price": 10.0}, "all levels stay above zero"),
        ({"trade_size": 1e-5}, "at least one lot"),
        ({"every": "1ns"}, "at least 2 ns"),
        ({"move": 2.0}, "move"),
        ({"feed_latency": "late"}, "feed_latency"),
        ({"feed_latency": -1.0}, "feed_latency"),
        ({"widest_spread": 1}, "widest_spread"),
    ],
)
def test_impossible_worlds_are_refused(values: dict[str, str | float], message: str) -> None:
    with pytest.raises(ConfigError, match=f"book market: .*{message}"):
        BookMarket.model_validate(values)
