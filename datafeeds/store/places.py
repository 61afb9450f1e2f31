"""Where the store of market data lies."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["DEFAULT", "VARIABLE", "store_folder"]

#: The environment variable that names the folder, and the folder where it does not.
VARIABLE, DEFAULT = "HALFSPREAD_STORE", "market_data"


def store_folder(given: str | Path | None = None) -> Path:
    """The folder of the store: the one ``given``, else the one that HALFSPREAD_STORE names, else ./market_data."""
    return Path(given or os.environ.get(VARIABLE) or DEFAULT)
