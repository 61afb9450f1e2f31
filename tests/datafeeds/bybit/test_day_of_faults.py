"""A day of faults: a thousand requests against a Bybit that fails in every way it knows end with the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halfspread.datafeeds.bybit import client, fetch_spaced
from halfspread.datafeeds.bybit.fetch import fetch
from halfspread.datafeeds.fake_exchange import FakeExchange, Faults, GeneratedMarket
from halfspread.datafeeds.fake_exchange.contracts import BYBIT_CONTRACTS
from halfspread.datafeeds.fake_exchange.faults import REST_FAULTS
from halfspread.datafeeds.net.clock import ManualClock
from halfspread.datafeeds.net.requests import FetchRequest
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, HOUR, parse_time

#: 403 forbids requests for minutes, which ends a fetch that is not patient.
QUICK = tuple(kind for kind in REST_FAULTS if kind not in ("stall", "403"))


def test_a_day_of_faults_ends_with_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (client, fetch_spaced):
        monkeypatch.setattr(module, "KLINES", 13)
    start = parse_time("2024-01-01")
    hole = (start + 7 * HOUR, start + 8 * HOUR)
    contracts = (replace(BYBIT_CONTRACTS[0], holes=(hole,)),)
    market = GeneratedMarket(seed=9, start=start, days=2, contracts=contracts, volatility=0.1, quotes_per_minute=1)
    end = start + DAY + 12 * HOUR
    store, clock = Store(tmp_path), ManualClock(market.end)
    kinds = ("bars_1m", "mark_1m", "index_1m", "premium_1h", "funding", "open_interest_1h")
    with FakeExchange(market, Faults(rate=0.5, kinds=QUICK), seed=4, now=clock.now) as venue:
        request = FetchRequest("BTCUSDT", kinds, start, end, base_url=venue.bybit, workers=2)
        fetched = fetch(request, store, clock=clock, rng=np.random.default_rng(1))
        log = list(venue.log)
    assert fetched.error is None
    assert len(log) >= 1000
    assert {entry.fault for entry in log} == {None, *QUICK}
    for kind in kinds:
        series = Series("bybit", "BTCUSDT", kind)
        truth = market.truth(kind, end=end)
        rows = store.read(series)
        names = [name for name in truth.column_names if name in rows.column_names]
        assert rows.select(names).equals(truth.select(names)), kind
        if kind.endswith("_1m"):  # the hole has a name
            assert [(gap.start, gap.end) for gap in store.gaps(series)] == [hole], kind
