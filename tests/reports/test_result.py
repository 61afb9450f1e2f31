"""`Result` over the real engine: its tables agree with the books of the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import halfspread as hs
from halfspread.engine.instruments import bitmex, bybit
from halfspread.engine.result import BacktestResult
from halfspread.reports.html import compare_page
from halfspread.reports.result import Result
from halfspread.reports.text import comparison_table
from halfspread.reports.trades import trades


class Turn(hs.Strategy):
    """Long, flat and short in turn, every ``bars`` bars."""

    bars: int = 7
    lookback: int = 1

    def on_bar(self, market: object) -> float:
        self.seen = getattr(self, "seen", 0) + 1
        return (1.0, 0.0, -1.0)[self.seen // self.bars % 3]


def run(kind: str, hours: int = 400) -> Result:
    rng = np.random.default_rng(7)
    close = (10_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, hours)))).round(1)
    times = pd.date_range("2022-03-01", periods=hours, freq="h", tz="UTC")
    start = np.r_[10_000.0, close[:-1]]
    bars = pd.DataFrame({"ts": times, "open": start, "high": np.maximum(start, close), "low": np.minimum(start, close)})
    bars["close"], bars["volume"] = close, 1.0
    settled = pd.date_range("2022-03-01", periods=hours // 8 + 1, freq="8h", tz="UTC")
    funding = pd.DataFrame({"ts": settled, "rate": rng.normal(1e-4, 2e-4, len(settled))})
    instrument = bitmex("XBTUSD") if kind == "inverse" else bybit("BTCUSDT")
    tape = hs.Tape.from_bars(bars, instrument, funding=funding)
    costs = hs.Costs(
        half_spread=hs.HalfSpread.bps(1.0), fees=hs.Fees(taker=5e-4, maker=0.0), funding=hs.Funding.published()
    )
    return hs.backtest(tape, Turn(), costs, sizing=hs.FixedNotional(10_000.0))


@pytest.fixture(scope="module", params=["linear", "inverse"])
def result(request: pytest.FixtureRequest) -> Result:
    return run(request.param)


def test_it_is_the_backtests_result_and_shares_its_arrays(result: Result) -> None:
    assert isinstance(result, BacktestResult)
    again = Result.of(result)
    assert again.fill_pieces is result.fill_pieces
    assert again.curve_values is result.curve_values
    more = {field.name for field in dataclasses.fields(again)} - {
        field.name for field in dataclasses.fields(BacktestResult)
    }
    assert more == {"benchmark", "seed", "looks_ahead"}


def test_days_trips_and_months_add_up_to_the_attribution(result: Result) -> None:
    pnl = result.pnl / result.notional
    assert result.metrics["total_return"] == pytest.approx(result.total_return) == pytest.approx(pnl)
    assert result.daily()["pnl"].sum() == pytest.approx(pnl)
    assert result.monthly()["year"].sum() == pytest.approx(pnl)
    trips = result.trades()
    assert trips["half_spread"].sum() == pytest.approx(result.attribution["half_spread"])
    assert trips["fee"].sum() == pytest.approx(result.attribution["fee"])
    for part in ("price", "funding"):
        assert trips[part].sum() == pytest.approx(result.attribution[part], rel=1e-12, abs=1e-9 * result.notional)
    assert len(trips) > 30


def test_the_books_of_each_round_trip_agree_with_its_fills(result: Result) -> None:
    trips, fills = result.trades(), result.fills
    after = fills["position_after"].to_numpy()
    turns = int((after[1:] * after[:-1] < 0.0).sum())
    assert turns > 5
    assert trips["fills"].sum() == len(fills) + turns  # a fill that turns the position belongs to two trips
    first, opened, closed = trips.to_dict("records")[0], fills.to_dict("records")[0], fills.to_dict("records")[1]
    assert first["average_entry"] == pytest.approx(opened["price"])
    assert first["average_exit"] == pytest.approx(closed["price"])
    assert (first["entry_time"], first["exit_time"]) == (opened["time"], closed["time"])


def test_table_one_counts_the_days_of_the_run(result: Result) -> None:
    table = result.table_one()
    assert table.loc["count", "pnl"] == 17  # 400 hours
    assert table.loc["ir", "pnl"] == pytest.approx(result.metrics["information_ratio"])


def test_the_tables_may_be_changed_without_changing_the_result(result: Result) -> None:
    days, trips = result.daily(), result.trades()
    days.iloc[:, :] = 0.0
    trips["pnl"] = 0.0
    assert result.daily()["pnl"].abs().sum() > 0.0
    assert result.trades()["pnl"].abs().sum() > 0.0


def test_tables_are_computed_once_for_metrics_pages_and_terminal(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def counted(of: Result) -> pd.DataFrame:
        computed.append(of)
        return trades(of)

    monkeypatch.setattr("halfspread.reports.measured.trades", counted)
    fresh = Result.of(result)
    assert fresh.metrics["fills"] == len(fresh.fills)
    fresh.report(tmp_path / "report.html")
    assert "net return" in fresh.summary()
    compare_page([fresh])
    comparison_table([fresh])
    assert len(computed) == 1


def test_results_are_compared_by_identity(result: Result) -> None:
    assert len({result, Result.of(result)}) == 2


def test_the_report_is_written_with_its_provenance(result: Result, tmp_path: Path) -> None:
    path = result.report(tmp_path / "deep" / "report.html", {"seed": 0, "package": {"version": "0.1.0"}})
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "package.version" in page
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_the_summary_and_the_representations_are_short(result: Result) -> None:
    summary = result.summary()
    assert "net return" in summary
    assert max(len(line) for line in summary.splitlines()) <= 100
    assert len(repr(result)) < 200
    assert repr(result).startswith("Result(")
    assert len(result._repr_html_()) < 6_000
    assert "<script" not in result._repr_html_()
