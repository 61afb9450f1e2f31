"""A day whose file is missing or bad keeps what is stored, and stops no other day."""

from __future__ import annotations

import gzip

from halfspread.datafeeds.fake_exchange import FakeExchange, GeneratedMarket
from halfspread.datafeeds.fake_exchange.answers import Answer, Request
from halfspread.datafeeds.fake_exchange.files import PublicFiles
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY
from tests.datafeeds.bitmex.conftest import Fetch

TRADES = Series("bitmex", "XBTUSD", "trades")


class OneBad(PublicFiles):
    """Trades of the first day cannot be read."""

    def answer(self, request: Request, now: int) -> Answer:
        if not request.path.endswith("trade/20240101.csv.gz"):
            return super().answer(request, now)
        head = "timestamp,symbol,side,size,price,tickDirection,trdMatchID"
        line = "2024-01-01D00:00:01.000000000,XBTUSD,Buy,1,x,PlusTick,n"
        return Answer(body=gzip.compress(f"{head}\n{line}\n".encode()), content_type="application/gzip", of_file=True)


def test_replacing_keeps_what_is_stored_of_days_without_a_file(
    bring: Fetch, market: GeneratedMarket, store: Store
) -> None:
    with FakeExchange(market) as venue:
        bring(venue, ("trades",), dumps=True)
    before = store.read(TRADES)
    with FakeExchange(market, files=PublicFiles(market, missing=("2024-01-01",))) as venue:
        fetched = bring(venue, ("trades",), dumps=True, replace=True)
    assert any("what is stored was not replaced" in text for text in fetched.parts[0].told)
    assert store.read(TRADES).equals(before)
    assert store.gaps(TRADES) == ()
    with FakeExchange(market, files=OneBad(market)) as venue:
        bring(venue, ("trades",), dumps=True, replace=True)
    assert store.read(TRADES).equals(before)


def test_a_bad_day_stops_no_other(bring: Fetch, market: GeneratedMarket, store: Store) -> None:
    with FakeExchange(market, files=OneBad(market)) as venue:
        fetched = bring(venue, ("trades", "quotes"), dumps=True)
        assert f"{venue.dumps}/data/trade/20240101.csv.gz: line 2: price: expected a number, got 'x'" in str(
            fetched.error
        )
    first = market.start + DAY
    assert store.covered(TRADES) == ((first, market.end),)
    spans = {part.kind: part.spans for part in fetched.parts}
    assert spans == {"trades": ((first, market.end),), "quotes": ((market.start, market.end),)}
