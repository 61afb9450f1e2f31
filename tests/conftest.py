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
