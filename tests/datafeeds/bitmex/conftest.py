"""A market, a fake exchange over it and a store that tests of BitMEX share the making of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halfspread.datafeeds.bitmex.fetch import fetch
from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.requests import Fetched, FetchRequest
from halfspread.datafeeds.store.store import Store

Fetch = Callable[..., Fetched]


@pytest.fixture(scope="session")
def market() -> GeneratedMarket:
    return GeneratedMarket(seed=7, start="2024-01-01", days=2, volatility=0.1, quotes_per_minute=1, trades_per_minute=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def clock(market: GeneratedMarket) -> ManualClock:
    return ManualClock(market.end)


@pytest.fixture
def bring(market: GeneratedMarket, store: Store, clock: ManualClock) -> Fetch:
    """Fetch from a fake exchange without waiting."""

    def ask(venue: FakeExchange, kinds: tuple[str, ...], *, dumps: bool = False, **more: Any) -> Fetched:
        options = {"symbol": "XBTUSD", "start": market.start, "end": market.end, "per_second": 100.0, **more}
        timeout, time = options.pop("timeout", 5.0), options.pop("clock", clock)
        request = FetchRequest(kinds=kinds, base_url=venue.bitmex, dumps_url=venue.dumps if dumps else None, **options)
        return fetch(request, store, clock=time, rng=np.random.default_rng(1), timeout=timeout)

    return ask
