"""``halfspread data books`` builds snapshots from stored updates, and declares where there is no book."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.commands.data_books import execute
from halfspread.datafeeds.books.builder import build_books
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY
from halfspread.errors import DataError

MS = 1_000_000
T0 = 1_699_920_000_000_000_000 + DAY - 50 * MS  # 50 ms before midnight
UPDATES = Series("bybit", "BTCUSDT", "book_updates")


def rows(count: int = 100, lost: tuple[int, ...] = (), snapshots: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """A message a millisecond, of which some are lost and some are snapshots; two have the same time."""
    found = []
    for k in range(count):
        if k in lost:
            continue
        ts = T0 + MS * (k - (k == 41))
        size = 1.0 + k
        action = 0 if k in snapshots else 1
        found += [(ts, ts - 5, k, action, 1, 100.0, size, k), (ts, ts - 5, k, action, -1, 100.5, size, k)]
    names = ("ts", "exch_ts", "message", "action", "side", "price", "size", "sequence")
    kinds = (*[np.int64] * 3, np.int8, np.int8, np.float64, np.float64, np.int64)
    return {name: np.array([row[i] for row in found], kinds[i]) for i, name in enumerate(names)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "market_data")


def fill(store: Store, updates: dict[str, Any]) -> None:
    store.write(UPDATES, updates, Provenance("made", T0, clock="received"))


def run(store: Store, **given: Any) -> dict[str, Any]:
    plain = {"levels": 5, "every": None, "start": None, "end": None, "replace": False}
    out = io.StringIO()
    given = {**plain, "venue": "bybit", "symbol": "BTCUSDT", "store": str(store.folder), "json": True, **given}
    assert execute(Namespace(stdout=out, **given)) == 0
    found: dict[str, Any] = json.loads(out.getvalue()) if given["json"] else {}
    return found


def books(store: Store, levels: int = 5) -> dict[str, list[Any]]:
    return dict(store.read(Series("bybit", "BTCUSDT", f"books_{levels}")).to_pydict())


def test_the_stored_books_are_those_of_the_builder_over_midnight(store: Store) -> None:
    fill(store, rows())
    said = run(store)
    built = build_books(rows(), 5, changes=True)
    found = books(store)
    assert said["snapshots"]["added"] == len(built) == len(found["ts"]) == 100
    assert built.local is not None
    assert [stamp.value for stamp in found["ts"]] == built.local.tolist()
    assert [stamp.value for stamp in found["exch_ts"]] == built.times.tolist()
    assert found["bid_size_1"] == built.rows[:, 1].tolist()
    assert set(found["bid_2"]) == {None}
    assert store.covered(Series("bybit", "BTCUSDT", "books_5")) == store.covered(UPDATES)


def test_lost_messages_become_a_declared_gap(store: Store) -> None:
    fill(store, rows(lost=(20,), snapshots=(0, 30)))
    said = run(store, every="10ms")
    assert [gap["reason"] for gap in said["gaps"]] == ["messages are missing: the sequence is broken"]
    gap = store.gaps(Series("bybit", "BTCUSDT", "books_5"))[0]
    assert (gap.start, gap.end) == (T0 + 21 * MS - 5, T0 + 30 * MS)  # by the exchange's clock
    assert said["counts"]["without_book"] == 8


def test_a_book_that_is_lost_at_the_end_is_lost_to_the_end(store: Store) -> None:
    fill(store, rows(lost=(90,)))
    gap = store.gaps(Series(*run(store)["series"].split(":")))[0]
    assert (gap.start, gap.end) == (T0 + 91 * MS - 5, store.covered(UPDATES)[-1][1])


def test_a_part_begins_with_the_book_that_the_last_snapshot_and_its_changes_gave(store: Store) -> None:
    fill(store, rows())
    said = run(store, start=T0 + 60 * MS, end=T0 + 70 * MS)
    assert (said["snapshots"]["added"], said["gaps"]) == (10, [])
    assert books(store)["bid_size_1"] == [61.0 + k for k in range(10)]


def test_a_part_begins_with_the_changes_too_that_came_before_the_snapshot(store: Store) -> None:
    """Of Binance, whose snapshots are asked for: this one, at 30 ms, is as old as the message of 25 ms."""
    made = rows(snapshots=(30,))
    made["sequence"][made["message"] == 30] = 25
    null = np.int64(-(2**63))
    before = np.where(made["action"] == 0, null, made["sequence"] - 1)
    before[made["message"] == 31] = 29
    made |= {"first_sequence": np.where(before == null, null, made["sequence"]), "previous_sequence": before}
    fill(store, made)
    assert run(store, start=T0 + 60 * MS)["gaps"] == []
    assert books(store)["bid_size_1"] == [61.0 + k for k in range(40)]


def test_a_declared_gap_of_the_updates_is_one_of_the_books_until_a_snapshot(store: Store) -> None:
    fill(store, rows(snapshots=(0, 50)))
    store.declare_gap(UPDATES, T0 + 40 * MS, T0 + 45 * MS, "disconnected")
    run(store)
    gaps = [
        ((gap.start - T0 + 5) // MS, (gap.end - T0 + 5) // MS, gap.reason)
        for gap in store.gaps(Series("bybit", "BTCUSDT", "books_5"))
    ]
    assert gaps == [(40, 45, "disconnected"), (45, 50, "no snapshot yet")]


def test_another_pace_needs_replace(store: Store) -> None:
    fill(store, rows())
    run(store)
    assert run(store)["snapshots"] == {"added": 0, "same": 100, "removed": 0}
    with pytest.raises(DataError, match="bybit:BTCUSDT:books_5"):
        run(store, every="10ms")
    said = run(store, every="10ms", replace=True)
    assert said["snapshots"]["added"] == len(books(store)["ts"]) == 10


def test_without_updates_there_is_nothing_to_build(store: Store) -> None:
    with pytest.raises(DataError, match="book_updates"):
        run(store)
    fill(store, rows())
    with pytest.raises(DataError, match="the store has them from 2023-11-14"):
        run(store, start=T0 + DAY)


def test_what_was_built_is_told_in_lines(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    fill(store, rows(lost=(20,), snapshots=(0, 30)))
    run(store, json=False)
    shown = capsys.readouterr().out
    assert "bybit:BTCUSDT:books_5: 90 snapshots written" in shown
    assert "no book from 2023-11-14" in shown


def test_a_better_build_takes_back_the_gaps_of_the_one_before(store: Store) -> None:
    target = Series("bybit", "BTCUSDT", "books_5")
    fill(store, rows(lost=(20,), snapshots=(0, 30)))
    run(store)
    store.declare_gap(target, T0 + 10 * DAY, T0 + 11 * DAY, "elsewhere")
    span = {"start": T0, "end": T0 + 100 * MS}
    store.write(UPDATES, rows(), Provenance("whole", T0, clock="received"), replace=True, **span)
    with pytest.raises(DataError, match="--replace"):
        run(store)
    assert [gap.reason for gap in store.gaps(target)] == ["messages are missing: the sequence is broken", "elsewhere"]
    assert run(store, replace=True)["gaps_withdrawn"] == 1
    assert [gap.reason for gap in store.gaps(target)] == ["elsewhere"]


def _apart(store: Store, lag: int, end: int, messages: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """Gaps in seconds of books of messages (second, action, sequence) received ``lag`` ns late."""
    found = []
    for k, (second, action, sequence) in enumerate(messages):
        ts = T0 + second * 10**9
        found += [(ts, ts - lag, k, action, side, 100.0 - side / 4, 1.0 + k, sequence) for side in (1, -1)]
    names = ("ts", "exch_ts", "message", "action", "side", "price", "size", "sequence")
    table = {name: np.array([row[i] for row in found]) for i, name in enumerate(names)}
    provenance = Provenance("made", T0, clock="received")
    store.write(UPDATES, table, provenance, start=T0, end=T0 + end * 10**9)
    run(store)
    return [(gap.start - T0, gap.end - T0) for gap in store.gaps(Series("bybit", "BTCUSDT", "books_5"))]


def test_no_book_of_a_received_feed_stands_in_a_declared_gap(store: Store) -> None:
    from halfspread.datafeeds.store.replay import cache_of, replay_books

    (gap,) = _apart(store, MS, 20, [(0, 0, 10), (1, 1, 11), (2, 1, 13), (5, 0, 40), (6, 1, 41)])
    assert gap == (2 * 10**9 - MS, 5 * 10**9 - MS)
    series = Series("bybit", "BTCUSDT", "books_5")
    closed = tuple((each.start, each.end) for each in store.gaps(series))
    assert len(replay_books(store, series, closed=closed, cache=cache_of(store, 0)).times) == 4


def test_a_book_that_breaks_with_the_last_message_is_lost_to_the_end(store: Store) -> None:
    assert _apart(store, MS, 20, [(0, 0, 10), (1, 1, 11), (2, 1, 13)]) == [(2 * 10**9 - MS, 20 * 10**9)]


def test_a_book_that_comes_back_with_the_last_message_is_there(store: Store) -> None:
    assert _apart(store, MS, 20, [(0, 0, 10), (1, 1, 13), (5, 0, 40)]) == [(10**9 - MS, 5 * 10**9 - MS)]
