"""What a file is, by what stands in it."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from halfspread.datafeeds.importers.archives import sources
from halfspread.datafeeds.importers.detect import detect
from halfspread.errors import ConfigError, DataError
from tests.datafeeds.importers.small_files import write

TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\na,B,1704153600000000,1704153600000000,,buy,1,1\n"
)
BITMEX = (
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue\n"
    "2024-01-02D00:00:00.000000000,X,Buy,1,1,a,b,1\n"
)
BYBIT = BITMEX.replace("2024-01-02D00:00:00.000000000", "1704153600.5")
TABLE = pa.table({"ts": [1_704_153_600], "price": [1.0], "size": [1.0]})


def parquet() -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(TABLE, out)
    return out.getvalue()


def feather() -> bytes:
    out = io.BytesIO()
    pa.feather.write_feather(TABLE, out)
    return out.getvalue()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, data=np.zeros(1))
    return out.getvalue()


FILES = {
    "tardis": TARDIS.encode(),
    "bitmex": BITMEX.encode(),
    "bybit": BYBIT.encode(),
    "csv": b"ts,price,size\n1704153600,1,2\n",
    "json": json.dumps([[1_704_153_600_000, 1, 2, 1, 1, 1]]).encode(),
    "messages": b'1704153600000000000 {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1704153600000,"data":[]}\n',
    "parquet": parquet(),
    "feather": feather(),
    "hftbacktest": npz(),
}
FITTING = {
    "parquet": "a.parquet",
    "feather": "a.feather",
    "hftbacktest": "a.npz",
    "json": "a.json",
    "messages": "a.jsonl",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_told_by_its_content_whatever_its_name(tmp_path: Path, kind: str) -> None:
    for name in ("a.csv", "a.parquet", "a", "a.csv.gz"):
        (source,) = sources(write(tmp_path / name, FILES[kind]))
        found = detect(source)
        assert found.format == kind
        fits = name == "a" or (name == "a.csv" and kind in ("tardis", "bitmex", "bybit", "csv"))
        assert bool(found.mislabelled) != (fits or name == FITTING.get(kind)), (name, found.mislabelled)
    (source,) = sources(write(tmp_path / FITTING.get(kind, "b.csv"), FILES[kind]))
    assert not detect(source).mislabelled


def test_a_wrong_name_is_told(tmp_path: Path) -> None:
    (source,) = sources(write(tmp_path / "a.csv", FILES["parquet"]))
    assert detect(source).mislabelled == "its name ends in .csv, but it is Parquet"
    (source,) = sources(write(tmp_path / "a.csv.gz", FILES["csv"]))
    assert detect(source).mislabelled == "its name ends in .gz, but it is not packed"
    (source,) = sources(write(tmp_path / "b.csv", gzip.compress(FILES["csv"])))
    assert detect(source).mislabelled == "its name ends in .csv, but it is a gzip"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html><html><title>404 Not  Found</title>", "a web page: '404 Not Found'; download it again"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "got XML"),
        (pickle.dumps([1, 2]), "a pickle, which can run any program"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"%PDF-1.7", "a PDF"),
        (bytes(range(256)), "bytes of an unknown kind"),
        (bytes(1000), "bytes of an unknown kind"),
        ("ts,price\n1,2\n".encode("utf-16"), "UTF-16; save the file as UTF-8"),
        (b"ts,pr\xefce\n1,2\n", "expected text in UTF-8"),
        (b"   \n\n", "an empty file"),
        (b"x" * 100_000, "expected lines of text"),
        (b"id,timestamp,price,volume,side,rpi\n1,1704153600000,1,1,buy,0\n", "spot dump of Bybit"),
    ],
)
def test_what_is_no_market_data_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    (source,) = sources(write(tmp_path / "a.csv.gz", data))
    with pytest.raises(DataError, match=message):
        detect(source)


def test_a_format_that_the_user_names_must_be_the_one_that_is_there(tmp_path: Path) -> None:
    (source,) = sources(write(tmp_path / "a.csv", FILES["tardis"]))
    assert detect(source, "tardis").format == "tardis"
    assert detect(source, "csv").format == "csv"
    with pytest.raises(DataError, match=r"--format hftbacktest .* but it is CSV of tardis.dev by its columns"):
        detect(source, "hftbacktest")
    with pytest.raises(ConfigError, match="--format: expected one of"):
        detect(source, "xlsx")
