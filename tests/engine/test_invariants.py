"""Laws that hold for every market, agent and cost: Hypothesis looks for a counterexample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from halfspread.costs import Costs, Fees, Funding, HalfSpread, Margin
from halfspread.engine.account_records import ATTRIBUTION
from halfspread.engine.bars import Bars
from halfspread.engine.instruments import Instrument
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.strategies import Bollinger, FundingCarry, SmaCross
from tests.engine.worlds import INVERSE, LINEAR, START, Scripted, bars, slow_run

HOURS = 3_600 * 10**9
fills = st.sampled_from(["next_open", "this_close", "next_close"])
instruments = st.sampled_from([LINEAR, INVERSE])


@st.composite
def markets(draw: st.DrawFn) -> Tape:
    """Ten to sixty bars with jumps, opens away from closes, gaps, and funding of either sign at or inside bars."""
    instrument: Instrument = draw(instruments)
    count = draw(st.integers(10, 60))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scale = draw(st.sampled_from([1e-4, 1e-2, 0.2]))
    closes = draw(st.sampled_from([0.5, 100.0, 60_000.0])) * np.exp(np.cumsum(rng.normal(0, scale, count)))
    opens = closes * np.exp(rng.normal(0, scale / 2, count))
    interval = draw(st.sampled_from([HOURS, 6 * HOURS, 24 * HOURS]))
    skip = draw(st.lists(st.integers(2, count - 2), max_size=5))
    hours = np.arange(8, count * interval // HOURS + 8, 8)
    table = {
        "ts": START + hours * HOURS,
        "rate": rng.normal(0, 5e-4, len(hours)),
        "interval_h": np.full(len(hours), 8.0),
    }
    if draw(st.booleans()):
        table["known_ts"] = table["ts"] - 8 * HOURS
    return Tape.from_bars(bars(closes, opens, interval, skip), instrument, interval=interval / 1e9, funding=table)


@st.composite
def costs(draw: st.DrawFn) -> Costs:
    return Costs(
        half_spread=draw(
            st.sampled_from([HalfSpread.none(), HalfSpread.bps(3), HalfSpread.bps(100), HalfSpread.price(1e-3)])
        ),
        fees=Fees(taker=draw(st.sampled_from([0.0, 5e-4, 5e-3])), maker=0.0),
        funding=draw(st.sampled_from([Funding.none(), Funding.published()])),
    )


targets = st.lists(st.one_of(st.none(), st.floats(-1, 1), st.sampled_from([-1.0, 0.0, 1.0])), max_size=60).map(tuple)


def bytes_of(result: BacktestResult) -> tuple[Any, ...]:
    """Everything a run writes, to the bit."""
    return (
        result.curve_times.tobytes(),
        result.curve_values.tobytes(),
        result.fill_records.tobytes(),
        result.period_records.tobytes(),
        tuple(result.attribution.items()),
    )


@given(
    markets(), costs(), targets, fills, st.sampled_from([FixedContracts(50), FixedNotional(777.0), EquityFraction(1.5)])
)
def test_equity_is_capital_and_the_sum_of_attributions_at_every_bar(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str, sizing: Any
) -> None:
    result = run_backtest(market, Scripted(script=script), costs, sizing=sizing, fill=fill, capital=1_000, period="1h")
    lines = result.period_records
    total = 1_000 + np.sum([lines[name] for name in (*ATTRIBUTION, "collateral")], axis=0)
    allowed = 1e-9 * max(1_000.0, result.turnover)
    assert np.abs(lines["equity"] - total).max() <= allowed
    settle = np.sum([lines[f"{name}_settle"] for name in ATTRIBUTION], axis=0)
    deposit = lines["equity_settle"][0] - settle[0]
    assert np.abs(lines["equity_settle"] - deposit - settle).max() <= allowed / min(market.bars.first_close, 1.0)
    assert result.attribution["total"] == pytest.approx(
        sum(result.attribution[n] for n in (*ATTRIBUTION, "collateral"))
    )


@given(markets(), costs(), targets, fills)
def test_the_slow_engine_finds_the_same(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str
) -> None:
    if market.interval != HOURS or costs.half_spread.kind == "bps":
        costs = costs.model_copy(update={"funding": Funding.none(), "half_spread": HalfSpread.price(1e-3)})
    # the slow engine knows no margin
    result = run_backtest(
        market,
        Scripted(script=script),
        costs,
        sizing=FixedContracts(50),
        fill=fill,
        capital=1_000,
        margin=Margin.none(),
    )
    book = slow_run(market, script, costs, 50, fill, 1_000)
    allowed = 1e-9 * max(1_000.0, result.turnover)
    # the slow engine knows settlements at bar ends only
    assume(not (market.bars.counts["gaps"] and costs.funding.kind == "published"))
    assert result.curve["equity"].to_numpy() == pytest.approx(np.array(book.equity), abs=allowed)
    assert result.curve["position"].to_numpy() == pytest.approx(np.array(book.position), abs=1e-9)
    assert len(result.fills) == book.fills
    for name, value in book.totals.items():
        assert result.attribution[name] == pytest.approx(value, abs=allowed), name


@given(markets(), costs(), targets, fills, st.integers(1, 40))
def test_chunks_of_any_size_give_the_same_bits(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str, size: int
) -> None:
    whole = run_backtest(market, Scripted(script=script), costs, sizing=FixedContracts(50), fill=fill)
    parts = run_backtest(
        market, Scripted(script=script), costs, sizing=FixedContracts(50), fill=fill, chunk_events=size
    )
    assert bytes_of(whole) == bytes_of(parts)


@given(
    markets(),
    costs(),
    fills,
    st.sampled_from(
        [
            SmaCross(fast=2, slow=5),
            SmaCross(fast=3, slow=4, band=0.01),
            Bollinger(window=5, width=1.0),
            FundingCarry(settlements=2),
        ]
    ),
    st.integers(1, 40),
)
def test_the_python_twin_gives_the_same_bits(market: Tape, costs: Costs, fill: str, agent: Any, size: int) -> None:
    compiled = run_backtest(market, agent, costs, sizing=FixedNotional(500.0), fill=fill)
    python = run_backtest(
        market, agent, costs, sizing=FixedNotional(500.0), fill=fill, mode="python", chunk_events=size
    )
    assert bytes_of(compiled) == bytes_of(python)


@given(markets(), costs(), targets, fills)
def test_a_long_and_its_mirror_earn_minus_their_costs(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str
) -> None:
    mirror = tuple(None if target is None else -target for target in script)
    # without margin: at a price where a long is liquidated, a short is not
    terms: dict[str, Any] = {"sizing": FixedContracts(50), "fill": fill, "margin": Margin.none()}
    long = run_backtest(market, Scripted(script=script), costs, **terms)
    short = run_backtest(market, Scripted(script=mirror), costs, **terms)
    allowed = 1e-9 * max(long.capital, long.turnover)
    for name in ("price", "funding"):
        assert long.attribution[name] + short.attribution[name] == pytest.approx(0.0, abs=allowed), name
    for name in ("half_spread", "fee"):
        assert long.attribution[name] <= 0.0
        assert short.attribution[name] <= 0.0
    # a buyer of an inverse contract above the mid and a seller below it pay the same in quote, not quite in coin
    assert long.attribution["fee"] == pytest.approx(short.attribution["fee"], rel=0.05, abs=allowed)


@given(markets(), costs(), targets, fills, st.integers(1, 49))
def test_splitting_every_trade_in_two_changes_nothing_but_rounding(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str, part: int
) -> None:
    script = tuple(None if target is None else float(round(target)) for target in script)
    # without margin: 1,000 may carry a part that it does not carry twice
    terms: dict[str, Any] = {"fill": fill, "capital": 1_000, "margin": Margin.none()}
    whole = run_backtest(market, Scripted(script=script), costs, sizing=FixedContracts(50), **terms)
    pieces = [
        run_backtest(market, Scripted(script=script), costs, sizing=FixedContracts(size), **terms)
        for size in (part, 50 - part)
    ]
    allowed = 1e-9 * max(1_000.0, whole.turnover)
    for name in ATTRIBUTION:
        assert sum(p.attribution[name] for p in pieces) == pytest.approx(whole.attribution[name], abs=allowed), name


@given(markets(), costs(), targets, fills)
def test_no_fill_is_better_than_the_market_and_positions_are_sums_of_fills(
    market: Tape, costs: Costs, script: tuple[float | None, ...], fill: str
) -> None:
    # a liquidation is charged at the price of bankruptcy, wherever the market is
    result = run_backtest(
        market, Scripted(script=script), costs, sizing=FixedContracts(50), fill=fill, margin=Margin.none()
    )
    records = result.fill_records
    offered = market.bars.rows[:, [0, 3]]  # type: ignore[union-attr]
    assert np.isin(records["reference"], offered).all()
    worse = np.sign(records["contracts"]) * (records["price"] - records["reference"])
    assert (worse >= 0).all()
    assert (np.diff(records["time"]) >= 0).all()
    assert (records["decision_time"] <= records["time"]).all()
    assert (np.diff(result.curve_times) > 0).all()
    assert records["position_after"] == pytest.approx(np.cumsum(records["contracts"]), abs=1e-9)
    if len(records):
        assert result.curve_values[-1, 2] == records["position_after"][-1]


@given(markets(), targets, fills)
def test_decisions_do_not_change_when_the_future_does(
    market: Tape, script: tuple[float | None, ...], fill: str
) -> None:
    free = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
    agent = SmaCross(fast=2, slow=4)
    whole = run_backtest(market, agent, free, sizing=FixedContracts(50), fill=fill)
    count = len(market) // 2
    bars = market.bars
    assert isinstance(bars, Bars)
    cut = market.slice(None, pd.Timestamp(int(bars.times[count - 1]) + bars.interval, tz="UTC"))
    half = run_backtest(cut, agent, free, sizing=FixedContracts(50), fill=fill)
    assert whole.curve_values[:count].tobytes() == half.curve_values.tobytes()
