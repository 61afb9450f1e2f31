"""From a market in the store to a tape."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from halfspread.configs.fields import path_at
from halfspread.configs.stored import StoreSource
from halfspread.datafeeds.store.places import store_folder
from halfspread.datafeeds.store.store import Store
from halfspread.datafeeds.stored_market import StoredMarket
from halfspread.errors import DataError

__all__ = ["open_store", "series_files", "stored_market"]


def open_store(market: StoreSource, folder: Path, where: str) -> Store:
    """The store of a market; ``folder``: that of the config. Raises ConfigError for a variable that is not set, and
    DataError where there is no store."""
    path = store_folder() if market.store is None else path_at(market.store, folder, where)
    if not path.is_dir():
        raise DataError(
            f"{where}: {path}: no store of market data there; fill one with halfspread data fetch or halfspread data "
            "import, or name its folder: store = '...', or export HALFSPREAD_STORE=..."
        )
    return Store(path)


def series_files(market: StoreSource, store: Store) -> dict[str, Path]:
    """The manifest of each series that the market is made of, by what it is. Raises DataError."""
    made_of = stored_market(market).series(store)
    return {name: store.folder / series.path / "manifest.json" for name, series in made_of.items()}


def stored_market(market: StoreSource) -> StoredMarket:
    """The same for the store."""
    return StoredMarket(**{field.name: getattr(market, field.name) for field in fields(StoredMarket)})
