from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from halfspread.datafeeds.resample import resample_bars
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.market_data import SyntheticData
from halfspread.engine.bars import Bars
from halfspread.engine.instruments import linear
from halfspread.engine.times import DAY, HOUR, MINUTE
from halfspread.errors import ConfigError

Floats = NDArray[np.float64]
TICK = 0.1


@cache
def market(seed: int = 7, **changes: object) -> SyntheticData:
    return SyntheticMarket.model_validate(changes).generate(np.random.default_rng(seed))


def returns(prices: Floats) -> Floats:
    changes: Floats = np.diff(np.log(prices))
    return changes


def autocorrelation(values: Floats, lag: int = 1) -> float:
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum())


def mean_and_error(values: Floats) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(values.size))


def hours(data: SyntheticData) -> NDArray[np.int64]:
    hour: NDArray[np.int64] = data.open_times % DAY // HOUR
    return hour


def same_bits(one: SyntheticData, other: SyntheticData) -> bool:
    names = [field.name for field in dataclasses.fields(one)]
    return all(np.asarray(getattr(one, n)).tobytes() == np.asarray(getattr(other, n)).tobytes() for n in names)


def test_the_first_open_is_the_first_price_and_the_times_are_those_asked_for() -> None:
    data = market(days=3, start="2024-03-01T06:00:00Z", first_price=123.4)
    assert data.open[0] == 123.4
    assert data.ask_open[0] == 123.4
    frame = data.bars_frame()
    assert frame["ts"].iloc[0] == pd.Timestamp("2024-03-01T06:00:00Z")
    assert frame["ts"].iloc[-1] == pd.Timestamp("2024-03-04T05:55:00Z")
    assert len(frame) == 3 * 288


def test_every_price_is_on_the_tick_and_every_volume_on_the_lot() -> None:
    data = market()
    for name in ("open", "high", "low", "close", "bid_open", "ask_open", "bid_close", "ask_close"):
        prices = getattr(data, name)
        assert np.array_equal(prices, np.rint(prices * 10.0) / 10.0), name
        assert np.isfinite(prices).all(), name
    assert np.array_equal(data.volume, np.rint(data.volume * 1_000.0) / 1_000.0)
    assert data.volume.min() > 0.0


def test_high_and_low_enclose_every_trade_and_trades_are_at_the_quotes() -> None:
    data = market()
    assert (data.high >= np.maximum(data.open, data.close)).all()
    assert (data.low <= np.minimum(data.open, data.close)).all()
    assert ((data.open == data.bid_open) | (data.open == data.ask_open)).all()
    assert ((data.close == data.bid_close) | (data.close == data.ask_close)).all()
    assert (data.open[1:] != data.close[:-1]).mean() > 0.5


def test_the_range_of_a_bar_is_that_of_a_continuous_path() -> None:
    """Parkinson (1980): for a continuous driftless path E[range^2] = 4 ln 2 E[return^2]."""
    data = market()
    ranges, moves = np.log(data.high / data.low), np.log(data.close / data.open)
    assert np.mean(ranges**2) / (4.0 * math.log(2.0)) / np.mean(moves**2) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("distance", [2e-4, 1e-3])
def test_a_resting_order_filled_at_its_price_is_neither_a_gift_nor_a_penalty(distance: float) -> None:
    gains = []
    for seed in range(4):
        data = market(seed)
        bid = np.floor(data.open * (1.0 - distance) / TICK) * TICK
        ask = np.ceil(data.open * (1.0 + distance) / TICK) * TICK
        bought, sold = data.low < bid, data.high > ask
        gains += [(data.close / bid - 1.0)[bought], -(data.close / ask - 1.0)[sold]]
    mean, error = mean_and_error(np.concatenate(gains))
    assert abs(mean) < 3.0 * error + 1e-5  # a tenth of a basis point for the gaps between steps and the tick


