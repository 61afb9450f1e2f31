"""The same run gives the same bits: in every process, thread, chunk size and mode."""

from __future__ import annotations

import gc
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.costs.funding import FundingTable
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.market import Market
from halfspread.engine.replay import EVENTS_IN_CHUNK
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import EquityFraction, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError
from halfspread.strategies import Bollinger, BuyAndHold, FundingCarry, SmaCross, Strategy

ROOT = Path(__file__).parents[2]
COSTS = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())
EXPERTS = {
    "buy_and_hold": BuyAndHold(position=0.7),
    "sma_cross": SmaCross(fast=5, slow=30, band=1e-4),
    "bollinger": Bollinger(window=20, width=1.5),
    "funding_carry": FundingCarry(threshold=5e-5, settlements=3),
}


def synthetic(seed: int = 3) -> Tape:
    """Twenty days of five-minute bars with quotes, funding, mark and index, and three holes."""
    whole = SyntheticMarket(days=20).tape(np.random.default_rng(seed))
    times, rows = whole.bars.times, whole.bars.rows  # type: ignore[union-attr]
    kept = np.ones(len(times), bool)
    kept[[700, 701, 702, 1_500]] = False
    kept[3_000:3_200] = False
    table: dict[str, Any] = {"ts": times[kept]}
    table |= {name: rows[kept, i] for i, name in enumerate(whole.columns)}
    return Tape.from_bars(
        table, whole.instrument, interval="5m", funding=whole.funding, mark=whole.mark, index=whole.index
    )


@pytest.fixture(scope="module")
def market() -> Tape:
    return synthetic()


def run(market: Tape, agent: Any, **more: Any) -> BacktestResult:
    return run_backtest(market, agent, COSTS, **{"sizing": FixedNotional(50_000), **more})


def fingerprint(result: BacktestResult) -> str:
    """Hash of every number of a result."""
    digest = hashlib.sha256(result.curve_times.tobytes() + result.curve_values.tobytes())
    for records in (result.fill_records, result.period_records):
        for name in records.dtype.names or ():  # the padding between fields is no number
            digest.update(np.ascontiguousarray(records[name]).tobytes())
    digest.update(repr((result.attribution, result.attribution_settle, result.counts, result.turnover)).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("name", EXPERTS)
@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
def test_the_python_twin_of_an_expert_gives_the_same_bits(market: Tape, name: str, fill: str) -> None:
    compiled = run(market, EXPERTS[name], fill=fill, mode="compiled")
    python = run(market, EXPERTS[name], fill=fill, mode="python")
    assert (compiled.mode, python.mode) == ("compiled", "python")
    assert fingerprint(compiled) == fingerprint(python)
    assert compiled.counts["fills"] > 0


def test_the_market_of_these_tests_has_gaps_and_settlements_on_positions(market: Tape) -> None:
    result = run(market, EXPERTS["sma_cross"])
    assert result.counts["gaps"] == 3
    assert result.counts["funding_settlements"] > 40
    assert result.counts["fills"] > 100


@pytest.mark.parametrize("name", EXPERTS)
@pytest.mark.parametrize("chunk_events", [1, 7, 1_000])
def test_the_size_of_a_chunk_does_not_matter(market: Tape, name: str, chunk_events: int) -> None:
    part = market.slice(end="2024-01-06") if chunk_events == 1 else market
    whole = run(part, EXPERTS[name], chunk_events=EVENTS_IN_CHUNK)
    assert fingerprint(run(part, EXPERTS[name], chunk_events=chunk_events)) == fingerprint(whole)


@pytest.mark.parametrize("chunk_events", [1, 7, 1_000])
def test_the_size_of_a_chunk_does_not_matter_to_a_python_agent(market: Tape, chunk_events: int) -> None:
    part = market.slice(end="2024-01-06")
    whole = run(part, EXPERTS["bollinger"], mode="python")
    assert fingerprint(run(part, EXPERTS["bollinger"], mode="python", chunk_events=chunk_events)) == fingerprint(whole)


def test_a_run_on_a_tape_that_has_been_run_on_equals_one_on_a_new_tape() -> None:
    whole = synthetic()
    assert whole.funding is not None
    kept = np.ones(len(whole.funding), bool)
    kept[10:14] = False
    rates = {name: getattr(whole.funding, name)[kept] for name in ("times", "rates", "intervals", "known_times")}
    holes = replace(whole, feeds=(replace(whole.feeds[0], funding=FundingTable(**rates, source="holes")),))

    def paid(tape: Tape, missing: float) -> str:
        costs = COSTS.model_copy(update={"funding": Funding.published(missing=missing)})
        return fingerprint(run_backtest(tape, BuyAndHold(), costs, sizing=FixedNotional(50_000)))

    one, other = paid(deepcopy(holes), 0.0001), paid(deepcopy(holes), 0.01)
    assert one != other
    assert [paid(holes, missing) for missing in (0.0001, 0.01, 0.0001, 0.0001)] == [one, other, one, one]


def test_runs_in_two_threads_equal_runs_one_after_the_other(market: Tape) -> None:
    jobs = [(name, sizing) for name in EXPERTS for sizing in (FixedNotional(50_000), EquityFraction(0.5))] * 3

    def job(what: tuple[str, Any]) -> str:
        return fingerprint(run(market, EXPERTS[what[0]], sizing=what[1], capital=50_000.0))

    alone = [job(what) for what in jobs[:8]]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(job, jobs)) == alone * 3
    assert len(set(alone)) == 8


