"""docs/importing.md: every command of its table runs on a file of that name, and its Python example as it stands."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from halfspread.cli import main
from halfspread.datafeeds.importers.hftbacktest import _RECORD

PAGE = Path(__file__).resolve().parents[3] / "docs" / "importing.md"
S = 1_704_153_600  # 2024-01-02 00:00 UTC
COMMANDS = re.findall(r"\| `halfspread (data import [^`]+)` \|", PAGE.read_text(encoding="utf-8"))
BARS = [[(S + 60 * k) * 1000, 1.5, 2.0, 1.0, 1.25, 3.0] for k in range(3)]


def files(folder: Path) -> None:
    """A small file under each name that the table has."""
    tardis = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    tardis += f"binance-futures,BTCUSDT,{S}000000,{S}000005,1,buy,42000.5,0.1\n"
    (folder / "binance-futures_trades_2024-01-02_BTCUSDT.csv.gz").write_bytes(gzip.compress(tardis.encode()))
    events = np.zeros(1, _RECORD)
    events[0] = (0xE0000002, S * 10**9, S * 10**9 + 5, 42000.5, 1.0, 0, 0, 0.0)
    np.savez_compressed(folder / "btcusdt.npz", data=events)
    (folder / "ohlcv.json").write_text(json.dumps(BARS))
    names = ("open", "high", "low", "close", "volume")
    table = {"date": pa.array([(S + 300 * k) * 1000 for k in range(3)], pa.timestamp("ms", "UTC"))}
    table |= {name: pa.array([row[place] for row in BARS]) for place, name in enumerate(names, start=1)}
    pa.feather.write_feather(pa.table(table), str(folder / "BTC_USDT_USDT-5m-futures.feather"))
    head = "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional\n"
    bitmex = head + "2019-05-03D00:00:01.000000001,XBTUSD,Buy,1,5000,PlusTick,a,1,1,1\n"
    (folder / "20190503.csv.gz").write_bytes(gzip.compress(bitmex.encode()))
    bybit = head + f"{S}.5,BTCUSDT,Buy,0.1,42000.5,PlusTick,a,1,1,1\n"
    (folder / "BTCUSDT2024-01-02.csv.gz").write_bytes(gzip.compress(bybit.encode()))
    data = {"s": "BTCUSDT", "b": [["1.5", "2"]], "a": [["2.5", "2"]], "u": 1, "seq": 2}
    message = {"topic": "orderbook.500.BTCUSDT", "type": "snapshot", "ts": S * 1000, "data": data, "cts": S * 1000}
    with zipfile.ZipFile(folder / "2024-01-02_BTCUSDT_ob500.data.zip", "w") as archive:
        archive.writestr("2024-01-02_BTCUSDT_ob500.data", json.dumps(message) + "\n")
    capture = {"ts": pa.array([S * 10**9], pa.timestamp("ns", "UTC")), "u": [1], "type": ["snapshot"], "side": ["b"]}
    pa.parquet.write_table(pa.table({**capture, "price": [1.0], "size": [2.0]}), folder / "capture_l2.parquet")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs_on_such_a_file(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files(tmp_path)
    own = "When,open,high,low,close,Lots" if "--map" in command else "timestamp,open,high,low,close,volume"
    rows = (",".join(map(str, row)) for row in BARS)
    (tmp_path / "bars.csv").write_text("\n".join([own, *rows]))
    assert main([*command.split(), "--store", "store", "--no-check"]) == 0
    assert list((tmp_path / "store").rglob("*.parquet"))


def test_all_ten_lines_of_the_table_have_a_command() -> None:
    assert len(COMMANDS) == 10


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(block, "importing.md", "exec"), {})
    assert capsys.readouterr().out == "bybit:BTCUSDT:bars_1m 2 rows, seconds\n"
