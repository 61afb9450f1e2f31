"""Every planted cheat is caught by name, and no honest agent is accused."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from halfspread import strategies
from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.latency import Latency
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.datafeeds.synthetic.world_tapes import world_tape
from halfspread.datafeeds.synthetic.worlds import consistent_market, two_legs
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.audit import Audit, Windows, audit
from halfspread.engine.codes import MARK, OK
from halfspread.engine.market import Market
from halfspread.engine.order_kernels import limit_order
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY
from halfspread.errors import ConfigError
from halfspread.strategies import CompiledStrategy, Strategy

COSTS = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())
FREE = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees.none(), funding=Funding.none())
MONTH = 720  # hours


@pytest.fixture(scope="module")
def bars() -> Tape:
    """A hundred days of hours."""
    return SyntheticMarket(days=100, interval="1h").tape(np.random.default_rng(1))


@pytest.fixture(scope="module")
def book() -> Tape:
    return world_tape(consistent_market(np.random.default_rng(2), "2m", every="1s", levels=3))


@pytest.fixture(scope="module")
def legs() -> Tape:
    return Tape.join(*map(world_tape, two_legs(np.random.default_rng(3), bars=300)))


def check(tape: Tape, make: Callable[[], Any], costs: Costs = COSTS, **more: Any) -> Audit:
    return audit(tape, make, costs, sizing=FixedNotional(10_000), margin=Margin.none(), **more)


# Cheats.


class Monthly(Strategy):
    """Looks one bar ahead once a month."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.calls = 0

    def on_bar(self, market: Market) -> float:
        self.calls += 1
        after = market._history[min(market._row + 1, len(market._history) - 1), 3]
        return 1.0 if self.calls % MONTH == 0 and after > market.close else 0.0


@compiled_agent
def monthly(context: Any, memory: Any, history: Any, row: int) -> int:
    memory[0] += 1.0
    if memory[0] % 720.0 == 0.0 and row + 1 < history.shape[0]:
        context.targets[0] = 1.0 if history[row + 1, 3] > history[row, 3] else -1.0
    return OK


@compiled_agent
def careful(context: Any, memory: Any, history: Any, row: int) -> int:
    """The same at every bar, unless what comes next is no number."""
    if row + 1 < history.shape[0] and not math.isnan(history[row + 1, 3]):
        context.targets[0] = 1.0 if history[row + 1, 3] > history[row, 3] else -1.0
    return OK


@compiled_agent
def normalised(context: Any, memory: Any, history: Any, row: int) -> int:
    """Normalises by the mean of the whole sample."""
    context.targets[0] = 1.0 if history[row, 3] > history[:, 3].mean() else -1.0
    return OK


@compiled_agent
def repainting(context: Any, memory: Any, history: Any, row: int) -> int:
    """Compares with a moving average that is centred on the bar."""
    first, end = max(row - 5, 0), min(row + 6, history.shape[0])
    context.targets[0] = 1.0 if history[row, 3] > history[first:end, 3].mean() else -1.0
    return OK


@compiled_agent
def below_the_next_low(context: Any, memory: Any, history: Any, row: int) -> int:
    """Never changes a target: an order at the low of the next bar."""
    if row % 50 == 0 and row + 1 < history.shape[0] and history[row + 1, 2] > 0.0:
        limit_order(context, 0, 0.001, math.floor(history[row + 1, 2] * 10.0) / 10.0, 0)
    return OK


class Compiled(CompiledStrategy):
    def memory(self) -> Any:
        return np.zeros(1)


def cheat(function: Any) -> type[Compiled]:
    return type(function.__name__, (Compiled,), {"function": function, "__module__": __name__})


class KeepsTheData(Strategy):
    """Keeps what it is shown, and reads on from it later."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.kept: Any = None
        self.calls = 0

    def on_bar(self, market: Market) -> float:
        if self.kept is None:
            self.kept = market._history
        self.calls += 1
        later = self.kept[min(self.calls + 24, len(self.kept) - 1), 3]
        return 1.0 if later > market.close else 0.0


class KnowsTheRate(Strategy):
    """Has the funding table of the tape, and trades ahead of a rate that is not published."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.at = 0

    def on_bar(self, market: Market) -> float:
        funding = self.tape.funding  # type: ignore[attr-defined]
        coming = int(np.searchsorted(funding.times, market.time, side="right"))
        return -1.0 if coming < len(funding.rates) and funding.rates[coming] > 1e-4 else 0.0


class NextQuote(Strategy):
    def on_book(self, market: Market) -> float:
        after = market._history[min(market._row + 1, len(market._history) - 1)]
        return 1.0 if after[0] > market.bid else 0.0


