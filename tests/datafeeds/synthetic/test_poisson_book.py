"""The market maker's world has the fill rates and the profit that are promised, by plain accounting."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.quoting import Quotes
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.bars import read_bars
from halfspread.engine.depth import read_books, read_quotes
from halfspread.engine.times import Floats, Integers
from halfspread.engine.trades import read_trades
from halfspread.errors import ConfigError

HOUR = 3600.0


@cache
def world(seed: int = 1, **changes: str | float) -> World:
    return PoissonBook.model_validate(changes).market(np.random.default_rng(seed))


def prints(found: World, tick: float) -> tuple[Integers, Integers, Floats]:
    """Row of the snapshot in force at each trade, depth of the trade from its mid in ticks, side."""
    books, trades = found.table("books"), found.table("trades")
    rows = np.searchsorted(books["ts"].to_numpy(), trades["ts"].to_numpy(), side="right") - 1
    mid = found.hidden["mid"][rows]
    side = trades["side"].to_numpy()
    return rows, np.rint((trades["price"].to_numpy() - mid) * side / tick).astype(np.int64), side


def earned_per_second(model: PoissonBook, quotes: Quotes, seed: int, fee: float) -> tuple[float, float]:
    """Profit per second of a maker who always rests at the best distances, marked at the last mid; and mean q^2."""
    found = model.market(np.random.default_rng(seed))
    rows, depths, sides = prints(found, model.tick)
    mid = found.hidden["mid"]
    limit = len(quotes.inventory) // 2
    bid, ask = np.rint(quotes.bid[:-1] / model.tick), np.rint(quotes.ask[1:] / model.tick)
    bid, ask = np.append(bid, np.inf), np.insert(ask, 0, np.inf)
    q, cash = 0, 0.0
    for row, depth, side in zip(rows, depths, sides, strict=True):
        if side < 0 and depth > bid[q + limit]:  # through our bid
            cash -= mid[row] - bid[q + limit] * model.tick + fee
            q += 1
        elif side > 0 and depth > ask[q + limit]:
            cash += mid[row] + ask[q + limit] * model.tick - fee
            q -= 1
    return (cash + q * mid[-1]) / (model.length_ns / 1e9), float(q)


def test_trades_go_through_an_order_at_the_promised_rate() -> None:
    model = PoissonBook(duration="24h", intensity=0.8, decay=0.5, tick=0.5, levels=1)
    found = world(2, duration="24h", intensity=0.8, decay=0.5, tick=0.5, levels=1)
    _, depths, sides = prints(found, 0.5)
    assert depths.min() == 1
    for side in (1.0, -1.0):
        for ticks in (0, 1, 3, 8):
            count = int(((depths > ticks) & (sides == side)).sum())
            expected = 24.0 * HOUR * model.fill_rate(ticks)
            assert abs(count - expected) < 4.0 * math.sqrt(expected)
    assert model.fill_rate(4) == pytest.approx(0.8 * math.exp(-1.0))


def test_both_sides_at_one_over_k_earn_the_most_where_inventory_does_not_matter() -> None:
    model = PoissonBook(decay=0.4, tick=0.5)
    for fee in (0.0, 1.0):
        best = max(range(1, 40), key=lambda ticks: model.profit_rate(ticks, fee))
        assert best * 0.5 == pytest.approx(2.5 + fee, abs=0.5)
    assert model.profit_rate(5) == pytest.approx(2.0 * math.exp(-1.0) * 2.5)
    assert model.best_quotes(300).profit_rate == pytest.approx(model.profit_rate(5), rel=1e-3)


def test_market_orders_come_at_random_times_and_the_mid_is_a_martingale_with_the_variance() -> None:
    found = world(2, duration="24h", intensity=0.8, decay=0.5, tick=0.5, levels=1)
    waits = np.diff(found.table("trades")["ts"].to_numpy()) / 1e9
    assert waits.mean() == pytest.approx(1.0 / 1.6, rel=0.02)
    assert waits.std() == pytest.approx(waits.mean(), rel=0.02)
    mid = found.table("mark")["price"].to_numpy()
    moves = np.diff(mid)  # of a minute
    assert moves.var() == pytest.approx(60.0 * 0.25, rel=0.15)
    assert abs(moves.mean()) < 3.5 * moves.std() / math.sqrt(len(moves))
    assert PoissonBook(tick=0.5).flow.sigma == pytest.approx(0.5)


@pytest.mark.parametrize("fee", [0.0, 0.5])
def test_the_best_quotes_earn_what_is_promised(fee: float) -> None:
    model = PoissonBook(duration="6h", levels=1, heartbeat="1m", refresh="1ns")
    quotes = model.best_quotes(inventory_limit=4, fee=fee)
    found = np.array([earned_per_second(model, quotes, seed, fee)[0] for seed in range(12)])
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - quotes.profit_rate) < 3.5 * error < 0.05 * quotes.profit_rate


def test_quotes_nearer_or_farther_earn_less() -> None:
    model = PoissonBook(duration="6h", levels=1, heartbeat="1m", refresh="1ns")
    best = model.best_quotes(inventory_limit=4)
    means = []
    for change in (-3.0, 0.0, 5.0):
        shifted = Quotes(
            best.inventory,
            np.maximum(best.bid + change * model.tick, model.tick),
            np.maximum(best.ask + change * model.tick, model.tick),
            0.0,
            0.0,
            best.shares,
        )
        means.append(np.mean([earned_per_second(model, shifted, seed, 0.0)[0] for seed in range(6)]))
    assert means[1] > max(means[0], means[2])


def test_the_book_is_never_crossed_and_stands_on_the_tick_around_the_mid() -> None:
    found = world(3, duration="10m", levels=5)
    rows = found.table("books").drop(columns="ts").to_numpy()
    mid = found.hidden["mid"]
    for level in range(5):
        bid, bid_size, ask, ask_size = rows[:, 4 * level : 4 * level + 4].T
        assert (bid == mid - 0.5 * (level + 1)).all()
        assert (ask == mid + 0.5 * (level + 1)).all()
        assert (bid_size == 10_000.0).all()
        assert (ask_size == 10_000.0).all()
    assert np.abs(np.diff(mid)).max() == 0.5


def test_times_ascend_strictly_and_no_snapshot_shares_one_with_a_trade() -> None:
    found = world(3, duration="10m", levels=5)
    books, trades = found.table("books")["ts"].to_numpy(), found.table("trades")["ts"].to_numpy()
    assert (np.diff(books) > 0).all()
    assert (np.diff(trades) > 0).all()
    assert len(np.intersect1d(books, trades)) == 0
    assert books[0] == found.start
    assert np.diff(books).max() <= 100_000_000
    after = books[np.minimum(np.searchsorted(books, trades), len(books) - 1)] - trades
    undisturbed = after[:-1][np.diff(trades) > 100_000]
    assert (undisturbed[undisturbed > 0] <= 100_000).all(), "the book is shown again after each trade"


def test_the_engine_reads_every_table() -> None:
    found = world(3, duration="10m", levels=5)
    assert read_books(found.table("books")).levels == 5
    assert len(read_quotes(found.table("quotes")).times) == len(found.table("books"))
    assert len(read_trades(found.table("trades")).times) == len(found.table("trades"))
    assert len(read_bars(found.table("bars"), interval="1m")) == 10


def test_a_mid_may_stand_still() -> None:
    found = world(4, duration="10m", moves_per_second=0.0, levels=2)
    assert (found.hidden["mid"] == 60_000.0).all()
    assert len(found.table("trades")) > 500


def test_a_world_without_trades_has_no_bars() -> None:
    found = world(4, duration="2s", intensity=1e-9)
    assert found.bars is None
    assert len(found.table("trades")) == 0
    assert len(found.table("books")) > 19


def test_a_feed_latency_moves_local_times_only() -> None:
    plain, late = world(5, duration="2m"), world(5, duration="2m", feed_latency="5ms")
    for name in ("books", "quotes", "trades"):
        assert (late.table(name)["exch_ts"] == plain.table(name)["ts"]).all()
        assert (late.table(name)["ts"] - late.table(name)["exch_ts"] == 5_000_000).all()
    assert late.table("bars").equals(plain.table("bars"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"first_price": 10.0}, "all levels stay above zero"),
        ({"trade_size": 1e5}, "level_size: expected more than trade_size"),
        ({"heartbeat": "soon"}, "heartbeat: expected"),
        ({"intensity": 0.0}, "intensity"),
        ({"start": "2024-01-01T00:00:30Z"}, "start: expected a whole minute"),
    ],
)
def test_impossible_worlds_are_refused(values: dict[str, str | float], message: str) -> None:
    with pytest.raises(ConfigError, match=f"Poisson book: .*{message}"):
        PoissonBook.model_validate(values)
