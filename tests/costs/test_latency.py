"""Delays: each kind gives the table it says, the kernel looks values up in it, and what cannot be is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.costs.kernels import delay_at
from halfspread.costs.latency import DRAWS, MAX_DELAY, Delay, Latency
from halfspread.costs.records import DELAY_DRAWN, DELAY_FIXED, DELAY_RECORDED
from halfspread.errors import ConfigError

MS = 1_000_000


def drawn(delay: Delay, seed: int = 1) -> np.ndarray[Any, Any]:
    mode, _, delays = delay.table(np.random.default_rng(seed))
    assert mode == DELAY_DRAWN
    assert delays.dtype == np.int64
    assert delays.shape == (DRAWS,)
    return delays


@pytest.mark.parametrize(
    ("delay", "expected"), [(Delay.none(), 0), (Delay.fixed("5ms"), 5 * MS), (Delay.fixed(2), 2000 * MS)]
)
def test_a_fixed_delay_is_the_same_for_every_message(delay: Delay, expected: int) -> None:
    mode, times, delays = delay.table(np.random.default_rng(0))
    assert (mode, len(times), delays.tolist()) == (DELAY_FIXED, 1, [expected])
    assert [delay_at(mode, times, delays, n, 10**18 + n) for n in range(3)] == [expected] * 3


def test_lognormal_delays_have_their_median_their_spread_and_their_floor() -> None:
    delays = drawn(Delay.lognormal("5ms", 0.5, floor="1ms")) / MS
    assert np.median(delays) == pytest.approx(5.0, rel=0.02)
    assert delays.min() > 1.0
    assert np.std(np.log(delays - 1.0)) == pytest.approx(0.5, rel=0.02)


def test_normal_delays_have_their_mean_and_never_fall_below_the_floor() -> None:
    delays = drawn(Delay.normal("5ms", "1ms")) / MS
    assert delays.mean() == pytest.approx(5.0, rel=0.01)
    assert delays.std() == pytest.approx(1.0, rel=0.02)
    assert drawn(Delay.normal("5ms", "4ms", floor="2ms")).min() == 2 * MS
    assert drawn(Delay.normal("0ms", "4ms")).min() == 0


def test_empirical_delays_are_the_measured_ones_in_their_proportions() -> None:
    delays = drawn(Delay.empirical(np.array([2 * MS, 3 * MS, 3 * MS, 9 * MS])))
    assert sorted(set(delays.tolist())) == [2 * MS, 3 * MS, 9 * MS]
    assert (delays == 3 * MS).mean() == pytest.approx(0.5, abs=0.02)


def test_the_same_generator_gives_the_same_delays_and_another_seed_others() -> None:
    delay = Delay.lognormal("5ms", 0.5)
    assert np.array_equal(drawn(delay, 3), drawn(delay, 3))
    assert not np.array_equal(drawn(delay, 3), drawn(delay, 4))


def test_drawn_delays_are_taken_in_turn_and_again_from_the_start() -> None:
    table = Delay.lognormal("5ms", 0.5).table(np.random.default_rng(1))
    taken = [delay_at(*table, n, 0) for n in range(5)]
    assert taken == table[2][:5].tolist()
    assert delay_at(*table, DRAWS + 2, 0) == table[2][2]


def test_a_recorded_delay_holds_from_its_time_until_the_next() -> None:
    table = Delay.recorded([100, 200, 300], [5, 7, 9]).table(np.random.default_rng(0))
    assert table[0] == DELAY_RECORDED
    assert [delay_at(*table, 0, t) for t in (0, 100, 199, 200, 299, 300, 10**18)] == [5, 5, 5, 7, 7, 9, 9]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20, unique=True), st.integers(-5, 1010))
def test_looking_up_a_recorded_delay_agrees_with_a_plain_search(starts: list[int], time: int) -> None:
    times = sorted(starts)
    table = Delay.recorded(times, list(range(len(times)))).table(np.random.default_rng(0))
    assert delay_at(*table, 0, time) == max([i for i, start in enumerate(times) if start <= time], default=0)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"kind": "fixed"}, "delay: kind 'fixed' needs it"),
        ({"kind": "fixed", "delay": -1}, "delay: expected a length of time"),
        ({"kind": "fixed", "delay": "-5ms"}, "delay: expected a length of time"),
        ({"kind": "fixed", "delay": "2h"}, "delay: expected a delay of at most 1h, got '2h'"),
        ({"kind": "fixed", "delay": "5ms", "sigma": 1.0}, "sigma: kind 'fixed' takes delay"),
        ({"kind": "none", "delay": "5ms"}, "delay: kind 'none' takes nothing"),
        ({"kind": "lognormal", "median": "5ms"}, "sigma: kind 'lognormal' needs it"),
        ({"kind": "lognormal", "median": "5ms", "sigma": 0.5, "floor": "5ms"}, "floor: expected less than the median"),
        ({"kind": "lognormal", "median": "5m", "sigma": 2.0}, "sigma: 2 with a median of '5m' gives delays of more"),
        ({"kind": "lognormal", "median": "5ms", "sigma": -0.5}, "sigma: "),
        ({"kind": "normal", "mean": "5ms"}, "deviation: kind 'normal' needs it"),
        ({"kind": "empirical"}, "samples_ns: kind 'empirical' needs it"),
        ({"kind": "empirical", "samples_ns": [1, -1]}, "samples_ns: row 1: expected nanoseconds from 0 to 1h, got -1"),
        ({"kind": "empirical", "samples_ns": [MAX_DELAY + 1]}, "samples_ns: row 0"),
        ({"kind": "empirical", "samples_ns": [0.5]}, "samples_ns.0: "),
        ({"kind": "recorded", "times_ns": [1, 2], "delays_ns": [1]}, "expected one for each of the 2 times, got 1"),
        ({"kind": "recorded", "times_ns": [2, 2], "delays_ns": [1, 1]}, "times_ns: row 1: expected a later time"),
        ({"kind": "recorded", "times_ns": [1, 2], "delays_ns": [1, -1]}, "delays_ns: row 1"),
        ({"kind": "uniform"}, "kind: "),
    ],
)
def test_a_delay_that_cannot_be_is_refused(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match="Delay: ") as caught:
        Delay(**fields)
    assert complaint in str(caught.value)


def test_two_dimensional_samples_are_refused() -> None:
    with pytest.raises(ConfigError, match="samples_ns"):
        Delay.empirical(np.zeros((2, 2), np.int64))


def test_the_answer_takes_as_long_as_the_order_unless_it_is_given() -> None:
    assert Latency.fixed("10ms").response == Delay.fixed("10ms")
    assert Latency.fixed("10ms", response="1ms").response == Delay.fixed("1ms")
    assert Latency(order=Delay.lognormal("5ms", 0.5)).response == Delay.lognormal("5ms", 0.5)
    assert Latency(feed=Delay.fixed("5ms")).order.is_zero


def test_latency_is_read_from_plain_data() -> None:
    read = Latency.model_validate({"order": {"kind": "fixed", "delay": "10ms"}, "feed": {"kind": "none"}})
    assert read == Latency(order=Delay.fixed("10ms"))
    assert Latency.model_validate_json(read.model_dump_json()) == read


def test_order_and_answer_draw_delays_of_their_own() -> None:
    order, response, feed = Latency(order=Delay.lognormal("5ms", 0.5)).tables(np.random.default_rng(1))
    assert not np.array_equal(order[2], response[2])
    assert feed[2].tolist() == [0]


def test_the_report_says_how_long_messages_take() -> None:
    assert Latency.none().is_zero
    assert Latency.none().describe().startswith("none: ")
    assert Latency.fixed("0s").describe() == Latency.none().describe()
    told = Latency(order=Delay.lognormal("5ms", 0.5, "1ms"), response=Delay.recorded([1, 2], [MS, 3 * MS])).describe()
    assert "after median 5ms (lognormal, sigma 0.5, at least 1ms)" in told
    assert "comes back after median 2ms (looked up by time in 2 recorded delays)" in told
    assert "mean 5ms (normal, standard deviation 1ms)" in Delay.normal("5ms", "1ms").describe()
    assert "drawn from 3 measured delays" in Delay.empirical([1, 2, 3]).describe()