class Dice(Strategy):
    """Trades at random."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.rng = rng

    def on_bar(self, market: Market) -> float | None:
        return float(self.rng.uniform(-1, 1)) if self.rng.random() < 0.1 else None


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_run_leaves_no_garbage_that_waits_for_the_collector_of_cycles(market: Tape, mode: str) -> None:
    run(market, SmaCross(fast=5, slow=20), mode=mode)
    gc.collect()
    gc.disable()
    try:
        run(market, SmaCross(fast=5, slow=20), mode=mode)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_the_seed_is_the_only_source_of_randomness(market: Tape) -> None:
    agent = Dice()
    first = fingerprint(run(market, agent, seed=1))
    assert fingerprint(run(market, agent, seed=2)) != first
    assert fingerprint(run(market, agent, seed=1)) == first
    assert fingerprint(run(market, Dice(), seed=1)) == first


@pytest.mark.parametrize("seed", [None, -1, 1.5, "1", True])
def test_a_seed_that_cannot_be_repeated_is_refused(market: Tape, seed: Any) -> None:
    with pytest.raises(ConfigError, match="seed: expected a whole number from 0"):
        run(market, Dice(), seed=seed)


@pytest.mark.parametrize("name", EXPERTS)
def test_an_agent_that_ran_before_runs_as_if_new(market: Tape, name: str) -> None:
    for mode in ("compiled", "python"):
        fresh = type(EXPERTS[name])(**EXPERTS[name].parameters())
        first = fingerprint(run(market, fresh, mode=mode))
        run(synthetic(seed=4), fresh, mode=mode)
        assert fingerprint(run(market, fresh, mode=mode)) == first


def test_a_run_leaves_the_tape_as_it_was(market: Tape) -> None:
    before = market.hash()
    for agent in EXPERTS.values():
        run(market, agent)
    assert market.hash() == before


def test_two_processes_give_the_same_bits(market: Tape) -> None:
    script = (
        "from tests.engine.test_determinism import EXPERTS, fingerprint, run, synthetic\n"
        "market = synthetic()\n"
        "print(*(fingerprint(run(market, agent)) for agent in EXPERTS.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stderr == ""
    assert done.stdout.split() == [fingerprint(run(market, agent)) for agent in EXPERTS.values()]
