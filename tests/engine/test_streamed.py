"""A tape read block by block is the same tape: the same events, history, faults and results, in memory that stays
flat."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from halfspread import strategies
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.datafeeds.synthetic.market import SyntheticMarket
from halfspread.engine import parquet
from halfspread.engine.instruments import bybit
from halfspread.engine.replay import Replay
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.side_data import Beside, side_events
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional
from halfspread.engine.tape import Tape
from halfspread.engine.times import MINUTE
from halfspread.errors import DataError
from tests.engine.worlds import FREE, LINEAR, START, bars

ROOT = Path(__file__).parents[2]
COSTS = Costs(half_spread=HalfSpread.from_bars(), fees=Fees.venue(), funding=Funding.published())
EXPERTS = {
    "BuyAndHold": strategies.BuyAndHold(position=0.7),
    "SmaCross": strategies.SmaCross(fast=5, slow=30, band=1e-4),
    "Bollinger": strategies.Bollinger(window=20, width=1.5),
    "FundingCarry": strategies.FundingCarry(threshold=5e-5, settlements=3),
    "DonchianAtr": strategies.DonchianAtr(channel=12, atr_window=10, contracts=0.05),
    "RandomTurnover": strategies.RandomTurnover(turnover=4.0),
    "TimeOfDay": strategies.TimeOfDay(hours=(1.0, -1.0) * 12),
    "Twap": strategies.Twap(contracts=2.0, duration="1d", slices=24),
    "AlmgrenChriss": strategies.AlmgrenChriss(contracts=-2.0, duration="1d", slices=24),
}
ELSEWHERE = {
    "BookImbalance",
    "MarketMaker",
    "Pairs",
    "PairsCarry",
}  # books, quotes and two instruments: tests/strategies
INSTRUMENT = bybit("BTCUSDT")
ROW_GROUP = 700


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks shorter than a row group, so that a file of a few thousand bars has many."""
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 400)


@pytest.fixture(scope="module")
def market() -> Any:
    """Ten days of five-minute bars with quotes and three holes, one of them where two row groups meet."""
    made = SyntheticMarket(days=10).generate(np.random.default_rng(4))
    frame = made.bars_frame().reset_index(drop=True)
    frame = frame.drop(index=[*range(690, 710), 1_500, *range(2_000, 2_200)])
    sides = {"funding": made.funding_frame(), "mark": made.mark_frame()}
    return frame, sides


@pytest.fixture
def path(market: Any, tmp_path: Path) -> Path:
    written = tmp_path / "bars.parquet"
    pq.write_table(pa.Table.from_pandas(market[0], preserve_index=False), written, row_group_size=ROW_GROUP)
    return written


def both(market: Any, path: Path, **terms: Any) -> tuple[Tape, Tape]:
    """In memory and streamed."""
    frame, sides = market
    return Tape.from_bars(frame, INSTRUMENT, **sides, **terms), Tape.scan_bars(path, INSTRUMENT, **sides, **terms)


def replay(tape: Tape, lookback: int, events: int) -> tuple[list[tuple[Any, ...]], int]:
    """Every event with the bars an agent may look at, and the rows of the largest history that was held."""
    side = side_events([Beside(tape.funding, tape.mark)], tape.start_ns, tape.end_ns)
    found, largest = [], 0
    for chunk in Replay(tape.feeds, side, "bars", lookback, events=events):
        largest = max(largest, len(chunk.history))
        for line in chunk.events:
            row, kind = int(line["row"]), int(line["kind"])
            seen: Any = row
            if kind & 3:
                assert chunk.first_row <= max(row - lookback, 0)
                assert row < chunk.end_row
                seen = chunk.history[max(row - lookback, 0) : row + 1].tobytes()
            found.append((int(line["time"]), kind, float(line["value"]), int(line["end_of_time"]), seen))
    return found, largest


@pytest.mark.parametrize(("lookback", "events"), [(0, 16_384), (3, 16_384), (3, 50), (900, 16_384)])
def test_a_streamed_tape_gives_the_same_events_and_the_same_history(
    market: Any, path: Path, lookback: int, events: int
) -> None:
    whole, streamed = both(market, path)
    expected, held = replay(whole, lookback, events)
    found, largest = replay(streamed, lookback, events)
    if events > 1_000:
        # rows before the first stand in memory as in a block: none
        assert found == expected
    else:
        assert [line[4] for line in found if line[1] & 2] == [line[4] for line in expected if line[1] & 2]
    assert largest <= 400 + lookback + 1 < held  # the row in force stands before the lookback's


def figures(result: BacktestResult) -> dict[str, Any]:
    """Every number of a result, those of the curve aside."""
    return {
        "attribution": result.attribution,
        "settle": result.attribution_settle,
        "counts": result.counts,
        "turnover": result.turnover,
        "settlements": result.settlements,
        "assumptions": result.assumptions,
        "span": (result.start, result.end, result.bars, result.notional, result.capital),
        "fills": result.fills.to_dict("list"),
        "drawdowns": (result.max_drawdown_equity, result.max_drawdown_notional),
    }


