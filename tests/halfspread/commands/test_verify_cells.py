"""``halfspread verify`` of sweeps, cost sensitivities and walk-forwards: all cells again, or the first that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from halfspread.commands.cell_differences import cell_differences
from halfspread.commands.run_files import MANIFEST, seal_of
from halfspread.configs.load import load
from halfspread.configs.market import SyntheticSource

Command = Any

PLUGIN = """\
import os
import halfspread as hs


class Mine(hs.Strategy):
    at: int = 0

    def on_bar(self, market):
        if self.at == 2:
            return float(os.environ["LEVEL"])
        return 1.0 if market.close > market.open + self.at else -1.0
"""
FILE = "market={ source='bars', venue='bybit', symbol='BTCUSDT', bars='bars.parquet' }"
NO_FUNDING = ("--set", "costs.funding.kind=none")
SWEEP = ("sweep", "--no-report", "--grid", "agent.fast=3,8", "--grid", "agent.slow=8,20")
WINDOWS = ("--train", "1d", "--test", "12h", "--purge", "1h", "--metric", "total_return")
WALK = ("walk-forward", "--grid", "agent.fast=2,5", "--grid", "agent.slow=8,20", *WINDOWS)


def verified(halfspread: Command, *arguments: object) -> dict[str, Any]:
    done = halfspread("verify", *arguments, "--json")
    assert done.out, done.err
    return {**json.loads(done.out), "code": done.code}


def the_run() -> Path:
    (folder,) = Path("runs/small").iterdir()
    return folder


def on_file(small: Path) -> pd.DataFrame:
    market = load(small).config.market
    assert isinstance(market, SyntheticSource)
    frame: pd.DataFrame = market.generate(np.random.default_rng(0)).bars_frame()
    frame.to_parquet("bars.parquet")
    return frame


@pytest.mark.parametrize("command", [SWEEP, ("sensitivity", "--no-report"), WALK], ids=lambda command: str(command[0]))
def test_it_is_the_same_again_and_an_altered_price_is_found_as_the_cause(
    small: Path, halfspread: Command, command: tuple[str, ...]
) -> None:
    frame = on_file(small)
    kind, *options = command
    done = halfspread(kind, small, *options, "--set", FILE, *NO_FUNDING)
    assert done.code == 0, done.err
    small.unlink()  # the text in the manifest is enough
    found = verified(halfspread, "small", "--workers", 1)
    assert (found["code"], found["verdict"]) == (0, "verified: the same bits again")
    assert (found["kind"], found["agents"], found["inputs"]) == (kind, ["sma_cross"], [])
    frame.loc[500, ["close", "high"]] = frame["high"].to_numpy()[500] * 1.01
    frame.to_parquet("bars.parquet")
    found = verified(halfspread, "small")
    assert (found["code"], found["first"]["kind"], found["first"]["file"]) == (1, "data", "bars.parquet")
    event = found["results"][0]
    assert event["kind"] == ("window" if kind == "walk-forward" else "cell")
    assert event["expected"] != event["found"]
    if kind == "sweep":
        assert event["where"].startswith("cell 0, agent.fast=3, agent.slow=8: ")
        assert event["settings"] == {"agent.fast": 3, "agent.slow": 8}


def test_a_cell_that_differs_without_a_cause_is_named(
    small: Path, halfspread: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.with_name("mine.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.setenv("LEVEL", "1.0")
    sweep = ("sweep", small, "--grid", "agent.at=0:3", "--set", "agent={ type = './mine.py' }", "--no-report")
    assert halfspread(*sweep, "--workers", 1).code == 0
    assert verified(halfspread, "small", "--workers", 1)["verified"]
    monkeypatch.setenv("LEVEL", "0.5")
    done = halfspread("verify", "small", "--workers", 1)
    assert done.code == 1
    assert done.out.splitlines()[-1].startswith("not verified: cell differs: cell 2, agent.at=2: total_return: exp")


def test_a_market_of_a_sweep_over_markets_is_named(small: Path, halfspread: Command) -> None:
    frame = on_file(small)
    frame.iloc[:-10].to_parquet("other.parquet")
    grid = ("--grid", "market.bars=bars.parquet,other.parquet", "--set", FILE, *NO_FUNDING, "--no-report")
    assert halfspread("sweep", small, *grid).code == 0
    frame.iloc[:-11].to_parquet("other.parquet")
    first = verified(halfspread, "small")["first"]
    assert (first["kind"], first["where"]) == ("data", "market 2 of 2")


def test_a_sweep_of_a_version_that_kept_no_config_text_is_refused_in_words(small: Path, halfspread: Command) -> None:
    assert halfspread(SWEEP[0], small, *SWEEP[1:]).code == 0
    file = the_run() / MANIFEST
    data = json.loads(file.read_text(encoding="utf-8"))
    del data["source"], data["seal"]
    text = json.dumps({**data, "seal": ""}, indent=2, ensure_ascii=False) + "\n"
    file.write_text(text.replace('"seal": ""', f'"seal": "{seal_of(text)}"'), encoding="utf-8")
    done = halfspread("verify", "small")
    assert done.code == 2
    assert "kept no text of the config of a sweep" in done.err
    assert "make it again" in done.err


def test_cells_that_are_missing_and_reasons_that_read_otherwise(tmp_path: Path) -> None:
    """A cell too few is a difference, and another path in a reason is none."""
    import pyarrow.parquet as pq

    homes = [tmp_path / name for name in ("before", "now", "fewer")]
    for home, rows, reason in zip(homes, (2, 2, 1), ("a", "b", "a"), strict=True):
        home.mkdir()
        columns = {"cell": [0, 1], "agent.fast": [3, 5], "state": ["refused", "done"], "reason": [reason, None]}
        pq.write_table(pa.table({**columns, "fills": [0, 7]}).slice(0, rows), home / "sweep.parquet")
        pq.write_table(pa.table({"cell_1": [0.5]}), home / "returns.parquet")
        (home / "metrics.json").write_text("{}", encoding="utf-8")
    assert cell_differences(homes[0], homes[1], "sweep", "mine") == []
    (found,) = cell_differences(homes[0], homes[2], "sweep", "mine")
    assert str(found) == "cell 1, agent.fast=5: row: expected a row, found the end of the table"
