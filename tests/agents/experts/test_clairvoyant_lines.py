"""The tree of lines against looking at every line, and the search over it against every pair of entry and exit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.agents.experts.clairvoyant import Clairvoyant
from halfspread.agents.experts.clairvoyant_kernels import add_line, highest_line
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine import instruments
from halfspread.engine.bars import Floats
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from tests.engine.worlds import bars


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), places=st.integers(1, 60), lines=st.integers(1, 60))
def test_the_highest_line_is_found_at_every_place_after_every_line(seed: int, places: int, lines: int) -> None:
    rng = np.random.default_rng(seed)
    xs = np.sort(rng.normal(0.0, 10.0, places))
    slopes, heights = np.round(rng.normal(0.0, 1.0, lines), 1), rng.normal(0.0, 5.0, lines)
    tree = np.full(4 * places, -1, np.int64)
    assert highest_line(tree, xs, slopes, heights, 0) == -1
    for line in range(lines):
        add_line(tree, xs, slopes, heights, line)
        for at in range(places):
            found = highest_line(tree, xs, slopes, heights, at)
            values = slopes[: line + 1] * xs[at] + heights[: line + 1]
            assert values[found] == pytest.approx(values.max(), rel=1e-12, abs=1e-12)


def quadratic(opens: Floats, closes: Floats, notional: float, half: float, fee: float) -> float:
    """The best value over every entry and exit at the opens of later bars: half-spread and fee as fractions, one side
    after the other, sized at the close before the entry."""
    count = len(opens)
    worth = np.full((3, count + 1), -np.inf)  # the best with a new long, a new short, flat, at each open
    worth[2, 1] = 0.0
    for j in range(1, count):
        leaves = [-np.inf, -np.inf]
        for i in range(1, j):
            size = notional / closes[i - 1]
            leaves[0] = max(leaves[0], worth[0, i] + size * opens[j] * (1 - half) * (1 - fee))
            leaves[1] = max(leaves[1], worth[1, i] - size * opens[j] * (1 + half) * (1 + fee))
        size = notional / closes[j - 1]
        worth[0, j] = max(worth[2, j], leaves[1]) - size * opens[j] * (1 + half) * (1 + fee)
        worth[1, j] = max(worth[2, j], leaves[0]) + size * opens[j] * (1 - half) * (1 - fee)
        worth[2, j + 1] = max(worth[2, j], *leaves)
    sizes = notional / closes[: count - 1]
    ends = [worth[2, count], *(worth[0, 1:count] + sizes * closes[-1]), *(worth[1, 1:count] - sizes * closes[-1])]
    return float(max(ends))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fee", [1e-3, 9e-3])
def test_the_search_finds_what_every_pair_of_entry_and_exit_gives(seed: int, fee: float) -> None:
    rng = np.random.default_rng(seed)
    steps = np.exp(np.cumsum(rng.normal(0.0, 0.15, 300)))
    table = bars(100.0 * steps[1::2], 100.0 * steps[::2])
    market = Tape.from_bars(table, instruments.linear("UNIT", lot=1e-9, tick=1e-6), interval="1h")
    costs = Costs(half_spread=HalfSpread.bps(50.0), fees=Fees(taker=fee, maker=0.0), funding=Funding.none())
    best = Clairvoyant.of(market, costs, sizing=FixedNotional(1_000.0))
    slow = quadratic(table["open"], table["close"], 1_000.0, 50e-4, fee)
    assert best.value == pytest.approx(slow, rel=1e-6)  # lots of a billionth