def test_returns_have_fat_tails_and_their_volatility_clusters() -> None:
    for seed in range(4):
        moves = returns(market(seed).close)
        centred = moves - moves.mean()
        assert (centred**4).mean() / (centred**2).mean() ** 2 > 5.0
        assert autocorrelation(moves**2) > 0.1
        assert autocorrelation(np.abs(moves), 288) > 0.05


def test_returns_are_not_correlated_with_the_return_before() -> None:
    for seed in range(4):
        moves = returns(market(seed).close)
        product = moves[1:] * moves[:-1]
        mean, error = mean_and_error(product)  # robust to changing volatility, where 1 / sqrt(n) is not
        assert abs(mean) < 3.0 * error


def test_the_expected_yearly_variance_is_the_one_asked_for() -> None:
    ratios = [np.mean(returns(market(seed, days=120).index) ** 2) * 288 * 365 / 0.36 for seed in range(24)]
    mean, error = mean_and_error(np.array(ratios))
    assert abs(mean - 1.0) < 3.0 * error
    assert error < 0.15


def test_without_drift_the_index_grows_for_nobody_and_with_drift_as_told() -> None:
    """Growth of many short markets: its mean is exp(drift * time), whatever the volatility."""
    for drift in (0.0, 2.0):
        growth = [market(seed, days=10, annual_drift=drift, annual_volatility=0.3).index[-1] for seed in range(300)]
        first = [market(seed, days=10, annual_drift=drift, annual_volatility=0.3).index[0] for seed in range(300)]
        mean, error = mean_and_error(np.array(growth) / np.array(first))
        assert abs(mean - math.exp(drift * 10 / 365)) < 3.0 * error
        assert error < 0.005


@pytest.mark.parametrize("lookback", [1, 12, 288])
def test_following_the_trend_of_the_index_earns_nothing_before_costs(lookback: int) -> None:
    profits = []
    for seed in range(6):
        index = market(seed).index
        side = np.sign(index[lookback:-1] - index[: -lookback - 1])
        profits.append(side * (index[lookback + 1 :] / index[lookback:-1] - 1.0))
    mean, error = mean_and_error(np.concatenate(profits))
    assert abs(mean) < 3.0 * error


def test_volatility_follows_the_hour_and_can_be_made_flat() -> None:
    def busy_over_quiet(data: SyntheticData) -> float:
        squares = np.log(data.close / data.open) ** 2
        hour = hours(data)
        return float(squares[(hour >= 13) & (hour < 17)].mean() / squares[(hour >= 1) & (hour < 5)].mean())

    assert 1.8 < np.mean([busy_over_quiet(market(seed)) for seed in range(4)]) < 6.0
    assert 0.7 < np.mean([busy_over_quiet(market(seed, daily_pattern=0.0)) for seed in range(4)]) < 1.4


def test_the_spread_is_whole_ticks_wide_at_night_and_when_the_market_moves() -> None:
    data = market()
    for bid, ask in ((data.bid_open, data.ask_open), (data.bid_close, data.ask_close)):
        ticks = (ask - bid) / TICK
        assert np.allclose(ticks, np.rint(ticks), atol=1e-6)
        assert np.rint(ticks).min() == 1.0
    ticks, hour = np.rint((data.ask_open - data.bid_open) / TICK), hours(data)
    assert ticks[(hour >= 1) & (hour < 5)].mean() > 1.5 * ticks[(hour >= 13) & (hour < 17)].mean()
    before = np.abs(returns(data.close))[:-1]
    noon = (hour[2:] >= 11) & (hour[2:] < 13)
    calm, wild = before < np.quantile(before, 0.5), before > np.quantile(before, 0.98)
    assert ticks[2:][noon & wild].mean() > 1.3 * ticks[2:][noon & calm].mean()


def test_a_narrow_spread_without_patterns_is_always_one_tick() -> None:
    data = market(days=30, spread_ticks=0.5, spread_pattern=0.0, spread_elasticity=0.0)
    assert np.all(np.rint((data.ask_close - data.bid_close) / TICK) == 1.0)


