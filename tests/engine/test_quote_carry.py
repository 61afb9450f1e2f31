"""Bars without a quote: left as they are, or given the last one, counted, for a time and without looking ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import halfspread as hs
from halfspread.engine.quote_carry import QuoteCarry
from halfspread.engine.tape import Tape
from halfspread.errors import DataError

BTCUSDT = hs.instruments.bybit("BTCUSDT")
MINUTE = 60_000_000_000
START = 1_670_889_600_000_000_000
QUOTES = ("bid_open", "ask_open", "bid_close", "ask_close")


def bars(missing: tuple[int, ...], count: int = 8) -> pd.DataFrame:
    """Bars of a minute whose bids are 100, 101, ... at both ends, a half below the ask; some without a quote."""
    bids = 100.0 + np.arange(count)
    frame = pd.DataFrame({"ts": START + MINUTE * np.arange(count), "open": bids, "high": bids + 1, "low": bids - 1})
    frame["close"], frame["volume"] = bids, 1.0
    for name in QUOTES:
        frame[name] = bids + (0.5 if name.startswith("ask") else 0.0)
    frame.loc[list(missing), list(QUOTES)] = np.nan
    return frame


def quotes_of(tape: Tape) -> list[list[float]]:
    (block,) = tape.feeds[0].blocks("bars")
    return [[float(value) for value in row] for row in block.rows[:, 5:9]]


def test_quotes_are_as_given_unless_they_are_to_be_carried() -> None:
    tape = Tape.from_bars(bars((2,)), BTCUSDT)
    assert np.isnan(quotes_of(tape)[2]).all()
    assert tape.bars.counts["bars_without_quote"] == 1
    assert "quotes_carried" not in tape.bars.counts


def test_a_bar_without_a_quote_is_given_the_one_that_closed_the_bar_before() -> None:
    tape = Tape.from_bars(bars((2, 3, 6)), BTCUSDT, quotes="carry")
    found = quotes_of(tape)
    assert found[2] == found[3] == [101.0, 101.5, 101.0, 101.5]
    assert found[6] == [105.0, 105.5, 105.0, 105.5]
    assert found[4] == [104.0, 104.5, 104.0, 104.5]
    assert tape.bars.counts["quotes_carried"] == 3
    assert tape.bars.counts["bars_without_quote"] == 0


def test_no_quote_is_carried_for_longer_than_the_limit() -> None:
    tape = Tape.from_bars(bars((2, 3, 4, 5)), BTCUSDT, quotes="carry", carry_limit="2m")
    found = quotes_of(tape)
    # The quote is of 2:00, the close of bar 1: it holds until 4:00, the close of bar 3 and the open of bar 4.
    assert found[3] == [101.0, 101.5, 101.0, 101.5]
    assert found[4][:2] == [101.0, 101.5]
    assert np.isnan(found[4][2:]).all()
    assert np.isnan(found[5]).all()


def test_nothing_is_carried_into_the_bars_before_the_first_quote() -> None:
    tape = Tape.from_bars(bars((0, 1)), BTCUSDT, quotes="carry")
    assert np.isnan(quotes_of(tape)[:2]).all()
    assert tape.bars.counts["quotes_carried"] == 0


def test_what_is_carried_does_not_depend_on_what_comes_later() -> None:
    whole = quotes_of(Tape.from_bars(bars((2, 5)), BTCUSDT, quotes="carry"))
    part = quotes_of(Tape.from_bars(bars((2, 5)).iloc[:4], BTCUSDT, quotes="carry"))
    assert whole[:4] == part


@pytest.mark.parametrize("start", [0, 3, 6])
def test_a_streamed_tape_carries_the_same_quotes_also_from_before_its_start(tmp_path: Path, start: int) -> None:
    path = tmp_path / "bars.parquet"
    bars((2, 3, 6)).to_parquet(path)
    first = pd.Timestamp(START + start * MINUTE, tz="UTC")
    whole = Tape.from_bars(path, BTCUSDT, quotes="carry", start=first, interval="1m")
    streamed = Tape.scan_bars(path, BTCUSDT, quotes="carry", start=first, interval="1m")
    assert streamed.hash() == whole.hash()
    assert streamed.bars.counts == whole.bars.counts
    assert whole.bars.counts["quotes_carried"] == {0: 3, 3: 2, 6: 1}[start]


def test_a_report_says_how_many_quotes_were_carried() -> None:
    costs = hs.Costs(half_spread=hs.HalfSpread.from_bars(), fees=hs.Fees.none(), funding=hs.Funding.none())
    tape = Tape.from_bars(bars((2, 3, 6)), BTCUSDT, quotes="carry")
    result = hs.backtest(tape, hs.strategies.BuyAndHold(), costs, sizing=hs.FixedNotional(10_000))
    text = result.assumptions["reference price"]
    assert "3 of 8 bars came without a quote and were given the last bid and ask, no older than 20m" in text
    assert result.counts["quotes_carried"] == 3


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"quotes": "fill"}, "expected 'as_given' or 'carry', got 'fill'"),
        ({"quotes": "carry"}, "needs columns bid_open"),
    ],
)
def test_a_choice_that_is_not_possible_is_refused(terms: dict[str, str], expected: str) -> None:
    frame = bars(()) if terms["quotes"] == "fill" else bars(()).drop(columns=list(QUOTES))
    with pytest.raises(DataError, match=expected):
        Tape.from_bars(frame, BTCUSDT, **terms)  # type: ignore[arg-type]


def test_blocks_of_any_size_carry_the_same_quotes() -> None:
    whole, parts = Tape.from_bars(bars((0, 2, 3, 6)), BTCUSDT), QuoteCarry(MINUTE, 20 * MINUTE, 5)
    (block,) = whole.feeds[0].blocks("bars")
    once, apart = block.rows.copy(), block.rows.copy()
    given = QuoteCarry(MINUTE, 20 * MINUTE, 5).fill(block.times, once)
    found = [parts.fill(block.times[at], apart[at]) for at in (slice(0, 3), slice(3, 3), slice(3, 6), slice(6, 8))]
    np.testing.assert_array_equal(apart, once)
    assert np.concatenate(found).tolist() == given.tolist() == [False, False, True, True, False, False, True, False]
