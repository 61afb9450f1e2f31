"""The best policies of the worlds of bars earn what is promised, by plain accounting in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from halfspread.datafeeds.synthetic.price_world import ConstantFunding, PriceWorld, PureNoise
from halfspread.datafeeds.synthetic.reverting_world import MeanReverting, reverting_chain
from halfspread.datafeeds.synthetic.switching import best_switching, switching_value
from halfspread.datafeeds.synthetic.trending_world import Trending
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.bars import read_bars
from halfspread.engine.times import HOUR, Floats
from halfspread.errors import ConfigError, DataError

WORLDS = 60
BARS = 5_000


def profit(targets: Floats, closes: Floats, cost: float) -> float:
    """Targets decided at each close and held over the next bar, by one contract; the first trade is paid for too."""
    held = targets[:-1]
    return float((held * np.diff(closes)).sum() - cost * np.abs(np.diff(held, prepend=0.0)).sum())


def mean_and_error(values: list[float]) -> tuple[float, float]:
    found = np.array(values)
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found)))


def worlds(make: Callable[[np.random.Generator], World]) -> list[World]:
    return [make(np.random.default_rng(seed)) for seed in range(WORLDS)]


def earned_per_bar(model: MeanReverting | Trending, cost: float, **more: float) -> tuple[float, float, float]:
    """Promised profit per bar, mean over independent worlds, its standard error."""
    policy = model.best_policy(cost, **more)
    found = [profit(policy.targets(w), w.closes, cost) / (model.bars - 1) for w in worlds(model.market)]
    return policy.value, *mean_and_error(found)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        (MeanReverting(bars=BARS), 0.0),
        (MeanReverting(bars=BARS), 5.0),
        (MeanReverting(bars=BARS, half_life=5, deviation=3.0), 1.0),
        (MeanReverting(bars=BARS, level_drift=1.0), 3.0),
        (MeanReverting(bars=BARS, level_drift=-1.0), 0.0),
        (Trending(bars=BARS), 0.0),
        (Trending(bars=BARS), 3.0),
        (Trending(bars=BARS, drift_up=3.0, drift_down=-1.0, bars_up=30, bars_down=80), 2.0),
        (Trending(bars=BARS, drift_up=2.0, drift_down=-1.0), 60.0),
    ],
    ids=lambda value: f"{value:g}" if isinstance(value, float) else value.title,
)
def test_the_best_policy_earns_what_is_promised(model: MeanReverting | Trending, cost: float) -> None:
    promised, mean, error = earned_per_bar(model, cost)
    assert error < 0.06 * promised, "too noisy to tell"
    assert abs(mean - promised) < 3.5 * error


def test_a_proportional_policy_earns_what_is_promised_and_less_than_the_risk_neutral_one() -> None:
    model = MeanReverting(bars=BARS)
    promised, mean, error = earned_per_bar(model, 0.0, risk_aversion=0.02)
    assert abs(mean - promised) < 3.5 * error < 0.2 * promised
    assert promised < model.expected(0.0)


def test_a_proportional_policy_without_drift_has_a_closed_form() -> None:
    model = MeanReverting(deviation=7.0, half_life=12.0)
    spread = (1.0 - model.persistence) * model.distance_deviation
    for aversion in (0.001, 0.02, 0.2):
        cut = aversion * 49.0  # the expected move at which the position is full
        k = cut / spread
        density = math.exp(-0.5 * k * k) / math.sqrt(2.0 * math.pi)
        inner = spread**2 / cut * (math.erf(k / math.sqrt(2.0)) - 2.0 * k * density)
        assert model.expected(0.0, risk_aversion=aversion) == pytest.approx(inner + 2.0 * spread * density, rel=1e-6)


@pytest.mark.parametrize("model", [MeanReverting(bars=BARS), Trending(bars=BARS)], ids=lambda model: model.title)
def test_the_opposite_of_the_best_policy_loses_as_much_without_costs(model: MeanReverting | Trending) -> None:
    policy = model.best_policy(0.0)
    found = [profit(-policy.targets(w), w.closes, 0.0) / (model.bars - 1) for w in worlds(model.market)]
    mean, error = mean_and_error(found)
    assert abs(mean + policy.value) < 3.5 * error


def test_a_band_of_no_trades_beats_narrower_and_wider_ones() -> None:
    model, cost = MeanReverting(), 5.0
    distance, transition = reverting_chain(model.persistence, model.deviation)
    moves = model.moves(distance)
    _, best = model.thresholds(cost)
    values = [
        switching_value(transition, moves, distance <= -best * width, distance >= best * width, cost)
        for width in (0.2, 0.6, 0.9, 1.0, 1.1, 1.5, 2.5)
    ]
    assert max(values) <= model.expected(cost) * (1.0 + 1e-9)
    assert values[0] < values[1] < values[2] <= values[3] * 1.001
    assert values[3] * 1.001 >= values[4] > values[5] > values[6]


def test_the_band_grows_with_the_cube_root_of_a_small_cost_where_the_price_returns_slowly() -> None:
    model = MeanReverting(half_life=1_000)  # de Lataillade et al. 2012: in continuous time
    _, one = model.thresholds(2.0 * model.deviation)
    _, eight = model.thresholds(16.0 * model.deviation)
    assert eight / one == pytest.approx(2.0, rel=0.12)
    assert model.thresholds(0.0) == (0.0, 0.0)


def test_the_solution_does_not_hang_on_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MeanReverting(half_life=31.0)
    coarse = model.expected(4.0)
    monkeypatch.setattr("halfspread.datafeeds.synthetic.reverting_world.LEAST_STATES", 1_601)
    distance, transition = reverting_chain(model.persistence, model.deviation)
    assert best_switching(transition, model.moves(distance), 4.0).value == pytest.approx(coarse, rel=1e-3)


def test_trends_are_worth_the_same_by_dynamic_programming() -> None:
    for cost in (0.0, 3.0, 30.0, 100.0):
        model = Trending(drift_up=3.0, drift_down=-1.0, bars_up=30, bars_down=80)
        transition = np.array([[1 - 1 / 30, 1 / 30], [1 / 80, 1 - 1 / 80]])
        solved = best_switching(transition, np.array([3.0, -1.0]), cost)
        assert model.expected(cost) == pytest.approx(solved.value)


def test_whoever_must_guess_the_state_earns_less_than_whoever_knows_it_but_more_than_an_average() -> None:
    model = Trending(bars=BARS, observable=False, drift_up=4.0, drift_down=-4.0)
    policy = model.best_policy(0.0)
    assert not policy.exact
    found, rough = [], []
    for world in worlds(model.market):
        closes = world.closes
        found.append(profit(policy.targets(world), closes, 0.0) / (BARS - 1))
        momentum = np.sign(closes - np.concatenate((np.full(10, closes[0]), closes[:-10])))
        rough.append(profit(momentum, closes, 0.0) / (BARS - 1))
    mean, error = mean_and_error(found)
    assert np.mean(rough) + 2.0 * error < mean < policy.value - 5.0 * error
    assert "next_drift" not in worlds(model.market)[0].table("bars")
    with pytest.raises(ConfigError, match="hidden states without costs"):
        model.best_policy(1.0)


def test_the_filter_is_bayes_rule() -> None:
    model = Trending(observable=False, drift_up=3.0, drift_down=-1.0, bars_up=10, bars_down=20, deviation=2.0)
    closes = np.array([100.0, 104.0, 103.0])
    up = 1.0 / 3.0
    expected = [up * 3.0 - (1.0 - up)]
    for move in (4.0, -1.0):
        yes, no = (math.exp(-0.5 * ((move - drift) / 2.0) ** 2) for drift in (3.0, -1.0))
        now = up * yes / (up * yes + (1.0 - up) * no)
        up = now * 0.9 + (1.0 - now) * 0.05
        expected.append(up * 3.0 - (1.0 - up))
    assert model.filtered_drift(closes) == pytest.approx(expected, rel=1e-12)


def test_in_noise_every_policy_loses_its_costs() -> None:
    model, cost = PureNoise(bars=BARS), 2.0
    found, promised = [], []
    for world in worlds(model.market):
        closes = world.closes
        momentum = np.sign(np.diff(closes, prepend=closes[0]))
        found.append(profit(momentum, closes, cost))
        promised.append(model.expected(float(np.abs(np.diff(momentum[:-1], prepend=0.0)).sum()), cost))
        assert profit(model.best_policy(cost).targets(world), closes, cost) == 0.0
    mean, error = mean_and_error(found)
    assert np.mean(promised) < -5.0 * error, "too noisy to tell"
    assert abs(mean - np.mean(promised)) < 3.5 * error


@pytest.mark.parametrize("rate", [3e-4, -3e-4])
def test_constant_funding_is_earned_by_holding_against_it(rate: float) -> None:
    model, cost = ConstantFunding(bars=BARS, rate=rate, deviation=2.0), 6.0
    policy, found = model.best_policy(cost), []
    for world in worlds(model.market):
        targets = policy.targets(world)
        funding, mark = world.table("funding"), world.table("mark")
        prices = dict(zip(mark["ts"], mark["price"], strict=True))
        closes = np.asarray(world.table("bars")["ts"]) + world.interval
        paid = 0.0
        for time, each in zip(funding["ts"], funding["rate"], strict=True):
            decided = int(np.searchsorted(closes, time)) - 1  # the last close before the settlement
            paid -= (targets[decided] if decided >= 0 else 0.0) * each * prices[time]
        found.append(paid + profit(targets, world.closes, cost))
    mean, error = mean_and_error(found)
    assert math.copysign(1.0, targets[0]) == -math.copysign(1.0, rate)
    assert abs(mean - model.expected(cost)) < 3.5 * error < 0.2 * model.expected(cost)


def test_funding_that_does_not_pay_for_a_trade_is_left_alone() -> None:
    model = ConstantFunding(bars=1_000, rate=1e-4)
    assert model.settlements() == 10
    assert model.expected(0.0) == pytest.approx(60.0)
    assert model.expected(59.0) == pytest.approx(1.0)
    assert model.expected(61.0) == 0.0
    assert model.best_policy(61.0).description == "stay flat"
    funding = model.market(np.random.default_rng(1)).table("funding")
    assert (np.diff(funding["ts"]) == 8 * HOUR).all()
    assert (funding["ts"] - funding["known_ts"] == 8 * HOUR).all()


@pytest.mark.parametrize(
    "model",
    [PureNoise(), ConstantFunding(), Trending(), MeanReverting(), MeanReverting(tick=0.5, deviation=0.5)],
    ids=lambda model: model.title,
)
def test_bars_are_what_the_engine_reads_and_stand_on_the_tick(model: PureNoise) -> None:
    world = model.market(np.random.default_rng(3))
    frame = world.table("bars")
    bars = read_bars(frame)
    assert len(bars) == model.bars
    assert bars.interval == world.interval
    assert world.instrument.tick == model.tick
    for name in ("open", "high", "low", "close", "bid_open", "ask_close"):
        ticks = np.asarray(frame[name]) / model.tick
        assert np.abs(ticks - np.rint(ticks)).max() < 1e-6
    assert (frame["open"].to_numpy()[1:] == frame["close"].to_numpy()[:-1]).all()
    assert (frame["ask_open"] - frame["bid_open"]).to_numpy() == pytest.approx(2.0 * model.half_spread)
    assert ((frame["bid_close"] + frame["ask_close"]) / 2.0).to_numpy() == pytest.approx(frame["close"].to_numpy())
    assert (world.table("mark")["price"].to_numpy()[1:] == world.closes).all()


@pytest.mark.parametrize("tick", [0.5, 3.0, 10.0])
def test_the_noise_has_the_deviation_and_no_drift_whatever_the_tick(tick: float) -> None:
    model = PureNoise(bars=200_000, tick=tick, first_price=300_000.0, deviation=10.0, interval="1s")
    moves = np.diff(model.market(np.random.default_rng(5)).closes)
    deviation = math.sqrt(100.0 + tick**2 / 12.0)  # the rounding adds the variance of a uniform error
    assert moves.std() == pytest.approx(deviation, rel=0.01)
    assert abs(moves.mean()) < 3.5 * deviation / math.sqrt(len(moves))
    assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 3.5 / math.sqrt(len(moves))


def test_one_seed_gives_one_world() -> None:
    for model in (PureNoise(bars=50), Trending(bars=50), MeanReverting(bars=50)):
        one, same = (model.market(np.random.default_rng(9)).table("bars") for _ in range(2))
        assert one.equals(same)
        assert not one.equals(model.market(np.random.default_rng(10)).table("bars"))


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (PureNoise, {"deviation": 0.05}, "noise: deviation: expected at least one tick"),
        (PureNoise, {"first_price": 100.0}, "stays above zero"),
        (PureNoise, {"interval": "5 parsecs"}, "interval: expected an interval"),
        (PureNoise, {"start": "2024-01-01T00:01:00Z"}, "whole multiple of the interval"),
        (PureNoise, {"colour": "red"}, "colour"),
        (Trending, {"drift_up": -3.0}, "trending: drift_up: expected more than drift_down"),
        (Trending, {"bars_up": 1, "bars_down": 1}, "expected one of them above 1"),
        (Trending, {"drift_down": -20.0}, "stays above zero"),
        (MeanReverting, {"half_life": 0.0}, "half_life"),
    ],
)
def test_impossible_worlds_are_refused(model: type[PriceWorld], values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        model.model_validate(values)


def test_wrong_questions_are_refused() -> None:
    with pytest.raises(ConfigError, match="cost: expected at least 0"):
        PureNoise().expected(1.0, -1.0)
    with pytest.raises(ConfigError, match="risk_aversion"):
        MeanReverting().best_policy(1.0, risk_aversion=0.1)
    with pytest.raises(DataError, match="has none"):
        PureNoise(bars=5).market(np.random.default_rng(1)).table("trades")


def test_a_settlement_at_the_first_close_comes_too_early() -> None:
    model = ConstantFunding(bars=10, interval="8h", deviation=1.0)
    assert len(model.settlement_times) == 10
    assert model.settlements() == 9


def test_the_distance_is_stationary_from_the_start_and_counts_from_the_level_of_its_close() -> None:
    model = MeanReverting(bars=2, level_drift=500.0, deviation=10.0, half_life=30.0)
    found = [model.market(np.random.default_rng(seed)) for seed in range(400)]
    firsts = np.array([world.table("bars")["open"].iloc[0] for world in found]) - 60_000.0
    assert firsts.std() == pytest.approx(model.distance_deviation, rel=0.12)
    distances = np.array([world.closes - world.hidden["level"][1:] for world in found])
    assert distances.std(axis=0) == pytest.approx(model.distance_deviation, rel=0.12)
    policy = model.best_policy(0.0, risk_aversion=1.0)
    for world, distance in zip(found[:20], distances[:20], strict=True):
        wanted = np.clip((500.0 - (1.0 - model.persistence) * distance) / 100.0, -1.0, 1.0)
        assert policy.targets(world) == pytest.approx(wanted)
    long, short = model.thresholds(0.0)
    assert long == short == pytest.approx(500.0 / (1.0 - model.persistence))
    banded = MeanReverting(bars=200, level_drift=0.2, deviation=1.0, half_life=2.0)
    world = banded.market(np.random.default_rng(1))
    distance, held = world.closes - world.hidden["level"][1:], 0.0
    long, short = banded.thresholds(0.3)
    for target, x in zip(banded.best_policy(0.3).targets(world), distance, strict=True):
        held = 1.0 if x <= long else -1.0 if x >= short else held
        assert target == held
