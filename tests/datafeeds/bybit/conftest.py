"""A server on loopback and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from halfspread.datafeeds.net.clock import ManualClock
from tests.datafeeds.net.loopback import Loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    loopback = Loopback()
    yield loopback
    loopback.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000_000_000)
