"""Files that were damaged at random: an error of ours or rows that can be, never a crash, never another value."""

from __future__ import annotations

import gzip
import io
import json
import math
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfspread.datafeeds.importers.archives import sources
from halfspread.datafeeds.importers.hftbacktest import _RECORD
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.reading import read
from halfspread.datafeeds.store.checks import check_rows
from halfspread.engine.times import SECOND
from halfspread.errors import DataError, UserError
from tests.datafeeds.importers.small_files import US, rows

pytestmark = pytest.mark.fuzz

S = US // 10**6
OURS = Options(venue="bybit", symbol="BTCUSDT")
TIMES = (1_230_768_000 * SECOND, 4_102_444_800 * SECOND)


def whole_files() -> dict[str, bytes]:
    """A good file of each format."""
    bars = [[S * 1000 + 60_000 * k, 1.5 + k, 3.0 + k, 1.0 + k, 2.0 + k, 10.0] for k in range(6)]
    stamps = pa.array([row[0] for row in bars], pa.timestamp("ms", "UTC"))
    table = pa.table({"date": stamps, "price": [row[1] for row in bars], "size": [row[5] for row in bars]})
    events = np.zeros(6, _RECORD)
    events["ev"], events["exch_ts"] = [0xE0000001, 0xD0000001, 0xE0000002] * 2, S * 10**9 + np.arange(6)
    events["local_ts"], events["px"], events["qty"] = events["exch_ts"] + 5, 100.0, 1.0
    parquet, feather, npz, zipped, tar = (io.BytesIO() for _ in range(5))
    pa.parquet.write_table(table, parquet)
    pa.feather.write_feather(table, feather)
    np.savez_compressed(npz, data=events)
    head = "exchange,symbol,timestamp,local_timestamp,"
    tardis = head + "id,side,price,amount\n" + "".join(f"bitmex,X,{US + k},{US + k},a{k},buy,1.5,2\n" for k in range(6))
    book = head + "is_snapshot,side,price,amount\n"
    book += "".join(f"bitmex,X,{US + k},{US + k},{'true' if k < 2 else 'false'},bid,{k + 1}.5,2\n" for k in range(6))
    dump = "timestamp,symbol,side,size,price,tickDirection,trdMatchID\n"
    dump += "".join(f"2024-01-02D00:00:0{k}.364320001,X,Buy,2,1.5,P,a{k}\n" for k in range(6))
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", tardis)
    with tarfile.open(fileobj=tar, mode="w:gz") as members:
        info = tarfile.TarInfo("a.csv")
        info.size = len(tardis)
        members.addfile(info, io.BytesIO(tardis.encode()))
    message = {"topic": "orderbook.1.X", "type": "snapshot", "ts": S * 1000, "cts": S * 1000}
    message["data"] = {"s": "X", "b": [["1.5", "2"]], "a": [["2.5", "2"]], "u": 1, "seq": 2}
    return {
        "tardis": tardis.encode(),
        "book": book.encode(),
        "dump": dump.encode(),
        "csv": b"time,price,size\n" + b"".join(b"%d.25,1.5,2\n" % (S + k) for k in range(6)),
        "ccxt": json.dumps(bars).encode(),
        "messages": (json.dumps(message) + "\n").encode() * 2,
        "parquet": parquet.getvalue(),
        "feather": feather.getvalue(),
        "npz": npz.getvalue(),
        "gzip": gzip.compress(tardis.encode(), mtime=0),
        "zip": zipped.getvalue(),
        "tar": tar.getvalue(),
    }


FILES = whole_files()


def everything(path: Path) -> list[dict[str, dict[str, list[Any]]]]:
    found = read(path, OURS)
    for imported in found:
        blocks = list(imported.blocks)
        for block in blocks:
            try:
                check_rows(block.series.of_kind, block.rows, "block")
            except DataError:
                continue  # the store refuses what the importer let through
        imported.blocks = iter(blocks)
    return [rows(imported) for imported in found]


def outcome(path: Path) -> tuple[list[dict[str, dict[str, list[Any]]]], str]:
    """The rows of a file, or why it was refused."""
    try:
        return everything(path), ""
    except UserError as error:
        return [], str(error) or "no reason"


