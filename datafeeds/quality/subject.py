"""What a check is told about the series that it looks at, and the blocks of rows that it is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from halfspread.datafeeds.quality.finding import Finding
from halfspread.datafeeds.store.kinds import Kind
from halfspread.datafeeds.store.series import Series
from halfspread.engine.instrument import Instrument
from halfspread.engine.times import Floats, Integers

__all__ = ["Block", "Check", "Span", "Steps", "Subject"]

Span = tuple[int, int]


@dataclass(frozen=True)
class Steps:
    """Smallest steps of prices or sizes by date: ``starts`` int64 ns (the first before all data), ``sizes`` float64.
    ``source``: where they are from, for messages."""

    starts: Integers
    sizes: Floats
    source: str

    def at(self, times: Integers) -> Floats:
        """The step in force at each time."""
        return self.sizes[np.searchsorted(self.starts, times, side="right") - 1]


@dataclass(frozen=True)
class Subject:
    """A series and what is known of it: its contract (None where no preset has it), steps of prices and of sizes (None
    where nobody says), spans that were asked for (``covered``) and known to be empty (``declared``: start, end,
    reason), when its rows were retrieved (0: not known), and the span that is looked at."""

    series: Series
    start: int
    end: int
    instrument: Instrument | None = None
    ticks: Steps | None = None
    lots: Steps | None = None
    covered: tuple[Span, ...] = ()
    declared: tuple[tuple[int, int, str], ...] = ()
    retrieved: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> Kind:
        """Columns and interval."""
        return self.series.of_kind

    @property
    def family(self) -> str:
        """``bars`` of ``bars_1m``, ``books`` of ``books_25``; the kind's name where it has neither."""
        head, _, tail = self.series.kind.rpartition("_")
        return head if head and (self.kind.interval or self.kind.levels) and tail else self.series.kind

    @property
    def interval(self) -> int:
        """From one row to the next in ns; 0 for events and funding."""
        return self.kind.interval

    def value_price(self, volume: Floats, turnover: Floats) -> Floats:
        """The mean price that volume (contracts) and turnover imply; NaN where the contract is not known or there is no
        volume."""
        if self.instrument is None:
            return np.full(len(volume), math.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.instrument.kind == "inverse":
                return self.instrument.multiplier * volume / turnover
            return turnover / (volume * self.instrument.multiplier)


@dataclass(frozen=True)
class Block:
    """Rows that stand together: ``ts`` int64 ns, and columns as float64 (NaN: null), int64 for times that have no null,
    or lists of text."""

    ts: Integers
    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.ts)

    def get(self, name: str) -> Floats | None:
        """A column of numbers; None where the series has none, or only nulls here."""
        values = self.columns.get(name)
        if values is None or isinstance(values, list):
            return None
        return values if values.dtype != np.float64 or not np.isnan(values).all() else None

    def number(self, name: str) -> Floats:
        """A column of numbers that every table of the kind has."""
        values: Floats = self.columns[name]
        return values


class Check(Protocol):
    """One check: it is made for a subject, given every block in order, and then asked what it found."""

    def add(self, block: Block) -> None: ...

    def findings(self) -> list[Finding]: ...
