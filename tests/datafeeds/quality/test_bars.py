"""Bars with one fault planted have one finding: that fault, at its place. Clean ones have none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfspread.datafeeds.quality.gaps import MissingRows
from halfspread.datafeeds.quality.steps import StepCheck
from halfspread.datafeeds.quality.subject import Steps
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine.times import HOUR, MINUTE
from tests.datafeeds.quality.made_up import START, Columns, blocks_of, find, made_bars, made_mark, subject_for, told

ROW = 300
AT = START + ROW * MINUTE

Spoil = Callable[[Columns], Any]


def spoiled(columns: Columns, **values: float) -> Columns:
    """Row `ROW` with other values."""
    changed = {name: np.array(column) for name, column in columns.items()}
    for name, value in values.items():
        changed[name][ROW] = value
    return changed


def scaled(columns: Columns, factor: float, *names: str, row: int = ROW) -> Columns:
    changed = {name: np.array(column) for name, column in columns.items()}
    for name in names:
        changed[name][row] = np.round(changed[name][row] * factor, 1)
    return changed


def without(columns: Columns, rows: slice) -> Columns:
    return {name: np.delete(column, np.arange(len(column))[rows]) for name, column in columns.items()}


PRICES = ("open", "high", "low", "close", "vwap")


def spike(columns: Columns, factor: float) -> Columns:
    """A bar elsewhere: all its prices, and the turnover that belongs to them."""
    changed = scaled(columns, factor, *PRICES)
    changed["turnover"][ROW] *= factor
    return changed


FAULTS: dict[str, tuple[Spoil, list[tuple[str, str, int]]]] = {
    "a hole of five bars": (lambda c: without(c, slice(ROW, ROW + 5)), [("gaps", "warning", 1)]),
    "a row twice": (
        lambda c: {name: np.insert(np.array(v), ROW, np.array(v)[ROW]) for name, v in c.items()},
        [("duplicates", "error", 1)],
    ),
    "a stamp beside the grid": (lambda c: spoiled(c, ts=AT + 1), [("grid", "error", 1)]),
    "a high below the low": (
        lambda c: spoiled(c, high=c["low"][ROW] - 10.0, vwap=np.nan, turnover=np.nan),
        [("shape", "error", 1)],
    ),
    "a close outside": (lambda c: spoiled(c, close=c["high"][ROW] + 1.0), [("shape", "error", 1)]),
    "an open outside": (lambda c: spoiled(c, open=c["high"][ROW] + 1.0), [("shape", "error", 1)]),
    "volume and no trades": (lambda c: spoiled(c, trades=0.0), [("shape", "warning", 1)]),
    "a last trade larger than the volume": (
        lambda c: spoiled(c, last_size=c["volume"][ROW] + 1.0),
        [("shape", "error", 1)],
    ),
    "a price off the tick": (
        lambda c: spoiled(c, high=c["high"][ROW] + 0.03),
        [("tick", "warning", 1)],
    ),
    "a size off the lot": (lambda c: spoiled(c, last_size=0.0005), [("lot", "warning", 1)]),
    "a turnover that cannot be": (
        lambda c: spoiled(c, turnover=c["turnover"][ROW] * 1.05),
        [("amounts", "warning", 1)],
    ),
    "a vwap that cannot be": (lambda c: spoiled(c, vwap=c["high"][ROW] * 1.05), [("amounts", "warning", 1)]),
    "a spike": (lambda c: spike(c, 1.08), [("spikes", "warning", 1)]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_once_and_nothing_else_is(fault: str) -> None:
    spoil, expected = FAULTS[fault]
    found = find("bars_1m", spoil(made_bars()))
    assert told(found) == expected, [one.text() for one in found]
    assert found[0].start - MINUTE <= AT <= found[0].end + MINUTE


@pytest.mark.parametrize("seed", range(6))
def test_clean_bars_have_no_finding(seed: int) -> None:
    found = find("bars_1m", made_bars(seed=seed))
    assert not found, [one.text() for one in found]


def test_a_generated_market_of_three_months_has_no_finding() -> None:
    for seed in range(3):
        data = SyntheticMarket(days=90, interval="15m").generate(np.random.default_rng(seed))
        names = ("open", "high", "low", "close", "volume")
        columns: Columns = {"ts": data.open_times, **{name: getattr(data, name) for name in names}}
        found = find("bars_15m", columns)
        assert not found, [one.text() for one in found]


def test_a_price_of_another_unit_is_an_error() -> None:
    columns = {n: v for n, v in made_bars().items() if n not in ("turnover", "vwap")}
    changed = {n: np.r_[v[:ROW], np.round(v[ROW:] / 10, 1)] if n in PRICES else v for n, v in columns.items()}
    found = find("bars_1m", changed)
    assert ("jumps", "error", 1) in told(found)
    assert found[0].start == AT
    assert "another unit" in found[0].message


def test_a_turnover_in_another_unit_is_an_error_that_says_by_how_much() -> None:
    columns = made_bars()
    found = find("bars_1m", {**columns, "turnover": columns["turnover"] * 100.0})
    assert [(one.check, one.severity) for one in found] == [("amounts", "error")]
    assert "100 times the high" in found[0].message


def test_a_spike_that_the_mark_price_shares_or_many_traded_in_is_a_note() -> None:
    columns = spike(made_bars(), 1.08)
    price = float(columns["close"][ROW])
    assert told(find("bars_1m", columns, confirm=lambda start, end: (0.9 * price, price))) == [("spikes", "note", 1)]
    flat = find("bars_1m", columns, confirm=lambda start, end: (0.9 * price, price / 1.08))
    assert told(flat) == [("spikes", "warning", 1)]
    assert "the mark price did not" in flat[0].examples[0].text
    busy = spoiled(columns, volume=np.round(columns["volume"][ROW] * 50.0, 3), turnover=columns["turnover"][ROW] * 50.0)
    assert [one for one in told(find("bars_1m", busy)) if one[0] == "spikes"] == [("spikes", "note", 1)]


def test_a_large_move_that_stays_is_a_note_with_its_size() -> None:
    columns = made_bars()
    moved = {n: np.r_[v[:ROW], np.round(v[ROW:] * 0.83, 1)] if n in PRICES else v for n, v in columns.items()}
    moved["turnover"] = moved["turnover"] * np.where(np.arange(600) < ROW, 1.0, 0.83)
    found = find("bars_1m", moved)
    assert told(found) == [("moves", "note", 1)]
    assert "-17" in found[0].message


def test_a_venue_that_opens_bars_at_the_close_before_is_noted_as_such() -> None:
    columns = made_bars()
    carried = {**columns, "open": np.r_[columns["open"][0], columns["close"][:-1]]}
    outside = (carried["open"] < carried["low"]) | (carried["open"] > carried["high"])
    assert outside.any()
    assert told(find("bars_1m", carried)) == [("open", "note", int(outside.sum()))]


def test_an_outage_is_found_from_its_first_to_its_last_bar_over_the_end_of_a_block() -> None:
    columns = made_bars()
    rows = slice(ROW, ROW + 98)
    for name in ("open", "high", "low", "close"):
        columns[name][rows] = columns["close"][ROW - 1]
    for name in ("volume", "turnover", "trades"):
        columns[name][rows] = 0.0
    for name in ("vwap", "last_size"):
        columns[name][rows] = np.nan
    for cuts in ((), (ROW + 50,), (ROW + 10, ROW + 98)):
        found = [one for one in find("bars_1m", columns, cuts) if one.check == "outages"]
        assert told(found) == [("outages", "warning", 1)]
        assert (found[0].start, found[0].end) == (AT, AT + 98 * MINUTE)
    assert "98 min" in found[0].message


def test_bars_filled_forward_with_volume_are_found() -> None:
    columns = made_bars()
    for name in columns:
        if name != "ts":
            columns[name][ROW : ROW + 6] = columns[name][ROW - 1]
    assert ("repeated", "warning", 5) in told(find("bars_1m", columns))


def test_a_bar_retrieved_before_it_closed_is_an_error() -> None:
    columns = made_bars()
    found = find("bars_1m", columns, retrieved=int(columns["ts"][-1]) + MINUTE // 2)
    assert told(found) == [("unfinished", "error", 1)]
    assert not find("bars_1m", columns, retrieved=int(columns["ts"][-1]) + MINUTE)


def test_holes_are_told_apart_by_who_knows_of_them() -> None:
    columns = without(without(without(made_bars(), slice(400, 410)), slice(300, 310)), slice(200, 210))
    minutes = [START + row * MINUTE for row in (200, 210, 310, 320, 420, 430, 600)]
    found = find(
        "bars_1m",
        columns,
        declared=((minutes[0], minutes[1], "maintenance"),),
        covered=((START, minutes[2] - 60 * MINUTE), (minutes[3], minutes[6])),
    )
    gaps = {one.severity: one for one in found if one.check == "gaps"}
    notes = [one for one in found if one.check == "gaps" and one.severity == "note"]
    assert gaps["warning"].count == 1
    assert gaps["warning"].message.startswith("10 rows of 1m missing in 1 hole")
    assert any("maintenance" in one.message for one in notes)
    assert any("nobody asked" in one.message for one in notes)


def test_a_series_that_ends_before_what_was_asked_for_has_a_hole_at_its_end() -> None:
    columns = made_bars(60)
    found = find("bars_1m", columns, covered=((START - 5 * MINUTE, START + 70 * MINUTE),))
    assert told(found) == []  # nothing is looked at beyond the span of the subject
    wide = subject_for("bars_1m", columns, covered=((START - 5 * MINUTE, START + 70 * MINUTE),))
    check = MissingRows(replace(wide, start=START - 5 * MINUTE, end=START + 70 * MINUTE))
    for block in blocks_of(columns):
        check.add(block)
    found = check.findings()
    assert told(found) == [("gaps", "warning", 2)]
    assert found[0].message.startswith("15 rows")


def test_the_datas_own_tick_is_found_with_the_time_of_its_change() -> None:
    columns = made_bars(3 * 1440, a_minute=3)
    change = 2000
    for name in ("open", "high", "low", "close"):
        columns[name] = np.where(np.arange(len(columns["ts"])) < change, columns[name], np.round(columns[name] * 2) / 2)
    check = StepCheck(subject_for("bars_1m", columns))
    for block in blocks_of(columns, (500, 1900, 2500)):
        check.add(block)
    first, second = check.eras
    assert (first.tick, second.tick) == (0.1, 0.5)
    assert abs(second.start - int(columns["ts"][change])) <= 20 * MINUTE
    assert told(check.findings()) == [("tick", "note", 1)]
    assert "0.1 until 2024-01-02 09" in check.findings()[0].message


def test_a_contract_whose_tick_is_not_that_of_the_data_is_a_warning() -> None:
    columns = made_bars()
    for name in ("open", "high", "low", "close"):
        columns[name] = columns[name] + 0.05
    found = [one for one in find("bars_1m", columns) if one.check == "tick"]
    assert [one.severity for one in found] == ["warning"]
    assert "the data keep to 0.05: is the tick another one" in found[0].message


def test_a_mark_price_that_stands_still_is_found_and_one_that_walks_is_not() -> None:
    columns = made_mark()
    assert not find("mark_1h", columns)
    for name in ("open", "high", "low", "close"):
        columns[name][100:130] = columns["close"][99]
    for cuts in ((), (110,), (100, 130)):
        found = find("mark_1h", columns, cuts)
        assert told(found) == [("stale", "warning", 1)]
        assert (found[0].start, found[0].end) == (START + 100 * HOUR, START + 130 * HOUR)


@given(cuts=st.lists(st.integers(1, 599), max_size=6, unique=True).map(sorted))
def test_most_findings_do_not_depend_on_how_rows_come(cuts: list[int]) -> None:
    columns = spoiled(without(made_bars(), slice(100, 120)), trades=0.0, last_size=0.0005)
    cuts = [cut for cut in cuts if cut < len(columns["ts"])]
    whole = [one for one in find("bars_1m", columns) if one.check not in ("spikes", "moves")]
    assert [one for one in find("bars_1m", columns, cuts) if one.check not in ("spikes", "moves")] == whole


def test_a_long_wick_is_a_note_and_one_that_nothing_explains_a_warning() -> None:
    columns = made_bars()
    high = float(columns["high"][ROW])
    assert told(find("bars_1m", spoiled(columns, high=round(high * 1.15, 1)))) == [("wicks", "note", 1)]
    far = spoiled(columns, high=round(high * 1.8, 1))
    assert told(find("bars_1m", far)) == [("wicks", "warning", 1)]
    assert told(find("bars_1m", far, confirm=lambda start, end: (high, high * 1.7))) == [("wicks", "note", 1)]


def test_a_volume_below_zero_or_a_price_that_is_none_is_an_error() -> None:
    columns = {n: v for n, v in made_bars().items() if n in ("ts", "open", "high", "low", "close", "volume")}
    for name, value in (("volume", -1.0), ("volume", np.nan), ("close", np.nan), ("low", 0.0)):
        found = find("bars_1m", spoiled(columns, **{name: value}))
        assert ("shape", "error", 1) in told(found), (name, value)
    moved = spoiled(columns, volume=0.0)
    assert ("shape", "warning", 1) in told(find("bars_1m", moved))


def test_very_many_holes_are_counted_in_little_time() -> None:
    minutes = 400_000
    ts = START + np.arange(0, minutes, 2) * MINUTE
    columns: Columns = {"ts": ts, **{name: np.full(len(ts), 40_000.0) for name in ("open", "high", "low", "close")}}
    check = MissingRows(
        subject_for("mark_1m", columns, covered=((START, int(ts[-1])),), declared=((START, START + 100 * MINUTE, "x"),))
    )
    began = time.process_time()
    for block in blocks_of(columns, (50_000, 120_000)):
        check.add(block)
    found = check.findings()
    assert time.process_time() - began < 5.0
    assert [(one.count, one.severity) for one in found] == [(minutes // 2 - 51, "warning"), (50, "note")]


def test_rows_out_of_order_are_an_error() -> None:
    columns = made_bars()
    order = np.arange(600)
    order[[ROW, ROW + 1]] = order[[ROW + 1, ROW]]
    swapped = {name: values[order] for name, values in columns.items()}
    for cuts in ((), (ROW + 1,)):
        found = [one for one in find("bars_1m", swapped, cuts) if one.check == "order"]
        assert told(found) == [("order", "error", 1)]
        assert found[0].start == AT


def test_runs_that_luck_makes_in_a_thin_market_are_no_outages_and_one_that_it_does_not_is_a_note() -> None:
    columns = made_bars(3_000)
    empty = np.random.default_rng(0).random(3_000) < 0.6
    empty[1_000:1_050] = False
    longest = max(len(run) for run in "".join("1" if each else "0" for each in empty).split("0"))
    assert 10 < longest < 25

    def emptied(rows: np.ndarray[Any, Any]) -> Columns:
        changed = {name: np.array(values) for name, values in columns.items()}
        before = np.maximum.accumulate(np.where(rows, 0, np.arange(3_000)))
        for name in ("open", "high", "low", "close"):
            changed[name] = np.where(rows, columns["close"][before], columns[name])
        for name in ("volume", "turnover", "trades"):
            changed[name][rows] = 0.0
        for name in ("vwap", "last_size"):
            changed[name][rows] = np.nan
        return changed

    found = [one for one in told(find("bars_1m", emptied(empty))) if one[0] in ("outages", "empty")]
    assert found == [("empty", "note", int(empty.sum()))]
    empty[1_000:1_050] = True
    found = [one for one in told(find("bars_1m", emptied(empty))) if one[0] in ("outages", "empty")]
    assert ("outages", "note", 1) in found


def test_the_hour_after_a_change_of_the_tick_and_opens_that_are_the_close_before_are_let_pass() -> None:
    columns = made_bars(600)
    change = START + 100 * MINUTE
    ticks = Steps(np.array([np.iinfo(np.int64).min, change]), np.array([0.1, 0.5]), "a contract")

    def off(rows: slice) -> list[tuple[str, str, int]]:
        changed = {name: np.array(values) for name, values in columns.items()}
        for name in ("open", "high", "low", "close"):
            kept = changed[name][rows].copy()
            changed[name][100:] = np.round(changed[name][100:] * 2) / 2
            changed[name][rows] = kept
        found = find("bars_1m", changed, ticks=ticks)
        return [each for each in told(found) if each[0] == "tick" and each[1] == "warning"]

    assert off(slice(100, 160)) == []
    (late,) = off(slice(400, 420))
    assert 10 <= late[2] <= 20
    whole = {name: np.array(values) for name, values in columns.items()}
    for name in ("open", "high", "low", "close"):
        whole[name] = np.round(whole[name] * 2) / 2
    whole["open"][300] = whole["close"][299] = whole["low"][299] = whole["low"][299] - 0.2
    found = [
        each for each in find("bars_1m", whole, ticks=ticks) if each.check == "tick" and each.severity == "warning"
    ]
    assert told(found) == [("tick", "warning", 1)]
    assert found[0].start == START + 299 * MINUTE
