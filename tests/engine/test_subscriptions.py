"""What agents are called on, and see, where instruments have different tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.impact import Impact
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.engine.agent_functions import compiled_agent
from halfspread.engine.codes import OK
from halfspread.engine.instruments import linear
from halfspread.engine.market import Market
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, StrategyError
from halfspread.strategies import CompiledStrategy, Strategy

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND  # 2024-01-01
COSTS = Costs(half_spread=HalfSpread.from_quotes(), fees=Fees(taker=0.0, maker=0.0), funding=Funding.none())


def times(count: int, first: float = 0.0) -> Any:
    return START + (np.arange(count) + first) * SECOND


def quotes(symbol: str = "AAA", mids: Any = (100.0,) * 5, first: float = 0.0, venue: str = "test") -> Tape:
    middle = np.array(mids)
    table: dict[str, Any] = {"ts": times(len(middle), first).astype(np.int64), "bid": middle - 0.5, "ask": middle + 0.5}
    table |= {"bid_size": np.full(len(middle), 9.0), "ask_size": np.full(len(middle), 9.0)}
    instrument = linear(symbol, tick=0.5, lot=1.0, multiplier=1.0).model_copy(update={"venue": venue})
    return Tape.from_quotes(table, instrument)


def books(symbol: str = "BBB", count: int = 5, first: float = 0.25) -> Tape:
    table: dict[str, Any] = {"ts": times(count, first).astype(np.int64)}
    for level in (1, 2):
        table[f"bid_{level}"] = np.full(count, 50.0 - level)
        table[f"ask_{level}"] = np.full(count, 50.0 + level)
        table[f"bid_size_{level}"] = table[f"ask_size_{level}"] = np.full(count, 9.0)
    return Tape.from_books(table, linear(symbol, tick=0.5, lot=1.0, multiplier=1.0))


def run(tape: Tape, agent: Any, costs: Costs = COSTS, **more: Any) -> BacktestResult:
    return run_backtest(tape, agent, costs, sizing=FixedContracts(1), margin=Margin.none(), **more)


class OnQuotesAndFills(Strategy):
    """Counts its calls, and buys at the second quote."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.calls: list[tuple[str, bool, bool]] = []

    def on_quote(self, market: Market) -> Any:
        self.calls.append(("quote", market.happened("quote"), market.happened("fill")))
        return [1.0] * len(market) if len(self.calls) == 2 else None

    def on_fill(self, market: Market) -> None:
        self.calls.append(("fill", market.happened("quote"), market.happened("fill")))


@pytest.mark.parametrize("tape", [quotes(), books()], ids=["quotes", "books"])
def test_a_method_for_quotes_is_called_on_books_too_beside_other_methods(tape: Tape) -> None:
    agent = OnQuotesAndFills()
    assert run(tape, agent).counts["fills"] == 1
    calls = [name for name, _, _ in agent.calls]
    assert calls.count("quote") == 5
    assert calls.count("fill") == 1
    assert all(quote or fill for _, quote, fill in agent.calls)


def test_an_agent_on_quotes_hears_the_books_of_an_instrument_that_has_no_quotes() -> None:
    agent = OnQuotesAndFills()
    result = run(Tape.join(quotes(), books()), agent)
    assert [name for name, _, _ in agent.calls].count("quote") == 10
    assert result.counts["fills"] == 2


class OnBooks(Strategy):
    """Looks at the books that there are, and trades both instruments."""

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen: list[float] = []

    def on_book(self, market: Market) -> Any:
        view = market["BBB"]
        self.seen.append(float(view.book[1, 2]))
        assert np.isnan(market["AAA"].open)
        return {"AAA": 1.0, "BBB": -1.0}


def test_an_agent_on_books_does_not_wait_for_those_of_an_instrument_with_quotes_only() -> None:
    agent = OnBooks()
    result = run(Tape.join(quotes(), books()), agent)
    assert result.counts["fills"] == 2
    assert set(agent.seen) == {52.0}


