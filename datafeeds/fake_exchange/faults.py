"""What can go wrong on the way from a venue: which answers fail, and how.

Faults are drawn from a seed, the address and how often it was asked before, so that they do not depend on the order in
which threads ask; or they are set for the n-th request of all.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from halfspread.errors import ConfigError

__all__ = ["FAULTS", "FILE_FAULTS", "REST_FAULTS", "Faults", "Picker", "spoil_bytes", "spoil_rows"]

#: Each fault and what it does.
FAULTS = {
    "disconnect": "the connection ends in the middle of the body",
    "stall": "the answer stops in the middle of the body for a while",
    "duplicate": "some rows come twice",
    "reorder": "the rows come in another order",
    "conflict": "a row comes twice, with two values",
    "garbage": "bytes that mean nothing, with status 200",
    "html": "a web page, with status 200",
    "403": "refused: too frequent, or a region",
    "429": "too many requests, with the seconds to wait",
    "503": "overloaded",
    "10006": "Bybit's own code for too many visits, with status 200; BitMEX answers 429",
    "clock": "the server's clock is off",
    "truncate": "half of the body, with a length that fits the half",
    "empty": "no bytes at all, with status 200",
    "content_type": "the right body under the name of another type",
    "corrupt": "one byte of the body is another",
    "nothing": "a list without rows, as if that was all",
    "short": "half of the rows that are there, as if that was all",
    "outside": "rows of another span: the one before what was asked for",
    "absent": "404 for what is there",
    "far_reset": "a limit of requests that is told to end in two centuries",
    "drip": "a byte at a time, each after a while",
}
#: What no client can notice in one answer, or that takes long: drawn where it is named only.
_BY_NAME = ("clock", "corrupt", "nothing", "short", "outside", "absent", "far_reset", "drip")
REST_FAULTS = tuple(kind for kind in FAULTS if kind not in _BY_NAME)
FILE_FAULTS = ("disconnect", "stall", "garbage", "html", "403", "503", "truncate", "empty", "corrupt")
#: Addresses that are remembered; beyond, all are forgotten.
_ADDRESSES = 100_000
#: What spoils rows; a file is cut instead.
_OF_ROWS = ("duplicate", "reorder", "conflict")


@dataclass(frozen=True)
class Faults:
    """Which requests fail.

    Args:
        rate: fraction of requests that fail.
        kinds: of `FAULTS`, drawn with equal chances. The default leaves out what a client cannot notice in an answer
            alone: a clock that is off, a changed byte in JSON, rows that are kept back, a file said to be absent.
        schedule: fault by number of request, counted from 1 over all venues: ``{7: "html"}``.
        repeat: how often one address may fail in a row, so that a client that asks again gets an answer; None: forever.
        stall: seconds that a stalled answer waits; under "drip" those before each byte, at most a tenth.
        drift: nanoseconds by which the clock is ahead, under "clock".
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = REST_FAULTS
    schedule: Mapping[int, str] = field(default_factory=dict)
    repeat: int | None = 3
    stall: float = 30.0
    drift: int = 90_000_000_000

    def __post_init__(self) -> None:
        unknown = {*self.kinds, *self.schedule.values()} - set(FAULTS)
        if unknown:
            raise ConfigError(f"faults: expected {', '.join(FAULTS)}, got {', '.join(sorted(unknown))}")
        if not 0.0 <= self.rate <= 1.0:
            raise ConfigError(f"faults: rate: expected a fraction from 0 to 1, got {self.rate}")
        if self.rate and not self.kinds:
            raise ConfigError("faults: kinds: expected at least one")
        if not 0.0 <= self.stall < 1e6:
            raise ConfigError(f"faults: stall: expected seconds from 0 on, got {self.stall}")
        if self.repeat is not None and self.repeat < 0:
            raise ConfigError(f"faults: repeat: expected a number from 0 on, got {self.repeat}")
        if early := [number for number in self.schedule if number < 1]:
            raise ConfigError(f"faults: schedule: expected numbers of requests from 1 on, got {early[0]}")


class Picker:
    """Says which request fails, and how. Not for several threads at once without a lock."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults, self._seed = faults, seed
        self._asked: Counter[str] = Counter()
        self._in_a_row: Counter[str] = Counter()

    def pick(self, number: int, address: str) -> tuple[str | None, random.Random]:
        """The fault of a request, or None, and a source of numbers for its details."""
        if len(self._asked) > _ADDRESSES:
            self._asked.clear()
            self._in_a_row.clear()
        self._asked[address] += 1
        rng = random.Random(crc32(f"{self._seed} {self._asked[address]} {address}".encode()))
        kind = self.faults.schedule.get(number)
        if kind is None and rng.random() < self.faults.rate:
            kind = rng.choice(self.faults.kinds)
            if self.faults.repeat is not None and self._in_a_row[address] >= self.faults.repeat:
                kind = None
        self._in_a_row[address] = self._in_a_row[address] + 1 if kind else 0
        return kind, rng


def spoil_rows(kind: str, rows: list[Any], rng: random.Random) -> None:
    """Duplicate, reorder or contradict rows of an answer in place."""
    if not rows:
        return
    if kind == "reorder":
        rng.shuffle(rows)
    elif kind == "duplicate":
        for _ in range(min(3, len(rows))):
            at = rng.randrange(len(rows))
            rows.insert(at, rows[at])
    elif kind == "conflict":
        at = rng.randrange(len(rows))
        rows.insert(at, _contradicting(rows[at]))
    elif kind == "nothing":
        rows.clear()
    elif kind == "short":
        del rows[len(rows) // 2 :]


def _contradicting(row: Any) -> Any:
    """The row with another last number."""
    if isinstance(row, list):
        return [*row[:-1], f"{row[-1]}1"]
    changed = dict(row)
    for name in ("fundingRate", "openInterest", "close", "price", "tickSize"):
        if changed.get(name) is not None:
            value = changed[name]
            changed[name] = f"{value}1" if isinstance(value, str) else value + 1
            break
    return changed


def spoil_bytes(kind: str, body: bytes, rng: random.Random) -> bytes:
    """The bytes that come instead of ``body``."""
    if kind == "garbage":
        return rng.randbytes(min(max(len(body), 64), 4096))
    if kind == "html":
        return b"<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head><body></body></html>\n"
    if kind == "empty":
        return b""
    if kind in ("truncate", *_OF_ROWS):
        return body[: len(body) // 2]
    if kind == "corrupt" and body:
        at = rng.randrange(len(body))
        return body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1 :]
    return body