@pytest.mark.parametrize(
    ("make", "event", "inputs"),
    [
        (Monthly, 720, {"bars: close"}),
        (cheat(monthly), 720, {"bars: close"}),
        (cheat(careful), 1, {"bars: close"}),
        (cheat(normalised), None, {"bars: close"}),
        (cheat(repainting), None, {"bars: close"}),
        (cheat(below_the_next_low), None, {"bars: low"}),
        (KeepsTheData, None, {"bars: close"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_cheat_is_caught_with_the_event_and_the_input(
    bars: Tape, make: Callable[[], Any], event: int | None, inputs: set[str]
) -> None:
    peek = check(bars, make).peek
    assert peek is not None
    assert set(peek.inputs) == inputs
    if event is not None:
        assert peek.time == int(bars.feeds[0].table("bars").times[event - 1]) + bars.interval
    assert str(check(bars, make)).startswith("looks ahead: the decision at 2024-0")


def test_a_peek_at_a_rate_that_is_not_published_is_caught(bars: Tape) -> None:
    rates = bars.funding.rates.copy()  # type: ignore[union-attr]

    def make() -> Strategy:
        agent = KnowsTheRate()
        agent.__dict__["tape"] = bars
        return agent

    peek = check(bars, make).peek
    assert peek is not None
    assert peek.inputs == ("funding",)
    assert (bars.funding.rates == rates).all()  # type: ignore[union-attr]
    assert not bars.funding.rates.flags.writeable  # type: ignore[union-attr]


class Holds(Strategy):
    """Trades by a function of what it holds and of the time."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.prices, self.times = self.hold()  # type: ignore[attr-defined]

    def on_bar(self, market: Market) -> float:
        at = int(np.searchsorted(self.times, market.time, side="right"))
        return 1.0 if self.prices[min(at, len(self.prices) - 1)] > market.close else -1.0


def holding(hold: Callable[[], Any]) -> Callable[[], Strategy]:
    def make() -> Strategy:
        agent = Holds()
        agent.__dict__["hold"] = hold
        return agent

    return make


@pytest.mark.parametrize("held", ["part", "whole", "what runs share"])
def test_a_peek_at_what_a_tape_was_cut_from_or_what_runs_have_left_with_it_is_caught(bars: Tape, held: str) -> None:
    part = bars.slice(None, pd.Timestamp(bars.start_ns + 10 * DAY, tz="UTC"))
    rows, times = bars.bars.rows.copy(), bars.bars.times  # type: ignore[union-attr]
    run_backtest(part, strategies.BuyAndHold(), COSTS, sizing=FixedContracts(1.0))
    assert part.shared
    holds: dict[str, Callable[[], Any]] = {
        "part": lambda: (part.bars.rows[:, 3], part.bars.times),  # type: ignore[union-attr]
        "whole": lambda: (bars.bars.rows[:, 3], times),  # type: ignore[union-attr]
        "what runs share": lambda: _marks(part),
    }
    found = check(part, holding(holds[held]))
    assert found.peek is not None
    assert (bars.bars.rows == rows).all()  # type: ignore[union-attr]
    assert not bars.bars.rows.flags.writeable  # type: ignore[union-attr]
    assert part.shared
    assert check(part, strategies.BuyAndHold).passed


def test_a_peek_at_the_book_of_the_exchange_before_it_is_received_is_caught(book: Tape) -> None:
    late = FREE.model_copy(update={"latency": Latency.fixed(0, feed="3s")})
    depth: Any = replace(book.feeds[0].books, local_times=None)  # type: ignore[type-var]
    alone = replace(book, feeds=(replace(book.feeds[0], bars=None, books=depth),))

    class Early(Strategy):
        def on_book(self, market: Market) -> float:
            now = int(np.searchsorted(depth.times, market.time, side="right")) - 1
            return 1.0 if depth.rows[now, 0] > market.bid else -1.0

    assert check(alone, Early, late).peek is not None
    assert check(alone, lambda: strategies.MarketMaker(inventory_limit=5.0, size=1.0), late).passed


def _marks(tape: Tape) -> Any:
    """Mark prices as earlier runs have left them with the tape; those of the tape where there are none."""
    kept = tape.shared.get("side events")
    if kept is None:
        return tape.mark.prices, tape.mark.times  # type: ignore[union-attr]
    marks = kept[1][kept[1]["kind"] == MARK]
    return marks["value"], marks["time"]


def test_audits_in_two_threads_leave_the_tape_as_it_was(bars: Tape) -> None:
    rows, rates = bars.bars.rows.copy(), bars.funding.rates.copy()  # type: ignore[union-attr]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda make: check(bars, make), [strategies.BuyAndHold, Monthly] * 2))
    assert [each.passed for each in found] == [True, False] * 2
    assert (bars.bars.rows == rows).all()  # type: ignore[union-attr]
    assert (bars.funding.rates == rates).all()  # type: ignore[union-attr]


def test_prices_that_stand_for_two_things_are_as_they_were_afterwards(bars: Tape) -> None:
    assert bars.index is not None
    both = replace(bars, feeds=(replace(bars.feeds[0], settle_price=bars.index),))
    prices = bars.index.prices.copy()
    assert check(both, strategies.BuyAndHold).passed
    assert (bars.index.prices == prices).all()


@pytest.mark.parametrize("source", ["numpy", "kept"])
def test_an_agent_that_does_not_repeat_itself_is_not_accused_and_does_not_pass(bars: Tape, source: str) -> None:
    drawn = np.random.default_rng()

    class Moody(Strategy):
        moods: ClassVar[list[float]] = [0.0]

        def on_bar(self, market: Market) -> float:
            if source == "numpy":
                return float(drawn.choice([-1.0, 1.0]))
            self.moods.append(1.0)
            return 1.0 if len(self.moods) % 4096 < 2048 else -1.0

    found = check(bars, Moody)
    assert found.peek is None
    assert found.differs is not None
    assert not found.passed
    assert str(found).startswith("does not repeat itself: on the same data it decides differently at 2024-0")


def test_a_peek_at_the_next_book_is_caught(book: Tape) -> None:
    peek = check(book, NextQuote, FREE).peek
    assert peek is not None
    assert peek.inputs == ("books: bid_1",)


# The innocent.

HONEST: dict[str, Any] = {
    "BuyAndHold": strategies.BuyAndHold,
    "SmaCross": lambda: strategies.SmaCross(fast=5, slow=30),
    "Bollinger": lambda: strategies.Bollinger(window=20),
    "FundingCarry": lambda: strategies.FundingCarry(threshold=5e-5, settlements=3),
    "DonchianAtr": lambda: strategies.DonchianAtr(channel=12, contracts=0.05),
    "RandomTurnover": strategies.RandomTurnover,
    "TimeOfDay": lambda: strategies.TimeOfDay(hours=(1.0, -1.0) * 12),
    "Twap": lambda: strategies.Twap(contracts=2.0, duration="1d", slices=24),
    "AlmgrenChriss": lambda: strategies.AlmgrenChriss(contracts=-2.0, duration="1d", slices=24),
}


@pytest.mark.parametrize("mode", ["compiled", "python"])
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_agent_passes(bars: Tape, name: str, mode: str) -> None:
    found = check(bars, HONEST[name], mode=mode)
    assert found.passed, str(found)
    assert found.moments > 2_400
    assert not found.sampled


@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_an_honest_agent_passes_on_books_and_on_two_instruments(book: Tape, legs: Tape, mode: str) -> None:
    maker = check(book, lambda: strategies.MarketMaker(inventory_limit=5.0, size=1.0), FREE, mode=mode)
    imbalance = check(book, lambda: strategies.BookImbalance(levels=2, threshold=0.2, smoothing=0.0), FREE, mode=mode)
    assert imbalance.passed, str(imbalance)
    assert maker.passed, str(maker)
    free = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
    pairs = check(legs, lambda: strategies.Pairs(window=20), free, mode=mode, capital=10_000)
    assert pairs.passed, str(pairs)


def test_every_built_in_strategy_is_audited_here() -> None:
    built_in = {name for name in strategies.__all__ if hasattr(getattr(strategies, name), "reset")}
    assert built_in - {"Strategy", "CompiledStrategy", "BookImbalance", "MarketMaker", "Pairs", "PairsCarry"} == set(
        HONEST
    )


# A sample.


def test_a_sample_compares_its_windows_alone(bars: Tape) -> None:
    honest = check(bars, HONEST["SmaCross"], windows=Windows((500, 1_500), 20))
    assert (honest.passed, honest.sampled) == (True, True)
    assert 8 <= honest.moments <= 40
    assert f"a sample of {honest.moments} moments" in str(honest)
    assert not check(bars, cheat(normalised), windows=Windows(tuple(range(200, 9_000, 800)), 20)).passed
    assert check(bars, cheat(monthly), windows=Windows((500, 1_500), 20)).passed
    assert not check(bars, cheat(monthly), windows=Windows((2_600,), 800)).passed


def test_a_run_of_one_event_at_a_time_gives_the_same_bits(bars: Tape) -> None:
    make = HONEST["Bollinger"]
    results = [
        run_backtest(bars, make(), COSTS, sizing=FixedContracts(1), margin=Margin.none(), chunk_events=size)
        for size in (1, 30_000)
    ]
    assert results[0].curve_values.tobytes() == results[1].curve_values.tobytes()
    assert results[0].fill_records.tobytes() == results[1].fill_records.tobytes()


@pytest.mark.parametrize(("starts", "length"), [((), 5), ((5, 5), 5), ((9, 5), 5), ((-1,), 5), ((5,), 0)])
def test_windows_that_are_none_are_refused(starts: tuple[int, ...], length: int) -> None:
    with pytest.raises(ConfigError, match="windows: expected"):
        Windows(starts, length)
