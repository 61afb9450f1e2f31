"""Multiples of costs: what the config states and what stands in the data are scaled alike."""

from __future__ import annotations

import numpy as np
import pytest

import halfspread as hs
from halfspread.configs.scales import Scales, scalable, scaled_costs, scaled_tape
from halfspread.costs.latency import Delay, Latency
from halfspread.datafeeds.synthetic.market import SyntheticMarket

HALF = 0.5


@pytest.fixture(scope="module")
def tape() -> hs.Tape:
    market = SyntheticMarket(days=2)
    return market.tape(np.random.default_rng(1), hs.instruments.bybit("BTCUSDT"))


def costs(**given: object) -> hs.Costs:
    plain: dict[str, object] = {
        "half_spread": hs.HalfSpread.bps(2.0),
        "fees": hs.Fees(taker=5e-4, maker=-1e-4),
        "funding": hs.Funding.published(),
    }
    return hs.Costs(**{**plain, **given})  # type: ignore[arg-type]


def test_what_the_config_states_is_scaled_in_the_costs() -> None:
    found = scaled_costs(costs(), Scales(half_spread=1.5, fees=2.0))
    assert (found.half_spread.amount, found.fees.taker, found.fees.maker) == (3.0, 1e-3, -2e-4)
    assert scaled_costs(costs(), Scales()) == costs()
    table = hs.HalfSpread.by_hour([1.0] * 23 + [4.0])
    assert scaled_costs(costs(half_spread=table), Scales(half_spread=HALF)).half_spread.table == (0.5,) * 23 + (2.0,)


def test_delays_are_scaled_in_time() -> None:
    latency = Latency(order=Delay.fixed("10ms"), response=Delay.lognormal("5ms", 0.5, "1ms"), feed=Delay.fixed("0s"))
    found = scaled_costs(costs(latency=latency), Scales(latency=1.5)).latency
    assert found.order.describe() == "15ms"
    assert "median 7500us" in found.response.describe()
    assert "at least 1500us" in found.response.describe()
    assert scaled_costs(costs(latency=latency), Scales(latency=0.0)).latency.is_zero


def test_quotes_beside_bars_are_moved_about_their_mid(tape: hs.Tape) -> None:
    charged = costs(half_spread=hs.HalfSpread.from_bars())
    wide = scaled_tape(tape, charged, Scales(half_spread=2.0))
    at = tape.quote_column
    before, after = tape.bars.rows, wide.bars.rows  # type: ignore[union-attr]
    for bid, ask in ((at, at + 1), (at + 2, at + 3)):
        np.testing.assert_allclose(after[:, ask] - after[:, bid], 2.0 * (before[:, ask] - before[:, bid]), rtol=1e-9)
        np.testing.assert_allclose(after[:, ask] + after[:, bid], before[:, ask] + before[:, bid], rtol=1e-12)
    np.testing.assert_array_equal(after[:, :at], before[:, :at])
    assert scaled_tape(tape, costs(), Scales(half_spread=2.0)) is tape


def test_funding_and_the_venues_fees_are_scaled_in_the_tape(tape: hs.Tape) -> None:
    paid = scaled_tape(tape, costs(fees=hs.Fees.venue()), Scales(funding=HALF, fees=2.0))
    assert tape.funding is not None
    assert paid.funding is not None
    np.testing.assert_array_equal(paid.funding.rates, HALF * tape.funding.rates)
    assert paid.instrument.fees is not None
    assert tape.instrument.fees is not None
    for new, old in zip(paid.instrument.fees.periods, tape.instrument.fees.periods, strict=True):
        assert (new.taker, new.maker) == (2.0 * old.taker, 2.0 * old.maker)
    assert paid.bars is tape.bars


def test_costs_that_are_not_there_are_told(tape: hs.Tape) -> None:
    free = costs(half_spread=hs.HalfSpread.none(), fees=hs.Fees.none(), funding=hs.Funding.none())
    assert scalable(free, tape) == {
        "half_spread": "none is charged",
        "fees": "none are charged",
        "funding": "none is paid or received",
        "latency": "there is none",
    }
    assert [cost for cost, reason in scalable(costs(), tape).items() if not reason] == [
        "half_spread",
        "fees",
        "funding",
    ]
    assert "cannot be another" in scalable(costs(half_spread=hs.HalfSpread.from_quotes()), tape)["half_spread"]


def test_a_multiple_of_the_fee_is_a_multiple_of_what_was_paid(tape: hs.Tape) -> None:
    charged = costs(half_spread=hs.HalfSpread.from_bars())
    paid = []
    for times in (1.0, 2.0):
        scales = Scales(half_spread=times, fees=times, funding=times)
        result = hs.backtest(
            scaled_tape(tape, charged, scales),
            hs.strategies.SmaCross(fast=5, slow=20),
            scaled_costs(charged, scales),
            sizing=hs.FixedContracts(1),
            margin=hs.Margin.none(),
            capital=1e6,
        )
        paid.append(result.attribution)
    for name in ("half_spread", "fee", "funding"):
        assert paid[1][name] == pytest.approx(2.0 * paid[0][name], rel=1e-3), name
    assert paid[1]["price"] == pytest.approx(paid[0]["price"], rel=1e-12)
