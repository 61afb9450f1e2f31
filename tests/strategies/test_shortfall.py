"""The cost of executing a parent order, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.synthetic.poisson_book import PoissonBook
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.errors import DataError
from halfspread.strategies import Twap, implementation_shortfall
from tests.engine.worlds import INVERSE
from tests.engine.worlds import tape as bars_tape
from tests.strategies.events import FREE, quotes, run

CHARGED = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees(taker=1e-3, maker=0.0), funding=Funding.none())
RISING = [(float(i), 100.0 + (i >= 15), 101.0 + (i >= 15)) for i in range(1, 40)]


def test_cost_is_against_the_mid_when_the_first_order_was_sent() -> None:
    # 2 bought at 101 and 2 at 102; the mid was 100.5 when the first was sent: 1 + 3 = 4, of which 2 are half-spreads.
    tape = quotes(RISING)
    found = implementation_shortfall(run(tape, Twap(contracts=4.0, duration="20s", slices=2), CHARGED), tape)
    assert (found.contracts, found.arrival, found.average_price) == (4.0, 100.5, 101.5)
    assert found.cost == pytest.approx(4.0)
    assert found.spread_and_impact == pytest.approx(2.0)
    assert found.fees == pytest.approx(0.001 * (2 * 101 + 2 * 102))
    assert found.basis_points == pytest.approx(1e4 * (4.0 + 0.406) / 402.0)


def test_a_seller_gains_where_the_price_rises() -> None:
    # 2 sold at 100 and 2 at 101, against 100.5: 1 lost and 1 gained.
    tape = quotes(RISING)
    found = implementation_shortfall(run(tape, Twap(contracts=-4.0, duration="20s", slices=2)), tape)
    assert found.cost == pytest.approx(0.0)
    assert found.spread_and_impact == pytest.approx(2.0)


def test_inverse_contracts_pay_in_base_and_average_harmonically() -> None:
    # 10 at the open of 100 and 10 at that of 125; decided at closes of 100: 10 / 100 + 10 / 125 = 0.18 for 20.
    tape = bars_tape([100.0, 100.0, 125.0, 125.0], INVERSE, opens=[100.0, 100.0, 125.0, 125.0])
    found = implementation_shortfall(run(tape, Twap(contracts=20.0, duration="2h", slices=2), FREE), tape)
    assert found.arrival == 100.0
    assert found.average_price == pytest.approx(20.0 / 0.18)
    assert found.cost == pytest.approx(0.2 - 0.18)


def test_shortfall_is_what_the_equity_lacks_against_trading_at_the_arrival_price() -> None:
    world = PoissonBook(duration="20m", levels=3, level_size=30.0, moves_per_second=4.0)
    tape = world_tape(world.market(np.random.default_rng(9)), ("books", "trades"))
    result = run(tape, Twap(contracts=50.0, duration="10m", slices=10, style="passive"), CHARGED)
    found = implementation_shortfall(result, tape)
    last = float(result.periods["reference"].iloc[-1])
    assert result.attribution["total"] == pytest.approx(50.0 * (last - found.arrival) - found.cost - found.fees)


def test_nothing_filled_is_said() -> None:
    tape = quotes(RISING[:5])
    with pytest.raises(DataError, match="UNIT: no fill in this run"):
        implementation_shortfall(run(tape, Twap(contracts=4.0, duration="20s", slices=2)), tape)
