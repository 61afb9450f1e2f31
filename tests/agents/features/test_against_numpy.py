"""Features on random markets against slow ones in NumPy, row by row from the tables themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.agents.features import KINDS
from halfspread.engine.tape import Tape
from halfspread.engine.times import HOUR
from tests.agents.features.lookers import OTHER, Floats, look, random_bars, random_books
from tests.agents.features.test_causal import FADED, WINDOWED, written
from tests.engine.worlds import START

CLOSE, HIGH, LOW, VOLUME = 3, 1, 2, 4


def log_moves(rows: Floats) -> Floats:
    return np.diff(np.log(rows[:, CLOSE]))


def ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else 0.0


def place(part: Floats) -> float:
    high, low = part[:, HIGH].max(), part[:, LOW].min()
    return float(2.0 * (part[-1, CLOSE] - low) / (high - low) - 1.0)


def signed(part: Floats) -> float:
    volumes = part[1:, VOLUME]
    return ratio(float((np.sign(np.diff(part[:, CLOSE])) * volumes).sum()), float(volumes.sum()))


def momentum(part: Floats) -> float:
    moves = log_moves(part)
    return float(moves.sum() / (moves.std() * math.sqrt(len(moves))))


def strength(part: Floats) -> float:
    moves = np.diff(part[:, CLOSE])
    return float(moves.sum() / np.abs(moves).sum())


#: From the rows up to the present one, as many as the feature has to see.
PLAIN: dict[str, tuple[str, int, Callable[[Floats], float]]] = {
    "column": ("column(signal)", 1, lambda part: part[-1, 5]),
    "log_return": ("log_return(5)", 6, lambda part: log_moves(part).sum()),
    "momentum": ("momentum(12)", 13, momentum),
    "volatility": ("volatility(10)", 11, lambda part: log_moves(part).std()),
    "volume": ("volume", 1, lambda part: math.log(1.0 + part[-1, VOLUME])),
    "volume_ratio": ("volume_ratio(7)", 7, lambda part: ratio(part[-1, VOLUME], part[:, VOLUME].mean()) - 1.0),
    "signed_volume": ("signed_volume(6)", 7, signed),
    "bar_range": ("bar_range(9)", 9, lambda part: np.log(part[:, HIGH] / part[:, LOW]).mean()),
    "range_position": ("range_position(15)", 15, place),
    "average_gap": ("average_gap(4, 20)", 20, lambda part: part[-4:, CLOSE].mean() / part[:, CLOSE].mean() - 1.0),
    "strength": ("strength(8)", 9, strength),
    "signed_share": (
        "signed_share",
        1,
        lambda part: float(np.sign(part[-1, CLOSE] - part[-1, 0])) * (part[-1, 4] > 0.0),
    ),
}


def faded(values: Floats, half_life: int) -> Floats:
    """Weighted means up to each value."""
    return np.asarray(pd.Series(values).ewm(halflife=half_life, adjust=True).mean())


def deviations(rows: Floats, half_life: int) -> Floats:
    """At each row from the third on, of the log moves before it."""
    return np.asarray(np.maximum(np.sqrt(faded(log_moves(rows) ** 2, half_life)[:-1]), 2e-4))


def scores(rows: Floats, half_life: int) -> Floats:
    level = np.log1p(rows[1:, VOLUME])
    mean = faded(level, half_life)
    spread = np.sqrt(faded((level - mean) ** 2, half_life)) + 1e-6
    return np.asarray((level[1:] - mean[:-1]) / spread[:-1])


def over(above: Floats, below: Floats) -> Floats:
    """Both end at the last row."""
    count = min(len(above), len(below))
    return np.asarray(above[-count:] / below[-count:])


#: Half-life, and from all rows and those that it has seen the values up to the last row.
SLOW: dict[str, tuple[int, Callable[[Floats, Floats], Floats]]] = {
    "faded_volatility": (9, lambda rows, seen: deviations(seen, 9)),
    "scaled_return": (
        9,
        lambda rows, seen: over(np.log(rows[12:, CLOSE] / rows[:-12, CLOSE]), math.sqrt(12.0) * deviations(seen, 9)),
    ),
    "scaled_range": (
        7,
        lambda rows, seen: over((rows[:, HIGH] - rows[:, LOW]) / rows[:, CLOSE], deviations(seen, 7)) - 1.5,
    ),
    "volume_score": (9, lambda rows, seen: scores(seen, 9)),
}


def test_every_kind_that_fades_has_a_slow_twin() -> None:
    assert set(SLOW) == set(FADED)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FADED)
def test_features_that_fade_are_those_of_pandas(kind: str, seed: int) -> None:
    """Of two instruments at once, and whatever else looks at the same half-life."""
    tape: Any = Tape.join(random_bars(300, seed), random_bars(300, seed + 7, OTHER))
    names = (written(kind), f"{written(kind)}@OTHER", "faded_volatility(30)", "volume_score(30)@OTHER")
    looker = look(tape, names)
    half_life, slow = SLOW[kind]
    for column, feed in enumerate(tape.feeds):
        rows = feed.bars.rows
        found = slow(rows, rows[looker.lookback - half_life - 1 :])
        expected = np.clip(found, -5.0, 5.0) if kind != "faded_volatility" else found
        assert looker.table[:, column] == pytest.approx(expected[-len(looker.rows) :], rel=1e-9, abs=1e-12)


def test_every_kind_of_bars_has_a_slow_twin() -> None:
    assert set(PLAIN) == set(WINDOWED)


@pytest.mark.parametrize("kind", WINDOWED)
def test_features_of_bars_are_those_of_numpy(kind: str) -> None:
    name, rows, plain = PLAIN[kind]
    tape: Any = random_bars(300)
    table = tape.feeds[0].bars.rows
    looker = look(tape, (name,))
    assert looker.lookback == rows - 1
    expected = [plain(table[i - rows + 1 : i + 1]) for i in range(rows - 1, len(table))]
    assert looker.table[:, 0] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", WINDOWED)
def test_features_of_another_instrument_are_those_of_its_bars(kind: str) -> None:
    name, rows, plain = PLAIN[kind]
    tape: Any = Tape.join(random_bars(100, 1), random_bars(100, 2, OTHER))
    table = tape.feeds[1].bars.rows
    for symbol in ("OTHER", "custom:OTHER"):
        looker = look(tape, (f"{name}@{symbol}",))
        expected = [plain(table[i - rows + 1 : i + 1]) for i in range(rows - 1, len(table))]
        assert looker.table[:, 0] == pytest.approx(expected, rel=1e-9, abs=1e-12)


BOOK_NAMES = ("imbalance", "spread", "micro_price", "trade_flow(4s)", "micro_volatility(4s)")
HALF_LIFE = 4e9


class PlainBook:
    """Books and trades received so far, looked at now and then."""

    def __init__(self, tape: Any) -> None:
        self.books, self.trades = tape.feeds[0].books, tape.feeds[0].trades
        self.seen, self.signed, self.total, self.then = 0, 0.0, 0.0, 0
        self.mid, self.squares, self.mid_at = math.nan, 0.0, 0

    def look(self, now: int) -> list[float]:
        flow = self.flow(now)
        row = int(np.searchsorted(self.books.times, now, side="right")) - 1
        if row < 0:
            return [0.0, 0.0, 0.0, flow, 0.0]
        bid, bids, ask, asks = self.books.rows[row, :4]
        mid = (bid + ask) / 2.0
        if not math.isnan(self.mid):
            fade = 2.0 ** ((self.mid_at - now) / HALF_LIFE)
            self.squares = fade * self.squares + math.log(mid / self.mid) ** 2
        self.mid, self.mid_at = mid, now
        both = bids + asks
        micro = (bid * asks + ask * bids) / both
        return [(bids - asks) / both, (ask - bid) / mid, micro / mid - 1.0, flow, math.sqrt(self.squares)]

    def flow(self, now: int) -> float:
        end = int(np.searchsorted(self.trades.times, now, side="right"))
        part = self.trades.rows[self.seen : end]
        self.seen = end
        sized = np.abs(part[:, 2]) @ part[:, 1]
        if sized > 0.0:
            fade = 2.0 ** ((self.then - now) / HALF_LIFE)
            self.signed = fade * self.signed + part[:, 2] @ part[:, 1]
            self.total, self.then = fade * self.total + sized, now
        return self.signed / self.total if self.total > 0.0 else 0.0


@pytest.mark.parametrize("event", ["book", "trade", "bar"])
def test_features_of_books_and_trades_are_those_of_the_tables(event: str) -> None:
    for seed in range(3):
        tape = random_books(seed=seed)
        looker = look(tape, BOOK_NAMES, events=(event,))
        plain = PlainBook(tape)
        expected = np.array([plain.look(now) for now in looker.times])
        assert len(expected) > 15
        assert looker.table == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_imbalance_of_several_levels_is_that_of_the_table(levels: int) -> None:
    tape: Any = random_books()
    rows = tape.feeds[0].books.rows
    bids, asks = rows[:, 1 : 4 * levels : 4].sum(axis=1), rows[:, 3 : 4 * levels : 4].sum(axis=1)
    found = look(tape, (f"depth_imbalance({levels})",), events=("book",)).table[:, 0]
    assert found == pytest.approx((bids - asks) / (bids + asks))


def test_quotes_without_sizes_have_no_imbalance() -> None:
    from tests.engine.worlds import LINEAR, START

    quotes = {"ts": START + 10**9 * np.arange(3), "bid": np.full(3, 99.0), "ask": np.full(3, 101.0)}
    found = look(Tape.from_quotes(quotes, LINEAR), ("imbalance", "micro_price", "spread"), events=("quote",))
    assert found.table.tolist() == [[0.0, 0.0, 0.02]] * 3


def test_earlier_decisions_stand_behind_the_present_one_and_0_before_the_first() -> None:
    tape = random_bars(30)
    alone = look(tape, ("log_return(2)", "position"), lambda number, market: float(number % 2)).table
    stacked = look(tape, ("log_return(2)", "position"), lambda number, market: float(number % 2), stack=3).table
    zeros = np.zeros_like(alone)
    before, twice = (np.concatenate([zeros[:i], alone[:-i]]) for i in (1, 2))
    assert (stacked == np.hstack([alone, before, twice])).all()


def test_volumes_of_none_and_prices_that_stand_still_give_0() -> None:
    from tests.engine.worlds import LINEAR, bars

    frame = {**bars(np.full(20, 100.0)), "volume": np.zeros(20)}
    names = ("momentum(3)", "volume_ratio(3)", "signed_volume(3)", "range_position(3)", "strength(3)", "bar_range(2)")
    found = look(Tape.from_bars(frame, LINEAR, interval="1h"), names).table
    assert (found == 0.0).all()
    assert len(found) == 17


def test_a_further_column_that_is_nan_counts_as_0() -> None:
    from tests.engine.worlds import LINEAR, bars

    frame = bars([100.0, 101.0, 102.0])
    quotes = {name: np.array([math.nan, 100.5, 101.5]) for name in ("bid_open", "bid_close")}
    asks = {name: np.array([math.nan, 101.5, 102.5]) for name in ("ask_open", "ask_close")}
    tape = Tape.from_bars({**frame, **quotes, **asks}, LINEAR, interval="1h")
    assert look(tape, ("column(bid_close)",)).table[:, 0].tolist() == [0.0, 100.5, 101.5]


def test_features_are_finite_numbers_whatever_is_missing() -> None:
    books: Any = random_books()
    names = [each for each in KINDS if "a history of" not in "".join(KINDS[each].needs)]
    written = [f"{each}(3s)" if each in ("trade_flow", "micro_volatility") else each for each in names]
    written = [f"{each}(4)" if each == "cool_down" else each for each in written]
    found = look(books, written, events=("trade",)).table
    assert np.isfinite(found).all()
    assert len(found) > 150


def test_a_bar_is_taken_in_once_however_many_decisions_it_is_looked_at() -> None:
    """An instrument with a bar every three hours beside one with a bar every hour."""
    fast, slow = random_bars(200), every_third_hour(random_bars(80, 1, OTHER))
    name = "scaled_return(2, 5)"
    alone, beside = look(slow, (name,)), look(Tape.join(fast, slow), (f"{name}@OTHER", "log_return(1)"))
    last = np.searchsorted(alone.times, beside.times, side="right") - 1
    assert (np.bincount(last)[:55] == 3).all()
    assert beside.table[:, 0] == pytest.approx(alone.table[last, 0], rel=1e-12)


def every_third_hour(tape: Any) -> Tape:
    frame = {name: tape.bars.rows[:, i] for i, name in enumerate(("open", "high", "low", "close", "volume"))}
    return Tape.from_bars({"ts": START + 3 * HOUR * np.arange(len(tape.bars.times)), **frame}, OTHER, interval="3h")
