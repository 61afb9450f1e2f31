"""What every test may use: the folder of real market data, and how hard Hypothesis tries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.pop("COLUMNS", None)  # workers of pytest-xdist have it, and tables are as wide as it says

settings.register_profile(
    "halfspread",
    deadline=None,  # the first example may have to compile a kernel
    derandomize="CI" in os.environ,
    max_examples=int(os.environ.get("HALFSPREAD_FUZZ") or (10 if os.environ.get("HALFSPREAD_FAST") else 50)),
)
settings.load_profile("halfspread")


@pytest.fixture(scope="session")
def halfspread_data() -> Path:
    """The folder of real market data that ``HALFSPREAD_DATA`` names; without it the test is skipped."""
    named = os.environ.get("HALFSPREAD_DATA")
    if not named:
        pytest.skip("HALFSPREAD_DATA is not set: it names the folder of real market data")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"HALFSPREAD_DATA names {named!r}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def halfspread_store(halfspread_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the bars of five minutes, the hourly marks and the funding of Bybit's BTCUSDT, its gap declared."""
    import pandas as pd

    from halfspread.datafeeds.store.series import Provenance, Series
    from halfspread.datafeeds.store.store import Store

    store = Store(tmp_path_factory.mktemp("market_data"))
    for kind, name in (
        ("bars_5m", "btcusdt_5m_2024_2026"),
        ("mark_1h", "btcusdt_mark_1h_2023_2026"),
        ("funding", "btcusdt_funding_2021_2026"),
    ):
        series = Series("bybit", "BTCUSDT", kind)
        table = pd.read_parquet(halfspread_data / "bybit" / f"{name}.parquet")
        store.write(series, table[[column for column in table if column in series.of_kind.names]], Provenance(name, 0))
    bars = Series("bybit", "BTCUSDT", "bars_5m")
    store.declare_gap(bars, "2024-08-09T13:35Z", "2025-01-01", "the capture was interrupted")
    return store.folder
