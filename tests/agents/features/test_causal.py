"""No feature looks ahead: what it says at a decision stays, to the bit, whatever comes later, however the tape is cut
into chunks, and (of bars) wherever the run began."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halfspread.agents.features import KINDS, FeatureSet
from halfspread.agents.policies.watching import observations
from halfspread.engine.market import Market
from halfspread.engine.side_data import Prices
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR, Integers
from tests.agents.features.lookers import Floats, look, random_bars, random_books
from tests.engine.worlds import START

#: Parameters for the kinds that take some.
WRITTEN = {
    "column": "column(signal)",
    "log_return": "log_return(7)",
    "momentum": "momentum(9)",
    "volatility": "volatility(11)",
    "volume_ratio": "volume_ratio(6)",
    "signed_volume": "signed_volume(5)",
    "bar_range": "bar_range(4)",
    "range_position": "range_position(8)",
    "average_gap": "average_gap(3, 10)",
    "strength": "strength(6)",
    "faded_volatility": "faded_volatility(9)",
    "scaled_return": "scaled_return(12, 9)",
    "scaled_range": "scaled_range(7)",
    "volume_score": "volume_score(9)",
    "trade_flow": "trade_flow(3s)",
    "micro_volatility": "micro_volatility(3s)",
    "depth_imbalance": "depth_imbalance(2)",
    "cool_down": "cool_down(4)",
}
OF_BARS = [kind for kind, line in KINDS.items() if "a history of bars" in line.needs]
FADED = [kind for kind in OF_BARS if KINDS[kind].follows]
WINDOWED = [kind for kind in OF_BARS if kind not in FADED]
OF_BOOKS = ["imbalance", "spread", "micro_price", "trade_flow", "micro_volatility", "depth_imbalance"]
CUT = 71


def setting(kind: str) -> tuple[Tape, tuple[str, ...]]:
    """A market that the kind can be looked at on, and the events to decide on."""
    return (random_books(), ("book",)) if kind in OF_BOOKS else (random_bars(), ("bar",))


def written(kind: str) -> str:
    return WRITTEN.get(kind, kind)


def act(number: int, market: Market) -> float:
    """Targets from -1 to 1 that change every third decision."""
    return float((7 * (market.time // 10**6) // 3) % 3 - 1) if number % 3 == 0 else float(market.target)


def with_another_future(tape: Tape, moment: int) -> Tape:
    """Everything that is known after a moment, changed: rows of tables, rates, mark and index prices."""
    feed = tape.feeds[0]
    more: dict[str, Any] = {}
    for kind in feed.kinds:
        table = feed.table(kind)
        known = table.times + (table.interval if kind == "bars" else 0)
        rows = table.rows * np.where((known > moment)[:, None], 1.0 + 0.07 * np.arange(table.rows.shape[1]), 1.0)
        if kind == "trades":
            rows[known > moment, 2] = 1.0
        rows.flags.writeable = False
        more[kind] = replace(table, rows=rows)
    for name in ("mark", "index"):
        prices = getattr(feed, name)
        more[name] = Prices(prices.times, np.where(prices.times > moment, 3.0, 1.0) * prices.prices, prices.source)
    rates = feed.funding
    assert rates is not None
    more["funding"] = replace(rates, rates=np.where(rates.known_times > moment, -5.0, 1.0) * rates.rates)
    return replace(tape, feeds=(replace(feed, **more),))


def watched(tape: Tape, kind: str, events: tuple[str, ...], **more: Any) -> tuple[Integers, Floats]:
    """What a kind gives to one who trades."""
    found = look(tape, (written(kind),), act, events, stack=2, **more)
    return np.array(found.times), found.table


def test_kinds_that_are_not_of_bars_are_of_books_or_need_none() -> None:
    assert set(OF_BARS).isdisjoint(OF_BOOKS)
    assert all(KINDS[kind].needs or KINDS[kind].own or kind.startswith(("day", "week")) for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_future_does_not_change_what_a_feature_says(kind: str) -> None:
    tape, events = setting(kind)
    times, rows = watched(tape, kind, events)
    moment = int(times[CUT])
    _, others = watched(with_another_future(tape, moment), kind, events)
    assert rows[: CUT + 1].tobytes() == others[: CUT + 1].tobytes()
    assert kind in INSENSITIVE or (rows[CUT + 1 :] != others[CUT + 1 :]).any()


#: The clock is not changed by another future, nor is a settlement's time.
INSENSITIVE = ("day_sine", "day_cosine", "week_sine", "week_cosine", "to_funding", "position", "age", "cool_down")


@pytest.mark.parametrize("kind", KINDS)
def test_a_tape_that_ends_early_gives_the_same_bits_up_to_its_end(kind: str) -> None:
    tape, events = setting(kind)
    times, rows = watched(tape, kind, events)
    moment = int(times[CUT])
    _, others = watched(tape.slice(None, moment), kind, events)
    assert len(others) == CUT + 1
    assert rows[: CUT + 1].tobytes() == others.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_single_events_gives_the_bits_of_the_whole(kind: str) -> None:
    tape, events = setting(kind)
    _, rows = watched(tape, kind, events)
    for chunk in (1, 13):
        assert watched(tape, kind, events, chunk_events=chunk)[1].tobytes() == rows.tobytes()


@pytest.mark.parametrize("kind", FADED)
def test_a_feature_that_fades_forgets_where_the_run_began(kind: str) -> None:
    """A bar that one run has not seen counts half as much after each half-life (at most 12 bars here)."""
    tape = random_bars(600)
    times, rows = observations(tape, FeatureSet((written(kind),)))
    later, others = observations(tape.slice(START + 30 * HOUR, None), FeatureSet((written(kind),)))
    apart = np.abs(rows[int(np.searchsorted(times, later[0])) :] - others)[:, 0]
    assert apart[:20].max() > 1e-4
    assert apart[450:].max() < 1e-9


@pytest.mark.parametrize("kind", WINDOWED)
def test_a_feature_of_bars_does_not_depend_on_where_the_run_began(kind: str) -> None:
    tape = random_bars()
    times, rows = observations(tape, FeatureSet((written(kind),)))
    later, others = observations(tape.slice(START + 30 * HOUR, None), FeatureSet((written(kind),)))
    first = int(np.searchsorted(times, later[0]))
    assert later[0] == START + (31 + FeatureSet((written(kind),)).lookback) * HOUR
    assert rows[first:].tobytes() == others.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_compiled_watcher_sees_what_an_agent_in_python_sees(kind: str) -> None:
    tape, events = setting(kind)
    for chunk in (7, 100_000):
        times, rows = observations(tape, FeatureSet((written(kind),), 3), events, chunk_events=chunk)
        other = look(tape, (written(kind),), None, events, stack=3)
        assert times.tolist() == other.times
        assert rows.tobytes() == other.table.tobytes()


def test_the_test_of_the_future_finds_a_feature_that_looks_ahead() -> None:
    tape = random_bars()

    def peek(number: int, market: Market) -> float:
        rows = market._history
        return 1.0 if rows[min(market._row + 1, len(rows) - 1), 3] > market.close else -1.0

    def positions(tape: Tape) -> bytes:
        return look(tape, ("position", "open_pnl"), peek).table[: CUT + 2].tobytes()

    moment = int(look(tape, ("position",)).times[CUT])
    assert positions(tape) != positions(with_another_future(tape, moment))
