"""Bars with quotes from a path of mids on the tick, and prices from whole ticks."""

from __future__ import annotations

import math

import numpy as np

from halfspread.datafeeds.synthetic.world_kernels import bar_ranges
from halfspread.engine.times import Floats

__all__ = ["on_grid", "per_unit", "swap_bars"]

VOLUME = 100.0


def per_unit(unit: float) -> float:
    """How many ticks or lots make 1.0 where that is a whole number, else 0: then a price is ticks x tick."""
    whole = round(1.0 / unit)
    return float(whole) if whole and math.isclose(1.0 / unit, whole, rel_tol=1e-12) else 0.0


def on_grid(ticks: Floats, tick: float) -> Floats:
    """Prices of whole ticks, as near to their decimal text as a float can be."""
    whole = per_unit(tick)
    return np.asarray(ticks / whole if whole else ticks * tick, np.float64)


def swap_bars(
    path: Floats, deviations: Floats, uniforms: Floats, tick: float, half_spread_ticks: int
) -> dict[str, Floats]:
    """Columns of bars between the points of ``path`` (n + 1, whole ticks), which are mids; the volume never changes.

    ``deviations`` (n,) of the price within each bar, ticks; ``uniforms`` (n, 2) draw highs and lows.
    """
    highs, lows = bar_ranges(path, deviations, uniforms)
    ticks = {"open": path[:-1], "high": highs, "low": lows, "close": path[1:]}
    columns = {name: on_grid(values, tick) for name, values in ticks.items()}
    columns["volume"] = np.full(len(deviations), VOLUME)
    for name in ("open", "close"):
        columns[f"bid_{name}"] = on_grid(ticks[name] - half_spread_ticks, tick)
        columns[f"ask_{name}"] = on_grid(ticks[name] + half_spread_ticks, tick)
    return columns
