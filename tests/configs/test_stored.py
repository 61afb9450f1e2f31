"""Markets of the store: the same tape as from files, and nothing missing in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.configs.load import Loaded, load
from halfspread.configs.tapes import build_tape, data_files
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine import instruments
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError, DataError

BTC = instruments.bybit("BTCUSDT")
HOUR = 3_600 * 10**9
START = pd.Timestamp("2024-01-30", tz="UTC").value
FROM = Provenance("made here", START)
COSTS = """
[costs]
half_spread = { kind = "ticks", amount = 1 }
fees = { kind = "venue" }
funding = { kind = "published", missing = "error" }
[sizing]
kind = "fixed_notional"
amount = 1000
[agent]
type = "buy_and_hold"
"""


def bars(count: int = 96) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    close = 40_000.0 + np.cumsum(rng.integers(-50, 51, count)) * 0.1
    open_ = np.concatenate([[40_000.0], close[:-1]])
    table = {"ts": START + np.arange(count) * HOUR, "open": open_, "high": np.maximum(open_, close)}
    return pd.DataFrame(table | {"low": np.minimum(open_, close), "close": close, "volume": 1.0})


def funding() -> pd.DataFrame:
    return pd.DataFrame({"ts": START + np.arange(0, 13) * 8 * HOUR, "rate": np.arange(13) * 1e-5})


def prices(offset: float) -> pd.DataFrame:
    return bars().drop(columns="volume").assign(**{n: bars()[n] + offset for n in ("open", "high", "low", "close")})


def quotes(received: bool) -> pd.DataFrame:
    times = START + np.arange(1, 500) * 10**9
    table = {"ts": times + 5_000_000, "exch_ts": times} if received else {"ts": times}
    return pd.DataFrame(table | {"bid": 100.0, "bid_size": 3.0, "ask": 100.1, "ask_size": 4.0})


def put(folder: Path, kind: str, table: pd.DataFrame, **more: Any) -> None:
    Store(folder).write(Series("bybit", "BTCUSDT", kind), table, more.pop("provenance", FROM), **more)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    put(folder, "bars_1h", bars())
    put(folder, "funding", funding())
    put(folder, "mark_1h", prices(1.0))
    return folder


def config(folder: Path, market: str, name: str = "stored") -> Loaded:
    path = folder / f"{name}.toml"
    path.write_text(
        f'name = "{name}"\n[market]\nsource = "store"\nvenue = "bybit"\nsymbol = "BTCUSDT"\n{market}\n{COSTS}', "utf-8"
    )
    return load(str(path))


def tape(folder: Path, market: str) -> Tape:
    return build_tape(config(folder, market))


BARS = 'store = "store"\ninterval = "1h"\n'


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_market_of_the_store_is_the_market_of_its_files(tmp_path: Path, store: Path, stream: str) -> None:
    found = tape(tmp_path, f"{BARS}stream = {stream}")
    beside: dict[str, Any] = {"funding": funding(), "mark": prices(1.0)}
    assert found.hash() == Tape.from_bars(bars(), BTC, **beside).hash()
    assert found.origin["bars"].startswith("store bybit:BTCUSDT:bars_1h: 96 rows of made here, SHA-256 ")


def test_a_range_is_cut_out_of_the_months(tmp_path: Path, store: Path) -> None:
    found = tape(tmp_path, f"{BARS}start = 2024-01-31T06:00:00Z\nend = 2024-02-01T12:00:00Z")
    assert len(found) == 30
    assert found.start_ns == START + 30 * HOUR


def test_the_store_may_be_named_by_the_environment(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALFSPREAD_STORE", str(store))
    assert tape(tmp_path, 'interval = "1h"').hash() == tape(tmp_path, BARS).hash()
    monkeypatch.delenv("HALFSPREAD_STORE")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="market_data: no store of market data there; fill one with halfspread data"):
        tape(tmp_path, 'interval = "1h"')


def test_mark_and_funding_can_be_left_out(tmp_path: Path, store: Path) -> None:
    found = tape(tmp_path, f'{BARS}mark = "none"\nfunding = "none"')
    assert found.hash() == Tape.from_bars(bars(), BTC).hash()


def test_marks_of_the_interval_of_the_bars_come_first_then_the_finest(tmp_path: Path, store: Path) -> None:
    put(store, "index_4h", prices(5.0).iloc[::4])
    put(store, "index_2h", prices(6.0).iloc[::2])
    found = tape(tmp_path, BARS)
    assert found.origin["mark"].startswith("store bybit:BTCUSDT:mark_1h")
    assert found.origin["index"].startswith("store bybit:BTCUSDT:index_2h")
    assert "index_4h" in tape(tmp_path, f'{BARS}index = "4h"').origin["index"]
    with pytest.raises(DataError, match=r"expected bybit:BTCUSDT:index_1d, got .*bybit:BTCUSDT:index_2h"):
        tape(tmp_path, f'{BARS}index = "1d"')


def test_marks_that_cover_the_range_come_before_finer_ones(tmp_path: Path, store: Path) -> None:
    put(store, "index_4h", prices(5.0).iloc[::4])
    put(store, "index_1h", prices(6.0).iloc[:3])
    assert tape(tmp_path, BARS).origin["index"].startswith("store bybit:BTCUSDT:index_4h")


def test_what_never_came_in_is_an_error_and_no_hole(tmp_path: Path, store: Path) -> None:
    late = bars().assign(ts=lambda table: table["ts"] + 240 * HOUR)
    put(store, "bars_1h", late)
    with pytest.raises(DataError, match="2024-02-03 00:00:00 UTC to 2024-02-09 00:00:00 UTC never came in; there is "):
        tape(tmp_path, BARS)
    with pytest.raises(DataError, match="2024-01-01 00:00:00 UTC to 2024-01-30 00:00:00 UTC never came in"):
        tape(tmp_path, f"{BARS}start = 2024-01-01T00:00:00Z\nend = 2024-02-01T00:00:00Z")
    gap = "gaps = [[2024-02-03T00:00:00Z, 2024-02-09T00:00:00Z]]"
    assert tape(tmp_path, f"{BARS}{gap}").gaps == ((START + 96 * HOUR, START + 240 * HOUR),)
    Store(store).declare_gap(Series("bybit", "BTCUSDT", "bars_1h"), "2024-02-03", "2024-02-09", "the venue was closed")
    assert tape(tmp_path, BARS).hash() == tape(tmp_path, f"{BARS}{gap}").hash()


def test_the_files_of_a_run_are_the_manifests_of_its_series(tmp_path: Path, store: Path) -> None:
    found = data_files(config(tmp_path, BARS))
    assert {name: path.relative_to(store).as_posix() for name, path in found.items()} == {
        name: f"bybit/BTCUSDT/{kind}/manifest.json"
        for name, kind in (("bars", "bars_1h"), ("funding", "funding"), ("mark", "mark_1h"))
    }


EVENTS = 'store = "store"\nfunding = "none"\nmark = "none"\n'


@pytest.mark.parametrize("stream", ["false", "true"])
@pytest.mark.parametrize("received", [False, True])
def test_quotes_are_received_later_only_where_somebody_received_them(
    tmp_path: Path, received: bool, stream: str
) -> None:
    clock = Provenance("made here", START, clock="received" if received else "exchange")
    put(tmp_path / "store", "quotes", quotes(received), provenance=clock)
    found = tape(tmp_path, f'{EVENTS}show = ["quotes"]\nstream = {stream}')
    assert found.hash() == Tape.from_quotes(quotes(received), BTC).hash()
    assert found.streamed or found.feeds[0].delayed == received


def test_a_quiet_minute_beside_a_file_of_events_is_no_hole(tmp_path: Path) -> None:
    put(tmp_path / "store", "quotes", quotes(False))
    market = f'{EVENTS}show = ["quotes"]\nstart = 2024-01-30T00:00:00Z\nend = 2024-01-30T00:0'
    assert len(tape(tmp_path, f"{market}9:00Z")) == 499
    with pytest.raises(DataError, match=r"2024-01-30 00:08:19\.000000001 UTC to 2024-01-30 00:10:00 UTC never came in"):
        tape(tmp_path, f"{market[:-1]}10:00Z")


def test_a_day_without_any_event_is_told(tmp_path: Path) -> None:
    later = quotes(False).assign(ts=lambda table: table["ts"] + 48 * HOUR)
    put(tmp_path / "store", "quotes", pd.concat([quotes(False), later]))
    market = f'{EVENTS}show = ["quotes"]\n'
    told = "bybit:BTCUSDT:quotes: no row on 1 day (2024-01-31): is a file missing?"
    assert told in tape(tmp_path, market).feeds[0].remarks
    gap = "gaps = [[2024-01-31T00:00:00Z, 2024-02-01T00:00:00Z]]"
    assert told not in tape(tmp_path, market + gap).feeds[0].remarks


def test_books_with_enough_levels_are_chosen(tmp_path: Path) -> None:
    for levels in (2, 5):
        table: dict[str, Any] = {"ts": START + np.arange(1, 9) * 10**9}
        for i in range(1, levels + 1):
            table |= {f"bid_{i}": 100.0 - i, f"bid_size_{i}": 1.0, f"ask_{i}": 100.0 + i, f"ask_size_{i}": 1.0}
        put(tmp_path / "store", f"books_{levels}", pd.DataFrame(table))
    assert tape(tmp_path, f'{EVENTS}show = ["books"]').feeds[0].books.levels == 5  # type: ignore[union-attr]
    found = tape(tmp_path, f'{EVENTS}show = ["books"]\nlevels = 3')
    assert found.feeds[0].books.levels == 3  # type: ignore[union-attr]
    assert "books_5" in found.origin["books"]
    with pytest.raises(DataError, match=r"expected books of 9 levels or more .* got books_2, books_5; make them"):
        tape(tmp_path, f'{EVENTS}show = ["books"]\nlevels = 9')


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ('store = "store"', "interval: which bars"),
        (f'{BARS}show = ["bars", "bars"]', "show: expected each table once"),
        (f"{BARS}levels = 5", "levels: are of books"),
        ('store = "store"\nshow = ["trades"]\ninterval = "5m"', "interval: is of bars"),
        (f'{BARS}mark = "soon"', "mark: .*soon.* or 'none'"),
        (f'{BARS}bars_interval = "5m"', "bars_interval: bars of the store are shown already"),
    ],
)
def test_terms_that_do_not_fit_are_refused(tmp_path: Path, market: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, market)


def test_an_unknown_series_says_what_there_is(tmp_path: Path, store: Path) -> None:
    with pytest.raises(DataError, match=r"expected bybit:BTCUSDT:bars_5m, got bybit:BTCUSDT:bars_1h, .*fetch or"):
        tape(tmp_path, 'store = "store"\ninterval = "5m"')
