"""One tape whatever the bars come from, cut where it says, apart from the data of the caller, and chunked with its
lookback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from halfspread.costs.funding import FundingTable
from halfspread.engine.bars import Bars
from halfspread.engine.codes import BAR_COLUMNS
from halfspread.engine.instruments import bitmex
from halfspread.engine.replay import Replay
from halfspread.engine.side_data import Beside, side_events
from halfspread.engine.tape import Tape
from halfspread.engine.tape_kernels import MARGIN
from halfspread.engine.times import HOUR, MINUTE
from halfspread.errors import DataError, UserError
from tests.engine.worlds import LINEAR, START, bars, funding, tape

NONE = np.empty(0, np.int64)
NOTHING = side_events([Beside()], 0, 0)


def frame(count: int = 50) -> Any:
    """Hourly bars whose prices need every digit."""
    return pd.DataFrame(bars(100 + np.random.default_rng(1).random(count)))


def in_memory(market: Tape) -> Bars:
    assert isinstance(market.bars, Bars)
    return market.bars


def sources(folder: Path) -> dict[str, Any]:
    """The same bars in every form that is taken; Parquet in several row groups."""
    table, stamps = frame(), pd.to_datetime(frame()["ts"], utc=True)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_table(arrow, folder / "bars.parquet", row_group_size=7)
    pq.write_table(arrow.set_column(0, "ts", pa.array(stamps)), folder / "stamps.pq", compression="zstd")
    pa.csv.write_csv(arrow, folder / "bars.csv")
    table.assign(ts=stamps.dt.strftime("%Y-%m-%d %H:%M:%S")).to_csv(folder / "text.csv", index=False)
    table.assign(ts=stamps).to_csv(folder / "zipped.csv.gz", index=False)
    return {
        "columns": table,
        "datetimes": table.assign(ts=stamps),
        "microseconds": table.assign(ts=stamps.astype("datetime64[us, UTC]")),
        "another zone": table.assign(ts=stamps.dt.tz_convert("Asia/Tokyo")),
        "index": table.drop(columns="ts").set_index(pd.DatetimeIndex(stamps)),
        "named index": table.drop(columns="ts").set_index(pd.DatetimeIndex(stamps, name="Date")),
        "index beside a column": table.set_index(pd.DatetimeIndex(stamps)),
        "nullable": table.convert_dtypes(),
        "arrow types": table.convert_dtypes(dtype_backend="pyarrow"),
        "text": table.astype(dict.fromkeys(BAR_COLUMNS, str)),
        "other columns and order": table.assign(note="x", vwap=np.nan)[
            ["vwap", "volume", *BAR_COLUMNS[:4], "note", "ts"]
        ],
        "big endian": {name: table[name].to_numpy().astype(">f8") if name != "ts" else table[name] for name in table},
        "Arrow": arrow,
        "record batch": arrow.to_batches()[0],
        "chunked Arrow": pa.concat_tables([arrow.slice(0, 20), arrow.slice(20)]),
        "Parquet": folder / "bars.parquet",
        "Parquet with datetimes": str(folder / "stamps.pq"),
        "CSV": folder / "bars.csv",
        "CSV with text": folder / "text.csv",
        "zipped CSV": folder / "zipped.csv.gz",
        "structured array": table.to_records(index=False).view(np.ndarray),
        "mapping": {str(name): table[name].to_numpy() for name in table},
        "mapping of lists": {str(name): table[name].tolist() for name in table},
    }


def test_every_source_of_the_same_bars_gives_the_same_tape(tmp_path: Path) -> None:
    expected = Tape.from_bars(frame(), LINEAR)
    for name, source in sources(tmp_path).items():
        market = Tape.from_bars(source, LINEAR)
        assert in_memory(market).rows.tobytes() == in_memory(expected).rows.tobytes(), name
        assert market.hash() == expected.hash(), name
        assert not in_memory(market).rows.flags.writeable, name
        assert not in_memory(market).times.flags.writeable, name
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", LINEAR)
    assert streamed.hash() == expected.hash()


def test_a_csv_with_naive_times_that_arrow_reads_as_datetimes_is_utc(tmp_path: Path) -> None:
    frame().assign(ts=pd.to_datetime(frame()["ts"])).to_csv(tmp_path / "naive.csv", index=False)
    assert Tape.from_bars(tmp_path / "naive.csv", LINEAR).hash() == Tape.from_bars(frame(), LINEAR).hash()


def test_decimals_floats_of_less_precision_and_whole_numbers_are_prices(tmp_path: Path) -> None:
    table = pa.table({"ts": frame(20)["ts"]} | {name: [100] * 20 for name in BAR_COLUMNS})
    expected = Tape.from_bars(table, LINEAR).hash()
    whole, fractions = pa.array([100] * 20), pa.array([100.0] * 20)
    columns = [
        whole.cast(pa.decimal128(30, 2)),
        whole.cast(pa.uint8()),
        fractions.cast(pa.float32()),
        fractions.cast(pa.float16()),
        fractions.dictionary_encode(),
    ]
    for column in columns:
        pq.write_table(table.set_column(1, "open", column), tmp_path / "cast.parquet")
        assert Tape.from_bars(tmp_path / "cast.parquet", LINEAR).hash() == expected, column.type


def side(offset: int = 0) -> dict[str, Any]:
    times = START + HOUR * np.arange(0, 50, 5)
    return {"ts": times + offset, "price": np.linspace(90, 110, 10)}


def test_the_tape_neither_changes_nor_follows_the_data_of_the_caller() -> None:
    table, paid, mark = frame(), funding({8: 0.001, 16: 0.002}), side()
    before = table.copy()
    market = Tape.from_bars(table, LINEAR, funding=paid, mark=mark, index=mark, settle_price=mark)
    taken = market.hash()
    pd.testing.assert_frame_equal(table, before)
    table.loc[:, ["open", "close"]] = 1.0
    table["ts"] = 0
    for values in (*paid.values(), *mark.values()):
        values[:] = 7
    assert market.hash() == taken
    array = before.to_records(index=False).view(np.ndarray)
    market = Tape.from_bars(array, LINEAR)
    taken = market.hash()
    array["ts"][:], array["close"][:] = 0, 0.0
    assert market.hash() == taken
    assert market.mark is None
    with pytest.raises(ValueError, match="read-only"):
        in_memory(market).rows[0, 0] = 1.0


def test_the_hash_tells_any_number_apart() -> None:
    paid, mark = funding({8: 0.001, 16: 0.002}), side()
    changed = frame()
    changed.loc[49, "volume"] += 1e-9
    tapes = [
        Tape.from_bars(frame(), LINEAR),
        Tape.from_bars(changed, LINEAR),
        Tape.from_bars(frame(), bitmex("XBTUSD")),
        Tape.from_bars(frame().assign(more=1.0), LINEAR, extra=("more",)),
        Tape.from_bars(frame(), LINEAR, stamp="close"),
        Tape.from_bars(frame(), LINEAR, funding=paid),
        Tape.from_bars(frame(), LINEAR, funding={**paid, "rate": [0.001, 0.003]}),
        Tape.from_bars(frame(), LINEAR, funding={**paid, "known_ts": paid["ts"] - HOUR}),
        Tape.from_bars(frame(), LINEAR, mark=mark),
        Tape.from_bars(frame(), LINEAR, index=mark),
        Tape.from_bars(frame(), LINEAR, settle_price=mark),
        Tape.from_bars(frame(), LINEAR, mark=side(1)),
        Tape.from_bars(frame().iloc[1:], LINEAR),
    ]
    assert len({market.hash() for market in tapes}) == len(tapes)


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, (0, 50)),
        ("2024-01-01T05:00Z", None, (5, 50)),
        ("2024-01-01T05:00:00.000000001Z", None, (6, 50)),
        (None, "2024-01-01T05:00Z", (0, 5)),
        (None, "2024-01-01T04:59:59.999999999Z", (0, 4)),
        ("2024-01-01T05:00Z", "2024-01-01T06:00Z", (5, 6)),
        (START + 5 * HOUR, pd.Timestamp("2024-01-02", tz="UTC"), (5, 24)),
        ("2023-06-01", "2025-01-01", (0, 50)),
        ("2024-01-01T14:00+09:00", None, (5, 50)),
    ],
)
def test_a_cut_keeps_the_bars_that_open_from_the_start_and_close_by_the_end(
    start: Any, end: Any, rows: tuple[int, int], tmp_path: Path
) -> None:
    expected = Tape.from_bars(frame().iloc[rows[0] : rows[1]], LINEAR, interval="1h")
    pq.write_table(pa.Table.from_pandas(frame()), tmp_path / "bars.parquet", row_group_size=7)
    cuts = [
        Tape.from_bars(frame(), LINEAR, start=start, end=end),
        Tape.from_bars(frame(), LINEAR).slice(start, end),
        Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, start=start, end=end),
    ]
    for cut in cuts:
        assert cut.hash() == expected.hash()
        assert (cut.start_ns, cut.end_ns, len(cut)) == (expected.start_ns, expected.end_ns, rows[1] - rows[0])
        assert cut.bars.first_close == expected.bars.first_close
        assert f"{rows[1] - rows[0]:,} bars of 1h" in repr(cut)


@pytest.mark.parametrize(
    ("start", "end"),
    [("2024-02-01", None), (None, "2023-12-31"), ("2024-01-02", "2024-01-02"), (None, "2024-01-01T00:59Z")],
)
def test_a_cut_without_bars_says_which_there_are(start: Any, end: Any, tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame()), tmp_path / "bars.parquet", row_group_size=7)
    with pytest.raises(
        DataError, match=r"no bars from .* bars from 2024-01-01 00:00:00 UTC to 2024-01-03 02:00:00 UTC"
    ):
        Tape.from_bars(frame(), LINEAR, start=start, end=end)
    with pytest.raises(
        DataError, match=r"no bars from .* bars from 2024-01-01 00:00:00 UTC to 2024-01-03 02:00:00 UTC"
    ):
        Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, start=start, end=end)


def test_an_end_before_the_start_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame()), tmp_path / "bars.parquet", row_group_size=7)
    span: dict[str, Any] = {"start": "2024-01-02", "end": "2024-01-01"}
    says = r"end: expected a time at or after start 2024-01-02 00:00:00 UTC, got 2024-01-01"
    with pytest.raises(DataError, match=says):
        Tape.from_bars(frame(), LINEAR, **span)
    with pytest.raises(DataError, match=says):
        Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, **span)
    with pytest.raises(DataError, match=says):
        Tape.from_bars(frame(), LINEAR).slice(**span)


def test_a_slice_counts_its_own_quirks() -> None:
    table = frame().drop(index=[10, 30])
    table.loc[5, "volume"] = 0.0
    market = Tape.from_bars(table, LINEAR)
    assert (market.bars.counts["gaps"], market.bars.counts["no_trade_bars"]) == (2, 1)
    part = market.slice("2024-01-01T12:00Z")
    assert (part.bars.counts["gaps"], part.bars.counts["no_trade_bars"]) == (1, 0)
    assert market.missing_spans() == [(START + 10 * HOUR, START + 11 * HOUR), (START + 30 * HOUR, START + 31 * HOUR)]
    assert market.missing_spans(most=1) == market.missing_spans()[:1]


def test_bars_stamped_at_their_close_open_an_interval_earlier(tmp_path: Path) -> None:
    later = frame().assign(ts=frame()["ts"] + HOUR)
    pq.write_table(pa.Table.from_pandas(later), tmp_path / "bars.parquet", row_group_size=7)
    for market in (
        Tape.from_bars(later, LINEAR, stamp="close", end="2024-01-01T10:00Z"),
        Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, stamp="close", end="2024-01-01T10:00Z"),
    ):
        assert market.hash() == Tape.from_bars(frame().iloc[:10], LINEAR).hash()


def test_times_of_another_unit_and_name_are_read_where_they_are_named(tmp_path: Path) -> None:
    table = frame().rename(columns={"ts": "start"}).assign(start=frame()["ts"] // 10**6)
    pq.write_table(pa.Table.from_pandas(table), tmp_path / "bars.parquet", row_group_size=7)
    terms: dict[str, Any] = {"time_column": "start", "time_unit": "ms"}
    expected = Tape.from_bars(frame(), LINEAR).hash()
    assert Tape.from_bars(table, LINEAR, **terms).hash() == expected
    assert Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, **terms).hash() == expected


def test_the_origin_of_every_part_is_kept() -> None:
    market = Tape.from_bars(frame(), LINEAR, mark=side(), funding=FundingTable(NONE, NONE.astype(float), NONE, NONE))
    assert market.origin == {"bars": "DataFrame", "funding": "FundingTable", "mark": "dict"}
    assert not market.streamed


@pytest.mark.parametrize(("lookback", "events"), [(0, 1), (0, 7), (3, 1), (3, 10), (10, 5), (100, 7), (3, 10_000)])
def test_a_chunk_is_bounded_and_holds_the_lookback_of_each_of_its_events(lookback: int, events: int) -> None:
    market = tape([100.0 + i for i in range(60)], skip=[20, 21, 40], mark=side(30 * MINUTE))
    stream = side_events([Beside(mark=market.mark)], market.start_ns, market.end_ns)
    closed = 0
    for chunk in Replay(market.feeds, stream, "bars", lookback, events=events):
        rows = chunk.events["row"][(chunk.events["kind"] & 3) > 0]
        assert 0 < len(chunk.events) <= events + 3 * MARGIN
        assert (rows < chunk.end_row).all()
        assert (rows - lookback >= chunk.first_row)[rows >= lookback].all()
        assert chunk.first_row == max(int(rows.min()) - lookback, 0) if len(rows) else chunk.first_row >= 0
        assert chunk.end_row <= len(chunk.history)
        closed += int(((chunk.events["kind"] & 2) > 0).sum())
    assert closed == len(market) == 57


def test_a_chunk_of_one_event_is_as_short_as_its_time_allows() -> None:
    sizes = [len(chunk.events) for chunk in Replay(tape([100.0] * 40).feeds, NOTHING, "bars", events=1)]
    assert sizes == [1] * 40


def test_terms_that_are_wrong_are_errors_of_the_user() -> None:
    for terms in ({"start": "soon"}, {"end": 5}, {"interval": "1M"}, {"stamp": "mid"}, {"time_unit": "minutes"}):
        with pytest.raises(UserError, match=r"expected .* got"):
            Tape.from_bars(frame(), LINEAR, **terms)
