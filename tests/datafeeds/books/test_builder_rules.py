"""The rules of each venue's books, on messages that were worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from halfspread.datafeeds.books.builder import BookBuilder, Built, build_books
from halfspread.datafeeds.books.updates import update_rows
from halfspread.datafeeds.store.kinds import DELETE, INSERT, SET, SNAPSHOT, UPDATE
from halfspread.errors import ConfigError, DataError

NULL = -(2**63)
T0 = 1_700_000_000_000_000_000
MS = 1_000_000


def updates(*messages: dict[str, Any]) -> dict[str, Any]:
    """Columns of messages: {rows: [(action, side, price, size, id)], u, U, pu, ts}; one message a millisecond."""
    rows: list[tuple[Any, ...]] = []
    for number, message in enumerate(messages, 1):
        ts = message.get("ts", T0 + number * MS)
        numbers = [message.get(name, NULL) for name in ("U", "u", "pu")]
        for action, side, price, size, *name in message["rows"]:
            rows.append((ts, number, action, side, price, size, name[0] if name else NULL, *numbers))
    names = (
        "ts",
        "message",
        "action",
        "side",
        "price",
        "size",
        "id",
        "first_sequence",
        "sequence",
        "previous_sequence",
    )
    kinds = [np.int64, np.int64, np.int8, np.int8, np.float64, np.float64, *[np.int64] * 4]
    return {name: np.array([row[i] for row in rows], kinds[i]) for i, name in enumerate(names)}


def snapshot(u: int = NULL, bid: float = 100.0, ask: float = 100.5) -> dict[str, Any]:
    return {"u": u, "rows": [(SNAPSHOT, 1, bid, 2.0), (SNAPSHOT, -1, ask, 3.0)]}


def delta(u: int, *rows: tuple[int, float, float], **more: int) -> dict[str, Any]:
    return {"u": u, "rows": [(SET, *row) for row in rows or ((0, math.nan, math.nan),)], **more}


def book(*rows: tuple[Any, ...]) -> dict[str, Any]:
    return {"rows": list(rows)}


def best(built: Built) -> list[tuple[float, float, float, float]]:
    return [tuple(row[:4]) for row in built.rows.tolist()]


def gaps(built: Built) -> list[tuple[int, int, str]]:
    """Gaps in milliseconds since the start, and the beginning of the reason."""
    return [((gap.start - T0) // MS, (gap.end - T0) // MS, gap.reason.split(":")[0]) for gap in built.gaps]


def test_deltas_set_add_and_delete_levels() -> None:
    built = build_books(
        updates(snapshot(7), delta(8, (1, 100.25, 1.0), (-1, 100.5, 0.0), (-1, 101.0, 4.0)), delta(9, (1, 90.0, 0.0))),
        2,
    )
    nan = math.nan
    expected = [[100, 2, 100.5, 3, nan, 0, nan, 0], *[[100.25, 1, 101, 4, 100, 2, nan, 0]] * 2]
    np.testing.assert_array_equal(built.rows, expected)
    assert built.counts["deletes_of_absent_levels"] == 1
    assert built.gaps == ()


def test_a_lost_message_of_bybit_is_a_gap_until_the_next_snapshot() -> None:
    built = build_books(updates(snapshot(7), delta(9, (1, 100.25, 1.0)), delta(10), snapshot(20, 99.0), delta(21)), 1)
    assert [row[0] for row in best(built)] == [100.0, 99.0, 99.0]
    assert gaps(built) == [(2, 4, "messages are missing")]
    assert built.counts["without_book"] == 1


def test_a_second_snapshot_replaces_the_book_and_what_was_lost_before_it_is_a_gap() -> None:
    built = build_books(updates(snapshot(7), delta(8), snapshot(9, 99.0), delta(10), snapshot(1, 98.0)), 1)
    assert [row[0] for row in best(built)] == [100.0, 100.0, 99.0, 99.0, 98.0]
    assert gaps(built) == [(4, 5, "a snapshot comes without the messages before it")]


def test_the_best_level_that_bybit_sends_again_gives_nothing() -> None:
    built = build_books(updates(snapshot(7), snapshot(7, 1.0), snapshot(8, 99.5), snapshot(8)), 1)
    assert [row[0] for row in best(built)] == [100.0, 99.5]
    assert built.counts["sent_again"] == 2


def test_a_snapshot_after_a_restart_of_the_service_has_number_one() -> None:
    assert len(build_books(updates(snapshot(1), snapshot(1, 99.0)), 1)) == 2


def test_updates_before_the_partial_are_ignored_and_counted() -> None:
    built = build_books(
        updates(book((UPDATE, 1, math.nan, 5.0, 11)), book((DELETE, 1, math.nan, math.nan, 12)), snapshot()), 1
    )
    assert best(built) == [(100.0, 2.0, 100.5, 3.0)]
    assert (built.counts["without_book"], gaps(built)) == (2, [(1, 3, "no snapshot yet")])


PARTIAL = book((SNAPSHOT, 1, 100.0, 2.0, 11), (SNAPSHOT, 1, 99.5, 1.0, 12), (SNAPSHOT, -1, 100.5, 3.0, 13))


def test_levels_of_bitmex_are_found_by_id_without_a_price() -> None:
    built = build_books(
        updates(
            PARTIAL,
            book((UPDATE, 1, math.nan, 7.0, 11)),
            book((DELETE, 1, math.nan, math.nan, 11)),
            book((INSERT, 1, 100.25, 4.0, 14), (UPDATE, 1, 99.5, math.nan, 12)),
        ),
        2,
    )
    assert [tuple(row[[0, 1, 4, 5]]) for row in built.rows] == [
        (100.0, 2.0, 99.5, 1.0),
        (100.0, 7.0, 99.5, 1.0),
        (99.5, 1.0, pytest.approx(math.nan, nan_ok=True), 0.0),
        (100.25, 4.0, 99.5, 1.0),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((UPDATE, 1, math.nan, 5.0, 99), "a level is changed or deleted that is not in the book"),
        ((DELETE, -1, math.nan, math.nan, 11), "a level is changed or deleted that is not in the book"),
        ((INSERT, 1, 100.0, 5.0, 99), "a level comes that is in the book already"),
        ((INSERT, 1, 98.0, 5.0, 11), "a level comes that is in the book already"),
        ((UPDATE, 1, 98.0, 5.0, 11), "an id comes with another price than before"),
        ((INSERT, 1, 101.0, 5.0, 99), "the best bid is above the best ask"),
        ((INSERT, 1, 100.5, 5.0, 99), "the best bid is the best ask"),
        ((INSERT, 1, math.inf, 5.0, 99), "a price is not a finite number above zero"),
        ((UPDATE, 1, math.nan, 0.0, 11), "a size is not a finite number above zero"),
        ((DELETE, -1, math.nan, math.nan, 13), "one side of the book is empty"),
    ],
)
def test_what_breaks_a_book_ends_it_until_the_next_partial(row: tuple[Any, ...], reason: str) -> None:
    built = build_books(updates(PARTIAL, book(row), PARTIAL), 1)
    assert gaps(built) == [(2, 3, reason)]
    assert len(built) == 2
    assert built.gaps[0].message == 2
    assert built.counts[f"broken: {reason}"] == 1


def test_an_empty_partial_is_a_book_without_a_side_until_levels_come() -> None:
    empty = book((SNAPSHOT, 0, math.nan, math.nan))
    built = build_books(updates(empty, book((INSERT, 1, 100.0, 2.0, 11)), book((INSERT, -1, 101.0, 2.0, 12))), 1)
    assert gaps(built) == [(1, 3, "no snapshot yet")]
    assert best(built) == [(100.0, 2.0, 101.0, 2.0)]


def test_bids_sent_twice_in_one_snapshot_break_it() -> None:
    twice = book((SNAPSHOT, 1, 100.0, 2.0), (SNAPSHOT, 1, 100.0, 2.0), (SNAPSHOT, -1, 101.0, 2.0))
    built = build_books(updates(twice), 1)
    assert len(built) == 0
    assert built.counts["broken: a level comes that is in the book already"] == 1


def test_two_depths_in_one_series_are_told_apart_by_the_broken_sequence() -> None:
    """ob500 until 2025-08-20, ob200 from then on: another snapshot with numbers of its own."""
    built = build_books(updates(snapshot(7), delta(8), snapshot(3, 99.0), delta(4)), 1)
    assert gaps(built) == [(2, 3, "a snapshot comes without the messages before it")]


def binance(before: int, first: int, last: int, *rows: tuple[int, float, float]) -> dict[str, Any]:
    return delta(last, *rows, U=first, pu=before)


def test_binance_changes_join_a_snapshot_that_came_after_them() -> None:
    messages = (
        binance(10, 11, 20, (1, 99.0, 1.0)),
        binance(20, 21, 30, (1, 100.25, 5.0)),
        snapshot(25),
        binance(30, 31, 40, (1, 100.25, 0.0)),
    )
    built = build_books(updates(*messages), 1)
    assert [row[0] for row in best(built)] == [100.25, 100.0]
    assert [(time - T0) // MS for time in built.times] == [3, 4]
    assert (built.counts["older_than_snapshot"], built.counts["without_book"]) == (1, 0)


def test_binance_messages_that_do_not_name_the_one_before_are_a_gap() -> None:
    messages = (snapshot(25), binance(20, 21, 30), binance(31, 32, 40), snapshot(33), binance(40, 41, 50))
    built = build_books(updates(*messages), 1)
    assert gaps(built) == [(3, 4, "messages are missing")]
    assert [(time - T0) // MS for time in built.times] == [1, 2, 4, 5]


def test_a_binance_snapshot_that_is_older_than_the_book_is_left_out() -> None:
    built = build_books(updates(snapshot(25), binance(20, 21, 30), snapshot(28, 1.0), binance(30, 31, 40)), 1)
    assert [row[0] for row in best(built)] == [100.0] * 3
    assert built.counts["older_than_snapshot"] == 1


def test_the_last_message_of_an_interval_gives_the_snapshot_at_its_own_time() -> None:
    messages = [snapshot(1), *(delta(u, (1, 100.0, float(u))) for u in range(2, 8))]
    for k, message in enumerate(messages):
        message["ts"] = T0 + 3 * k * MS
    built = build_books(updates(*messages), 1, every="10ms")
    assert [(time - T0) // MS for time in built.times] == [9, 18]
    assert [row[1] for row in best(built)] == [4.0, 7.0]


def test_only_changes_of_the_shown_levels_are_kept() -> None:
    built = build_books(updates(snapshot(1), delta(2, (1, 90.0, 1.0)), delta(3, (1, 100.0, 9.0))), 1, changes=True)
    assert [row[1] for row in best(built)] == [2.0, 9.0]
    assert built.counts["unchanged"] == 1


def test_a_book_of_many_levels_and_ids_grows() -> None:
    rows = [(SNAPSHOT, 1, 10_000.0 - k, 1.0 + k, k) for k in range(3_000)]
    rows += [(SNAPSHOT, -1, 10_001.0 + k, 1.0 + k, k) for k in range(3_000)]
    built = build_books(updates(book(*rows), book((DELETE, 1, math.nan, math.nan, 0))), 3_000)
    assert built.rows[0, 0::4].tolist() == [10_000.0 - k for k in range(3_000)]
    assert built.rows[1, 2::4].tolist() == [10_001.0 + k for k in range(3_000)]
    assert built.rows[1, 0] == 9_999.0


def test_times_that_run_backwards_are_held_and_counted() -> None:
    rows = updates(snapshot(1), delta(2), delta(3))
    rows["exch_ts"] = rows["ts"] - 2 * MS
    rows["exch_ts"][rows["message"] == 2] -= 5 * MS
    built = build_books(rows, 1)
    assert [(time - T0) // MS for time in built.times] == [-1, -1, 1]
    assert built.local is not None
    assert built.counts["exchange_time_back"] == 1


def test_books_are_what_the_engine_takes() -> None:
    from halfspread.engine.depth import read_books

    built = build_books(updates(snapshot(1), delta(2, (1, 99.0, 1.0))), 2)
    read = read_books(built.table, levels=2)
    np.testing.assert_array_equal(read.rows, built.rows)
    assert (built.depth.levels, built.depth.first_mid) == (2, 100.25)
    assert not built.rows.flags.writeable


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": np.array([9, 0], np.int8)}, "row 0: action: expected 0 snapshot.*got 9"),
        ({"side": np.array([1.0, -1.0])}, "row 0: side: expected"),
        ({"price": np.array(["a", "b"])}, "price: expected numbers"),
        ({"id": np.array([0.5, 1.0])}, "row 0: id: expected a whole number that a float holds, got"),
        ({"ts": np.array([1], np.int64)}, "expected columns of one length"),
    ],
)
def test_columns_that_are_no_book_updates_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        update_rows({**updates(snapshot(1)), **change})


def test_columns_of_arrow_keep_whole_numbers_beside_nulls() -> None:
    large = 2**62 + 1
    stamps = pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns", "UTC"))
    table = pa.table(
        {**updates(snapshot(1)), "exch_ts": stamps, "id": pa.array([large, None]), "size": pa.array([1.0, None])}
    )
    rows = update_rows(table)
    assert rows.column("exch_ts").tolist() == [1_700_000_000_000_000_001, NULL]
    assert rows.column("id").tolist() == [large, NULL]
    assert np.isnan(rows.column("size")).tolist() == [False, True]
    nothing = pa.table({**updates(snapshot(1)), "exch_ts": pa.nulls(2, pa.timestamp("ns", "UTC")), "id": pa.nulls(2)})
    assert update_rows(nothing).column("exch_ts").tolist() == update_rows(nothing).column("id").tolist() == [NULL, NULL]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match=r"missing column\(s\) message"):
        update_rows({name: values for name, values in updates(snapshot(1)).items() if name != "message"})


@pytest.mark.parametrize(("levels", "every"), [(0, None), (True, None), (1, 0), (1, "0s")])
def test_settings_that_mean_nothing_are_refused(levels: Any, every: Any) -> None:
    with pytest.raises(ConfigError, match="expected"):
        BookBuilder(levels, every)
