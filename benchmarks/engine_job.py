"""The common job in halfspread, through its public names.

A compiled strategy and a Python one (which reads close and position through its view of the market), each from a tape
that stands ready and from plain arrays; and the three conventions of fills, each checked to the cent. Every run books
fees, attributes every change of equity and keeps the equity curve of all bars and all fills.

    python -m benchmarks.engine_job --bars bars.npz --repeat 5
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import halfspread as hs
from benchmarks.common_job import FAST, FEE_RATE, FILLS, PNL_NEXT_CLOSE, PNL_NEXT_OPEN, PNL_THIS_CLOSE, SLOW
from benchmarks.peers.clock import arguments, load, measure

CAPITAL = 1e6
MARGIN = hs.Margin.none()  # the engines that this one is compared with have none
CONVENTIONS = {"next_open": PNL_NEXT_OPEN, "this_close": PNL_THIS_CLOSE, "next_close": PNL_NEXT_CLOSE}
Job = Callable[[], tuple[float, int]]


class PythonCross(hs.Strategy):
    """The same crossover decided in Python, one call a bar, with running sums of its own."""

    lookback: int = 0

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.closes = [0.0] * SLOW
        self.fast_sum = self.slow_sum = 0.0

    def on_bar(self, market: Any) -> float | None:
        closes, close = self.closes, market.close
        self.fast_sum += close - closes[-FAST]
        self.slow_sum += close - closes[-SLOW]
        closes.append(close)
        if len(closes) < 2 * SLOW:
            return None
        target = 1.0 if self.fast_sum / FAST > self.slow_sum / SLOW else -1.0
        return None if target == market.position else target


def instrument() -> Any:
    """A linear contract of one coin, with the tick of the common job."""
    return hs.instruments.linear("TEST", multiplier=1.0, lot=1.0, tick=0.1)


def costs() -> hs.Costs:
    """5 bp of the value of each fill and nothing else."""
    return hs.Costs(
        half_spread=hs.HalfSpread.none(), fees=hs.Fees(taker=FEE_RATE, maker=FEE_RATE), funding=hs.Funding.none()
    )


def run(tape: hs.Tape, agent: Any, fill: Any = "next_open") -> tuple[float, int]:
    """PnL and fills of one backtest."""
    result = hs.backtest(tape, agent, costs(), sizing=hs.FixedContracts(1), fill=fill, capital=CAPITAL, margin=MARGIN)
    return result.attribution["total"], len(result.fill_records)


def jobs(bars: dict[str, np.ndarray]) -> dict[str, tuple[Job, float, str]]:
    """All modes by name, each with its PnL and with what its clock includes."""
    tape = hs.Tape.from_bars(bars, instrument())
    kept = "replay, fees, attribution, all fills, equity curve of every bar"

    def tape_again() -> hs.Tape:
        return hs.Tape.from_bars(bars, instrument())

    def late(agent: Callable[[], Any], fill: str) -> tuple[float, int]:
        return run(tape, agent(), fill)

    def compiled() -> hs.Strategy:
        return hs.strategies.SmaCross(fast=FAST, slow=SLOW)

    table: dict[str, tuple[Job, float, str]] = {
        "compiled, from tape": (lambda: run(tape, compiled()), PNL_NEXT_OPEN, f"moving averages, {kept}"),
        "compiled, from arrays": (
            lambda: run(tape_again(), compiled()),
            PNL_NEXT_OPEN,
            f"checking the bars and making the tape, moving averages, {kept}",
        ),
        "Python call a bar, from tape": (
            lambda: run(tape, PythonCross()),
            PNL_NEXT_OPEN,
            f"one Python call a bar (running sums in Python), {kept}",
        ),
        "Python call a bar, from arrays": (
            lambda: run(tape_again(), PythonCross()),
            PNL_NEXT_OPEN,
            f"checking the bars and making the tape, one Python call a bar (running sums in Python), {kept}",
        ),
    }
    for fill in ("this_close", "next_close"):
        pnl = CONVENTIONS[fill]
        table[f"compiled, {fill}"] = (partial(late, compiled, fill), pnl, f"moving averages, {kept}")
        table[f"Python call a bar, {fill}"] = (partial(late, PythonCross, fill), pnl, f"Python calls, {kept}")
    return table


def main() -> None:
    options = arguments(__doc__ or "")
    for mode, (job, pnl, includes) in jobs(load(options.bars)).items():
        if options.mode in (None, mode):
            measure("halfspread", mode, hs.__version__, job, options.repeat, pnl, FILLS, includes)


if __name__ == "__main__":
    main()
