"""The shipped config of recorded books, from captures to results, with the commands of docs/book_captures.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.halfspread.conftest import Command

IN_USD = ("sizing.contracts=1000", "agents.market_maker.size=100", "agents.market_maker.inventory_limit=1000")
COINS = ("sizing.contracts=100", "agents.market_maker.size=10", "agents.market_maker.inventory_limit=100")
# Files, messages, books of 25 levels that differ, trades.
CAPTURES = {
    ("binance-futures", "BTCUSDT", ()): ("binance_usdm_btcusdt_20230404_2358_8min", 16_111, 12_739, 12_935),
    ("binance-delivery", "BTCUSD_PERP", COINS): ("binance_coinm_btcusdperp_20240808_2354", 44_796, 29_751, 5_235),
    ("bitmex", "XBTUSD", IN_USD): ("bitmex_xbtusd_20210722_2236_30s", 1_300, 753, 15),
    ("bybit", "BTCUSD", IN_USD): ("bybit_btcusd_20210417_1643_30s", 507, 507, 131),
    ("bybit", "BTCUSDT", ()): ("bybit_v5_linear_btcusdt_20260809_2127_42s", 414, 313, 56),
}


@pytest.mark.parametrize("contract", CAPTURES, ids=lambda contract: f"{contract[0]}-{contract[1]}")
def test_a_capture_is_imported_built_checked_and_traded(
    halfspread: Command,
    halfspread_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    contract: tuple[str, str, tuple[str, ...]],
) -> None:
    (venue, symbol, sizes), (stem, messages, books, trades) = contract, CAPTURES[contract]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HALFSPREAD_STORE", str(tmp_path / "store"))
    files = [halfspread_data / "books" / f"{stem}_{table}.parquet" for table in ("l2", "trades")]
    imported = halfspread("data", "import", *files, "--venue", venue, "--symbol", symbol)
    assert imported.code == 0, imported.err
    built = halfspread("data", "books", venue, symbol, "--levels", 25, "--json")
    assert built.code == 0, built.err
    counts = json.dumps(json.loads(built.out))
    assert f'"messages": {messages}' in counts
    assert halfspread("data", "check", f"{venue}:{symbol}").code == 0  # warnings of clocks, no error
    settings = [f"market.venue={venue}", f"market.symbol={symbol}", *sizes]
    done = halfspread(
        "compare", "book_captures", *(word for each in settings for word in ("--set", each)), "--no-audit", "--json"
    )
    assert done.code == 0, done.err
    agents = json.loads(done.out)["agents"]
    assert {agent["name"] for agent in agents} == {"buy_and_hold", "book_imbalance", "market_maker"}
    assert all(f"{books:,} book snapshots of 25 levels" in agent["assumptions"]["data"] for agent in agents)
    assert all(f"{trades:,} trades" in agent["assumptions"]["data"] for agent in agents)
    assert not any("not checked" in warning for agent in agents for warning in agent["warnings"])
