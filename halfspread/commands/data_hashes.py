"""Hashes of the data that a tape holds: of all of it, and of each table of each instrument."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from halfspread.engine.feed import Block, Feed
from halfspread.engine.tape import Tape
from halfspread.engine.times import time_text

__all__ = ["TapeHash", "tape_hash"]


@dataclass(frozen=True)
class TapeHash:
    """``total``: hash of every number of the tape, that of `Tape.hash`. ``tables``: by instrument and table, ``hash``,
    ``rows``, and the times of the first and the last row (``first``, ``last``). Spans without a market count for the
    total only."""

    total: str
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]


def tape_hash(tape: Tape) -> TapeHash:
    """Hash a tape, reading it once, also where it is streamed. Equal data give equal hashes, whatever they were read
    from and in blocks of any size."""
    feeds = tuple(_Tapped.of(feed) for feed in tape.feeds)
    total = replace(tape, feeds=feeds).hash()
    return TapeHash(total, {feed.instrument.name: feed.hashes() for feed in feeds})


class _TableHash:
    """Times, local times and rows apart, since blocks of any size must give one hash."""

    def __init__(self) -> None:
        self._parts = {name: hashlib.blake2b(digest_size=16) for name in ("times", "local_times", "rows")}
        self._rows, self._first, self._last = 0, 0, 0

    def add(self, block: Block) -> None:
        if len(block.times):
            self._first = self._first if self._rows else int(block.times[0])
            self._last = int(block.times[-1])
        self._rows += len(block.times)
        for name, digest in self._parts.items():
            values = getattr(block, name)
            if values is not None:
                digest.update(np.ascontiguousarray(values).data)

    def entry(self, columns: tuple[str, ...]) -> dict[str, Any]:
        digest = hashlib.blake2b(f"{columns}".encode(), digest_size=16)
        for part in self._parts.values():
            digest.update(part.digest())
        return _entry(digest, self._rows, self._first, self._last)


@dataclass(frozen=True)
class _Tapped(Feed):
    """A feed that hashes each table on its own while it is read for the hash of the whole."""

    seen: dict[str, _TableHash] = field(default_factory=dict)

    @classmethod
    def of(cls, feed: Feed) -> _Tapped:
        return cls(**{each.name: getattr(feed, each.name) for each in fields(Feed)})

    def blocks(self, kind: str) -> Iterator[Block]:
        """As in `Feed`."""
        table = self.seen[kind] = _TableHash()
        for block in super().blocks(kind):
            table.add(block)
            yield block

    def hashes(self) -> dict[str, dict[str, Any]]:
        """An entry for each table, and for what stands beside them."""
        found = {}
        for kind in self.kinds:
            columns = self.table(kind).columns if kind == "bars" else ()
            found[kind] = self.seen[kind].entry(columns)
        if self.funding is not None:
            table = self.funding
            found["funding"] = _beside(table.times, table.rates, table.intervals, table.known_times)
        for name in ("mark", "index", "settle_price"):
            prices = getattr(self, name)
            if prices is not None:
                found[name] = _beside(prices.times, prices.prices)
        return found


def _beside(times: Any, *values: Any) -> dict[str, Any]:
    digest = hashlib.blake2b(digest_size=16)
    for array in (times, *values):
        digest.update(np.ascontiguousarray(array).data)
    return _entry(digest, len(times), int(times[0]) if len(times) else 0, int(times[-1]) if len(times) else 0)


def _entry(digest: Any, rows: int, first: int, last: int) -> dict[str, Any]:
    span = {"first": time_text(first), "last": time_text(last)} if rows else {}
    return {"hash": digest.hexdigest(), "rows": rows, **span}
