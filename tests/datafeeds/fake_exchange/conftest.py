"""A small market that all tests of the fake exchange share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from tests.datafeeds.fake_exchange.asking import Ask


@pytest.fixture(scope="session")
def market() -> GeneratedMarket:
    return GeneratedMarket(seed=5, start="2024-01-01", days=2, volatility=0.05)


@pytest.fixture(scope="session")
def venue(market: GeneratedMarket) -> Iterator[FakeExchange]:
    with FakeExchange(market) as exchange:
        yield exchange


@pytest.fixture
def ask() -> Ask:
    return Ask()
