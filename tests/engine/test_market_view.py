"""What a Python agent sees, bar by bar, on tapes made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine import instruments
from halfspread.engine.market import Market
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from halfspread.errors import StrategyError
from halfspread.strategies import Strategy
from tests.engine.worlds import FREE, LINEAR, START, bars, funding, tape

CHARGED = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.published())
CLOSES = [100.0, 110.0, 105.0, 120.0, 90.0, 95.0]
BITMEX_LIKE = instruments.bitmex("XBTUSDT")


class Looker(Strategy):
    """Notes what ``look`` sees at every call, and trades a script."""

    look: Callable[[Market], Any]
    script: tuple[float | None, ...] = ()

    def reset(self, rng: np.random.Generator, instruments: Any) -> None:
        self.seen: list[Any] = []

    def on_bar(self, market: Market) -> float | None:
        self.seen.append(self.look(market))
        return self.script[len(self.seen) - 1] if len(self.seen) <= len(self.script) else None


def seen(look: Callable[[Market], Any], market: Tape | None = None, costs: Costs = FREE, **more: Any) -> list[Any]:
    options = {name: more.pop(name) for name in ("fill", "capital", "sizing", "chunk_events") if name in more}
    agent = Looker(look=look, **more)
    run_backtest(market or tape(CLOSES), agent, costs, **{"sizing": FixedContracts(1), **options})
    return agent.seen


def test_the_view_shows_the_bar_that_has_just_closed_once_per_bar() -> None:
    rows = seen(lambda m: (m.time, m.open, m.high, m.low, m.close, m.volume))
    opens = [100.0, *CLOSES[:-1]]
    assert rows == [
        (START + (i + 1) * HOUR, o, max(o, c), min(o, c), c, 1.0)
        for i, (o, c) in enumerate(zip(opens, CLOSES, strict=True))
    ]


def test_time_is_the_close_of_the_bar_as_a_date_too() -> None:
    assert seen(lambda m: m.datetime)[1] == datetime(2024, 1, 1, 2, tzinfo=UTC)


def test_any_column_of_the_data_can_be_read_by_name() -> None:
    table = bars(CLOSES) | {"trades": np.arange(6.0)}
    market = Tape.from_bars(table, LINEAR, interval=3600, extra=("trades",))
    assert seen(lambda m: (m.value("trades"), m.value("close")), market) == list(zip(range(6), CLOSES, strict=True))
    assert seen(lambda m: m.history("trades").tolist(), market, lookback=2)[0] == [0.0, 1.0, 2.0]


def test_an_agent_is_not_called_before_its_lookback_stands() -> None:
    windows = seen(lambda m: m.history().tolist(), lookback=2)
    assert windows == [CLOSES[i - 2 : i + 1] for i in range(2, 6)]


@pytest.mark.parametrize("chunk_events", [1, 2, 3, 65_536])
def test_the_lookback_stands_in_every_chunk(chunk_events: int) -> None:
    windows = seen(
        lambda m: (m.close, m.history("close", 2).tolist(), m.history("high").tolist()),
        lookback=3,
        chunk_events=chunk_events,
    )
    highs = [max(a, b) for a, b in zip([100.0, *CLOSES[:-1]], CLOSES, strict=True)]
    assert windows == [(CLOSES[i], CLOSES[i - 1 : i + 1], highs[i - 3 : i + 1]) for i in range(3, 6)]


@pytest.mark.parametrize(
    ("count", "remedy"),
    [(0, "a whole number"), (-1, "a whole number"), (4, "a larger lookback"), (1_000_000, "a larger lookback")],
)
def test_history_reaches_as_far_as_the_lookback_and_no_further(count: int, remedy: str) -> None:
    with pytest.raises(StrategyError, match=f"with lookback = 2 an agent sees 1 to 3 bars; .*{remedy}"):
        seen(lambda m: m.history("close", count), lookback=2)


def test_without_lookback_history_is_the_present_bar() -> None:
    assert seen(lambda m: m.history().tolist()) == [[close] for close in CLOSES]


def test_what_history_returns_leads_to_no_other_data() -> None:
    def write(market: Market) -> float:
        window = market.history()
        assert window.base is None
        window[0] = -1.0
        return float(market.history()[0])

    assert seen(write) == CLOSES


def test_no_window_holds_a_row_that_comes_later() -> None:
    # Every close is later in the list than it is large, so a row of the future would be larger than the present close.
    rising = [float(i) for i in range(1, 200)]
    columns = ("open", "high", "low", "close")
    largest = seen(
        lambda m: (m.close, max(float(m.history(name, n).max()) for name in columns for n in (1, 3, 6))),
        tape(rising),
        lookback=5,
        chunk_events=7,
    )
    assert [close for close, _ in largest] == rising[5:]
    assert all(top == close for close, top in largest)


def test_a_window_kept_from_an_earlier_bar_stays_what_it_was() -> None:
    windows = seen(lambda m: m.history(), lookback=1, chunk_events=1)
    assert [window.tolist() for window in windows] == [CLOSES[i - 1 : i + 1] for i in range(1, 6)]


def test_the_public_view_has_no_name_that_reaches_rows_but_history_and_the_book() -> None:
    public = {name for name in dir(Market) if not name.startswith("_")}
    assert public == {
        *("open", "high", "low", "close", "volume", "value", "history", "time", "datetime", "gap", "instrument"),
        *("position", "contracts", "target", "equity", "capital", "mark", "index"),
        *("last_funding_rate", "next_funding_rate", "next_funding_time", "funding_settled", "funded"),
        *("half_spread", "taker_fee"),
        *("bid", "ask", "bid_size", "ask_size", "mid", "spread", "micro_price", "imbalance", "book", "tick", "lot"),
        *("trade_price", "trade_size", "trade_side", "bought", "sold", "filled", "happened", "views"),
        *("send_market", "send_limit", "send_stop", "send_stop_limit", "send_take_profit", "orders"),
        *("cancel", "cancel_all", "amend", "open_contracts", "rejected", "last_rejection"),
    }


def test_position_contracts_and_target_at_the_next_open() -> None:
    script = (1.0, None, -0.5, 0.0)
    rows = seen(lambda m: (m.position, m.contracts, m.target), script=script, sizing=FixedContracts(4))
    assert rows == [(0, 0, 0), (1, 4, 1), (1, 4, 1), (-0.5, -2, -0.5), (0, 0, 0), (0, 0, 0)]


@pytest.mark.parametrize(("fill", "held"), [("this_close", [0, 4, 4, 4, 4, 4]), ("next_close", [0, 4, 4, 4, 4, 4])])
def test_position_at_the_close(fill: str, held: list[float]) -> None:
    assert seen(lambda m: m.contracts, script=(1.0,), sizing=FixedContracts(4), fill=fill) == held


def test_position_is_a_fraction_of_what_a_target_of_one_stood_for_when_it_was_sized() -> None:
    # 1,000 / 100 = 10 contracts; the price moves and the target stays: neither is sized again
    rows = seen(lambda m: (m.position, m.contracts), script=(0.5, None, None, 1.0), sizing=FixedNotional(1000))
    assert rows == [
        (0, 0),
        (0.5, 5),
        (0.5, 5),
        (0.5, 5),
        (pytest.approx(8 / (1000 / 120)), 8),
        (pytest.approx(0.96), 8),
    ]


def test_equity_and_capital_are_those_of_the_account() -> None:
    rows = seen(lambda m: (m.equity, m.capital), script=(1.0,), capital=500.0)
    # bought at the open of the second bar, 100
    assert rows == [(500.0 + (close - 100.0 if i else 0.0), 500.0) for i, close in enumerate(CLOSES)]


def test_equity_at_a_close_includes_the_fill_and_its_costs() -> None:
    costs = Costs(half_spread=HalfSpread.price(0.5), fees=Fees(taker=0.01, maker=0.0), funding=Funding.none())
    rows = seen(lambda m: m.equity, costs=costs, script=(1.0,), capital=500.0)
    assert rows[1] == pytest.approx(500.0 + (110.0 - 100.5) - 1.005)


def test_gap_is_the_time_missing_before_the_bar() -> None:
    market = tape([100.0] * 8, skip=(2, 3, 6))
    assert seen(lambda m: m.gap, market) == [0, 0, 2 * HOUR, 0, HOUR]
    # the lookback counts rows, not hours
    assert len(seen(lambda m: m.history(), market, lookback=3)) == 2


def test_without_funding_mark_and_index_the_view_says_unknown() -> None:
    look = seen(lambda m: (m.mark, m.index, m.last_funding_rate, m.next_funding_rate, m.next_funding_time))[3]
    assert all(math.isnan(value) for value in look[:4])
    assert look[4] == 0


def unknown(values: Sequence[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def test_a_rate_that_is_known_at_its_settlement_is_the_last_rate_and_never_the_next() -> None:
    market = tape([100.0] * 18, funding=funding({0: 0.001, 8: 0.002, 16: 0.003}))
    last = unknown(seen(lambda m: m.last_funding_rate, market, CHARGED))
    assert last == [0.001] * 7 + [0.002] * 8 + [0.003] * 3
    assert unknown(seen(lambda m: m.next_funding_rate, market, CHARGED)) == [None] * 18
    times = [(t - START) / HOUR for t in seen(lambda m: m.next_funding_time, market, CHARGED)]
    assert times == [8] * 7 + [16] * 8 + [24] * 3
    assert seen(lambda m: m.funding_settled, market, CHARGED) == [i in (7, 15) for i in range(18)]


def test_a_rate_that_is_known_ahead_is_the_next_rate_until_it_is_paid() -> None:
    market = tape([100.0] * 18, BITMEX_LIKE, funding=funding({0: 0.001, 8: 0.002, 16: 0.003, 24: 0.004}))
    last = unknown(seen(lambda m: m.last_funding_rate, market, CHARGED, sizing=FixedContracts(1000)))
    upcoming = unknown(seen(lambda m: m.next_funding_rate, market, CHARGED, sizing=FixedContracts(1000)))
    assert last == [0.001] * 7 + [0.002] * 8 + [0.003] * 3
    assert upcoming == [0.002] * 7 + [0.003] * 8 + [0.004] * 3
    times = seen(lambda m: (m.next_funding_time - START) / HOUR, market, CHARGED, sizing=FixedContracts(1000))
    assert times == [8] * 7 + [16] * 8 + [24] * 3


def test_a_settlement_inside_a_bar_or_a_gap_is_told_at_the_next_close() -> None:
    daily = tape([100.0] * 3, interval=24 * HOUR, funding=funding(dict.fromkeys(range(0, 73, 8), 0.001)))
    assert seen(lambda m: m.funding_settled, daily, CHARGED) == [True] * 3
    gappy = tape([100.0] * 12, skip=(6, 7, 8), funding=funding({0: 0.001, 8: 0.002}))
    settled = seen(lambda m: (m.gap, m.funding_settled, m.last_funding_rate), gappy, CHARGED)
    assert settled[6] == (3 * HOUR, True, 0.002)
    assert [told for _, told, _ in settled] == [False] * 6 + [True] + [False] * 2


def test_mark_and_index_are_the_last_ones_published_by_the_close() -> None:
    series = {
        "ts": np.array([START + HOUR, START + 3 * HOUR - 1, START + 3 * HOUR + 1]),
        "price": np.array([1.0, 2.0, 3.0]),
    }
    market = tape(CLOSES, mark=series, index={**series, "price": series["price"] * 10})
    assert unknown(seen(lambda m: m.mark, market)) == [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]
    assert unknown(seen(lambda m: m.index, market)) == [10.0, 10.0, 20.0, 30.0, 30.0, 30.0]


def test_the_instrument_is_that_of_the_tape() -> None:
    assert seen(lambda m: m.instrument)[0] is LINEAR


def test_a_field_of_the_view_that_does_not_exist_cannot_be_set() -> None:
    def scribble(market: Any) -> None:
        market.note = 1

    with pytest.raises(StrategyError, match="AttributeError"):
        seen(scribble)
