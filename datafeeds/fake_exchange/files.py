"""The public files of both venues over a generated market, with ETag and Range, and BitMEX's listing of its bucket.

Paths below the base address are those of the venues' own hosts: ``/trading/...``, ``/kline_for_metatrader4/...`` and
``/orderbook/...`` of Bybit; ``/data/trade/...``, ``/data/quote/...`` and the listing at
``/?prefix=data/trade/`` of BitMEX.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

from halfspread.datafeeds.fake_exchange.answers import Answer, Request, whole
from halfspread.datafeeds.fake_exchange.bitmex_files import bitmex_file
from halfspread.datafeeds.fake_exchange.bybit_files import book_file, book_name, mt4_file, trading_file
from halfspread.datafeeds.fake_exchange.market import GeneratedMarket
from halfspread.engine.times import DAY, SECOND

__all__ = ["PublicFiles"]

_TRADING = re.compile(r"/trading/(\w+)/\1(\d{4}-\d\d-\d\d)\.csv\.gz")
_MT4 = re.compile(r"/kline_for_metatrader4/(\w+)/\d{4}/\1_(\d+)_(\d{4}-\d\d-\d\d)_(\d{4}-\d\d-\d\d)\.csv\.gz")
_BOOK = re.compile(r"/orderbook/(\w+)/(\w+)/((\d{4}-\d\d-\d\d)_\w+\.data\.zip)")
_BITMEX = re.compile(r"/data/(trade|quote)/(\d{8})\.csv\.gz")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class PublicFiles:
    """Files of days that are over.

    Args:
        market: what they are of.
        mt4_hours: by how much the stamps of MetaTrader bars are ahead of UTC.
        descending: trades of Bybit from the last to the first.
        header: whether Bybit's trades begin with the names of the columns.
        missing: days (``2024-01-01``) without any file.
        empty: days whose files of BitMEX hold a header only.
    """

    def __init__(
        self,
        market: GeneratedMarket,
        *,
        mt4_hours: int = 3,
        descending: bool = False,
        header: bool = True,
        missing: tuple[str, ...] = (),
        empty: tuple[str, ...] = (),
    ) -> None:
        self.market, self._mt4 = market, mt4_hours * 3600 * SECOND
        self._order, self._header = descending, header
        self._missing, self._empty = set(missing), set(empty)
        self._file = lru_cache(maxsize=32)(self._make)

    def answer(self, request: Request, now: int) -> Answer:
        """A file, a part of one, the listing, or 404."""
        if request.path == "/":
            return self._listing(request.params, now)
        try:
            body = self._file(request.path, self._over(now))
        except ValueError:
            body = None
        if body is None:
            return Answer(404, body=_XML_MISSING, content_type="application/xml")
        kind = "application/zip" if request.path.endswith(".zip") else "application/gzip"
        return _ranged(request.headers, body, kind)

    def refused(self, retry_after: int, now: int) -> Answer:
        """Files have no limit; a fault may still say so."""
        return Answer(503, body=b"<Error><Code>SlowDown</Code></Error>", content_type="application/xml")

    def limit_headers(self, limit: int, remaining: int, reset: int) -> dict[str, str]:
        """None."""
        return {}

    def fault(self, kind: str, now: int) -> Answer:
        """Refusals as a file server has them."""
        if kind == "403":
            return Answer(403, body=b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        return self.refused(1, now)

    def _over(self, now: int) -> int:
        """How many days are over."""
        return max(0, min(self.market.days, self.market.day_of(now)))

    def _make(self, path: str, days: int) -> bytes | None:
        if found := _TRADING.fullmatch(path):
            symbol, day = found[1], self._day(found[2], days)
            if day is None or not self._has(symbol, "bybit"):
                return None
            return _gzip(trading_file(self.market, symbol, day, self._order, self._header))
        if found := _BITMEX.fullmatch(path):
            text = f"{found[2][:4]}-{found[2][4:6]}-{found[2][6:]}"
            day = self._day(text, days)
            return None if day is None else _gzip(bitmex_file(self.market, found[1], day, text in self._empty))
        if found := _BOOK.fullmatch(path):
            symbol, day = found[2], self._day(found[4], days)
            if day is None or not self._has(symbol, "bybit", found[1]) or found[3] != book_name(symbol, found[4]):
                return None
            return book_file(self.market, symbol, day)
        if found := _MT4.fullmatch(path):
            first, last = (self._number(found[i]) for i in (3, 4))
            if not self._has(found[1], "bybit") or last < 0 or first >= days:
                return None
            span = max(first, 0), min(last + 1, days)
            return _gzip(mt4_file(self.market, found[1], int(found[2]), span, self._mt4))
        return None

    def _has(self, symbol: str, venue: str, kind: str | None = None) -> bool:
        contract = self.market.contracts.get(symbol)
        return contract is not None and contract.venue == venue and kind in (None, contract.kind)

    def _number(self, text: str) -> int:
        return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal() - self.market.start // DAY

    def _day(self, text: str, days: int) -> int | None:
        day = self._number(text)
        return day if 0 <= day < days and text not in self._missing else None

    def _listing(self, params: Mapping[str, str], now: int) -> Answer:
        """S3's ListObjects, version 1."""
        prefix, marker = params.get("prefix", ""), params.get("marker", "")
        most = whole(params.get("max-keys"), 1000, 1, 1000) or 1000
        keys = [
            f"data/{table}/{datetime.fromtimestamp((self.market.start + day * DAY) // SECOND, UTC):%Y%m%d}.csv.gz"
            for table in ("quote", "trade")
            for day in range(self._over(now))
        ]
        kept = [
            key for key in keys if key.startswith(prefix) and key > marker and self._file("/" + key, self._over(now))
        ]
        shown = kept[:most]
        entries = "".join(self._entry(key, now) for key in shown)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>public.bitmex.com</Name>'
            f"<Prefix>{prefix}</Prefix><Marker>{marker}</Marker><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{'true' if len(kept) > most else 'false'}</IsTruncated>{entries}</ListBucketResult>"
        )
        return Answer(200, body=text.encode(), content_type="application/xml")

    def _entry(self, key: str, now: int) -> str:
        body = self._file("/" + key, self._over(now)) or b""
        return (
            f"<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{hashlib.md5(body, usedforsecurity=False).hexdigest()}&quot;</ETag>"
            f"<Size>{len(body)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )


_XML_MISSING = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code></Error>'


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def _ranged(headers: Mapping[str, str], body: bytes, kind: str) -> Answer:
    """All of the body, or the range that is asked for if the file is still the one that If-Range names."""
    tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    common = {"ETag": tag, "Accept-Ranges": "bytes"}
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", tag) != tag:
        return Answer(200, body=body, content_type=kind, headers=common, of_file=True)
    first, last = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
    if first >= len(body) or first > last:
        return Answer(416, content_type=kind, headers={**common, "Content-Range": f"bytes */{len(body)}"})
    common["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
    return Answer(206, body=body[first : last + 1], content_type=kind, headers=common, of_file=True)
