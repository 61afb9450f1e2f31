"""Captured books once more, in plain Python dictionaries: what was shown at given moments, and what a fill may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import halfspread as hs

Levels = list[tuple[float, float]]
Book = dict[int, Levels]

SLACK = 1e-9


@dataclass(frozen=True)
class Shown:
    """Books after messages. ``at``: all of a wanted exchange time; ``before``: the one in force then."""

    at: dict[int, list[Book]]
    before: dict[int, Book]


def shown(path: Path, moments: set[int], levels: int) -> Shown:
    """Replay a capture. ``moments``: exchange times, ns."""
    table = pd.read_parquet(path)
    by_id = "msg" in table
    belongs = table[["msg"] if by_id else ["ts", "u", "type"]]
    begins = belongs.ne(belongs.shift()).any(axis=1).to_numpy()
    ends = np.append(np.flatnonzero(begins)[1:] - 1, len(table) - 1)
    key = "exch_ts" if "exch_ts" in table and table["exch_ts"].notna().all() else "ts"
    times = table[key].astype("int64").to_numpy()[ends].tolist()
    side = table["side"].map({"b": 1, "Buy": 1, "a": -1, "Sell": -1}).tolist()
    action, number = table["action" if by_id else "type"].tolist(), table["id" if by_id else "u"].tolist()
    price, size = table["price"].tolist(), table["size"].tolist()
    book: dict[int, dict[float, float]] = {1: {}, -1: {}}
    prices: dict[tuple[int, int], float] = {}
    found, wanted, last = Shown({}, {}), sorted(moments), Book()
    begun, start, newest = False, 0, -1
    for k, (end, time) in enumerate(zip(ends.tolist(), times, strict=True)):
        rows, start = range(start, end + 1), end + 1
        if action[rows[0]] in ("snapshot", "partial"):
            book, prices, begun, newest = {1: {}, -1: {}}, {}, True, number[rows[0]]
        elif not begun or (not by_id and number[rows[0]] <= newest):
            continue
        for i in rows:
            if by_id and action[i] in ("partial", "insert"):
                prices[side[i], number[i]] = price[i]
            at = prices[side[i], number[i]] if by_id else price[i]
            if action[i] == "delete" or size[i] == 0.0:
                book[side[i]].pop(at, None)
            else:
                book[side[i]][at] = size[i]
        later = times[k + 1] if k + 1 < len(times) else None
        if time in moments or (wanted and (later is None or later > wanted[0])):
            last = {s: sorted(book[s].items(), reverse=s > 0)[:levels] for s in (1, -1)}
        if time in moments:
            found.at.setdefault(time, []).append(last)
        while wanted and (later is None or later > wanted[0]):
            found.before[wanted.pop(0)] = last
    return found


def taken(book: Book, side: int, contracts: float, instrument: hs.Instrument) -> float:
    """Average price of taking ``contracts``; NaN where the book shows less."""
    left, value = contracts, 0.0
    for price, size in book[-side]:
        part = min(left, size)
        value += part / price if instrument.kind == "inverse" else part * price
        left -= part
        if left <= SLACK:
            return contracts / value if instrument.kind == "inverse" else value / contracts
    return float("nan")


@dataclass(frozen=True)
class Checker:
    """Whether the fills of a run were to be had. ``trades``: columns exch_ts (ns), price, size."""

    instrument: hs.Instrument
    books: Shown
    trades: Any

    def check(self, fills: Any) -> dict[str, int]:
        """Fails at the first fill that the market did not offer; how many takers and makers there were."""
        makers = fills["maker"] != 0
        for fill in fills[~makers]:
            self.check_taker(fill)
        for time in np.unique(fills["time"][makers]):
            for side in (1, -1):
                together = makers & (fills["time"] == time) & (np.sign(fills["contracts"]) == side)
                self.check_makers(fills[together], side)
        return {"taker": int((~makers).sum()), "maker": int(makers.sum())}

    def check_taker(self, fill: Any) -> None:
        time, side, contracts = int(fill["time"]), int(np.sign(fill["contracts"])), abs(float(fill["contracts"]))
        offered = self.books.at.get(time) or [self.books.before[time]]
        prices = [taken(book, side, contracts, self.instrument) for book in offered]
        near = [abs(price - fill["price"]) <= SLACK * price for price in prices]
        assert any(near), f"a taker's fill that no book in force offered: {fill}, books give {prices}"

    def check_makers(self, fills: Any, side: int) -> None:
        """Makers of one side at one time get at most what was traded, or shown by the other side, at the price of the
        best of them or beyond it; and each was reached."""
        if not len(fills):
            return
        time = int(fills["time"][0])
        trades = self.trades[self.trades["exch_ts"] == time]
        for price in np.unique(fills["price"]):
            offers = sum(
                size
                for book in self.books.at.get(time, [])
                for at, size in book[-side]
                if side * (price - at) >= -SLACK * price
            )
            met = float(trades["size"][side * (price - trades["price"]) >= -SLACK * price].sum()) + offers
            got = float(np.abs(fills["contracts"][fills["price"] == price]).sum())
            assert got <= met + SLACK * got, f"makers at {price} got {got} where {met} was to be had: {fills}"
