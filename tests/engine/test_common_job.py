"""The job of the benchmarks, to the cent, under each convention of fills."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import common_job
from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine import instruments
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.strategies import SmaCross

EXPECTED = {
    "next_open": common_job.PNL_NEXT_OPEN,
    "this_close": common_job.PNL_THIS_CLOSE,
    "next_close": common_job.PNL_NEXT_CLOSE,
}
COSTS = Costs(half_spread=HalfSpread.none(), fees=Fees(taker=5e-4, maker=5e-4), funding=Funding.none())


@pytest.fixture(scope="module")
def market() -> Tape:
    return Tape.from_bars(common_job.bars(), instruments.linear("JOB", lot=1.0, tick=0.1))


@pytest.mark.parametrize("fill", list(EXPECTED))
def test_the_common_job_gives_its_known_result(market: Tape, fill: str) -> None:
    # the job loses more than the price of one unit, and no engine of the comparison knows of margin
    result = run_backtest(
        market, SmaCross(fast=20, slow=100), COSTS, sizing=FixedContracts(1), fill=fill, margin=Margin.none()
    )
    assert round(result.pnl, 2) == EXPECTED[fill]
    assert result.counts["fills"] == common_job.FILLS
    if fill == "next_open":
        assert round(-result.attribution["fee"], 2) == common_job.FEES_NEXT_OPEN


def test_the_python_twin_gives_the_same_bits(market: Tape) -> None:
    part = market.slice(end="2020-06-01")
    compiled = run_backtest(part, SmaCross(fast=20, slow=100), COSTS, sizing=FixedContracts(1))
    python = run_backtest(part, SmaCross(fast=20, slow=100), COSTS, sizing=FixedContracts(1), mode="python")
    assert np.array_equal(compiled.curve_values, python.curve_values)
    assert compiled.attribution == python.attribution
