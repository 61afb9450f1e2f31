"""Rows come back as they were written, whatever they were cut into; what contradicts is refused."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.datafeeds.store.store import Gap, Provenance, Series, Store
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND, parse_time
from halfspread.errors import DataError, FetchError

BARS = Series("bybit", "BTCUSDT", "bars_5m")
TRADES = Series("bybit", "BTCUSDT", "trades")
FUNDING = Series("bybit", "BTCUSDT", "funding")
START = parse_time("2024-01-31T22:00")
ONE, TWO = Provenance("one.csv", START), Provenance("two.csv", START + 1, "ab12", notes=("left out 3 rows",))


def bars(count: int = 48, start: int = START, **changed: Any) -> pd.DataFrame:
    close = 100.0 + np.arange(count) % 7
    columns = {
        "ts": start + 5 * MINUTE * np.arange(count),
        "open": close,
        "high": close + 1,
        "low": close - 1,
        "close": close,
        "volume": np.ones(count),
    }
    return pd.DataFrame(columns | changed)


def trades(times: list[int], **changed: Any) -> dict[str, Any]:
    count = len(times)
    columns = {
        "ts": np.array(times, np.int64),
        "price": 100.0 + np.arange(count),
        "size": np.full(count, 0.001),
        "side": np.ones(count, np.int64),
    }
    return columns | changed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def frame(table: pa.Table) -> pd.DataFrame:
    found: pd.DataFrame = table.to_pandas()
    return found.assign(ts=found["ts"].astype("int64"))


def test_bars_come_back_as_they_were_written(store: Store) -> None:
    written = store.write(BARS, bars(), ONE)
    assert (written.added, written.same, written.files) == (48, 0, ("2024-01.parquet", "2024-02.parquet"))
    pd.testing.assert_frame_equal(frame(store.read(BARS)), bars())
    assert store.series() == (BARS,)
    assert store.read(BARS).schema.field("ts").type == pa.timestamp("ns", "UTC")


def test_a_span_holds_its_start_and_not_its_end(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    found = frame(store.read(BARS, START + 5 * MINUTE, START + 20 * MINUTE, ["close", "ts"]))
    assert list(found) == ["ts", "close"]
    assert list(found["close"]) == [101.0, 102.0, 103.0]
    assert store.read(BARS, "2024-01-31", "2024-01-31T22:00").num_rows == 0
    assert [path.name for path in store.files(BARS, "2024-02-01")] == ["2024-02.parquet"]


def test_nothing_is_created_until_something_is_written(store: Store) -> None:
    assert store.series() == ()
    assert store.covered(BARS) == ()
    assert store.missing(BARS, START, START + 1)
    with pytest.raises(DataError, match="without any series"):
        store.read(BARS)
    with pytest.raises(DataError, match="expected bybit:BTCUSDT:bars_5m, got a store without any series"):
        store.summary(BARS)
    assert not store.folder.exists()


def test_the_summary_tells_ranges_holes_and_sources(store: Store) -> None:
    store.write(BARS, bars().drop([3, 4, 30]), ONE)
    store.write(BARS, bars(2, START + DAY), TWO)
    told = store.summary(BARS)
    assert (told.rows, told.first, told.last) == (47, START, START + DAY + 5 * MINUTE)
    assert (told.holes, told.missing) == (3, 3 + 288 - 48)
    assert told.sources == (ONE, TWO)
    assert told.covered == ((START, START + 4 * HOUR), (START + DAY, START + DAY + 10 * MINUTE))
    assert told.bytes == sum(path.stat().st_size for path in store.files(BARS))
    assert store.missing(BARS, START - 1, START + DAY) == ((START - 1, START), (START + 4 * HOUR, START + DAY))


def test_equal_rows_are_counted_and_different_ones_refused(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    again = store.write(BARS, bars(), TWO)
    assert (again.added, again.same, again.files) == (0, 48, ())
    assert store.summary(BARS).sources == (ONE,)
    wrong = bars(10)
    wrong.loc[4, "close"] = 103.5
    with pytest.raises(DataError) as caught:
        store.write(BARS, wrong, TWO)
    assert str(caught.value) == (
        "bybit:BTCUSDT:bars_5m from two.csv: row of 2024-01-31 22:20:00 UTC: column close: expected 104.0 as it is "
        "stored, from one.csv (2024-01-31 22:00:00 UTC), got 103.5; ask for replace (--replace) where the new rows are "
        "right, or keep the old ones and leave these out"
    )
    pd.testing.assert_frame_equal(frame(store.read(BARS)), bars())


def test_replace_puts_new_rows_in_place_of_all_of_the_span(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    new = bars(6).drop([2])
    new["volume"] = 7.0
    written = store.write(BARS, new, TWO, start=START, end=START + 30 * MINUTE, replace=True)
    assert (written.added, written.removed) == (5, 6)
    expected = pd.concat([new, bars().iloc[6:]], ignore_index=True)
    pd.testing.assert_frame_equal(frame(store.read(BARS)), expected)
    assert store.summary(BARS).holes == 1
    assert store.covered(BARS) == ((START, START + 4 * HOUR),)
    gone = store.write(BARS, bars(0), TWO, start="2024-02-01", end="2024-02-02", replace=True)
    assert gone.removed == 24
    assert [path.name for path in store.files(BARS)] == ["2024-01.parquet"]
    assert store.missing(BARS, START, parse_time("2024-02-02")) == ()


def test_values_that_were_not_known_are_filled_in(store: Store) -> None:
    store.write(BARS, bars(4), ONE)
    written = store.write(BARS, bars(4, turnover=[1.0, None, 3.0, 4.0]), TWO)
    assert (written.filled, written.same, written.added) == (3, 1, 0)
    assert store.write(BARS, bars(4), ONE).same == 4
    assert store.read(BARS)["turnover"].to_pylist() == [1.0, None, 3.0, 4.0]
    assert store.summary(BARS).sources == (ONE, TWO)
    with pytest.raises(DataError, match=r"column turnover: expected 3.0 as it is stored"):
        store.write(BARS, bars(4, turnover=[1.0, 2.0, 3.5, 4.0]), ONE)


def test_rows_that_stand_twice_are_counted_and_contradictions_named(store: Store) -> None:
    twice = pd.concat([bars(3), bars(2, START + 10 * MINUTE)])
    with pytest.raises(DataError, match="row of 2024-01-31 22:10:00 UTC: column open: expected one row of each time"):
        store.write(BARS, twice, ONE)
    with store.writer(BARS, ONE) as writer:
        writer.add(bars(3))
        writer.add(bars(4).iloc[1:])
    assert (writer.written.added, writer.written.duplicates) == (4, 2)


def test_an_empty_answer_is_remembered(store: Store) -> None:
    store.write(FUNDING, {"ts": [], "rate": []}, ONE, start="2023-01-01", end="2023-03-01")
    assert store.covered(FUNDING) == ((parse_time("2023-01-01"), parse_time("2023-03-01")),)
    assert store.missing(FUNDING, "2023-02-01", "2023-03-02") == ((parse_time("2023-03-01"), parse_time("2023-03-02")),)


def test_events_over_a_covered_time_must_be_the_same(store: Store) -> None:
    times = [START, START, START + SECOND]
    store.write(TRADES, trades(times), ONE, start=START, end=START + HOUR)
    assert store.write(TRADES, trades(times), TWO).same == 3
    with pytest.raises(DataError, match=r"expected the 3 rows that are there, from one.csv .*, got 2"):
        store.write(TRADES, trades(times[:2]), TWO, end=START + HOUR)
    with pytest.raises(DataError, match=r"column price: expected 101.0 as it is stored"):
        store.write(TRADES, trades(times, price=[100.0, 5.0, 102.0]), TWO)
    late = [*times, START + 90 * MINUTE, START + 2 * HOUR]
    written = store.write(TRADES, trades(late), TWO)
    assert (written.added, written.same) == (2, 3)
    assert store.covered(TRADES) == ((START, START + 2 * HOUR + 1),)
    assert frame(store.read(TRADES))["ts"].tolist() == late
    assert store.summary(TRADES).sources == (ONE, TWO)


def test_events_of_two_clocks_do_not_mix(store: Store) -> None:
    store.write(TRADES, trades([START]), ONE)
    received = Provenance("capture", START, clock="received")
    with pytest.raises(DataError, match=r"exchange's clock.*time of receipt; keep the two apart.*bybit-received"):
        store.write(TRADES, trades([START + DAY]), received)
    assert store.summary(TRADES).clock == "exchange"
    assert store.summary(TRADES).rows == 1


def test_a_writer_keeps_what_came_before_a_venue_fell_silent(store: Store) -> None:
    def fetch(error: Exception) -> None:
        with store.writer(BARS, ONE) as writer:
            writer.add(bars(30))
            raise error

    with pytest.raises(ValueError, match="a fault"):
        fetch(ValueError("a fault"))
    assert store.summary(BARS).rows == 24  # January was complete
    with pytest.raises(FetchError):
        fetch(FetchError("no answer"))
    assert store.summary(BARS).rows == 30


def test_blocks_of_events_come_in_order(store: Store) -> None:
    with store.writer(TRADES, ONE) as writer:
        writer.add(trades([START + 5]))
        with pytest.raises(DataError, match="add blocks in order of time"):
            writer.add(trades([START]))


def test_rows_stay_inside_what_they_cover(store: Store) -> None:
    with pytest.raises(DataError, match=r"row 24 \(2024-02-01 00:00:00 UTC\): expected a time from .* to before"):
        store.write(BARS, bars(), ONE, start=START, end="2024-02-01")
    with pytest.raises(DataError, match="expected a start before the end"):
        store.write(BARS, bars(0), ONE, start=START + 1, end=START)


def test_gaps_are_declared_with_a_reason(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    store.declare_gap(BARS, START, START + HOUR, "the venue was down")
    store.declare_gap(BARS, START, START + HOUR, "the venue was down")
    assert store.gaps(BARS) == (Gap(START, START + HOUR, "the venue was down"),) == store.summary(BARS).gaps
    with pytest.raises(DataError, match="gap: expected a start before the end"):
        store.declare_gap(BARS, START, START, "nothing")


def test_findings_hold_for_the_rows_that_were_checked(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    assert store.findings(BARS) is None
    store.save_findings(BARS, [{"check": "gaps", "count": 2}])
    assert store.findings(BARS) == [{"check": "gaps", "count": 2}]
    store.write(BARS, bars(), TWO)
    assert store.findings(BARS) is not None
    store.write(BARS, bars(1, START + DAY), TWO)
    assert store.findings(BARS) is None


def test_documents_are_kept_by_date_when_they_change(store: Store) -> None:
    def keep(content: Any, time: int) -> bool:
        return store.save_document("bybit", "BTCUSDT", "instrument", content, Provenance("here", time))

    assert keep({"tick": "0.1"}, START)
    assert not keep({"tick": "0.1"}, START + DAY)
    assert keep({"tick": "0.5"}, START + 2 * DAY)
    assert [each.content["tick"] for each in store.documents("bybit", "BTCUSDT", "instrument")] == ["0.1", "0.5"]
    early, late = (store.document("bybit", "BTCUSDT", "instrument", at) for at in (START + DAY, None))
    assert early is not None
    assert early.content == {"tick": "0.1"}
    assert early.provenance.source == "here"
    assert late is not None
    assert late.time == START + 2 * DAY
    assert store.document("bybit", "BTCUSDT", "instrument", START - 1) is None
    assert store.series() == ()
    with pytest.raises(DataError, match="two that differ"):
        keep({"tick": "0.7"}, START + 2 * DAY)
    with pytest.raises(DataError, match="small letters"):
        store.documents("bybit", "BTCUSDT", "../instrument")


def test_columns_that_some_files_lack_are_null_there(store: Store) -> None:
    store.write(BARS, bars(24), ONE)
    store.write(BARS, bars(24, START + 2 * HOUR, trades=3), ONE)
    assert store.read(BARS)["trades"].to_pylist() == [None] * 24 + [3] * 24
    assert "trades" not in store.read(BARS, end="2024-02-01").column_names
    assert store.read(BARS, end="2024-02-01", columns=["ts", "trades"])["trades"].null_count == 24
    with pytest.raises(DataError, match=r"columns: expected some of ts, open.*, got vol"):
        store.read(BARS, columns=["vol"])


def test_batches_are_the_rows_of_read(store: Store) -> None:
    store.write(TRADES, trades([START + i * MINUTE for i in range(200)]), ONE)
    whole = store.read(TRADES, START + HOUR)
    assert pa.Table.from_batches(store.batches(TRADES, START + HOUR)).equals(whole.combine_chunks())


def test_the_manifest_is_made_again_from_the_files(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    store.write(BARS, bars(3, START + DAY), TWO)
    store.declare_gap(BARS, START, START + HOUR, "outage")
    before = store.summary(BARS)
    store.rebuild(BARS)
    assert store.summary(BARS) == before
    manifest = store.folder / BARS.path / "manifest.json"
    manifest.unlink()
    assert store.summary(BARS).gaps == ()
    assert store.summary(BARS).covered == before.covered
    manifest.write_text("{")
    with pytest.raises(DataError, match=r"manifest.json: not readable .* delete it"):
        store.summary(BARS)
    assert store.read(BARS).num_rows == 51
    store.rebuild(BARS)
    assert store.summary(BARS).sources == before.sources


@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(0, 60), max_size=6),
    dropped=st.sets(st.integers(0, 59), max_size=20),
    again=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_rows_written_in_any_cut_are_the_rows_written_at_once(
    cuts: list[int], dropped: set[int], again: tuple[int, int]
) -> None:
    rows = bars(60).drop(sorted(dropped))
    at = [START + 5 * MINUTE * i for i in sorted({0, *cuts, 60})]
    with tempfile.TemporaryDirectory() as folder:
        once, parts, streamed = (Store(f"{folder}/{name}") for name in ("once", "parts", "streamed"))
        once.write(BARS, rows, ONE, start=at[0], end=at[-1])
        pieces = [(rows[(rows["ts"] >= a) & (rows["ts"] < b)], a, b) for a, b in itertools.pairwise(at)]
        for piece, a, b in reversed(pieces):
            parts.write(BARS, piece, ONE, start=a, end=b)
        low, high = (START + 5 * MINUTE * i for i in sorted(again))
        if low < high:
            parts.write(BARS, rows[(rows["ts"] >= low) & (rows["ts"] < high)], TWO, start=low, end=high)
        with streamed.writer(BARS, ONE) as writer:
            for piece, a, b in pieces:
                writer.add(piece, a, b)
        for other in (parts, streamed):
            assert other.covered(BARS) == once.covered(BARS)
            if len(rows):
                assert other.read(BARS).combine_chunks().equals(once.read(BARS).combine_chunks())
                assert other.digest(BARS) == once.digest(BARS)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 40), max_size=5), steps=st.lists(st.integers(0, 3), min_size=40, max_size=40))
def test_events_written_in_any_cut_are_the_events_written_at_once(cuts: list[int], steps: list[int]) -> None:
    times = (parse_time("2024-01-31T23:59:59.999999980") + np.cumsum(steps)).tolist()
    everything = trades(times)
    with tempfile.TemporaryDirectory() as folder:
        once, streamed = Store(f"{folder}/once"), Store(f"{folder}/streamed")
        once.write(TRADES, everything, ONE)
        edges = sorted({0, *cuts, 40})
        with streamed.writer(TRADES, ONE) as writer:
            for a, b in itertools.pairwise(edges):
                writer.add({name: values[a:b] for name, values in everything.items()})
        assert streamed.covered(TRADES) == once.covered(TRADES)
        assert streamed.read(TRADES).combine_chunks().equals(once.read(TRADES).combine_chunks())
        assert frame(once.read(TRADES))["ts"].tolist() == times


def test_sources_are_kept_whatever_they_are_called(store: Store) -> None:
    odd: Any = Provenance("caf\udce9 \u4e16\u754c \x1b[2J.csv", np.int64(START), notes=["a list"])  # type: ignore[arg-type]
    store.write(BARS, bars(3), odd)
    [kept] = store.summary(BARS).sources
    assert (kept.source, kept.notes) == (odd.source, ("a list",))
    store.rebuild(BARS)
    assert store.summary(BARS).sources == (kept,)


def test_what_is_no_number_in_findings_becomes_null(store: Store) -> None:
    store.write(BARS, bars(3), ONE)
    store.save_findings(BARS, [{"examples": [float("nan"), 1.5, float("inf")]}])
    assert store.findings(BARS) == [{"examples": [None, 1.5, None]}]
    with pytest.raises(DataError, match="expected values of JSON"):
        store.save_document("bybit", "BTCUSDT", "instrument", {"tick": float("nan")}, ONE)


def test_a_gap_is_taken_back_as_a_whole_or_in_part(store: Store) -> None:
    store.write(BARS, bars(), ONE)
    store.declare_gap(BARS, START, START + 10, "one")
    store.declare_gap(BARS, START + 20, START + 40, "two")
    assert [gap.reason for gap in store.withdraw_gaps(BARS, START, START + 30)] == ["one", "two"]
    assert [(gap.start - START, gap.end - START) for gap in store.gaps(BARS)] == [(30, 40)]
    assert store.withdraw_gaps(BARS, START, START + 30) == ()
