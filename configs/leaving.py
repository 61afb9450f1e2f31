"""What it costs to leave the positions that a run ends with: half the spread and the taker's fee, at the last prices.

The engine values a position at the reference price and charges for leaving only where an agent leaves. Where a run is
a window of a longer one, and the next begins flat, leaving has to be paid for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from halfspread.costs.kernels import half_spread_at, half_spread_of_hour
from halfspread.costs.model import Costs
from halfspread.engine.feed import Feed
from halfspread.engine.result import BacktestResult
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text
from halfspread.errors import DataError

__all__ = ["leaving_costs"]


def leaving_costs(tape: Tape, costs: Costs, result: BacktestResult) -> dict[str, float]:
    """Signed contributions of half_spread and fee, and the value traded as turnover, in report currency, of trading
    every position of ``result`` back to flat at the end of ``tape``. Fees are those of the lowest volume; a modelled
    impact is not charged. Raises DataError where the half-spread has to come from quotes and there is none."""
    found = {"half_spread": 0.0, "fee": 0.0, "turnover": 0.0}
    time = int(result.end.as_unit("ns").value)
    for feed, line in zip(tape.feeds, result.period_records[-len(tape.feeds) :], strict=True):
        contracts, reference = float(line["position"]), float(line["reference"])
        if contracts == 0.0:
            continue
        touch = reference - math.copysign(_half_spread(feed, costs, reference, time), contracts)
        value, touched = feed.instrument.value(reference), feed.instrument.value(touch)
        worth = abs(float(line["position_value"])) / abs(value)
        rate = costs.fees.schedule(feed.instrument.fees).at(time).taker
        found["half_spread"] -= worth * abs(touched - value)
        found["fee"] -= rate * worth * abs(touched)
        found["turnover"] += worth * abs(touched)
    return found


def _half_spread(feed: Feed, costs: Costs, price: float, time: int) -> float:
    model = costs.half_spread
    if model.kind == "hours":
        return float(half_spread_of_hour(model.hours(), price, time))
    if model.kind not in ("bars", "quotes"):
        return float(half_spread_at(model.code, model.amount, price, feed.instrument.tick_at(time)))
    last = _last_spread(feed, model.kind)
    if last is None:
        raise DataError(f"{feed.source}: no bid and ask to leave a position at, by {time_text(time)}")
    return 0.5 * last


def _last_spread(feed: Feed, kind: str) -> float | None:
    """The last spread that the tables show."""
    if kind == "bars":
        rows: Any = getattr(feed.bars, "rows", np.zeros((0, 9)))
        spreads = rows[:, feed.quote_column + 3] - rows[:, feed.quote_column + 2]
    else:
        rows = getattr(feed.depth, "rows", np.zeros((0, 4)))
        spreads = rows[:, 2] - rows[:, 0]
    known = np.flatnonzero(np.isfinite(spreads))
    return float(spreads[known[-1]]) if len(known) else None