def test_every_built_in_strategy_is_tried_here() -> None:
    built_in = {name for name in strategies.__all__ if isinstance(getattr(strategies, name), type)}
    agents = {name for name in built_in if hasattr(getattr(strategies, name), "reset")}
    assert agents - {"Strategy", "CompiledStrategy"} == {*EXPERTS, *ELSEWHERE}


@pytest.mark.parametrize("name", EXPERTS)
@pytest.mark.parametrize("mode", ["compiled", "python"])
def test_a_streamed_run_equals_one_in_memory(market: Any, path: Path, name: str, mode: str) -> None:
    whole, streamed = both(market, path)
    results = [
        run_backtest(tape, EXPERTS[name], COSTS, sizing=FixedNotional(50_000), mode=mode) for tape in (whole, streamed)
    ]
    assert figures(results[0]) == figures(results[1])
    assert results[0].counts["gaps"] == 3
    assert results[0].counts["fills"] > 0
    pd.testing.assert_frame_equal(results[0].periods, results[1].periods)


@pytest.mark.parametrize("fill", ["next_open", "this_close", "next_close"])
def test_a_cut_streamed_run_equals_a_cut_one_in_memory(market: Any, path: Path, fill: str) -> None:
    cut = {"start": "2024-01-02T23:57Z", "end": "2024-01-09T13:00Z"}
    for sizing in (FixedContracts(2), EquityFraction(1.5)):
        results = [
            run_backtest(tape, EXPERTS["SmaCross"], COSTS, sizing=sizing, fill=fill, capital=50_000, keep_curve=True)
            for tape in both(market, path, **cut)
        ]
        assert figures(results[0]) == figures(results[1])
        pd.testing.assert_frame_equal(results[0].curve, results[1].curve)


def test_a_streamed_tape_can_be_replayed_again_and_counts_once(market: Any, path: Path) -> None:
    _, streamed = both(market, path)
    results = [run_backtest(streamed, EXPERTS["SmaCross"], COSTS, sizing=FixedContracts(1)) for _ in range(2)]
    assert figures(results[0]) == figures(results[1])
    assert results[1].counts["missing_bars"] == 221


FAULTS: list[tuple[str, Any, list[str]]] = [
    ("close", float("nan"), ["row 2345 ", "column close: expected a finite price, got nan"]),
    ("low", -1.0, ["row 2345 ", "column low: expected a price above zero, got -1"]),
    ("high", 1e-3, ["row 2345 ", "column high: expected a high at or above the low"]),
    ("volume", -1.0, ["row 2345 ", "column volume"]),
    ("ask_close", 1e-3, ["row 2345 ", "column bid_close: expected a bid at or below the ask"]),
]


@pytest.mark.parametrize(("column", "value", "words"), FAULTS)
@pytest.mark.parametrize("start", [None, "2024-01-05"])
def test_a_fault_in_a_late_block_is_found_at_its_row_in_the_file(
    market: Any, tmp_path: Path, column: str, value: Any, words: list[str], start: Any
) -> None:
    frame = market[0].reset_index(drop=True).copy()
    frame.loc[2_345, column] = value
    frame.to_parquet(tmp_path / "bars.parquet", row_group_size=ROW_GROUP)
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", INSTRUMENT, start=start)
    with pytest.raises(DataError) as caught:
        list(streamed.bars.blocks(5))  # type: ignore[union-attr]
    for word in ("bars.parquet: ", *words):
        assert word in str(caught.value)
    if start is None:
        with pytest.raises(DataError) as in_memory:
            Tape.from_bars(tmp_path / "bars.parquet", INSTRUMENT)
        assert str(in_memory.value) == str(caught.value)


def written(folder: Path, **columns: Any) -> Path:
    """Two thousand bars of a minute in row groups of 300, some columns replaced."""
    table = pa.table({**bars(100 + np.sin(np.arange(2_000)), interval=MINUTE), **columns})
    pq.write_table(table, folder / "minutes.parquet", row_group_size=300)
    return folder / "minutes.parquet"


TIMES = START + MINUTE * np.arange(2_000)


