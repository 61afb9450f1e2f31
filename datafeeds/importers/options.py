"""What a user may say about a file that does not say it itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from halfspread.datafeeds.importers.units import UNITS
from halfspread.datafeeds.store.kinds import FAMILIES, kind_of
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["Options", "parse_size"]

_SIZES = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True)
class Options:
    """What is known beforehand; None: find out, and where that is not sure, ask.

    ``kind``: a kind of the store, or a family such as ``bars`` whose interval is found. ``mapping``: our column to the
    file's. ``stamp``: whether bars carry the time of their open or of their close. ``volume``: "contracts" where CCXT
    bars of an inverse contract count these. ``book``: which of several books a recording holds. ``sort``: read
    everything, then sort by time. ``max_unpacked``: bytes that an archive may unpack to. Raises ConfigError.
    """

    venue: str | None = None
    symbol: str | None = None
    kind: str | None = None
    format: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    time_zone: str | None = None
    stamp: Literal["open", "close"] | None = None
    interval: str | None = None
    volume: Literal["contracts"] | None = None
    book: str | None = None
    sort: bool = False
    max_unpacked: int | None = None

    def __post_init__(self) -> None:
        if self.time_unit is not None and self.time_unit not in UNITS:
            raise ConfigError(f"--time-unit: expected one of {', '.join(UNITS)}, got {self.time_unit!r}")
        if self.stamp not in (None, "open", "close"):
            raise ConfigError(f"--stamp: expected open or close, got {self.stamp!r}")
        if self.volume not in (None, "contracts"):
            raise ConfigError(f"--volume: expected contracts, got {self.volume!r}")
        if self.interval is not None:
            parse_interval(self.interval)
        if self.kind is not None and self.kind not in (*FAMILIES, "books"):
            try:
                kind_of(self.kind)
            except DataError as error:
                raise ConfigError(f"--{error}") from None
        if self.time_zone is not None:
            _zone(self.time_zone)

    def named(self, venue: str | None, symbol: str | None, what: str) -> tuple[str, str]:
        """Venue and symbol: as given here, else as the file has them. Raises DataError where neither says."""
        venue, symbol = self.venue or venue, self.symbol or symbol
        missing = [
            text
            for text, value in (("--venue (such as bybit)", venue), ("--symbol (such as BTCUSDT)", symbol))
            if not value
        ]
        if not venue or not symbol:
            raise DataError(f"{what}: the file does not say what it is of; add {' and '.join(missing)}")
        return venue.lower(), symbol


def parse_size(text: str) -> int:
    """Bytes of ``500MB``, ``64GB`` or a number of bytes. Raises ConfigError."""
    lower = text.strip().lower()
    scale = _SIZES.get(lower[-2:], 1)
    digits = lower[:-2] if scale > 1 else lower
    try:
        size = int(float(digits) * scale)
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise ConfigError(f"expected a size such as 500MB or 64GB, got {text!r}")
    return size


def _zone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"--time-zone: expected a name such as UTC or Europe/Berlin, got {name!r}") from None
