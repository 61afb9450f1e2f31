"""What a result is measured against: where the days come from, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from halfspread.errors import ConfigError, DataError
from halfspread.reports.benchmark import Benchmark, held_instrument
from halfspread.reports.daily import daily
from halfspread.reports.measured import Measured

Build = Callable[..., Any]

DATES = ["2024-01-01", "2024-01-02", "2024-01-03"]


def index(*dates: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(dates), tz="UTC")


def table(dates: list[str], values: list[float], column: str = "return") -> pd.DataFrame:
    return pd.DataFrame({"date": dates, column: values})


def test_returns_are_taken_as_they_are_on_their_days() -> None:
    found = Benchmark.read(table(DATES, [0.01, -0.02, 0.03]), values="returns")
    assert found.over(index(*DATES)).tolist() == [0.01, -0.02, 0.03]
    assert found.over(index("2024-01-02")).tolist() == [-0.02]


def test_percent_are_made_fractions_where_the_unit_says_so() -> None:
    found = Benchmark.read(table(DATES, [1.0, -2.0, 3.0]), values="returns", unit="percent")
    assert found.over(index(*DATES)) == pytest.approx([0.01, -0.02, 0.03])


def test_a_price_makes_the_return_of_its_day_over_the_day_before() -> None:
    found = Benchmark.read(table(DATES, [100.0, 110.0, 99.0], "close"), values="prices")
    assert found.over(index(*DATES[1:])) == pytest.approx([0.1, -0.1])
    with pytest.raises(
        DataError, match=r"first missing is 2024-01-01 \(the return of a day needs the price of the day"
    ):
        found.over(index(*DATES))


def test_a_day_after_a_gap_in_prices_has_no_return() -> None:
    dates = ["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"]
    found = Benchmark.read(table(dates, [100.0, 110.0, 121.0, 242.0], "close"), values="prices")
    assert found.over(index("2024-01-02", "2024-01-05")) == pytest.approx([0.1, 1.0])
    with pytest.raises(DataError, match="2 of them in common, 2 missing; the first missing is 2024-01-03"):
        found.over(index("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"))


def test_stamps_at_the_close_are_of_the_day_that_ends_there() -> None:
    found = Benchmark.read(table(DATES, [0.01, -0.02, 0.03]), values="returns", stamp="close")
    assert found.over(index("2023-12-31", "2024-01-01", "2024-01-02")).tolist() == [0.01, -0.02, 0.03]


def test_files_series_and_other_columns_give_the_same(tmp_path: Path) -> None:
    values = [0.01, -0.02, 0.03]
    expected = Benchmark.read(table(DATES, values), values="returns")
    frame = pd.DataFrame({"ts": index(*DATES).as_unit("ns"), "return": values})
    frame.to_parquet(tmp_path / "index.parquet")
    table(DATES, values).to_csv(tmp_path / "index.csv", index=False)
    seconds = {"when": index(*DATES).as_unit("s").asi8, "r": np.array(values)}
    for found in (
        Benchmark.read(tmp_path / "index.parquet", values="returns"),
        Benchmark.read(str(tmp_path / "index.csv"), values="returns"),
        Benchmark.read(pd.Series(values, index=index(*DATES)), values="returns"),
        Benchmark.read(seconds, values="returns", column="r", time_column="when", time_unit="s"),
    ):
        assert found.days.tolist() == expected.days.tolist()
        assert found.returns.tolist() == values
    assert Benchmark.read(tmp_path / "index.csv", values="returns").name == "index"
    assert Benchmark.read(pd.Series(values, index=index(*DATES)), values="returns").name == "benchmark"
    assert Benchmark.read(pd.Series(values, index=index(*DATES), name="fund"), values="returns").name == "fund"
    assert Benchmark.read(tmp_path / "index.csv", values="returns", name="the index").name == "the index"


BAD: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "a day twice": (table([DATES[0], DATES[1], DATES[1]], [0.0, 0.0, 0.0]), {}, r"row 2 \(2024-01-02.*same day"),
    "out of order": (table([DATES[1], DATES[0]], [0.0, 0.0]), {}, r"row 1 \(2024-01-01.*earlier than the row before"),
    "not midnight": (table(["2024-01-01 00:00", "2024-01-02 08:00"], [0.0, 0.0]), {}, r"row 1 .*expected midnight UTC"),
    "another zone": (table(["2024-01-01T00:00+08:00"], [0.0]), {}, "expected midnight UTC"),
    "nan": (table(DATES, [0.0, math.nan, 0.0]), {}, r"row 1 \(2024-01-02.*expected a number, got nan"),
    "infinite": (table(DATES, [0.0, 0.0, math.inf]), {}, "expected a number, got inf"),
    "text": (pd.DataFrame({"date": DATES, "return": ["0.1", "x", "0"]}), {}, "row 1 .*expected a number, got 'x'"),
    "percent": (table(DATES, [0.5, -2.5, 0.3]), {}, r"-250 %.*unit = 'percent'"),
    "prices": (table(DATES, [20_000.0, 20_100.0, 20_050.0]), {}, "values = 'prices'"),
    "small percent": (
        table([f"2024-01-{day:02d}" for day in range(1, 13)], [0.3, -0.2] * 6),
        {},
        "half of the days move by more than 25 %: if the file counts in percent, say unit = 'percent'",
    ),
    "huge percent": (table(DATES, [150.0, 0.0, 0.0]), {"unit": "percent"}, "values = 'prices'"),
    "returns as prices": (table(DATES, [0.01, -0.02, 0.0], "close"), {"values": "prices"}, "values = 'returns'"),
    "empty": (table([], []), {}, "expected one row a day, got none"),
    "columns": (pd.DataFrame({"date": DATES, "ret": [0.0, 0.0, 0.0]}), {}, "no column 'return'; found date, ret"),
    "times": (pd.DataFrame({"day": DATES, "return": [0.0, 0.0, 0.0]}), {}, "no column 'date'; found day, return"),
    "seconds": (pd.DataFrame({"date": [1704067200], "return": [0.0]}), {}, "time_unit"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_series_is_refused_with_its_row_and_the_way_out(fault: str) -> None:
    source, terms, words = BAD[fault]
    with pytest.raises(DataError, match=words) as raised:
        Benchmark.read(source, **{"values": "returns", **terms})
    assert str(raised.value).startswith("benchmark: ")


@pytest.mark.parametrize(
    "terms", [{"values": "levels"}, {"unit": "bp"}, {"stamp": "noon"}, {"values": "prices", "unit": "percent"}]
)
def test_a_choice_that_there_is_not_is_refused(terms: dict[str, str]) -> None:
    given: dict[str, Any] = {"values": "returns", **terms}
    with pytest.raises(ConfigError, match="benchmark: "):
        Benchmark.read(table(DATES, [0.0, 0.0, 0.0]), **given)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").write_text("")
    with pytest.raises(DataError, match="empty"):
        Benchmark.read(tmp_path / "nothing.csv", values="returns")


def test_the_days_of_both_are_told_where_one_is_missing() -> None:
    found = Benchmark.read(table(DATES, [0.0, 0.0, 0.0]), values="returns", name="x")
    with pytest.raises(DataError) as raised:
        found.over(index("2024-01-02", "2024-01-03", "2024-01-04"))
    assert str(raised.value).startswith(
        "benchmark x: covers 2024-01-01 to 2024-01-03 (3 days), the run 2024-01-02 to 2024-01-04 (3 days): 2 of them "
        "in common, 1 missing; the first missing is 2024-01-04; "
    )
    with pytest.raises(DataError, match=r"the run 2025-01-01 to 2025-01-01 \(1 day\): no day in common"):
        found.over(index("2025-01-01"))


def test_the_price_of_the_instrument_held(from_periods: Build) -> None:
    # 100 at first, then 110 and 99 at the ends of the days that end at these midnights, none on the third day
    times = ["2024-01-01 12:00", "2024-01-02 00:00", "2024-01-03 00:00", "2024-01-05 00:00"]
    result = from_periods(times, reference=[100.0, 110.0, 99.0, 108.9], price=[0.0, 1.0, 2.0, 3.0])
    found = Benchmark.hold(result)
    days = pd.DatetimeIndex(daily(result).index)
    assert found.over(days) == pytest.approx([0.1, -0.1, 0.0, 0.1])
    assert "without costs" in found.words
    assert Benchmark.hold(result, "BTCUSDT").returns.tolist() == found.returns.tolist()


def test_of_several_instruments_the_one_to_hold_must_be_named(two_instruments: Build) -> None:
    result = two_instruments()
    with pytest.raises(ConfigError, match="bybit:BTCUSDT, bitmex:XBTUSD; name it"):
        Benchmark.hold(result)
    with pytest.raises(ConfigError, match="ETHUSD: expected an instrument of the run: bybit:BTCUSDT"):
        Benchmark.hold(result, "ETHUSD")
    assert Benchmark.hold(result, "XBTUSD").name == "XBTUSD held"
    same = SimpleNamespace(name="bitmex:BTCUSDT", symbol="BTCUSDT")
    with pytest.raises(ConfigError, match="several instruments have this symbol; name one of bybit:BTCUSDT, bitmex"):
        held_instrument([result.instruments[0], same], "BTCUSDT")


def test_an_agent_is_taken_by_its_net_pnl(from_periods: Build) -> None:
    other = from_periods(
        ["2024-01-02", "2024-01-03", "2024-01-04"], price=[10.0, 30.0, 60.0], fee=[-1.0, -2.0, -3.0], name="holder"
    )
    found = Benchmark.agent(other)
    assert found.name == "holder"
    assert found.over(pd.DatetimeIndex(daily(other).index)) == pytest.approx([0.009, 0.019, 0.029])


def test_every_ratio_follows_the_benchmark_and_the_rest_stands(from_periods: Build) -> None:
    ends = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
    pnl, beside = [-20.0, 10.0, 60.0, 30.0], [-0.01, 0.02, 0.03, 0.0]
    plain = from_periods(ends, price=np.cumsum(pnl))
    against = from_periods(ends, price=np.cumsum(pnl))
    dates = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]
    against.benchmark = Benchmark.read(table(dates, beside), values="returns", name="index")
    before, after = Measured.of(plain).metrics, Measured.of(against).metrics
    assert (before["benchmark"], after["benchmark"]) == ("zero", "index")
    # less the benchmark: -1, -1, 3, 3 %
    assert after["information_ratio"] == pytest.approx(0.01 / 0.02 * math.sqrt(365))
    assert after["sortino_ratio"] == pytest.approx(0.01 / math.sqrt(2e-4 / 4) * math.sqrt(365))
    assert after["sharpe_ratio"] == before["sharpe_ratio"] == before["information_ratio"]
    assert after["beta"] == pytest.approx(1.4)
    changed = {name for name, value in before.items() if repr(value) != repr(after[name])}
    assert changed == {"benchmark", "information_ratio", "information_ratio_error", "sortino_ratio"}
    assert daily(against)["benchmark"].tolist() == pytest.approx(beside)
