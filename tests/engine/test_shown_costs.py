"""An agent that asks is shown what a taker would pay now; every agent is shown the rates just settled."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.costs.fees import FeePeriod
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import StrategyError
from halfspread.strategies import Strategy
from tests.engine.worlds import FREE, LINEAR, bars

HOUR = 3_600_000_000_000


class Looks(Strategy):
    """Writes down what it is shown at every bar and stands long."""

    sees_costs = True

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen: list[tuple[float, float, float]] = []

    def on_bar(self, market: Market) -> float:
        self.seen.append((market.half_spread, market.taker_fee, market.funded))
        return 1.0


class Blind(Looks):
    """The same, and asks for nothing."""

    sees_costs = False


def looked(half_spread: HalfSpread, fees: Fees, table: Any, agent: Looks | None = None, **more: Any) -> list[Any]:
    """What the agent wrote down."""
    agent = agent or Looks()
    funding = more.pop("charge", Funding.none())
    tape = Tape.from_bars(table, more.pop("instrument", LINEAR), **more)
    run_backtest(tape, agent, Costs(half_spread=half_spread, fees=fees, funding=funding), sizing=FixedContracts(1.0))
    return agent.seen


@pytest.mark.parametrize(
    ("half_spread", "expected"),
    [
        (HalfSpread.price(0.25), [0.25, 0.25]),
        (HalfSpread.bps(2.0), [0.02, 0.04]),
        (HalfSpread.ticks(1.0), [0.5 * LINEAR.tick] * 2),
        (HalfSpread.none(), [0.0, 0.0]),
    ],
)
def test_the_half_spread_is_that_of_the_cost_model_at_the_last_price(half_spread: HalfSpread, expected: Any) -> None:
    seen = looked(half_spread, Fees(kind="constant", taker=5e-4, maker=0.0), bars([100.0, 200.0]))
    assert [each[0] for each in seen] == pytest.approx(expected, rel=1e-12)
    assert [each[1] for each in seen] == [5e-4, 5e-4]


def test_quotes_of_a_bar_tell_it_where_there_are_some_and_what_is_shown_changes_no_fill() -> None:
    none = np.nan
    quotes = {
        "bid_open": [99.0, none, none], "ask_open": [101.0, none, none],
        "bid_close": [98.0, none, 99.0], "ask_close": [102.0, none, 99.5],
    }  # fmt: skip
    table = bars([100.0] * 3) | {name: np.array(values) for name, values in quotes.items()}
    seen = looked(HalfSpread.from_bars("last"), Fees.none(), table)
    assert [each[0] for each in seen] == [2.0, 2.0, 0.25]
    results = [
        run_backtest(
            Tape.from_bars(table, LINEAR),
            agent,
            Costs(half_spread=HalfSpread.from_bars("last"), fees=Fees.none(), funding=Funding.none()),
            sizing=FixedContracts(1.0),
        )
        for agent in (Looks(), Blind())
    ]
    assert results[0].attribution == results[1].attribution


def test_without_asking_nothing_is_shown() -> None:
    seen = looked(HalfSpread.price(0.25), Fees(kind="constant", taker=5e-4, maker=0.0), bars([100.0, 100.0]), Blind())
    assert all(math.isnan(half) and math.isnan(fee) for half, fee, _ in seen)


def test_fees_are_those_in_force_at_the_time() -> None:
    periods = (
        FeePeriod(taker=7e-4, maker=0.0),
        FeePeriod(start=datetime(2024, 1, 1, 3, tzinfo=UTC), taker=4e-4, maker=0.0),
    )
    seen = looked(HalfSpread.none(), Fees.dated(*periods), bars([100.0] * 4))
    assert [each[1] for each in seen] == [7e-4, 7e-4, 4e-4, 4e-4]


@pytest.mark.parametrize(("sign", "paid"), [("true", -0.3), ("flipped", 0.3)])
def test_settled_rates_are_shown_once_and_a_flipped_sign_is_shown_charged_and_said(sign: Any, paid: float) -> None:
    table = bars([100.0] * 5)
    start = int(np.asarray(table["ts"])[0])
    step = int(np.asarray(table["ts"])[1]) - start
    funding = {"ts": start + np.array([2, 4]) * step, "rate": [0.001, 0.002], "interval_h": [2 * step / HOUR] * 2}
    agent = Looks()
    tape = Tape.from_bars(table, LINEAR, funding=funding)
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published(sign=sign))
    result = run_backtest(tape, agent, costs, sizing=FixedContracts(1.0))
    side = 1.0 if sign == "true" else -1.0
    assert [each[2] for each in agent.seen] == [0.0, side * 1e-3, 0.0, side * 2e-3, 0.0]
    assert result.attribution["funding"] == pytest.approx(paid, rel=1e-12)
    said = any("flipped" in each for each in result.warnings) and "FLIPPED" in result.assumptions["funding"]
    assert said == (sign == "flipped")


class Tells(Strategy):
    """Says something of itself."""

    what: str = "right"

    def on_bar(self, market: Market) -> float:
        return 0.0

    def describe(self) -> str:
        return "it looked away"

    def counts(self) -> dict[str, int]:
        return {"naps": 3} if self.what == "right" else {"naps": int("none")}

    def warnings(self) -> list[str]:
        return ["it slept"]


def test_what_an_agent_tells_of_itself_stands_in_the_result() -> None:
    costs = FREE
    result = run_backtest(Tape.from_bars(bars([100.0] * 3), LINEAR), Tells(), costs, sizing=FixedContracts(1.0))
    assert result.assumptions["agent"] == "it looked away"
    assert result.counts["naps"] == 3
    assert "it slept" in result.warnings


def test_an_agent_that_cannot_tell_is_named() -> None:
    costs = FREE
    with pytest.raises(StrategyError, match=r"Tells: describe, counts or warnings.*ValueError"):
        run_backtest(Tape.from_bars(bars([100.0] * 3), LINEAR), Tells(what="wrong"), costs, sizing=FixedContracts(1.0))


class Notes(Strategy):
    """Writes down at every bar whether funding was settled, and what."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen: list[tuple[bool, float, float]] = []

    def on_bar(self, market: Market) -> float:
        self.seen.append((market.funding_settled, market.funded, market.last_funding_rate))
        return 0.0