class LooksAway(Strategy):
    def on_book(self, market: Market) -> None:
        market["AAA"].history("bid")


def test_the_history_of_an_instrument_without_the_table_is_refused() -> None:
    with pytest.raises(StrategyError, match="no column 'bid' in the data; there are none, for this instrument has not"):
        run(Tape.join(quotes(), books()), LooksAway())


@compiled_agent
def read_the_other(context: Any, memory: Any, history: Any, row: int) -> int:
    memory[0] = history[context.rows[0], 0]
    return OK


class ReadsTheOther(CompiledStrategy):
    events = ("book",)
    function = read_the_other

    def memory(self) -> Any:
        return np.zeros(1)


def test_a_compiled_agent_that_reads_the_missing_rows_is_stopped() -> None:
    with pytest.raises(StrategyError, match=r"IndexError|out of bounds"):
        run(Tape.join(quotes(), books()), ReadsTheOther())


class Holds(Strategy):
    def on_quote(self, market: Market) -> Any:
        return [1.0] * len(market) if len(market) > 1 else 1.0


def test_the_curve_ends_where_the_run_does() -> None:
    # Bought at 100.5 at 1 s; the last quote, at 8 s, is beyond the last second of the curve.
    table = quotes(mids=(100.0, 100.0, 100.0, 90.0), first=0.5)
    result = run(table, Holds(), capital=1_000.0)
    assert result.curve.index[-1] == result.end
    assert result.curve["equity"].iloc[-1] == result.capital + result.attribution["total"]
    assert result.max_drawdown_equity == pytest.approx(10.5 / 1_000.0)


def test_a_run_that_begins_at_midnight_has_one_day() -> None:
    result = run(quotes(), Holds())
    assert result.periods.index[0] > result.start


def test_two_venues_with_one_symbol_stay_apart() -> None:
    tape = Tape.join(quotes("BTC", venue="one"), quotes("BTC", venue="two", first=0.25))
    result = run(tape, Holds())
    assert list(result.curve.columns[2:]) == ["position_one:BTC", "position_two:BTC"]
    assert set(result.fills["instrument"]) == {"one:BTC", "two:BTC"}
    assert {"position_one:BTC", "position_two:BTC"} <= set(result.periods.columns)


class Ambiguous(Strategy):
    def on_quote(self, market: Market) -> Any:
        return {"BTC": 1.0}


def test_a_symbol_that_two_venues_have_is_no_name() -> None:
    tape = Tape.join(quotes("BTC", venue="one"), quotes("BTC", venue="two", first=0.25))
    with pytest.raises(StrategyError, match="several venues have it; say 'one:BTC' or 'two:BTC'"):
        run(tape, Ambiguous())


def test_delays_of_market_data_are_drawn_once() -> None:
    order, feed = Delay.lognormal("5ms", 0.5), Delay.lognormal("9ms", 0.5)
    latency = Latency(order=order, response=Delay.none(), feed=feed)
    drawn = latency.tables(np.random.default_rng([7, 1]))[2][2]
    seen: list[int] = []

    class Sees(Strategy):
        def on_quote(self, market: Market) -> None:
            seen.append(market.time)

    run(quotes(), Sees(), COSTS.model_copy(update={"latency": latency}), seed=7)
    late = np.array(seen) - times(5).astype(np.int64)
    assert late.tolist() == drawn[:5].tolist()


@pytest.mark.parametrize("tape", [quotes(), books()], ids=["quotes", "books"])
def test_the_square_root_impact_is_refused_where_a_book_is_walked(tape: Tape) -> None:
    modelled = COSTS.model_copy(update={"impact": Impact.square_root()})
    with pytest.raises(ConfigError, match=r"impact: (AAA|BBB) is traded against (quotes|books).* Say Impact.none\(\)"):
        run(tape, Holds(), modelled)
