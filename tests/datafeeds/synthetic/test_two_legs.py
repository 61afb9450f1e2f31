"""Two swaps on one base price: consistent bars, and a carry that pays what is promised."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.datafeeds.synthetic.two_legs import TwoLegs, two_legs
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.bars import read_bars
from halfspread.engine.side_data import read_funding, read_prices
from halfspread.engine.times import HOUR, Floats
from halfspread.errors import ConfigError


def rates(world: World) -> Floats:
    return np.asarray(world.table("funding")["rate"], np.float64)


def hedged(one: World, other: World) -> tuple[float, float]:
    """Funding and price profit, in quote currency, of short 1 unit of base inverse and long 1 unit linear.

    The inverse position is kept at the value of one unit of base, so that it earns minus the relative moves.
    """
    funding = 0.0
    for world, side in ((one, -1.0), (other, 1.0)):
        mark = dict(zip(world.table("mark")["ts"], world.table("mark")["price"], strict=True))
        for time, rate in zip(world.table("funding")["ts"], rates(world), strict=True):
            funding -= side * rate * mark[time]
    moves = np.diff(other.table("mark")["price"]) - np.diff(one.table("mark")["price"])
    return funding, float(moves.sum())


def test_both_legs_are_on_one_grid_and_the_engine_reads_them() -> None:
    inverse, linear = two_legs(np.random.default_rng(1), bars=500)
    assert (inverse.instrument.kind, linear.instrument.kind) == ("inverse", "linear")
    assert (inverse.instrument.settle, linear.instrument.settle) == ("BTC", "USD")
    assert (inverse.table("bars")["ts"] == linear.table("bars")["ts"]).all()
    assert inverse.table("index").equals(linear.table("index"))
    for world in (inverse, linear):
        assert len(read_bars(world.table("bars"))) == 500
        funding = read_funding(world.table("funding"), world.instrument)
        assert funding is not None
        assert len(funding) == 62
        assert read_prices(world.table("mark"), "mark") is not None
        ticks = world.table("bars")[["open", "high", "low", "close", "bid_close"]].to_numpy() / world.instrument.tick
        assert np.abs(ticks - np.rint(ticks)).max() < 1e-6


def test_prices_are_the_index_times_one_plus_the_basis() -> None:
    inverse, linear = two_legs(np.random.default_rng(2), bars=500)
    for world in (inverse, linear):
        mark, index = world.table("mark")["price"], world.table("index")["price"]
        off = mark - index * (1.0 + world.hidden["basis"])
        assert np.abs(off).max() <= 0.5 * world.instrument.tick + 1e-6
        assert (world.closes == mark.to_numpy()[1:]).all()


def test_funding_is_the_rule_of_the_venues_on_the_premiums_of_its_interval() -> None:
    model = TwoLegs(bars=100)
    world = model.market(np.random.default_rng(3))[0]
    mark, index = world.table("mark"), world.table("index")
    for time, found in zip(world.table("funding")["ts"], rates(world), strict=True):
        inside = (mark["ts"] > time - 8 * HOUR) & (mark["ts"] <= time)
        premium = float((mark["price"][inside] / index["price"][inside] - 1.0).mean())
        assert inside.sum() == 8
        assert found == pytest.approx(premium + min(max(1e-4 - premium, -5e-4), 5e-4), abs=6e-9)
    assert model.rate(np.array([0.0, 1e-4, 8e-4, -8e-4, 0.05])) == pytest.approx([1e-4, 1e-4, 3e-4, -3e-4, 0.0075])


def test_the_mean_rates_are_what_is_promised() -> None:
    model = TwoLegs(bars=100_000)
    promised = model.expected_rates()
    for world, expected in zip(model.market(np.random.default_rng(4)), promised, strict=True):
        found = rates(world)
        blocks = found[: len(found) // 100 * 100].reshape(-1, 100).mean(axis=1)  # each of 67 half-lives of the basis
        error = float(blocks.std(ddof=1)) / math.sqrt(len(blocks))
        assert abs(found.mean() - expected) < 3.5 * error < 0.05 * expected


def test_the_carry_pays_what_is_promised_and_the_prices_beside_it_nothing() -> None:
    model = TwoLegs(bars=720, annual_volatility=0.2)
    funding, moves = np.array([hedged(*model.market(np.random.default_rng(seed))) for seed in range(60)]).T
    promised = 90 * model.expected_carry() * model.first_price
    error = funding.std(ddof=1) / math.sqrt(len(funding))
    assert abs(funding.mean() - promised) < 3.5 * error < 0.1 * promised
    assert abs(moves.mean()) < 3.5 * moves.std(ddof=1) / math.sqrt(len(moves))


def test_the_index_is_a_martingale_with_the_volatility() -> None:
    ends = [
        float(two_legs(np.random.default_rng(seed), bars=200)[0].table("index")["price"].iloc[-1])
        for seed in range(300)
    ]
    error = np.std(ends) / math.sqrt(len(ends))
    assert abs(np.mean(ends) - 60_000.0) < 3.5 * error
    assert np.std(np.log(ends)) == pytest.approx(0.6 * math.sqrt(200 / 8_760), rel=0.15)


def test_equal_basis_gives_no_carry() -> None:
    assert TwoLegs(inverse_basis=3e-4, linear_basis=3e-4).expected_carry() == 0.0
    assert TwoLegs(inverse_basis=-8e-4).expected_carry() < 0.0


def test_impossible_legs_are_refused() -> None:
    with pytest.raises(ConfigError, match="two legs: interval: expected to divide the funding interval of 8 h"):
        TwoLegs(interval="3h")
    with pytest.raises(ConfigError, match="start: expected a whole multiple"):
        TwoLegs.model_validate({"start": "2024-01-01T00:10:00Z"})
    with pytest.raises(ConfigError, match="colour"):
        two_legs(np.random.default_rng(1), colour="red")
