"""A seeded market of one linear perpetual swap: bars with quotes, index, mark, premium and funding, without any file.

It is what ``make run`` trades when there is no data, and what tests and examples use. It shows what real markets show
and a cost model needs: volatility that clusters and changes with the hour, fat tails, a spread of whole ticks that is
wider at night and when the market moves, a basis that wanders and returns, and the funding that follows from it. The
defaults resemble Bybit's BTCUSDT of 2022 to 2026.

**No expert has an edge in it, by construction.** The index is a martingale (``annual_drift`` is 0): given all that
happened before, its expected simple return over any time is exactly zero, so averages, breakouts, momentum and
reversal earn nothing before costs but luck. Two things are not luck, and are small beside the costs of trading them.
The basis returns to its mean, a matter of a few basis points. And who is short collects the funding that longs pay,
0.01 % per eight hours when the basis is quiet: a carry, not a forecast. A profit after costs in this market is noise,
and a report should make that visible.

The model is a multiplicative component GARCH (Engle and Sokalska 2012, Journal of Financial Econometrics 10, 54-83):
the variance of a step is the annual one, times a pattern over the day, times a slow log-normal AR(1) component, times
a fast GARCH(1,1) component, the last three with mean one; shocks are Student-t. The path advances in steps of a minute
(shorter for bars shorter than five minutes) that do not depend on the interval of the bars, so that the same seed
gives the same market in five-minute, hourly and daily bars, and a shorter market is the beginning of a longer one.
Highs and lows are prices that the path reached, drawn exactly between the ends of a step: a resting order filled at
its price gains and loses nothing by that.

Units: prices in quote currency on the tick (index and mark on a tenth of it), volume in base currency on the lot,
rates and the basis as fractions, times in integer nanoseconds UTC. No value is ever NaN.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from halfspread.datafeeds.synthetic import market_kernels as kernels
from halfspread.datafeeds.synthetic.market_data import Floats, SyntheticData, Times
from halfspread.datafeeds.synthetic.market_parameters import SyntheticParameters
from halfspread.engine.instruments import Instrument, bybit
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR, MINUTE, time_text
from halfspread.errors import ConfigError

__all__ = ["SyntheticMarket"]

YEAR = 365 * DAY
OPEN_SHARE = 1.0 / 60.0
MARK_WINDOW = 5 * MINUTE
SIZE_SHAPE = 2.0
BLOCK_DAYS = 32


class SyntheticMarket(SyntheticParameters):
    """A synthetic perpetual; its parameters and their units are those of `SyntheticParameters`, all with defaults.

    See the module's page for the model and for why no expert has an edge here. Frozen; a constructor raises ConfigError
    for an unknown name or an impossible value.
    """

    def describe(self) -> str:
        """One sentence for reports."""
        edge = (
            "no drift, so no strategy has an edge"
            if self.annual_drift == 0
            else f"drift {self.annual_drift:+.1%} a year"
        )
        return (
            f"synthetic perpetual, {self.days} days of {self.interval} bars from {self.start:%Y-%m-%d}, "
            f"volatility {self.annual_volatility:.0%} a year, {edge}"
        )

    def generate(self, rng: np.random.Generator) -> SyntheticData:
        """Make the market; the same state of ``rng`` gives the same bits.

        One seed for each kind of random number is taken from ``rng``, whatever the market's length, so that ``rng`` is
        left in the same state by all of them.
        """
        streams = [np.random.Generator(np.random.PCG64(int(seed))) for seed in rng.integers(0, 2**63, size=5)]
        return self._generate(streams, BLOCK_DAYS)

    def tape(self, rng: np.random.Generator, instrument: Instrument | None = None) -> Tape:
        """The market as a tape: bars with quotes, funding, index and mark.

        Args:
            rng: as for `generate`.
            instrument: whose market it is; None is Bybit's BTCUSDT.

        Raises ConfigError if the tick of the instrument is another one at any time of the market.
        """
        instrument = bybit("BTCUSDT") if instrument is None else instrument
        for time in (self.start_ns, self.start_ns + self.days * DAY):
            if not math.isclose(instrument.tick_at(time), self.tick):
                raise ConfigError(
                    f"synthetic market: tick: expected {instrument.tick_at(time):g}, the tick of {instrument.name} on "
                    f"{time_text(time)}, got {self.tick:g}; change tick or start, or give another instrument"
                )
        data = self.generate(rng)
        tape = Tape.from_bars(
            data.bars_frame(),
            instrument,
            interval=self.interval,
            funding=data.funding_frame(),
            mark=data.mark_frame(),
            index=data.index_frame(),
        )
        return replace(tape.as_synthetic(), origin={"bars": self.describe()})

    def _generate(self, streams: list[np.random.Generator], block_days: int) -> SyntheticData:
        parameters, patterns = self._parameters(), self._patterns()
        steps_per_day = DAY // self.step_ns
        bars, series = self._empty()
        state = self._first_state(streams[4])
        for first_day in range(0, self.days, block_days):
            count = min(block_days, self.days - first_day) * steps_per_day
            draws = kernels.Draws(
                normal=streams[0].standard_normal((count, 4)),
                mixing=streams[1].standard_gamma(self.tail_index / 2.0, count),
                size=streams[2].standard_gamma(SIZE_SHAPE, count),
                uniform=streams[3].random((count, 4)),
            )
            kernels.advance(parameters, patterns, first_day * steps_per_day, draws, state, bars, series)
        return self._data(bars, series)

    def _parameters(self) -> kernels.PathParameters:
        step = self.step_ns
        slow = self.persistence(self.slow_half_life_days * DAY)
        basis = self.persistence(self.basis_half_life_hours * HOUR)
        funding = self.funding_ns
        return kernels.PathParameters(
            first_price=self.first_price,
            tick=self.tick,
            variance=self.annual_volatility**2 * step / YEAR,
            drift=self.annual_drift * step / YEAR,
            tail_index=self.tail_index,
            open_share=OPEN_SHARE,
            shock_weight=self.shock_weight_of_step,
            persistence=self.persistence(self.shock_half_life_minutes * MINUTE),
            slow_persistence=slow,
            slow_noise=self.slow_deviation * math.sqrt(1.0 - slow**2),
            slow_mean=-0.5 * self.slow_deviation**2,
            spread_ticks=self.spread_ticks,
            spread_elasticity=self.spread_elasticity,
            basis_mean=self.basis_mean,
            basis_persistence=basis,
            basis_noise=self.basis_deviation * math.sqrt(1.0 - basis**2),
            lots=self.volume_per_day / self.lot * step / DAY / SIZE_SHAPE,
            interest=self.interest_per_day * funding / DAY,
            clamp=self.funding_clamp,
            cap=self.funding_cap,
            steps_per_bar=self.interval_ns // step,
            steps_per_funding=funding // step,
            steps_per_sample=self.sample_ns // step,
            first_phase=self.start_ns % funding // step,
        )

    def _patterns(self) -> Floats:
        """Factor of the variance (mean one) and of the spread at every step of a day, from the first step's time on."""
        middle = self.start_ns % DAY + (np.arange(DAY // self.step_ns) + 0.5) * self.step_ns
        wave = np.cos(2.0 * np.pi * (middle / HOUR - self.busy_hour) / 24.0)
        variance = np.exp(2.0 * self.daily_pattern * wave)
        return np.stack((variance / variance.mean(), np.exp(-self.spread_pattern * wave)), axis=1)

    def _first_state(self, stream: np.random.Generator) -> kernels.State:
        slow, basis = stream.standard_normal(2)
        numbers = np.zeros(8)
        numbers[kernels.SLOW] = self.slow_deviation * slow - 0.5 * self.slow_deviation**2
        numbers[kernels.FAST] = 1.0
        numbers[kernels.BASIS] = self.basis_mean + self.basis_deviation * basis
        return kernels.State(numbers, np.zeros(max(1, MARK_WINDOW // self.step_ns)))

    def _empty(self) -> tuple[kernels.Bars, kernels.Series]:
        span = self.days * DAY
        bars = kernels.Bars(*(np.empty(span // self.interval_ns) for _ in kernels.Bars._fields))
        samples, steps = span // self.sample_ns + 1, span // self.step_ns
        rates = np.empty(self._funding_times().size)
        return bars, kernels.Series(np.empty(samples), np.empty(samples), np.empty(steps), rates)

    def _funding_times(self) -> Times:
        funding = self.funding_ns
        begun = self.start_ns // funding
        count = (self.start_ns + self.days * DAY) // funding - begun
        # not np.arange(first, last, funding): it counts in floating point, which is too coarse for nanoseconds
        return (begun + 1 + np.arange(count, dtype=np.int64)) * funding

    def _data(self, bars: kernels.Bars, series: kernels.Series) -> SyntheticData:
        times = self._funding_times()
        prices = {name: _scaled(getattr(bars, name), self.tick) for name in bars._fields if name != "volume"}
        return SyntheticData(
            interval_ns=self.interval_ns,
            open_times=self.start_ns + np.arange(bars.open.size, dtype=np.int64) * self.interval_ns,
            volume=_scaled(bars.volume, self.lot),
            price_times=self.start_ns + np.arange(series.index_price.size, dtype=np.int64) * self.sample_ns,
            index=_scaled(series.index_price, self.tick / 10.0),
            mark=_scaled(series.mark_price, self.tick / 10.0),
            funding_times=times,
            funding_rates=series.rate,
            funding_intervals=np.full(times.size, self.funding_ns, dtype=np.int64),
            funding_known_times=times.copy(),
            premium_times=self.start_ns + np.arange(1, series.premium.size + 1, dtype=np.int64) * self.step_ns,
            premium=series.premium,
            **prices,
        )


def _scaled(counts: Floats, unit: float) -> Floats:
    """Counts times unit, as the nearest number to the decimal: 3 ticks of 0.1 are 0.3, not 0.30000000000000004."""
    inverse = round(1.0 / unit)
    if inverse >= 1 and math.isclose(inverse * unit, 1.0, rel_tol=1e-12):
        return counts / inverse
    return counts * unit
