"""Quotes against books, and trades against quotes, at the same moments by time of receipt.

Each quote is held against the best bid and ask of the book in force when it came: both feeds are of one venue, so they
agree but for their delays. Under `AGREE` of them within a tick (a basis point where no tick is known) is a warning:
another symbol, another depth, or one of the clocks. Each trade is held against the quotes before and after it: more
than `OUTSIDE` of the trades further than `FAR` beyond both is a warning. On generated books every quote agrees.
"""

from __future__ import annotations

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.quality.places import Places
from halfspread.datafeeds.quality.subject import Subject
from halfspread.engine.times import Floats, Integers

__all__ = ["QuoteComparison", "TradePlaces"]

AGREE = 0.5
OUTSIDE, FAR = 0.01, 0.001


class QuoteComparison:
    """Tops of books in force when quotes came."""

    name = "quotes_books"

    def __init__(self, subject: Subject, books: Subject) -> None:
        self.subject = subject
        self.books = books
        self._apart = Places(most=10)
        self._rows = 0

    def add(self, ts: Integers, quotes: Floats, book_ts: Integers, tops: Floats) -> None:
        """Take quotes (n, 2: bid, ask) at ``ts`` and tops of books (m, 2) at ``book_ts`` of the same span."""
        rows = np.searchsorted(book_ts, ts, side="right") - 1
        there = rows >= 0
        ts, quotes, own = ts[there], quotes[there], tops[rows[there]]
        good = np.isfinite(quotes).all(axis=1) & np.isfinite(own).all(axis=1)
        ts, quotes, own = ts[good], quotes[good], own[good]
        slack = 1e-4 * quotes if self.subject.ticks is None else self.subject.ticks.at(ts)[:, None] * 1.000001
        apart = (np.abs(quotes - own) > slack).any(axis=1)
        at = np.flatnonzero(apart)
        self._apart.add(
            ts[at],
            lambda i: (
                f"quote {quotes[at[i], 0]:.10g} / {quotes[at[i], 1]:.10g}, book {own[at[i], 0]:.10g} / "
                f"{own[at[i], 1]:.10g}"
            ),
        )
        self._rows += len(ts)

    def findings(self) -> list[Finding]:
        """What was found."""
        if not self._rows or self._apart.count <= (1.0 - AGREE) * self._rows:
            return []
        share = 1.0 - self._apart.count / self._rows
        words = f"only {share:.1%} of {self._rows:,} quotes are within a tick of {self.books.series.kind} in force"
        return self._apart.finding("quotes_books", "warning", words)


class TradePlaces:
    """Trades beside the quotes before and after them."""

    name = "trades_quotes"

    def __init__(self, subject: Subject, quotes: Subject) -> None:
        self.subject = subject
        self.quotes = quotes
        self._far = Places(most=10)
        self._rows = 0

    def add(self, ts: Integers, prices: Floats, quote_ts: Integers, tops: Floats) -> None:
        """Take trades and quotes (m, 2: bid, ask) of the same span."""
        rows = np.searchsorted(quote_ts, ts, side="right") - 1
        there = (rows >= 0) & (rows + 1 < len(quote_ts))
        ts, prices, rows = ts[there], prices[there], rows[there]
        low = np.fmin(tops[rows, 0], tops[rows + 1, 0])
        high = np.fmax(tops[rows, 1], tops[rows + 1, 1])
        far = (prices < low * (1.0 - FAR)) | (prices > high * (1.0 + FAR))
        at = np.flatnonzero(far)
        self._far.add(
            ts[at], lambda i: f"trade at {prices[at[i]]:.10g}, quotes {low[at[i]]:.10g} to {high[at[i]]:.10g}"
        )
        self._rows += len(ts)

    def findings(self) -> list[Finding]:
        """What was found."""
        if self._far.count <= OUTSIDE * self._rows:
            return []
        share = self._far.count / self._rows
        words = f"{self._far.count:,} of {self._rows:,} trades ({share:.1%}) are far from the quotes of their time"
        return self._far.finding("trades_quotes", "warning", words)
