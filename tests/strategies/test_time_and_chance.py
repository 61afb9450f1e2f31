"""Time of day and the null: tables worked by hand, and turnover as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest

from halfspread.engine.times import HOUR
from halfspread.errors import ConfigError
from halfspread.strategies import RandomTurnover, TimeOfDay
from halfspread.strategies.expert_kernels import uniform
from halfspread.strategies.random_turnover import _uniform
from tests.engine.worlds import START, tape
from tests.strategies.events import FREE, MODES, run, run_twins

DAY_TABLE = tuple(float(hour % 3 - 1) for hour in range(24))
WEEK_TABLE = tuple((hour - 84) / 84 for hour in range(168))


@pytest.mark.parametrize("mode", MODES)
def test_the_hour_of_the_decision_is_what_counts(mode: str) -> None:
    # The first bar closes at 01:00 on a Monday.
    curve = run(tape([100.0] * 30), TimeOfDay(hours=DAY_TABLE), FREE, mode, fill="this_close").curve
    assert (curve["position"] / 1000).tolist() == [DAY_TABLE[(i + 1) % 24] for i in range(30)]


@pytest.mark.parametrize("mode", MODES)
def test_a_week_begins_on_monday(mode: str) -> None:
    curve = run(tape([100.0] * 200), TimeOfDay(hours=WEEK_TABLE), FREE, mode, fill="this_close").curve
    expected = [math.copysign(math.floor(abs(1000 * WEEK_TABLE[(i + 1) % 168]) + 1e-9), 1) for i in range(200)]
    assert np.abs(curve["position"]).tolist() == expected
    assert (START // HOUR) % 168 == 96  # Monday midnight: 168 - 72 hours after a Thursday midnight


def test_bars_that_close_within_an_hour_belong_to_it() -> None:
    table = tuple(1.0 if hour == 1 else 0.0 for hour in range(24))
    curve = run(tape([100.0] * 8, interval=HOUR // 2), TimeOfDay(hours=table), FREE, fill="this_close").curve
    assert (curve["position"] / 1000).tolist() == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_table_of_another_length_or_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected 24 targets from midnight on, or 168 from Monday midnight"):
        TimeOfDay(hours=(0.0,) * 25)
    with pytest.raises(ConfigError, match="less than or equal to 1"):
        TimeOfDay(hours=(2.0,) * 24)


@pytest.mark.parametrize("turnover", [0.5, 2.0, 12.0, 24.0])
def test_turnover_of_a_day_is_what_was_asked_for(turnover: float) -> None:
    days = 1_000
    result = run(tape([100.0] * (24 * days)), RandomTurnover(turnover=turnover), FREE)
    traded = np.abs(result.fill_records["contracts"]).sum() / 1000.0
    # At every bar 2 with probability turnover / 48, else nothing: variance 4 p (1 - p) of a bar.
    chance = turnover / 48.0
    error = math.sqrt(24 * days * 4.0 * chance * (1.0 - chance))
    assert abs(traded - turnover * days) < 4.0 * error
    assert traded != turnover * days


def test_longer_bars_trade_as_much_in_a_day() -> None:
    found = []
    for hours in (1, 4):
        closes = [100.0] * (24 * 1_000 // hours)
        result = run(tape(closes, interval=hours * HOUR), RandomTurnover(turnover=3.0), FREE)
        found.append(np.abs(result.fill_records["contracts"]).sum() / 1e6)
    assert found == pytest.approx([3.0, 3.0], rel=0.1)


def test_long_and_short_are_alike_and_know_nothing_of_the_price() -> None:
    closes = (100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.003, 20_000)))).tolist()
    result = run(tape(closes), RandomTurnover(turnover=12.0), FREE)
    held = result.curve["position"].to_numpy()[1:] / 1000.0
    assert abs(held.mean()) < 0.05
    moves = np.diff(np.log(closes))
    assert abs(np.corrcoef(held[:-1], moves[1:])[0, 1]) < 4.0 / math.sqrt(len(moves))


def test_the_seed_of_the_run_decides_and_the_market_does_not() -> None:
    up, down = tape([100.0 + i for i in range(500)]), tape([1000.0 - i for i in range(500)])
    agent = RandomTurnover(turnover=6.0)
    same = [run(market, agent, FREE, seed=3).curve["position"].tolist() for market in (up, down)]
    assert same[0] == same[1]
    assert run(up, agent, FREE, seed=4).curve["position"].tolist() != same[0]


def test_both_forms_do_the_same() -> None:
    market = tape([100.0 + i % 7 for i in range(3_000)])
    for agent in (RandomTurnover(turnover=7.0), TimeOfDay(), TimeOfDay(hours=WEEK_TABLE)):
        assert len(run_twins(market, agent, FREE).fill_records) > 100


def test_the_draws_are_splitmix64_and_uniform() -> None:
    # First outputs of SplitMix64 seeded with 0, shifted to 53 bits.
    known = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [_uniform(0.0, float(i)) for i in range(3)] == [(x >> 11) * 2.0**-53 for x in known]
    seeds = [0.0, 1.0, 123_456_789.0, float(2**53 - 1)]
    assert [uniform(s, c) for s in seeds for c in (0.0, 7.0, 1e6)] == [
        _uniform(s, c) for s in seeds for c in (0.0, 7.0, 1e6)
    ]
    draws = np.array([_uniform(5.0, float(i)) for i in range(20_000)])
    assert np.histogram(draws, 10)[0] == pytest.approx([2_000] * 10, abs=4 * math.sqrt(1_800))
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 4.0 / math.sqrt(20_000)