def test_the_basis_has_the_deviation_and_half_life_asked_for() -> None:
    for seed in range(3):
        data = market(seed, days=730, interval="1h", basis_mean=2e-4)
        basis = (data.bid_close + data.ask_close) / 2.0 / data.index[1:] - 1.0
        assert basis.mean() == pytest.approx(2e-4, abs=1e-4)
        assert basis.std() == pytest.approx(5e-4, rel=0.15)
        assert autocorrelation(basis, 12) == pytest.approx(0.5, abs=0.1)


def test_the_mark_lies_near_index_and_price() -> None:
    data = market()
    assert np.abs(data.mark / data.index - 1.0).max() < 5e-3
    middle = (data.bid_close + data.ask_close) / 2.0
    gap = data.mark[1:] / middle - 1.0
    assert np.abs(gap).mean() < np.abs(data.index[1:] / middle - 1.0).mean()


def test_prices_stand_at_the_start_and_at_every_close_and_settlement() -> None:
    data = market(days=3)
    assert data.price_times[0] == data.open_times[0]
    assert np.array_equal(data.price_times[1:], data.open_times + data.interval_ns)
    daily = market(days=3, interval="1d")
    assert set(daily.funding_times) <= set(daily.price_times)


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_prices() -> None:
    one = SyntheticMarket(days=20).generate(np.random.default_rng(1))
    assert same_bits(one, SyntheticMarket(days=20).generate(np.random.default_rng(1)))
    other = SyntheticMarket(days=20).generate(np.random.default_rng(2))
    assert (one.close != other.close).mean() > 0.99


def test_the_generator_is_left_in_the_same_state_by_a_short_and_a_long_market() -> None:
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    SyntheticMarket(days=2).generate(one)
    SyntheticMarket(days=50, interval="1h").generate(other)
    assert one.bit_generator.state == other.bit_generator.state


def test_the_bits_do_not_depend_on_the_length_of_the_blocks() -> None:
    model = SyntheticMarket(days=9, start=datetime(2024, 1, 1, 20, tzinfo=UTC))

    def streams() -> list[np.random.Generator]:
        return [np.random.default_rng(seed) for seed in range(5)]

    assert same_bits(model._generate(streams(), 1), model._generate(streams(), 100))


def test_a_short_market_is_the_beginning_of_a_long_one() -> None:
    short, long = market(days=3), market(days=40)
    assert np.array_equal(short.close, long.close[: short.close.size])
    assert np.array_equal(short.funding_rates, long.funding_rates[: short.funding_rates.size])


def test_hourly_and_daily_bars_are_the_same_market_as_five_minute_bars() -> None:
    fine = market(days=20)
    for interval in ("1h", "1d"):
        coarse = market(days=20, interval=interval)
        rebuilt = resample_bars(fine.bars_frame(), interval)
        assert rebuilt.buckets_dropped == 0
        bars = rebuilt.bars.drop(columns="signed_volume")  # of finer bars, which the market itself does not have
        pd.testing.assert_frame_equal(bars, coarse.bars_frame(), rtol=1e-12, atol=0.0)
        assert np.array_equal(coarse.funding_rates, fine.funding_rates)
        at_settlement = np.isin(coarse.price_times, fine.funding_times)
        same = np.isin(fine.price_times, fine.funding_times)
        assert np.array_equal(coarse.mark[at_settlement], fine.mark[same])