def changed(row: int, to: int) -> Any:
    times = TIMES.copy()
    times[row] = to
    return times


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"ts": changed(1_500, TIMES[1_499])}, "row 1500 (2024-01-02 00:59:00 UTC): time: expected a later time"),
        ({"ts": changed(1_500, TIMES[3])}, "row 1500 (2024-01-01 00:03:00 UTC): time: expected a later time"),
        (
            {"ts": changed(1_500, TIMES[1_500] + 1)},
            "row 1500 (2024-01-02 01:00:00.000000001 UTC): time: expected a bar",
        ),
        ({"ts": changed(1_500, 5)}, "column ts: row 1500: expected nanoseconds since 1970"),
        ({"ts": pa.array([None if i == 1_500 else int(t) for i, t in enumerate(TIMES)])}, "column ts: row 1500"),
        (
            {"open": ["x" if i == 1_500 else "100" for i in range(2_000)]},
            "row 1500 (2024-01-02 01:00:00 UTC): column open",
        ),
        (
            {"volume": pa.array([None if i == 1_500 else 1 for i in range(2_000)])},
            "row 1500 (2024-01-02 01:00:00 UTC): co",
        ),
    ],
)
def test_faults_of_time_and_type_in_a_late_block_are_found_at_their_row(
    columns: dict[str, Any], words: str, tmp_path: Path
) -> None:
    for cut in ({}, {"start": START + 100 * MINUTE, "end": START + 1_900 * MINUTE}, {"start": START + 1_450 * MINUTE}):
        with pytest.raises(DataError) as caught:
            list(Tape.scan_bars(written(tmp_path, **columns), LINEAR, **cut).bars.blocks(0))  # type: ignore[union-attr, arg-type]
        assert words in str(caught.value)


def test_a_bar_in_a_declared_gap_is_found_at_its_row(tmp_path: Path) -> None:
    gap = (START + 1_000 * MINUTE, START + 1_005 * MINUTE)
    for cut in ({}, {"start": START + 100 * MINUTE}):
        streamed = Tape.scan_bars(written(tmp_path), LINEAR, gaps=[gap], **cut)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"minutes\.parquet: row 1000 .*reaches into the gap"):
            run_backtest(streamed, EXPERTS["BuyAndHold"], FREE, sizing=FixedNotional(1_000))


def test_the_interval_is_found_across_row_groups_of_one_bar(tmp_path: Path) -> None:
    pq.write_table(pa.table(bars([100.0] * 12)), tmp_path / "bars.parquet", row_group_size=1)
    streamed = Tape.scan_bars(tmp_path / "bars.parquet", LINEAR)
    assert streamed.hash() == Tape.from_bars(tmp_path / "bars.parquet", LINEAR).hash()
    with pytest.raises(DataError, match=r"no two bars are closer than 1h"):
        Tape.scan_bars(tmp_path / "bars.parquet", LINEAR, interval="1m")


def test_what_cannot_be_streamed_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    pd.DataFrame(bars([1.0, 2.0])).to_csv(tmp_path / "bars.csv")
    pq.write_table(pa.table(bars([])), tmp_path / "empty.parquet")
    pq.write_table(pa.table(bars([1.0, 2.0])).drop_columns(["low"]), tmp_path / "columns.parquet")
    (tmp_path / "text.parquet").write_text("ts,open")
    for name, words in {
        "bars.csv": "only Parquet files are streamed, got .csv; read it whole",
        "none.parquet": "no such file",
        "empty.parquet": "expected bars, got no rows",
        "columns.parquet": "missing column(s) low; found ts, open, high, close, volume",
        "text.parquet": "not readable as Parquet",
    }.items():
        with pytest.raises(DataError) as caught:
            Tape.scan_bars(tmp_path / name, LINEAR)
        assert str(tmp_path / name) in str(caught.value)
        assert words in str(caught.value)
    with pytest.raises(DataError, match=r"cut when it is opened: start= and end= of Tape\.scan_bars"):
        Tape.scan_bars(written(tmp_path), LINEAR).slice("2024-01-01")


PEAK = """
import sys
from benchmarks.peers.clock import peak_rss_mb
from halfspread.costs import Costs, Fees, Funding, HalfSpread
from halfspread.engine import instruments
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedNotional
from halfspread.engine.tape import Tape
from halfspread.strategies import BuyAndHold
tape = Tape.scan_bars(sys.argv[1], instruments.linear("UNIT", multiplier=1.0, lot=1.0, tick=0.5))
free = Costs(half_spread=HalfSpread.none(), fees=Fees.none(), funding=Funding.none())
result = run_backtest(tape, BuyAndHold(), free, sizing=FixedNotional(1_000))
print(result.bars, peak_rss_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory of a process alone is told on Linux only")
def test_the_memory_of_a_streamed_run_does_not_grow_with_its_length(tmp_path: Path) -> None:
    peaks = []
    for count in (200_000, 1_600_000):
        table = pa.table(bars(100 + np.sin(np.arange(count)), interval=MINUTE))
        pq.write_table(table, tmp_path / "bars.parquet", row_group_size=100_000)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path / "bars.parquet")],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        replayed, peak = map(int, done.stdout.split())
        assert replayed == count
        peaks.append(peak)
    # held in memory, the longer file would take 67 MB for its bars and 22 MB for its times more
    assert peaks[1] - peaks[0] < 25, f"peaks of {peaks} MiB"