def test_a_settlement_before_the_first_bar_is_known_and_has_not_just_happened() -> None:
    table = bars([100.0] * 3)
    start = int(np.asarray(table["ts"])[0])
    funding = {"ts": [start - HOUR, start + 2 * HOUR], "rate": [0.001, 0.002], "interval_h": [3.0, 3.0]}
    agent = Notes()
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    run_backtest(Tape.from_bars(table, LINEAR, funding=funding), agent, costs, sizing=FixedContracts(1.0))
    assert agent.seen == [(False, 0.0, 0.001), (True, 0.002, 0.002), (False, 0.0, 0.002)]


def test_rates_that_the_run_does_not_charge_are_shown_and_not_summed_up() -> None:
    table = bars([100.0] * 3)
    start = int(np.asarray(table["ts"])[0])
    funding = {"ts": [start + 2 * HOUR], "rate": [0.002], "interval_h": [3.0]}
    agent = Notes()
    run_backtest(Tape.from_bars(table, LINEAR, funding=funding), agent, FREE, sizing=FixedContracts(1.0))
    assert agent.seen[1:] == [(True, 0.0, 0.002), (False, 0.0, 0.002)]


class Late(Notes):
    """The same, with rows before its first decision."""

    lookback: int = 2


def test_what_was_settled_before_the_first_decision_is_not_shown_with_it() -> None:
    table = bars([100.0] * 5)
    start = int(np.asarray(table["ts"])[0])
    funding = {"ts": [start + 2 * HOUR, start + 5 * HOUR], "rate": [0.001, 0.002], "interval_h": [3.0, 3.0]}
    agent = Late()
    costs = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
    run_backtest(Tape.from_bars(table, LINEAR, funding=funding), agent, costs, sizing=FixedContracts(1.0))
    assert agent.seen == [(False, 0.0, 0.001), (False, 0.0, 0.001), (True, 0.002, 0.002)]