def sound(found: list[dict[str, dict[str, list[Any]]]]) -> None:
    """Times are times, and no number is infinite."""
    for series in found:
        for columns in series.values():
            lengths = {len(values) for values in columns.values()}
            assert len(lengths) == 1
            assert all(TIMES[0] <= moment <= TIMES[1] for moment in columns["ts"])
            for values in columns.values():
                assert not any(isinstance(value, float) and math.isinf(value) for value in values)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(sorted(FILES)))
    data = bytearray(FILES[kind])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        way = draw(st.sampled_from(["byte", "cut", "drop", "insert", "repeat"]))
        if way == "byte" and data:
            data[at] = draw(st.integers(0, 255))
        elif way == "cut":
            del data[at:]
        elif way == "drop":
            del data[at : at + draw(st.integers(1, 40))]
        elif way == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        else:
            data[at:at] = data[at : at + 30]
    return kind, bytes(data)


@given(damaged())
@settings(deadline=None)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, given_file: tuple[str, bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(given_file[1])
    found, why = outcome(path)
    sound(found)
    assert found or why != "no reason"


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "nan",
            "inf",
            "-1",
            "0",
            "1e400",
            "0x10",
            "1,5",
            "1_000",
            "1 000",
            "'1'",
            "true",
            "1e-400",
            "--1",
            "7.",
            ".5",
        ]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=8).filter(lambda text: not set(text) & set(',\n\r"')),
)


def plain_number(text: str) -> float | None:
    """What Python reads in the text of a decimal, None for all else."""
    stripped = text.strip(" \t")
    if not stripped.isascii() or set(stripped.lower()) - set("0123456789.e+-"):
        return None
    try:
        return float(stripped)
    except ValueError:
        return None


@given(st.lists(CELLS, min_size=1, max_size=6))
@settings(deadline=None)
def test_a_cell_is_its_number_or_missing_or_refused(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    text = "time,price,size\n" + "".join(f"{S + k},{cell},1\n" for k, cell in enumerate(cells))
    path.write_bytes(text.encode())
    found, why = outcome(path)
    if why:
        assert str(path) in why
    else:
        prices = found[0]["bybit:BTCUSDT:trades"]["price"]
        assert prices == [plain_number(cell) for cell in cells]


@given(st.lists(CELLS, min_size=1, max_size=5))
@settings(deadline=None)
def test_a_time_is_its_time_or_refused(tmp_path_factory: pytest.TempPathFactory, cells: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "times.csv"
    path.write_bytes(("time,price,size\n" + "".join(f"{cell},1,1\n" for cell in [str(S), *cells])).encode())
    found, why = outcome(path)
    sound(found)
    assert found or str(path) in why


NAMES = st.sampled_from(
    ["ts", "time", "price", "size", "open", "high", "low", "close", "volume", "bid", "ask", "rate", "x"]
)


@given(st.lists(NAMES, min_size=1, max_size=8), st.integers(0, 3))
@settings(deadline=None)
def test_any_line_of_names_is_understood_or_asked_about(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], count: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "names.csv"
    lines = [",".join(names), *(",".join(str(S + 60 * k) for _ in names) for k in range(count))]
    path.write_bytes("\n".join(lines).encode())
    found, why = outcome(path)
    sound(found)
    assert found or why != "no reason"


@given(st.text(min_size=1, max_size=30), st.sampled_from(["zip", "tar"]))
@settings(deadline=None)
def test_no_name_of_a_member_leads_out_of_the_archive(
    tmp_path_factory: pytest.TempPathFactory, name: str, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"names.{kind}"
    out = io.BytesIO()
    try:
        if kind == "zip":
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr(zipfile.ZipInfo(name), FILES["csv"])
        else:
            with tarfile.open(fileobj=out, mode="w") as members:
                info = tarfile.TarInfo(name)
                info.size = len(FILES["csv"])
                members.addfile(info, io.BytesIO(FILES["csv"]))
    except (ValueError, UnicodeError):
        return
    path.write_bytes(out.getvalue())
    try:
        found = sources(path)
    except UserError:
        return
    for source in found:
        assert ".." not in source.member.replace("\\", "/").split("/")
        assert not source.member.startswith("/")
