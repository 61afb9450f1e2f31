"""Compiled path of the synthetic market: one call advances it by a block of equal steps.

Units: prices in quote currency, moves and rates are fractions, variances are per step, volumes in lots, times in steps.
Draws are standard normal, standard gamma and uniform [0, 1) numbers, one row for each step; none may be NaN. The state
is carried from block to block, so the blocks' length does not change one bit of the path.

A step is a first instant, after which the market opens anew, and a rest. Within the rest the price is a Brownian motion
between its two ends, whose maximum and minimum are each drawn from their exact distribution (Karatzas and Shreve 1991,
section 2.8).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from halfspread.compiled import kernel

__all__ = ["Bars", "Draws", "PathParameters", "Series", "State", "advance"]

Floats = NDArray[np.float64]


class PathParameters(NamedTuple):
    """Numbers that do not change along the path; every rate of change is per step."""

    first_price: float
    tick: float
    variance: float
    drift: float
    tail_index: float
    open_share: float
    shock_weight: float
    persistence: float
    slow_persistence: float
    slow_noise: float
    slow_mean: float
    spread_ticks: float
    spread_elasticity: float
    basis_mean: float
    basis_persistence: float
    basis_noise: float
    lots: float
    interest: float
    clamp: float
    cap: float
    steps_per_bar: int
    steps_per_funding: int
    steps_per_sample: int
    first_phase: int


class Draws(NamedTuple):
    """Random numbers, one row for each step: normal (n, 4), mixing (n), size (n), uniform (n, 4)."""

    normal: Floats
    mixing: Floats
    size: Floats
    uniform: Floats


class State(NamedTuple):
    """What is carried from block to block: ``numbers`` (see the indices below) and the last mid minus index (ring)."""

    numbers: Floats
    gaps: Floats


class Bars(NamedTuple):
    """Bars of the whole path, prices in ticks and volume in lots, each (bars)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    bid_open: Floats
    ask_open: Floats
    bid_close: Floats
    ask_close: Floats


class Series(NamedTuple):
    """Index and mark (samples + 1, the first at the start; tenths of a tick), premium (steps), rates (settlements)."""

    index_price: Floats
    mark_price: Floats
    premium: Floats
    rate: Floats


INDEX, SLOW, FAST, BASIS, PREMIUM_SUM, WEIGHT_SUM, RATE, SETTLED = range(8)
LARGEST_STEP = 0.05


@kernel
def step_deviation(variance: float, tail_index: float, mixing: float) -> float:
    """Standard deviation of this step: Gaussian given ``mixing``, Student-t over all of them; at most 5 %."""
    return min(math.sqrt(variance * (0.5 * tail_index - 1.0) / mixing), LARGEST_STEP)


@kernel
def spread_in_ticks(parameters: PathParameters, pattern: float, excess_variance: float) -> float:
    """Quoted spread: whole ticks, at least one; ``excess_variance`` is 1 on average."""
    width = parameters.spread_ticks * pattern * math.pow(excess_variance, 0.5 * parameters.spread_elasticity)
    return max(1.0, math.floor(width + 0.5))


@kernel
def best_bid(mid: float, tick: float, spread: float) -> float:
    """Best bid in ticks for a mid price and a spread in ticks; never below one tick."""
    return max(1.0, math.floor(mid / tick - 0.5 * spread + 0.5))


@kernel
def extremes(first: float, last: float, variance: float, up: float, down: float) -> tuple[float, float]:
    """Maximum and minimum of a Brownian bridge with the given ends and variance, from two uniform numbers."""
    square = (last - first) ** 2
    high = 0.5 * (first + last + math.sqrt(square - 2.0 * variance * math.log(1.0 - up)))
    low = 0.5 * (first + last - math.sqrt(square - 2.0 * variance * math.log(1.0 - down)))
    return high, low


@kernel
def premium_of(bid: float, ask: float, index: float) -> float:
    """Premium index: how far the bid is above, or the ask below, the index; a fraction of it."""
    return (max(0.0, bid - index) - max(0.0, index - ask)) / index


@kernel
def funding_rate(premium: float, interest: float, clamp: float, cap: float) -> float:
    """F = P + clamp(I - P, -clamp, clamp), at most ``cap`` either way, rounded to eight decimals as it is published."""
    rate = premium + min(max(interest - premium, -clamp), clamp)
    return math.floor(min(max(rate, -cap), cap) * 1e8 + 0.5) / 1e8


@kernel
def mark_price(index: float, funding_part: float, gaps: Floats, last: float) -> float:
    """Median of index plus what is left of the funding, index plus the mean gap of five minutes, and last price."""
    one = index * (1.0 + funding_part)
    total = 0.0
    for k in range(gaps.size):
        total += gaps[k]
    two = index + total / gaps.size
    return max(min(one, two), min(max(one, two), last))


@kernel
def update_bar(bars: Bars, bar: int, within: int, trades: tuple[float, float, float, float], lots: float) -> None:
    """Enter the open, high, low and close (ticks) of step number ``within`` of a bar."""
    first, high, low, last = trades
    if within == 0:
        bars.open[bar] = first
        bars.high[bar] = high
        bars.low[bar] = low
        bars.volume[bar] = 0.0
    bars.high[bar] = max(bars.high[bar], high)
    bars.low[bar] = min(bars.low[bar], low)
    bars.close[bar] = last
    bars.volume[bar] += lots


