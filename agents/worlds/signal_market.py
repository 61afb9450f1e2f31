"""Markets of bars with further columns that say something about what the price does next.

The price is additive: a position of one contract earns the move of the bar that follows. Bars open at the close of the
one before. Prices and moves in quote currency.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from halfspread.costs.base import Floats, Model
from halfspread.engine.instruments import Instrument, linear
from halfspread.engine.tape import Tape

__all__ = ["DeadlineMarket", "ExposureMarket", "SignalMarket", "price_bars"]

START = 1_577_836_800_000_000_000  # 2020-01-01
MINUTE = 60_000_000_000
BAR = 5 * MINUTE


def price_bars(moves: Floats, first_price: float) -> dict[str, Any]:
    """Bars (n,) of 5 minutes whose close moves by ``moves[i]`` from bar i to the next; the last move is not used."""
    close = np.full(len(moves), first_price)
    close[1:] += np.cumsum(moves[:-1])
    opens = np.concatenate([close[:1], close[:-1]])
    times = START + BAR * np.arange(len(moves), dtype=np.int64)
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    return {"ts": times, "open": opens, "high": high, "low": low, "close": close, "volume": np.ones(len(moves))}


class _Market(Model):
    """``drift``: move of the price for each unit of what drives it; ``noise``: standard deviation of the rest."""

    bars: Annotated[int, Field(ge=2)] = 2000
    drift: float = 0.04
    noise: Annotated[float, Field(ge=0)] = 0.6
    first_price: Annotated[float, Field(gt=0)] = 10_000.0

    @property
    def instrument(self) -> Instrument:
        """A linear contract of one unit, traded in hundredths."""
        return linear("WORLD", multiplier=1.0, lot=0.01, tick=1e-4)

    def table(self, rng: np.random.Generator) -> dict[str, Any]:
        """Bars with their further columns, drawn."""
        raise NotImplementedError

    def tape(self, rng: np.random.Generator) -> Tape:
        """The same as a tape."""
        table = self.table(rng)
        return Tape.from_bars(table, self.instrument, extra=tuple(table)[6:]).as_synthetic()


class SignalMarket(_Market):
    """Column ``signal``: an AR(1) process, signal' = ``persistence`` signal + ``innovation`` N(0, 1), from 0; the price
    then moves by ``drift`` signal + ``noise`` N(0, 1)."""

    persistence: Annotated[float, Field(ge=-1, le=1)] = 0.95
    innovation: Annotated[float, Field(ge=0)] = 0.35

    def table(self, rng: np.random.Generator) -> dict[str, Any]:
        """Bars and signal, drawn."""
        draws = rng.standard_normal((2, self.bars))
        return self.table_of(draws[0], draws[1])

    def table_of(self, innovations: Floats, noises: Floats) -> dict[str, Any]:
        """Bars and signal from standard normal numbers, each (bars,)."""
        signal = np.empty(len(innovations))
        last = 0.0
        for i, drawn in enumerate(innovations.tolist()):
            last = self.persistence * last + self.innovation * drawn
            signal[i] = last
        return {**price_bars(self.drift * signal + self.noise * noises, self.first_price), "signal": signal}


class DeadlineMarket(SignalMarket):
    """A signal, and column ``left``: the share of time that is left, from 1 at the first bar to 0 at the last."""

    bars: Annotated[int, Field(ge=2)] = 61

    def table_of(self, innovations: Floats, noises: Floats) -> dict[str, Any]:
        """Bars, signal and time left from standard normal numbers, each (bars,)."""
        left = np.linspace(1.0, 0.0, len(innovations))
        return {**super().table_of(innovations, noises), "left": left}


class ExposureMarket(_Market):
    """An exposure on a ladder of levels from -1 to 1 that moves a rung up or down with probability ``change`` at each
    bar, and two reports of it: ``moved``, how many rungs it has just moved, plus ``blur`` N(0, 1); and ``balance``,
    where it stands, plus ``error`` N(0, 1) rungs. Column ``exposure`` is the truth, for experts."""

    rungs: Annotated[int, Field(ge=1)] = 3
    change: Annotated[float, Field(gt=0, lt=1)] = 0.01
    blur: Annotated[float, Field(ge=0)] = 0.2
    error: Annotated[float, Field(ge=0)] = 0.4

    @property
    def levels(self) -> tuple[float, ...]:
        """Where the exposure may stand."""
        return tuple(rung / self.rungs for rung in range(-self.rungs, self.rungs + 1))

    def table(self, rng: np.random.Generator) -> dict[str, Any]:
        """Bars, reports and exposure, drawn."""
        steps = np.where(rng.random(self.bars) < self.change, rng.choice([-1, 1], self.bars), 0)
        blurs, errors, noises = rng.standard_normal((3, self.bars))
        rung = np.empty(self.bars)
        last = 0
        for i, step in enumerate(steps.tolist()):
            last = min(max(last + step, -self.rungs), self.rungs)
            rung[i] = last
        moved = np.diff(rung, prepend=0.0)
        exposure = rung / self.rungs
        return {
            **price_bars(self.drift * exposure + self.noise * noises, self.first_price),
            "moved": moved + self.blur * blurs,
            "balance": (rung + self.error * errors) / self.rungs,
            "exposure": exposure,
        }
