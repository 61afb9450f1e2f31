"""A new user's path, as docs/data.md and README.md write it: from nothing to a backtest on fetched data."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from tests.halfspread.conftest import Command

ROOT = Path(__file__).resolve().parents[3]
START = pd.Timestamp("2024-05-01", tz="UTC").value


def commands(document: str) -> list[list[str]]:
    """The three commands of the first block that fetches."""
    blocks = re.findall(
        r"^```[a-z ]*\n(.*?)^```$", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    block = next(block for block in blocks if block.startswith("halfspread data fetch"))
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_both_documents_show_the_same_path() -> None:
    assert commands("README.md") == commands("docs/data.md")
    assert [words[:2] for words in commands("README.md")] == [
        ["data", "fetch"],
        ["data", "check"],
        ["compare", "btcusdt_experts"],
    ]


def test_three_commands_lead_to_a_backtest(
    halfspread: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HALFSPREAD_STORE", raising=False)
    fetch, check, compare = commands("docs/data.md")
    days = 5  # the documents fetch two years; so many days of them are served here
    market = GeneratedMarket(seed=1, start=START, days=days + 1)
    end = pd.Timestamp(START, tz="UTC") + pd.Timedelta(days=days)
    with FakeExchange(market, now=end.value + 3_600 * 10**9) as venue:
        address = ["--base-url", venue.bybit, "--dumps-url", venue.dumps, "--requests-per-second", "500"]
        fetched = halfspread(*[*fetch[:-1], f"{end:%Y-%m-%d}"], *address)
    assert fetched.code == 0, fetched.err
    assert (tmp_path / "market_data" / "bybit" / "BTCUSDT" / "bars_5m" / "2024-05.parquet").is_file()
    assert halfspread(*check).code == 0
    done = halfspread(*compare, "--set", f"market.end={end - pd.Timedelta(hours=12):%Y-%m-%dT%H:%M:%SZ}", "--json")
    assert done.code == 0, done.err
    agents = json.loads(done.out)["agents"]
    assert {agent["name"] for agent in agents} == {"buy_and_hold", "sma_cross", "bollinger", "funding_carry"}
    assert all("bybit:BTCUSDT" not in warning for agent in agents for warning in agent["warnings"])
    told = json.dumps(json.loads((Path(json.loads(done.out)["run_dir"]) / "manifest.json").read_text(encoding="utf-8")))
    assert f"store bybit:BTCUSDT:bars_5m: {days * 288:,} rows of " in told
