"""What a series of the store is called, and where its rows came from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from halfspread.datafeeds.store.kinds import Kind, kind_of
from halfspread.errors import DataError

__all__ = ["Provenance", "Series"]

# Names of folders: nothing that climbs, hides, or means something to a file system.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")


@dataclass(frozen=True, order=True)
class Series:
    """One series of one contract: ``bybit:BTCUSDT:bars_5m``. Raises DataError for what cannot be a name."""

    venue: str
    symbol: str
    kind: str

    def __post_init__(self) -> None:
        for what, name in (("venue", self.venue), ("symbol", self.symbol)):
            if not _NAME.fullmatch(name) or ".." in name:
                raise DataError(f"{what}: expected letters, digits and _ . + - as in BTCUSDT, got {name!r}")
        if self.venue != self.venue.lower():
            raise DataError(f"venue: expected lower case, such as {self.venue.lower()}, got {self.venue!r}")
        kind_of(self.kind)

    @property
    def of_kind(self) -> Kind:
        """Its columns, units and files."""
        return kind_of(self.kind)

    @property
    def path(self) -> PurePosixPath:
        """Its folder in the store."""
        return PurePosixPath(self.venue, self.symbol, self.kind)

    def __str__(self) -> str:
        return f"{self.venue}:{self.symbol}:{self.kind}"


@dataclass(frozen=True)
class Provenance:
    """Where rows came from. ``source``: a file's name, or the address that was asked (no secrets, no machine's paths);
    ``retrieved``: when, int64 ns UTC; ``digest``: SHA-256 of the file, "" for answers of a server; ``clock``: whether
    ``ts`` of events is the time of receipt or the exchange's; ``notes``: what was decided or left out on the way in."""

    source: str
    retrieved: int
    digest: str = ""
    clock: Literal["exchange", "received"] = "exchange"
    notes: tuple[str, ...] = ()
