"""``halfspread run``: the run folder, the JSON object, and the same bits again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import halfspread as hs
from halfspread.commands.tables import ROWS_IN_GROUP, CurveWriter
from halfspread.compiled import source_hash
from halfspread.configs.build import build_agents, build_tape
from halfspread.configs.load import load
from halfspread.configs.market import SyntheticSource

Command = Any
PARTS = ["price", "half_spread", "fee", "impact", "funding", "liquidation", "collateral", "total"]


def folders(name: str = "small") -> list[Path]:
    return sorted(Path("runs", name).iterdir())


def write_bars(config: Path) -> None:
    """The bars of a config's synthetic market as a file."""
    market = load(config).config.market
    assert isinstance(market, SyntheticSource)
    market.generate(np.random.default_rng(0)).bars_frame().to_parquet("bars.parquet")


def test_a_run_leaves_a_folder_with_everything_and_prints_a_table(small: Path, halfspread: Command) -> None:
    done = halfspread("run", small)
    assert done.code == 0, done.err
    (folder,) = folders()
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "metrics.json",
        "equity.parquet",
        "fills.parquet",
        "orders.parquet",
        "attribution.parquet",
        "report.html",
    }
    assert "sma_cross" in done.out
    assert str(folder / "report.html") in done.out
    assert done.err == ""


def test_json_is_one_object_on_standard_output_and_nothing_else(small: Path, halfspread: Command) -> None:
    done = halfspread("run", small, "--json")
    data = json.loads(done.out)
    assert done.err == ""
    assert {"name", "run_dir", "metrics", "attribution", "assumptions", "warnings"} <= set(data)
    assert data["name"] == "small"
    assert Path(data["run_dir"]) == folders()[0]
    assert list(data["attribution"]) == PARTS
    parts = math.fsum(data["attribution"][part] for part in PARTS[:-2])
    assert parts == pytest.approx(data["metrics"]["total_return"], abs=1e-12)
    assert data["metrics"]["fills"] > 0
    assert data["parameters"] == {"fast": 5, "slow": 20, "band": 0.0, "allow_short": True}


