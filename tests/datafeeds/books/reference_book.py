"""An order book in plain Python, slow and simple: what the compiled builder must do, written a second time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from halfspread.datafeeds.store.kinds import DELETE, INSERT, SET, SNAPSHOT, UPDATE

Row = dict[str, Any]
Side = dict[float, float]


class Broken(Exception):
    """Why the book is not to be trusted."""


def good(number: float) -> bool:
    return number > 0 and math.isfinite(number)


@dataclass
class ReferenceBook:
    """Messages in, snapshots (ts, exch_ts, bids, asks) and gaps (start, end, reason) out."""

    sides: dict[int, Side] = field(default_factory=lambda: {1: {}, -1: {}})
    ids: dict[tuple[int, int], float] = field(default_factory=dict)
    sequence: int | None = None
    known: str = "none"
    chained: bool = False
    broken: str = ""
    since: int = 0
    last: int = 0
    started: bool = False
    held: list[list[Row]] = field(default_factory=list)
    shown: list[tuple[int, int | None, list[tuple[float, float]], list[tuple[float, float]]]] = field(
        default_factory=list
    )
    gaps: list[tuple[int, int, str]] = field(default_factory=list)

    def message(self, rows: list[Row]) -> None:
        ts = rows[-1]["ts"]
        if not self.started:
            self.started, self.broken, self.since = True, "no snapshot yet", rows[0]["ts"]
        was_none = self.known == "none"
        applied = self.apply(rows, quiet=False)
        is_snapshot = any(row["action"] == SNAPSHOT for row in rows)
        if applied and is_snapshot and was_none and self.chained:
            held, self.held = self.held, []
            for earlier in held:
                self.apply(earlier, quiet=True)
            if self.known == "none":
                self.held = [*held, rows]
                applied = False
        elif self.known == "none":
            self.held.append(rows)
        if applied:
            self.show(rows, ts)
        self.last = ts

    def show(self, rows: list[Row], ts: int) -> None:
        if not (self.sides[1] and self.sides[-1]):
            if not self.broken:
                self.broken, self.since = "one side of the book is empty", ts
            return
        if self.broken:
            if ts > self.since:
                self.gaps.append((self.since, ts, self.broken))
            self.broken = ""
        times = [row["exch_ts"] for row in rows if row.get("exch_ts") is not None]
        self.shown.append(
            (
                ts,
                times[-1] if times else None,
                sorted(self.sides[1].items(), reverse=True),
                sorted(self.sides[-1].items()),
            )
        )

    def finish(self) -> None:
        if self.broken:
            self.gaps.append((self.since, max(self.last, self.since + 1), self.broken))

    def apply(self, rows: list[Row], quiet: bool) -> bool:
        """Whether the message was applied; a broken book is dropped."""
        try:
            if not self.follows(rows, quiet):
                return False
            before = -1
            for row in rows:
                if row["action"] == SNAPSHOT and before != SNAPSHOT:
                    self.clear()
                before = row["action"]
                if row["side"]:
                    self.level(row)
            bids, asks = self.sides[1], self.sides[-1]
            if bids and asks and max(bids) >= min(asks):
                raise Broken("the best bid is the best ask" if max(bids) == min(asks) else "the best bid is above")
        except Broken as error:
            self.clear()
            self.known = "none"
            if self.broken in ("", "one side of the book is empty"):
                self.since = self.since if self.broken else rows[0]["ts"]
                self.broken = str(error)
            return False
        sequence = rows[0].get("sequence")
        if rows[-1]["action"] == SNAPSHOT:
            self.known, self.sequence = "snapshot", sequence
        elif sequence is not None:
            self.sequence = sequence
        return True

    def clear(self) -> None:
        self.sides = {1: {}, -1: {}}
        self.ids = {}

    def follows(self, rows: list[Row], quiet: bool) -> bool:
        """Whether the message is to be applied. Raises Broken."""
        row = rows[0]
        if row["action"] == SNAPSHOT:
            return not quiet and self.takes(row.get("sequence"))
        if row.get("first_sequence") is not None or row.get("previous_sequence") is not None:
            self.chained = True
        if self.known == "none":
            return False
        sequence, last = row.get("sequence"), self.sequence
        if sequence is not None and last is not None:
            if sequence == last or (self.chained and self.known == "snapshot" and sequence <= last):
                return False
            if not self.joins(sequence, last, row.get("first_sequence"), row.get("previous_sequence")):
                raise Broken("messages are missing: the sequence is broken")
        self.known = "changes"
        return True

    def takes(self, sequence: int | None) -> bool:
        """Whether a snapshot is taken."""
        last = self.sequence
        if self.known == "none" or sequence is None or last is None:
            return True
        if (self.chained and sequence <= last) or (sequence == last and sequence != 1):
            return False
        if self.known == "changes" and sequence != last + 1 and not self.broken:
            self.broken, self.since = "a snapshot comes without the messages before it", self.last
        return True

    def joins(self, sequence: int, last: int, first: int | None, before: int | None) -> bool:
        """Whether changes follow the message before, or contain the snapshot."""
        if before is None and first is None:
            return sequence == last + 1
        if self.known == "changes":
            return before == last if before is not None else first == last + 1
        spans = (before is not None and before <= last) or (first is not None and first <= last + 1)
        return spans and sequence > last

    def level(self, row: Row) -> None:
        side, price, size = self.sides[row["side"]], row["price"], row["size"]
        price = math.nan if price is None else price
        size = math.nan if size is None else size
        name = None if row.get("id") is None else (row["id"], row["side"])
        if row["action"] in (SET, SNAPSHOT, INSERT) and not good(price):
            raise Broken("a price is not a finite number above zero")
        if row["action"] == SET:
            if not (size == 0 or good(size)):
                raise Broken("a size is not a finite number above zero")
            side.pop(price, None)
            if size:
                side[price] = size
        elif row["action"] in (SNAPSHOT, INSERT):
            if not good(size):
                raise Broken("a size is not a finite number above zero")
            if price in side or name in self.ids:
                raise Broken("a level comes that is in the book already")
            side[price] = size
            if name:
                self.ids[name] = price
        else:
            self.change(row["action"] == DELETE, side, price, size, name)

    def change(self, remove: bool, side: Side, price: float, size: float, name: tuple[int, int] | None) -> None:
        if name:
            if name not in self.ids:
                raise Broken("a level is changed or deleted that is not in the book")
            if not math.isnan(price) and price != self.ids[name]:
                raise Broken("an id comes with another price than before")
            price = self.ids[name]
        elif not good(price):
            raise Broken("a price is not a finite number above zero")
        if price not in side:
            raise Broken("a level is changed or deleted that is not in the book")
        if remove:
            del side[price]
            if name:
                del self.ids[name]
        elif not math.isnan(size):
            if not good(size):
                raise Broken("a size is not a finite number above zero")
            side[price] = size


__all__ = ["DELETE", "INSERT", "SET", "SNAPSHOT", "UPDATE", "ReferenceBook", "Row"]