@pytest.mark.parametrize(
    ("interval", "step"), [("5m", MINUTE), ("1d", MINUTE), ("1m", MINUTE // 5), (10, 2_000_000_000)]
)
def test_a_bar_consists_of_at_least_five_steps(interval: str | int, step: int) -> None:
    model = SyntheticMarket(days=1, interval=interval)
    assert model.step_ns == step
    data = model.generate(np.random.default_rng(0))
    assert data.open.size * data.interval_ns == DAY
    assert (data.high > data.low).mean() > 0.9


def test_extreme_parameters_still_give_a_market() -> None:
    data = market(days=60, annual_volatility=5.0, tail_index=2.1, slow_deviation=2.0, first_price=10.0)
    for name in ("open", "high", "low", "close", "mark", "index", "premium"):
        assert np.isfinite(getattr(data, name)).all(), name
    assert data.low.min() >= 0.1 - 1e-12
    assert (data.bid_close < data.ask_close).all()
    assert np.abs(data.funding_rates).max() <= 3.75e-3


def test_the_description_says_whether_there_is_an_edge() -> None:
    assert "no drift, so no strategy has an edge" in SyntheticMarket().describe()
    assert "drift +10.0% a year" in SyntheticMarket(annual_drift=0.1).describe()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"days": 0}, "greater than or equal to 1"),
        ({"interval": "7m"}, "expected a length that divides a day"),
        ({"interval": "soon"}, "expected an interval such as"),
        ({"interval": 675}, "expected to divide, or be a multiple of, the funding interval"),
        ({"start": "2024-01-01T00:01:00Z"}, "expected a whole multiple of the interval"),
        ({"start": "1999-01-01"}, "expected a year from 2009"),
        ({"first_price": 100.05}, "expected a whole number of at least 100 ticks"),
        ({"first_price": 5.0}, "expected a whole number of at least 100 ticks"),
        ({"annual_volatility": 0.0}, "greater than 0"),
        ({"annual_volatility": float("nan")}, "finite number"),
        ({"tail_index": 2.0}, "greater than 2"),
        ({"shock_weight": 0.99}, "less than the persistence"),
        ({"funding_interval_hours": 5}, "expected 1, 2, 4, 8, 12 or 24"),
        ({"volatility": 0.6}, "Extra inputs are not permitted"),
    ],
)
def test_bad_parameters_are_refused_with_a_message(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"synthetic market: .*{message}"):
        SyntheticMarket.model_validate(changes)


def test_every_parameter_is_described_and_none_can_be_changed() -> None:
    assert all(field.description for field in SyntheticMarket.model_fields.values())
    model = SyntheticMarket()
    with pytest.raises(ValidationError, match="frozen"):
        model.days = 3


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError, match=r"days: .*got 0; tick: .*got -1"):
        SyntheticMarket(days=0, tick=-1.0)


def test_the_tape_holds_the_same_bars_funding_index_and_mark() -> None:
    model = SyntheticMarket(days=4)
    tape, data = model.tape(np.random.default_rng(7)), market(days=4)
    assert tape.instrument.name == "bybit:BTCUSDT"
    assert tape.interval == 5 * MINUTE
    assert (tape.start_ns, tape.end_ns) == (data.open_times[0], data.open_times[0] + 4 * DAY)
    frame = data.bars_frame()
    assert isinstance(tape.bars, Bars)
    for i, name in enumerate(tape.columns):
        assert np.array_equal(tape.bars.rows[:, i], frame[name].to_numpy()), name
    assert tape.columns[-4:] == ("bid_open", "ask_open", "bid_close", "ask_close")
    assert tape.funding is not None
    assert tape.mark is not None
    assert tape.index is not None
    assert np.array_equal(tape.funding.times, data.funding_times)
    assert np.array_equal(tape.funding.rates, data.funding_rates)
    assert np.array_equal(tape.funding.known_times, data.funding_known_times)
    assert np.array_equal(tape.mark.prices, data.mark)
    assert np.array_equal(tape.index.prices, data.index)
    assert tape.origin == {"bars": model.describe()}


def test_a_tape_is_refused_where_the_tick_is_not_the_instruments() -> None:
    old = SyntheticMarket(days=2, start=datetime(2022, 12, 1, tzinfo=UTC))
    with pytest.raises(ConfigError, match=r"tick: expected 0.5, the tick of bybit:BTCUSDT on 2022-12-01"):
        old.tape(np.random.default_rng(1))
    coarse = old.model_copy(update={"tick": 0.5})
    assert coarse.tape(np.random.default_rng(1)).bars.interval == 5 * MINUTE
    own = linear("SOLUSDT", base="SOL", tick=0.01, lot=0.1)
    sol = SyntheticMarket(days=2, first_price=150.0, tick=0.01, lot=0.1)
    assert sol.tape(np.random.default_rng(1), own).instrument == own
