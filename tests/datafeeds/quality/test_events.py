"""Trades, quotes, books and funding with one fault planted have that one finding; clean ones have none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from halfspread.engine.times import HOUR, MINUTE, SECOND
from tests.datafeeds.quality.made_up import (
    START,
    Columns,
    find,
    made_books,
    made_funding,
    made_quotes,
    made_trades,
    told,
)

ROW = 200

MADE: dict[str, Callable[..., Columns]] = {
    "trades": made_trades,
    "quotes": made_quotes,
    "books_5": made_books,
    "funding": made_funding,
}


def put(name: str, value: float | str, row: int = ROW) -> Callable[[Columns], Columns]:
    def spoil(columns: Columns) -> Columns:
        changed = list(columns[name]) if isinstance(columns[name], list) else np.array(columns[name])
        changed[row] = value
        return {**columns, name: changed}

    return spoil


def later(nanoseconds: int, *names: str) -> Callable[[Columns], Columns]:
    """All rows from `ROW` on, later."""

    def spoil(columns: Columns) -> Columns:
        return {n: np.r_[v[:ROW], v[ROW:] + nanoseconds] if n in names else v for n, v in columns.items()}

    return spoil


FAULTS: dict[str, tuple[str, Callable[[Columns], Columns], list[tuple[str, str, int]]]] = {
    "silence": ("trades", later(20 * MINUTE, "ts"), [("silence", "warning", 1)]),
    "an id twice": ("trades", put("trade_id", "150"), [("duplicates", "error", 1)]),
    "a price below zero": ("trades", put("price", -0.1), [("prints", "error", 1)]),
    "a size of nothing": ("trades", put("size", 0.0), [("prints", "error", 1)]),
    "a side of two": ("trades", put("side", 2.0), [("prints", "error", 1)]),
    "a print elsewhere": ("trades", put("price", 42_000.0), [("prints", "warning", 1)]),
    "a trade off the tick": ("trades", put("price", 40_000.03), [("tick", "warning", 1)]),
    "a crossed quote": ("quotes", put("bid", 40_020.0), [("crossed", "error", 1)]),
    "a locked quote": ("quotes", lambda c: put("bid", float(c["ask"][ROW]))(c), [("locked", "warning", 1)]),
    "a quote without an ask": ("quotes", put("ask", np.nan), [("one_sided", "note", 1)]),
    "a spread far too wide": ("quotes", put("ask", 40_500.0), [("spread", "note", 1)]),
    "received too early": (
        "quotes",
        lambda c: put("exch_ts", int(c["ts"][ROW]) + 2 * SECOND)(c),
        [("clocks", "warning", 1), ("clocks", "note", 1)],
    ),
    "levels out of order": ("books_5", lambda c: put("bid_3", float(c["bid_1"][ROW]))(c), [("levels", "error", 1)]),
    "a level without a size": ("books_5", put("ask_size_5", 0.0), [("levels", "error", 1)]),
    "a rate beyond everything": ("funding", put("rate", 0.05), [("rates", "error", 1)]),
    "a rate beyond the cap": ("funding", put("rate", -0.006), [("rates", "note", 1)]),
    "a settlement missing": (
        "funding",
        lambda c: {n: np.delete(v, ROW) for n, v in c.items()},
        [("funding", "warning", 1)],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else_is(fault: str) -> None:
    kind, spoil, expected = FAULTS[fault]
    found = find(kind, spoil(MADE[kind]()))
    assert told(found) == expected, [one.text() for one in found]


@pytest.mark.parametrize("kind", MADE)
def test_clean_series_have_no_finding_however_they_come(kind: str) -> None:
    for seed in range(5):
        columns = MADE[kind](seed=seed)
        assert not find(kind, columns), [one.text() for one in find(kind, columns)]
        assert not find(kind, columns, (100, 101, 250))


def test_a_settlement_off_the_hour_is_found() -> None:
    found = find("funding", put("ts", START + ROW * 8 * HOUR + MINUTE)(made_funding()))
    assert ("funding", "warning", 1) in told(found)
    assert "off the hour" in found[0].message


def test_a_missing_settlement_is_named_by_its_neighbours_and_not_where_it_was_declared() -> None:
    columns = {name: np.delete(values, ROW) for name, values in made_funding().items()}
    found = find("funding", columns)
    assert "1 missing between 2024-03-07 08:00:00 UTC and 2024-03-08 00:00:00 UTC" in found[0].message
    at = START + ROW * 8 * HOUR
    assert not find("funding", columns, declared=((at, at + 8 * HOUR, "never published"),))


def test_an_interval_that_changes_for_good_is_a_note_and_no_missing_settlement() -> None:
    ts = START + np.r_[np.arange(100) * 8, 99 * 8 + 4 * np.arange(1, 101)] * HOUR
    columns = {"ts": ts, "rate": np.full(200, 1e-4), "interval_h": np.r_[np.full(100, 8.0), np.full(100, 4.0)]}
    found = find("funding", columns)
    assert told(found) == [("interval", "note", 1)]
    assert "8h before, 4h after" in found[0].message


def test_an_interval_column_that_is_not_what_is_settled_is_a_warning() -> None:
    columns = made_funding()
    found = find("funding", {**columns, "interval_h": np.full(300, 4.0)})
    assert told(found) == [("interval", "warning", 299)]


def test_rates_in_percent_are_an_error() -> None:
    columns = made_funding()
    found = find("funding", {**columns, "rate": columns["rate"] * 100.0})
    assert any(one.severity == "error" and "in percent" in one.message for one in found)


def test_a_lag_that_grows_is_found_and_a_constant_one_is_not() -> None:
    columns = made_quotes()
    growing = np.linspace(0.0, 4e9, len(columns["ts"])).astype(np.int64)
    found = find("quotes", {**columns, "ts": columns["ts"] + growing})
    assert told(found) == [("clocks", "warning", 1)]
    assert "the recorder fell behind" in found[0].message
    assert not find("quotes", {**columns, "ts": columns["ts"] + 3 * SECOND})


def test_trades_without_a_side_are_a_note() -> None:
    columns = made_trades()
    sides = np.where(np.arange(len(columns["ts"])) % 10 == 0, 0.0, columns["side"])
    assert told(find("trades", {**columns, "side": sides})) == [("sides", "note", 480)]


def test_silence_of_a_quiet_stream_is_no_finding() -> None:
    columns = made_trades(minutes=6_000, a_minute=1)
    assert np.diff(columns["ts"]).max() > 5 * MINUTE
    assert not [one for one in find("trades", columns) if one.check == "silence"]


def test_funding_that_ends_before_what_was_asked_for_is_told() -> None:
    columns = made_funding()
    first, last = int(columns["ts"][0]), int(columns["ts"][-1])
    for covered, text in (
        (((first, last + 50 * 24 * HOUR),), "149 missing between"),
        (((first, last + 1), (last + 24 * HOUR, last + 48 * HOUR)), "3 missing between"),
        (((first - 10 * 24 * HOUR, last + 1),), "30 missing between"),
    ):
        (found,) = find("funding", columns, covered=covered, start=covered[0][0], end=covered[-1][1])
        assert (found.check, found.severity, found.count) == ("funding", "warning", 1)
        assert text in found.message
    for end in (last + 1, last + 8 * HOUR + MINUTE):
        assert not find("funding", columns, covered=((first - 16 * HOUR, end),), start=first - 16 * HOUR, end=end)
    after = ((last + 1, last + 60 * 24 * HOUR, "delisted"),)
    span: Columns = {"covered": ((first, last + 50 * 24 * HOUR),), "start": first, "end": last + 50 * 24 * HOUR}
    assert not find("funding", columns, declared=after, **span)