def test_a_number_that_cannot_be_computed_is_null_in_json(small: Path, halfspread: Command) -> None:
    done = halfspread("run", small, "--json", "--set", "agent={ type = 'buy_and_hold', position = 0.0 }")
    data = json.loads(done.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert data["metrics"]["information_ratio"] is None


def test_what_an_agent_prints_does_not_get_between_the_json(small: Path, halfspread: Command) -> None:
    lines = ["import halfspread as hs", "print('loaded')", "class Talks(hs.Strategy):"]
    text = "\n".join([*lines, "    def on_bar(self, market):", "        print('bar')", ""])
    small.with_name("talks.py").write_text(text, encoding="utf-8")
    done = halfspread("run", small, "--json", "--set", "agent={ type = './talks.py' }")
    assert json.loads(done.out)["name"] == "small"
    assert "loaded\n" in done.err


def test_the_files_hold_what_python_computes(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    loaded = load(small)
    result = hs.backtest(
        build_tape(loaded), build_agents(loaded)[0].agent, loaded.config.costs, sizing=hs.FixedNotional(10_000), seed=1
    )
    (folder,) = folders()
    equity = pd.read_parquet(folder / "equity.parquet").set_index("time")
    pd.testing.assert_frame_equal(equity, result.curve, check_freq=False, check_exact=True)
    fills = pd.read_parquet(folder / "fills.parquet")
    assert fills["price"].tolist() == result.fills["price"].tolist()
    assert fills["time"].tolist() == result.fills["time"].tolist()
    periods = pd.read_parquet(folder / "attribution.parquet").set_index("time")
    pd.testing.assert_frame_equal(periods, result.periods, check_freq=False, check_exact=True)
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["metrics"]["total_return"] == result.metrics["total_return"]
    assert metrics["attribution"]["fee"] == result.attribution["fee"] / result.notional


def test_two_runs_have_the_same_metrics_and_the_same_files_byte_by_byte(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    halfspread("run", small)
    first, second = folders()
    for name in ("metrics.json", "equity.parquet", "fills.parquet", "orders.parquet", "attribution.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_manifest_says_what_the_numbers_depend_on(small: Path, halfspread: Command) -> None:
    halfspread("run", small, "--set", "agent.fast=7")
    manifest = json.loads((folders()[0] / "manifest.json").read_text(encoding="utf-8"))
    loaded = load(small, ["agent.fast=7"])
    assert manifest["config"]["agent"]["fast"] == 7
    assert manifest["config"]["agent"]["band"] == 0.0
    assert manifest["overrides"] == ["agent.fast=7"]
    assert manifest["data"]["hash"] == build_tape(loaded).hash()
    assert manifest["data"]["made"]["bars"].startswith("synthetic perpetual")
    assert manifest["seed"] == 1
    assert manifest["kernels"] == source_hash()
    assert manifest["halfspread"] == hs.__version__
    assert set(manifest["packages"]) == {"llvmlite", "numba", "numpy", "pandas", "pyarrow", "pydantic"}
    assert set(manifest["seconds"]) == {"read", "replay", "write"}
    assert all(manifest[name] for name in ("python", "platform", "cpu", "sources", "created", "config_file"))


def test_the_manifest_names_data_files_without_their_folders(small: Path, halfspread: Command) -> None:
    write_bars(small)
    market = "market={ source='bars', venue='bybit', symbol='BTCUSDT', bars='bars.parquet' }"
    done = halfspread("run", small, "--set", market, "--set", "costs.funding.kind=none")
    assert done.code == 0, done.err
    data = json.loads((folders()[0] / "manifest.json").read_text(encoding="utf-8"))["data"]
    assert data["files"] == {"bars": {"file": "bars.parquet", "bytes": Path("bars.parquet").stat().st_size}}


def test_a_streamed_run_leaves_the_same_files(small: Path, halfspread: Command) -> None:
    write_bars(small)
    given = "market={{ source='bars', venue='bybit', symbol='BTCUSDT', bars='bars.parquet', stream={} }}"
    for stream in ("false", "true"):
        done = halfspread("run", small, "--set", given.format(stream), "--set", "costs.funding.kind=none")
        assert done.code == 0, done.err
    first, second = folders()
    for name in ("equity.parquet", "fills.parquet", "attribution.parquet"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_folder_and_the_report_can_be_chosen(small: Path, halfspread: Command, tmp_path: Path) -> None:
    done = halfspread("run", small, "--out", tmp_path / "elsewhere" / "deep", "--no-report", "--json")
    folder = Path(json.loads(done.out)["run_dir"])
    assert folder.parent == tmp_path / "elsewhere" / "deep" / "small"
    assert not (folder / "report.html").exists()


def test_one_of_several_agents_has_to_be_named(several: Path, halfspread: Command) -> None:
    done = halfspread("run", several)
    assert done.code == 2
    assert "several.toml holds 3 agents: sma_cross, buy_and_hold, bollinger; say which with --agent NAME" in done.err
    assert json.loads(halfspread("run", several, "--agent", "bollinger", "--json").out)["agent"] == "Bollinger"
    assert "did you mean 'bollinger'" in halfspread("run", several, "--agent", "bolinger").err


def test_the_twin_in_python_gives_the_same_files(small: Path, halfspread: Command) -> None:
    halfspread("run", small)
    halfspread("run", small, "--set", "execution.mode=python")
    first, second = folders()
    assert (first / "equity.parquet").read_bytes() == (second / "equity.parquet").read_bytes()


def test_a_long_curve_is_written_in_groups_of_one_size(tmp_path: Path) -> None:
    rows = 2 * ROWS_IN_GROUP + 10
    times, values = np.arange(rows, dtype=np.int64), np.linspace(0.0, 1.0, rows)
    for name, step in (("a", 65_536), ("b", 300_000)):
        with CurveWriter(tmp_path / name) as write:
            for i in range(0, rows, step):
                part = slice(i, i + step)
                write(times[part], values[part], values[part], np.sign(values[part])[:, None])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    metadata = pq.ParquetFile(tmp_path / "a").metadata
    assert [metadata.row_group(i).num_rows for i in range(3)] == [ROWS_IN_GROUP, ROWS_IN_GROUP, 10]
    read = pq.read_table(tmp_path / "a")
    assert read.column("equity").to_numpy().tolist() == values.tolist()