@kernel
def update_volatility(parameters: PathParameters, numbers: Floats, squared_shock: float, noise: float) -> None:
    """One GARCH(1,1) step of the fast variance and one AR(1) step of the slow log-variance; both have mean one."""
    shock, persistence = parameters.shock_weight, parameters.persistence
    fast = numbers[FAST]
    numbers[FAST] = (1.0 - persistence) + shock * fast * squared_shock + (persistence - shock) * fast
    slow = parameters.slow_mean + parameters.slow_persistence * (numbers[SLOW] - parameters.slow_mean)
    numbers[SLOW] = slow + parameters.slow_noise * noise


@kernel
def settle(parameters: PathParameters, numbers: Floats, premium: float, phase: int, rates: Floats) -> None:
    """Weigh the premium of step ``phase`` (1 ...) of the interval by its number; fix the rate when it is the last."""
    numbers[PREMIUM_SUM] += phase * premium
    numbers[WEIGHT_SUM] += phase
    if phase == parameters.steps_per_funding:
        mean = numbers[PREMIUM_SUM] / numbers[WEIGHT_SUM]
        numbers[RATE] = funding_rate(mean, parameters.interest, parameters.clamp, parameters.cap)
        rates[int(numbers[SETTLED])] = numbers[RATE]
        numbers[SETTLED] += 1.0
        numbers[PREMIUM_SUM] = 0.0
        numbers[WEIGHT_SUM] = 0.0


@kernel
def begin(parameters: PathParameters, state: State, series: Series, spread: float) -> None:
    """Place the index so that the first ask is the first price, and publish index and mark of the start."""
    numbers, tick = state.numbers, parameters.tick
    mid = parameters.first_price - 0.5 * spread * tick
    index = mid / (1.0 + numbers[BASIS])
    numbers[INDEX] = index
    numbers[RATE] = parameters.interest
    state.gaps[:] = mid - index
    left = 1.0 - parameters.first_phase / parameters.steps_per_funding
    mark = mark_price(index, numbers[RATE] * left, state.gaps, parameters.first_price)
    series.index_price[0] = math.floor(index / tick * 10.0 + 0.5)
    series.mark_price[0] = math.floor(mark / tick * 10.0 + 0.5)


@kernel
def advance(
    parameters: PathParameters,
    patterns: Floats,
    first_step: int,
    draws: Draws,
    state: State,
    bars: Bars,
    series: Series,
) -> None:
    """Advance the market by as many steps as there are draws.

    ``patterns`` (steps of a day, 2) holds the factor of the variance and of the spread at every time of the day,
    beginning with the time of day of the start; ``first_step`` is the number of steps made before.
    """
    numbers, tick = state.numbers, parameters.tick
    open_root, rest_root = math.sqrt(parameters.open_share), math.sqrt(1.0 - parameters.open_share)
    for j in range(draws.mixing.size):
        step = first_step + j
        normal, uniform = draws.normal[j], draws.uniform[j]
        of_day = step % patterns.shape[0]
        excess = math.exp(numbers[SLOW]) * numbers[FAST]
        variance = parameters.variance * patterns[of_day, 0] * excess
        deviation = step_deviation(variance, parameters.tail_index, draws.mixing[j])
        spread = spread_in_ticks(parameters, patterns[of_day, 1], excess)
        open_shock = open_root * normal[0]
        if step == 0:
            begin(parameters, state, series, spread)
            open_shock = 0.0
        rest_shock = rest_root * normal[1]

        opened = numbers[INDEX] * (1.0 + deviation * open_shock)
        index = opened * (1.0 + deviation * rest_shock) * (1.0 + parameters.drift)
        first_mid = opened * (1.0 + numbers[BASIS])
        numbers[BASIS] = (
            parameters.basis_mean
            + parameters.basis_persistence * (numbers[BASIS] - parameters.basis_mean)
            + parameters.basis_noise * normal[3]
        )
        mid = index * (1.0 + numbers[BASIS])
        numbers[INDEX] = index

        bid_open = best_bid(first_mid, tick, spread)
        bid = best_bid(mid, tick, spread)
        ask = bid + spread
        first = bid_open + (spread if step == 0 or uniform[2] < 0.5 else 0.0)
        last = bid + (spread if uniform[3] < 0.5 else 0.0)
        peak, trough = extremes(first_mid, mid, (deviation * rest_root * opened) ** 2, uniform[0], uniform[1])
        high = max(first, last, math.floor(peak / tick))
        low = max(1.0, min(first, last, math.ceil(trough / tick)))
        lots = max(1.0, math.floor(parameters.lots * math.sqrt(patterns[of_day, 0] * excess) * draws.size[j] + 0.5))
        bar, within = step // parameters.steps_per_bar, step % parameters.steps_per_bar
        if within == 0:
            bars.bid_open[bar] = bid_open
            bars.ask_open[bar] = bid_open + spread
        update_bar(bars, bar, within, (first, high, low, last), lots)
        if within == parameters.steps_per_bar - 1:
            bars.bid_close[bar] = bid
            bars.ask_close[bar] = ask

        published = max(1.0, math.floor(index / tick * 10.0 + 0.5))
        premium = premium_of(bid, ask, published / 10.0)
        series.premium[step] = premium
        phase = (parameters.first_phase + step) % parameters.steps_per_funding + 1
        state.gaps[step % state.gaps.size] = mid - index
        if (step + 1) % parameters.steps_per_sample == 0:
            part = numbers[RATE] * (parameters.steps_per_funding - phase) / parameters.steps_per_funding
            sample = (step + 1) // parameters.steps_per_sample
            series.index_price[sample] = published
            mark = mark_price(index, part, state.gaps, last * tick)
            series.mark_price[sample] = math.floor(mark / tick * 10.0 + 0.5)
        settle(parameters, numbers, premium, phase, series.rate)
        realised = deviation * (open_shock + rest_shock)
        update_volatility(parameters, numbers, realised * realised / variance, normal[2])
